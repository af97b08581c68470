import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { fails, type GivenGroup, Hands, HOST, hangs, rejects, takes, throwsAtOnce } from '../../tests/kit/hands.ts';
import { seconds } from '../domain/time.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  // Whatever has ended has left no timer behind.
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** Lets so many seconds go by. */
const pass = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);
const LAB: GivenGroup = { stages: { lab: { a: {}, b: {} }, vms: { c: {} } } };

describe('a run', () => {
  test('carries out stage after stage, the steps of one side by side, and the halt last', async () => {
    const hands = new Hands({
      rack: { stages: { lab: { a: { does: takes(5) }, b: { does: takes(7) } }, vms: { c: { does: takes(2) } } } },
    });
    hands.run();
    await pass(60);
    expect(hands.of('act', 'ended', 'halt', 'run-ended')).toEqual([
      'act rack lab/a',
      'act rack lab/b',
      'ended rack lab/a done',
      'ended rack lab/b done',
      'act rack vms/c',
      'ended rack vms/c done',
      'halt',
      'ended rack host done',
      'run-ended rack',
    ]);
    expect([hands.at('act rack lab/b'), hands.at('act rack vms/c'), hands.at('halt')]).toEqual([0, 7, 9]);
    expect(hands.executor.isBusy).toBe(false);
  });

  test('begins a step after those that it waits for, however they end', async () => {
    const steps = { a: { does: fails }, b: { after: ['a'], does: takes(3) }, c: { after: ['b'] }, d: {} };
    const hands = new Hands({ rack: { stages: { lab: steps } } }).run();
    await pass(60);
    expect(hands.of('act')).toEqual(['act rack lab/a', 'act rack lab/d', 'act rack lab/b', 'act rack lab/c']);
    expect(hands.at('act rack lab/c')).toBe(3);
  });

  test('ends although steps wait for one another in a circle', async () => {
    const steps = { a: { after: ['b'] }, b: { after: ['a'] }, c: { after: ['a'] } };
    const hands = new Hands({ rack: { stages: { lab: steps } } }).run();
    await pass(60);
    expect(hands.of('act').toSorted()).toEqual(['act rack lab/a', 'act rack lab/b', 'act rack lab/c']);
    expect(hands.of('halt')).toEqual(['halt']);
  });

  test('tells how each step ended, how long it took and what was said', async () => {
    const hands = new Hands({
      rack: { stages: { lab: { a: { does: takes(5, { text: 'two\n lines ', output: 'all' }) }, b: { does: fails } } } },
    }).run();
    await pass(60);
    expect(hands.told.map(({ event }) => event)).toEqual(
      expect.arrayContaining([
        { kind: 'ended', step: 'lab/a', state: 'done', text: 'two lines', output: 'all', took: 5000 },
        { kind: 'ended', step: 'lab/b', state: 'failed', text: 'refused', output: 'no', took: 0 },
        { kind: 'begun', step: 'host', act: 'halt' },
      ]),
    );
  });

  test('without a halt ends after its steps', async () => {
    const hands = new Hands({ rack: { ...LAB, halt: false } }).run();
    await pass(60);
    expect([hands.of('halt'), hands.of('run-ended')]).toEqual([[], ['run-ended rack']]);
  });

  test('does not begin what an earlier process has ended, the halt included', async () => {
    const hands = new Hands({ rack: LAB }).run('rack', { done: ['lab/a', 'vms/c'] });
    await pass(60);
    expect(hands.of('act', 'halt')).toEqual(['act rack lab/b', 'halt']);
    const over = new Hands({ rack: LAB }).run('rack', { done: ['lab/a', 'lab/b', 'vms/c', 'host'] });
    await pass(60);
    expect(over.of('')).toEqual(['run-ended rack']);
  });

  test('hands a step what an earlier try has left', async () => {
    const hands = new Hands({ rack: LAB }).run('rack', { undo: new Map([['lab/a', ['vm1']]]) });
    await pass(60);
    expect([hands.undo.get('rack lab/a'), hands.undo.get('rack lab/b')]).toEqual([['vm1'], undefined]);
  });
});

