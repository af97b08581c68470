import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { fails, type GivenGroup, Hands, hangs, takes } from '../../tests/kit/hands.ts';
import { newWork, nextStage, stop, stopReason } from './work.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const pass = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);

describe('a restore', () => {
  const RACK: GivenGroup = {
    stages: { lab: { a: {} }, vms: { b: {} } },
    restore: { lab: { a: {} }, vms: { b: { does: takes(10) }, c: { after: ['b'] } } },
  };

  test('brings back stage by stage, in the order that was given', async () => {
    const hands = new Hands({ rack: RACK }).restore(['vms', 'lab']);
    await pass(60);
    expect(hands.of('act', 'stage-restored', 'restore-ended')).toEqual([
      'act rack vms/restore/b',
      'act rack vms/restore/c',
      'stage-restored rack vms',
      'act rack lab/restore/a',
      'stage-restored rack lab',
      'restore-ended rack',
    ]);
  });

  test('is through with no stage of which a step has failed, nor with one that is configured no more', async () => {
    const hands = new Hands({ rack: { stages: { lab: {} }, restore: { lab: { a: { does: fails } } } } });
    hands.restore(['lab', 'gone']);
    await pass(60);
    expect(hands.of('stage-restored', 'restore-ended')).toEqual(['restore-ended rack']);
  });

  test('that is stopped lets its step end and begins nothing more; the stage is not through', async () => {
    const hands = new Hands({ rack: RACK }).restore(['vms', 'lab']);
    await pass(5);
    hands.tells('stop-restore');
    await pass(60);
    expect(hands.of('act', 'ended', 'stage-restored', 'restore-ended')).toEqual([
      'act rack vms/restore/b',
      'ended rack vms/restore/b done',
      'restore-ended rack',
    ]);
    expect(hands.at('restore-ended rack')).toBe(10);
  });

  test('that is stopped in its last step is through with that stage', async () => {
    const hands = new Hands({ rack: { stages: { lab: {} }, restore: { lab: { a: { does: takes(5) } } } } });
    hands.restore(['lab']);
    await pass(1);
    hands.tells('stop-restore');
    await pass(60);
    expect(hands.of('stage-restored', 'restore-ended')).toEqual(['stage-restored rack lab', 'restore-ended rack']);
  });

  test('is abandoned by a run, which cannot wait for it', async () => {
    const hands = new Hands({
      rack: { stages: { lab: { a: {} } }, restore: { lab: { a: { does: takes(300), deadline: 600 } } } },
    }).restore(['lab']);
    await pass(5);
    hands.tells('stop-restore').run('rack', { run: 'r2' });
    await pass(60);
    expect(hands.of('ended', 'act', 'restore-ended', 'halt')).toEqual([
      'act rack lab/restore/a',
      'ended rack lab/restore/a timed-out',
      'restore-ended rack',
      'act rack lab/a',
      'ended rack lab/a done',
      'halt',
      'ended rack host done',
    ]);
    expect(hands.at('act rack lab/a')).toBe(5);
  });

  test('leaves nothing that would have to be restored', async () => {
    const does = takes(1, { undo: ['x'] });
    const hands = new Hands({ rack: { stages: { lab: {} }, restore: { lab: { a: { does } } } } }).restore(['lab']);
    await pass(60);
    expect(hands.of('undo')).toEqual([]);
  });

  test.each([
    ['the step of the same name and kind', { a: {}, b: {} }, { b: {} }, { a: 1, b: 2 }, 2],
    ['which has left nothing, although another of its kind has', { a: {}, b: {} }, { b: {} }, { a: 1 }, undefined],
    ['else the first of its kind that has left something', { a: {}, b: {} }, { c: {} }, { b: 2 }, 2],
    ['else the one of the same name', { a: { kind: 'ssh' } }, { a: {} }, { a: 1 }, 1],
    ['not one of another kind and name', { a: { kind: 'ssh' } }, { c: {} }, { a: 1 }, undefined],
  ] as const)('is given what was left by %s', async (_, steps, restore, left, given) => {
    const hands = new Hands({ rack: { stages: { lab: steps }, restore: { lab: restore } } });
    hands.restore(['lab'], Object.fromEntries(Object.entries(left).map(([name, undo]) => [`lab/${name}`, undo])));
    await pass(60);
    expect([...hands.undo.values()]).toEqual([given]);
  });
});

describe('the end of the process', () => {
  test('cuts short what runs, which is not told as over, and begins nothing more', async () => {
    const hands = new Hands({ rack: { stages: { lab: { a: { does: takes(50) }, b: { after: ['a'] } } } } }).run();
    await pass(5);
    const ended = hands.executor.abandon('the process ends');
    await pass(0);
    await ended;
    hands.run('rack', { run: 'r2' }).tells('call-off');
    await pass(60);
    expect(hands.of('begun', 'act', 'ended', 'halt', 'run-ended')).toEqual(['begun rack lab/a', 'act rack lab/a']);
  });

  test('still tells what was done, and what it has left', async () => {
    const does: Hands['ends'] = async (context) => {
      await takes(50)(context);
      context.note(['vm1']);
      context.progress({ item: 'vm1', state: 'done' });
      return { kind: 'done', text: 'in time' };
    };
    const hands = new Hands({ rack: { stages: { lab: { a: { does } } } } }).run();
    await pass(5);
    void hands.executor.abandon('the process ends');
    await pass(5);
    expect(hands.of('undo', 'item', 'ended', 'run-ended')).toEqual([
      'undo rack lab/a',
      'item rack lab/a done',
      'ended rack lab/a done',
    ]);
  });

  test('waits for deaf runners only for a while, the halt included', async () => {
    const hands = new Hands({ rack: { stages: { lab: { a: { does: hangs } } } }, lab: { stages: {}, halt: true } });
    hands.ends = hangs;
    hands.run('rack').run('lab');
    await pass(1);
    let isOver = false;
    void hands.executor.abandon('the process ends').then(() => {
      isOver = true;
    });
    await pass(1.9);
    expect(isOver).toBe(false);
    await pass(1.2);
    expect(isOver).toBe(true);
  });

  test('keeps a halt that was ordered but not begun', async () => {
    const hands = new Hands({ rack: { stages: {} } });
    hands.journalled = 100;
    hands.run();
    await pass(0.05);
    void hands.executor.abandon('the process ends');
    await pass(60);
    expect(hands.of('halt', 'ended')).toEqual([]);
  });

  test('is awaited until all is over, what was ordered meanwhile included', async () => {
    const hands = new Hands({
      rack: { stages: { lab: { a: {} } }, halt: false },
      lab: { stages: { x: { y: {} } }, halt: false },
    });
    hands.run('rack');
    let isIdle = false;
    void hands.executor.idle().then(() => {
      isIdle = true;
    });
    await pass(0.5);
    hands.run('lab');
    await pass(0.7);
    expect([isIdle, hands.executor.isBusy]).toEqual([false, true]);
    await pass(1);
    expect([isIdle, hands.executor.isBusy]).toEqual([true, false]);
  });
});

test('a piece of work says why nothing more of it is begun: the first word counts, time before all else', () => {
  const work = newWork({ kind: 'run', group: 'rack', run: 'r1', stages: [] });
  expect([stopReason(work), nextStage(work)]).toEqual([undefined, undefined]);
  stop(work, 'mains');
  stop(work, 'a person');
  expect([stopReason(work), work.stirred.signal.aborted]).toEqual(['mains', true]);
  work.hurry.abort('no time');
  expect(stopReason(work)).toBe('no time');
});