describe('a step that does not end well', () => {
  const BAD = { stages: { lab: { a: { does: takes(1) } }, vms: { c: {} } } };
  const ended = (hands: Hands) =>
    hands.told.flatMap(({ event }) => (event.kind === 'ended' && event.step === 'lab/a' ? [event] : []));

  test.each([
    ['is late', takes(900), 10, 'timed-out', 'not through after 10 s; ended', 10],
    ['hangs, deaf to its signal', hangs, 10, 'timed-out', 'not through after 10 s; it does not come back', 12],
    ['throws at once', throwsAtOnce, 10, 'failed', 'internal error: at once', 0],
    ['throws later', rejects, 10, 'failed', 'internal error: later', 0],
  ] as const)('it %s: passed over, and the halt is reached', async (_, does, deadline, state, text, second) => {
    const hands = new Hands({ rack: { ...BAD, stages: { ...BAD.stages, lab: { a: { does, deadline } } } } }).run();
    await pass(60);
    expect(ended(hands)).toMatchObject([{ state, text, took: second * 1000 }]);
    expect([hands.at('act rack vms/c'), hands.at('halt')]).toEqual([second, second + 1]);
  });

  test('that throws something else, or gives back nothing that can be told', async () => {
    const odd = { kind: 'done', text: undefined } as never; // against its own type
    const steps = { a: { does: () => Promise.reject('words') }, b: { does: () => Promise.resolve(odd) } };
    const hands = new Hands({ rack: { stages: { lab: steps } } }).run();
    await pass(60);
    expect(ended(hands)).toMatchObject([{ state: 'failed', text: 'internal error: words' }]);
    expect(hands.of('ended rack lab/b')).toEqual(['ended rack lab/b failed']);
    expect(hands.of('halt')).toEqual(['halt']);
  });

  test('of which the configuration knows nothing any more is skipped', async () => {
    const hands = new Hands({ rack: { stages: { lab: { a: {}, b: { after: ['a'] } }, vms: { c: {} } } } }).run();
    hands.onEvent = ({ kind }) => {
      if (kind === 'begun') hands.configure({ rack: { stages: { lab: { a: {} }, vms: {} } } });
    };
    await pass(60);
    expect(hands.of('act', 'ended', 'halt')).toEqual([
      'act rack lab/a',
      'ended rack lab/a done',
      'ended rack lab/b skipped',
      'ended rack vms/c skipped',
      'halt',
      'ended rack host done',
    ]);
  });

  test('tells nothing more once it was passed over', async () => {
    let late = (): void => undefined;
    const does: Hands['ends'] = (context) => {
      context.progress({ item: 'vm1', state: 'running' });
      context.note(['vm1']);
      late = () => {
        context.progress({ item: 'vm2', state: 'done' });
        context.note(['vm1', 'vm2']);
      };
      return hangs(context);
    };
    const hands = new Hands({ rack: { stages: { lab: { a: { does, deadline: 10 } } } } }).run();
    await pass(60);
    late();
    expect(hands.of('item', 'undo')).toEqual(['item rack lab/a running', 'undo rack lab/a']);
  });

  test('leaves no more for its restore than is kept', async () => {
    const hands = new Hands({
      rack: {
        stages: { lab: { a: { does: takes(1, { undo: 'x'.repeat(65 * 1024) }) }, b: { does: takes(1, { undo: 1 }) } } },
      },
    }).run();
    await pass(60);
    expect(hands.of('undo')).toEqual(['undo rack lab/b']);
    expect(hands.log.lines).toEqual(['error rack: lab/a would leave more for its restore than is kept']);
  });
});

describe('the record', () => {
  test('comes before the act', async () => {
    const hands = new Hands({ rack: { stages: { lab: { a: {} } } } });
    hands.journalled = 200;
    hands.run();
    await pass(60);
    expect(hands.of('begun', 'journal', 'act', 'halt')).toEqual([
      'begun rack lab/a',
      'journal rack lab/a',
      'act rack lab/a',
      'begun rack host',
      'journal rack host',
      'halt',
    ]);
    expect([hands.at('act rack lab/a'), hands.at('halt')]).toEqual([0.2, 1.4]);
  });

  test('that is never written delays each step by half a second, and no more', async () => {
    const hands = new Hands({ rack: LAB });
    hands.journalled = Number.POSITIVE_INFINITY;
    hands.run();
    await pass(60);
    expect([hands.at('act rack lab/a'), hands.at('act rack vms/c'), hands.at('halt')]).toEqual([0.5, 2, 3.5]);
  });
});

describe('a run that is called off', () => {
  test('before anything has begun does nothing', async () => {
    const hands = new Hands({ rack: LAB }).run().tells('call-off');
    await pass(60);
    expect(hands.of('')).toEqual(['run-ended rack']);
  });

  test('between the record and the act does not act', async () => {
    const hands = new Hands({ rack: LAB });
    hands.journalled = 200;
    hands.run();
    await pass(0.1);
    hands.tells('call-off');
    await pass(60);
    expect(hands.of('act', 'ended', 'halt', 'run-ended')).toEqual([
      'ended rack lab/a skipped',
      'ended rack lab/b skipped',
      'run-ended rack',
    ]);
  });

  test('while steps run lets them end, and begins nothing more', async () => {
    const steps = { a: { does: takes(20) }, b: { after: ['a'] } };
    const hands = new Hands({ rack: { stages: { lab: steps, vms: { c: {} } } } }).run();
    await pass(5);
    hands.tells('call-off').tells('call-off');
    await pass(60);
    expect(hands.of('act', 'ended', 'halt', 'run-ended')).toEqual([
      'act rack lab/a',
      'ended rack lab/a done',
      'run-ended rack',
    ]);
    expect(hands.at('run-ended rack')).toBe(20);
  });

  test('by what its own first step tells begins no other', async () => {
    const hands = new Hands({ rack: LAB }).run();
    hands.onEvent = ({ kind }) => {
      if (kind === 'begun') hands.tells('call-off');
    };
    await pass(60);
    expect(hands.of('begun', 'act', 'halt')).toEqual(['begun rack lab/a']);
  });

  test('and is not known here is answered as over', async () => {
    const hands = new Hands({ rack: LAB }).tells('call-off').tells('stop-restore');
    await pass(1);
    expect(hands.of('')).toEqual(['run-ended rack', 'restore-ended rack']);
  });

  test('gives way to the next one, once its last step is over', async () => {
    const hands = new Hands({ rack: { stages: { lab: { a: { does: takes(20) } } } } }).run();
    await pass(5);
    hands.tells('call-off').run('rack', { run: 'r2' });
    await pass(60);
    expect(hands.of('act', 'run-ended', 'halt')).toEqual([
      'act rack lab/a',
      'run-ended rack',
      'act rack lab/a',
      'halt',
      'run-ended rack',
    ]);
    expect(hands.told.filter(({ event }) => event.kind === 'run-ended').map(({ run }) => run)).toEqual(['r1', 'r2']);
  });
});

describe('time that runs out', () => {
  test('abandons what runs, skips the rest, and halts', async () => {
    const steps = { a: { does: takes(50) }, b: { after: ['a'] }, d: { does: hangs } };
    const hands = new Hands({ rack: { stages: { lab: steps, vms: { c: {} } } } }).run();
    await pass(5);
    hands.tells('hurry');
    await pass(60);
    expect(hands.of('act', 'ended', 'halt', 'run-ended')).toEqual([
      'act rack lab/a',
      'act rack lab/d',
      'ended rack lab/a timed-out',
      'ended rack lab/d timed-out',
      'ended rack lab/b skipped',
      'ended rack vms/c skipped',
      'halt',
      'ended rack host done',
      'run-ended rack',
    ]);
    expect(hands.at('halt')).toBe(7);
    expect(hands.told.map(({ event }) => ('text' in event ? event.text : ''))).toContain(
      'abandoned: hurry was told; ended',
    );
  });

  test('does not end the halt itself', async () => {
    const hands = new Hands({ rack: { stages: {} } });
    hands.ends = takes(30);
    hands.run();
    await pass(5);
    hands.tells('hurry');
    await pass(60);
    expect(hands.of('ended')).toEqual(['ended rack host done']);
  });

  test('while the line of a step is written: it is not begun', async () => {
    const hands = new Hands({ rack: LAB });
    hands.journalled = 300;
    hands.run();
    await pass(0.1);
    hands.tells('hurry');
    await pass(60);
    expect(hands.of('act', 'halt')).toEqual(['halt']);
    expect(hands.at('halt')).toBe(0.6);
  });

  test('does not wait for another group', async () => {
    const hands = new Hands({
      rack: { stages: {} },
      lab: { stages: { lab: { a: { does: takes(100), deadline: 200 } } } },
    });
    hands.run('lab').run('rack');
    await pass(5);
    hands.tells('hurry');
    await pass(0);
    expect(hands.of('halt')).toEqual(['halt']);
    await pass(200);
  });

  test('does not wait for what an earlier run of the group is still at', async () => {
    const hands = new Hands({ rack: { stages: { lab: { a: { does: takes(100), deadline: 200 } } } } }).run();
    await pass(1);
    hands.tells('call-off').run('rack', { run: 'r2' });
    await pass(5);
    hands.tells('hurry', 'rack', 'r2');
    await pass(0);
    expect(hands.of('halt')).toEqual(['halt']);
    await pass(60);
    expect(hands.of('act')).toHaveLength(1);
  });
});

describe('the end of the machine', () => {
  test.each([
    ['late', takes(900), 'timed-out', 60],
    ['deaf', hangs, 'timed-out', 62],
    ['refused', fails, 'failed', 0],
    ['broken', throwsAtOnce, 'failed', 0],
  ] as const)('%s: the run ends all the same', async (_, ends, state, second) => {
    const hands = new Hands({ rack: { stages: {} } });
    hands.ends = ends;
    hands.run();
    await pass(120);
    expect(hands.of('ended')).toEqual([`ended rack host ${state}`]);
    expect(hands.at('run-ended rack')).toBe(second);
  });

  test('is as things are when it is reached', async () => {
    const hands = new Hands({ rack: LAB }).run();
    await pass(1);
    hands.lastAct = 'reboot';
    await pass(60);
    expect(hands.of('halt', 'reboot')).toEqual(['reboot']);
    expect(hands.told.map(({ event }) => event)).toContainEqual({ kind: 'begun', step: 'host', act: 'reboot' });
  });

  test('that did not happen is done again, and a call-off does not keep it', async () => {
    const hands = new Hands({ rack: { stages: {} } }).run();
    await pass(120);
    hands.executor.order({ kind: 'halt', group: 'rack', run: 'r1', act: 'reboot', reason: 'alive' });
    hands.tells('call-off');
    await pass(60);
    expect(hands.of('halt', 'reboot')).toEqual(['halt', 'reboot']);
    expect(hands.of('run-ended')).toHaveLength(1);
  });

  test('without a host any more is skipped', async () => {
    const hands = new Hands({ rack: { stages: {} } }).run();
    hands.configure({ rack: { stages: {}, halt: false } });
    await pass(60);
    expect(hands.of('ended', 'halt')).toEqual(['ended rack host skipped']);
  });
});

describe('orders that come again', () => {
  test('with more stages, while the first is running: nothing is begun twice', async () => {
    const hands = new Hands({ rack: { stages: { lab: { a: { does: takes(10) } }, vms: { c: {} }, nas: { d: {} } } } });
    hands.run('rack', { stages: ['vms'], halt: false });
    await pass(0.5);
    hands.run();
    await pass(60);
    expect(hands.of('act', 'halt', 'run-ended')).toEqual([
      'act rack vms/c',
      'act rack lab/a',
      'act rack nas/d',
      'halt',
      'run-ended rack',
    ]);
  });

  test('after the run has come to its end: only what is new', async () => {
    const hands = new Hands({ rack: { stages: { lab: { a: {} }, vms: { c: { does: fails } }, nas: { d: {} } } } });
    hands.run('rack', { stages: ['vms'], halt: false });
    await pass(30);
    hands.run();
    await pass(60);
    expect(hands.of('act', 'halt', 'run-ended')).toEqual([
      'act rack vms/c',
      'run-ended rack',
      'act rack lab/a',
      'act rack nas/d',
      'halt',
      'run-ended rack',
    ]);
  });

  test('of another run begin with nothing done', async () => {
    const hands = new Hands({ rack: { stages: { lab: { a: {} } }, halt: false } }).run();
    await pass(30);
    hands.run('rack', { run: 'r2' });
    await pass(60);
    expect(hands.of('act')).toHaveLength(2);
  });
});

test('a dry run looks, and touches nothing', async () => {
  const hands = new Hands({ rack: LAB }).run('rack', { dryRun: true });
  await pass(60);
  expect(hands.of('act', 'halt', 'probe', 'run-ended')).toEqual([
    'probe lab/a',
    'probe lab/b',
    'probe vms/c',
    'probe host',
    'run-ended rack',
  ]);
  const texts = hands.told.flatMap(({ event }) => (event.kind === 'ended' ? [event.text] : []));
  expect(texts[0]).toBe('would stop rack lab/a');
  expect(texts.at(-1)).toBe('would halt this host, and would have trouble: it: not there');
});

describe('ports that break their word', () => {
  test('one that throws costs neither a step nor the halt', async () => {
    const hands = new Hands({ rack: LAB });
    hands.onEvent = () => {
      throw new Error('not taken in');
    };
    hands.run();
    await pass(60);
    expect(hands.of('act', 'halt')).toEqual(['act rack lab/a', 'act rack lab/b', 'act rack vms/c', 'halt']);
    expect(hands.log.lines[0]).toBe('error what the run of rack told was not taken in');
  });

  test('nobody who can say how the machine ends: it is halted', async () => {
    const hands = new Hands({ rack: { stages: {} } });
    Object.defineProperty(hands, 'lastAct', {
      get: () => {
        throw new Error('state');
      },
    });
    hands.run();
    await pass(60);
    expect(hands.of('halt')).toEqual(['halt']);
  });
});

test('a host of another deadline is ended within it', async () => {
  const hands = new Hands({ rack: { stages: {}, host: { ...HOST, deadline: seconds(5) } } });
  hands.ends = hangs;
  hands.run();
  await pass(30);
  expect(hands.at('run-ended rack')).toBe(7);
});
