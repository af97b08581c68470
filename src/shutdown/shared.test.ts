import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { fails, type Given, Hands, HOST, hangs, takes } from '../../tests/kit/hands.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const pass = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);
const SAME = 'ssh nas poweroff';

/** Groups of one step each, all of them the very same; each group's step does what is given for it. */
const alike = (...steps: readonly Given[]) =>
  new Hands(
    Object.fromEntries(
      steps.map((step, index) => [`g${index + 1}`, { stages: { lab: { nas: { what: SAME, ...step } } }, halt: false }]),
    ),
  );
const endsOf = (hands: Hands, group: string) =>
  hands.told.flatMap(({ group: id, event }) => (id === group && event.kind === 'ended' ? [event] : []));

describe('a step that two groups have in common', () => {
  test('is done once while both run, and its time is not measured twice', async () => {
    const hands = alike({ does: takes(10) }, {}).run('g1');
    await pass(2);
    hands.run('g2');
    await pass(60);
    expect(hands.of('act')).toEqual([`act ${SAME}`]);
    expect(endsOf(hands, 'g1')).toMatchObject([{ state: 'done', text: 'done', took: 10_000 }]);
    expect(endsOf(hands, 'g2')).toEqual([
      { kind: 'ended', step: 'lab/nas', state: 'done', text: 'done (by the run of g1)' },
    ]);
  });

  test('is not done again by one that comes later while anything still runs', async () => {
    const hands = alike({}, {}, { does: takes(50), what: 'other' })
      .run('g3')
      .run('g1');
    await pass(20);
    hands.run('g2');
    await pass(60);
    expect(hands.of(`act ${SAME}`)).toHaveLength(1);
  });

  test('is done again once nothing runs any more', async () => {
    const hands = alike({}, {}).run('g1');
    await pass(20);
    hands.run('g2');
    await pass(20);
    expect(hands.of('act')).toHaveLength(2);
  });

  test('is done again by the same group', async () => {
    const hands = alike({}, { does: takes(50), what: 'other' })
      .run('g2')
      .run('g1');
    await pass(5);
    hands.run('g1', { run: 'r2' });
    await pass(60);
    expect(hands.of(`act ${SAME}`)).toHaveLength(2);
  });

  test('is done again after it was brought back', async () => {
    const hands = alike({}, {}, { does: takes(50), what: 'other' })
      .run('g3')
      .run('g1');
    await pass(5);
    hands.restore(['lab'], {}, 'g1').run('g2');
    await pass(60);
    expect(hands.of(`act ${SAME}`)).toHaveLength(2);
  });

  test('is tried again by one other where it has failed, and the third waits for that', async () => {
    const slowly: Given['does'] = async (context) => ({ ...(await takes(5)(context)), kind: 'failed' });
    const hands = alike({ does: slowly }, { does: takes(4) }, {})
      .run('g1')
      .run('g2')
      .run('g3');
    await pass(60);
    expect(hands.of('act')).toHaveLength(2);
    expect([endsOf(hands, 'g1'), endsOf(hands, 'g2'), endsOf(hands, 'g3')]).toMatchObject([
      [{ state: 'failed', took: 5000 }],
      [{ state: 'done', text: 'done', took: 9000 }],
      [{ state: 'done', text: 'done (by the run of g2)' }],
    ]);
  });

  test('is waited for no longer than the own deadline', async () => {
    const hands = alike({ does: takes(300), deadline: 600 }, { deadline: 10 })
      .run('g1')
      .run('g2');
    await pass(400);
    expect(endsOf(hands, 'g2')).toMatchObject([
      { state: 'timed-out', text: 'not through after 10 s; the run of g1 was at it' },
    ]);
    expect(endsOf(hands, 'g2')[0]).not.toHaveProperty('took');
    expect(hands.at('run-ended g2')).toBe(10);
  });

  test('waiting and trying again together take no longer than the own deadline', async () => {
    const late: Given['does'] = async (context) => ({ ...(await takes(6)(context)), kind: 'failed' });
    const hands = alike({ does: late }, { does: hangs, deadline: 10 }).run('g1').run('g2');
    await pass(60);
    expect(hands.at('run-ended g2')).toBe(12);
  });

  test('is not waited for when time runs out', async () => {
    const hands = alike({ does: takes(50) }, {})
      .run('g1')
      .run('g2');
    await pass(5);
    hands.tells('hurry', 'g2');
    await pass(0);
    expect(endsOf(hands, 'g2')).toMatchObject([
      { state: 'timed-out', text: 'abandoned: hurry was told; the run of g1 was at it' },
    ]);
    await pass(60);
    expect(endsOf(hands, 'g1')).toMatchObject([{ state: 'done' }]);
  });

  test('another configuration is another step', async () => {
    const hands = alike({}, { what: 'ssh nas reboot' }).run('g1').run('g2');
    await pass(60);
    expect(hands.of('act')).toHaveLength(2);
  });
});

describe('the halt of two groups', () => {
  const two = (more: Parameters<typeof takes>[1] = {}) =>
    new Hands({
      a: { stages: { lab: { x: { does: takes(10, more) } } } },
      b: { stages: { lab: { y: { does: takes(30) } } } },
    });

  test('waits for the steps of the other one, and is issued once', async () => {
    const hands = two().run('a').run('b');
    await pass(120);
    expect([hands.of('halt'), hands.at('halt')]).toEqual([['halt'], 30]);
    expect(hands.of('ended').toSorted()).toEqual([
      'ended a host done',
      'ended a lab/x done',
      'ended b host done',
      'ended b lab/y done',
    ]);
  });

  test.each([
    ['at once', 0],
    ['before the other has its line on record', 0.001],
  ])('is issued once although its order is taken %s', async (_, span) => {
    const hands = two();
    hands.ends = takes(span);
    hands.journalled = 100;
    hands.run('a').run('b');
    await pass(120);
    expect(hands.of('halt')).toEqual(['halt']);
  });

  test('that was refused to one is tried by the other, its own way', async () => {
    const own = (word: string) => ({ ...HOST, command: [word] });
    const hands = new Hands({
      a: { stages: {}, host: own('first') },
      b: { stages: {}, host: own('second') },
      c: { stages: {}, host: own('third') },
    });
    let tries = 0;
    hands.ends = async (context) => {
      tries += 1;
      return tries === 1 ? await fails(context) : await takes(1)(context);
    };
    hands.run('a').run('b').run('c');
    await pass(120);
    // The last to come finds that it waits for nobody.
    expect(hands.of('halt')).toEqual(['halt third', 'halt first']);
  });

  test('does not wait for a rehearsal, nor for a restore, nor for one that is called off', async () => {
    const slow = { lab: { x: { does: takes(30) } } };
    const hands = new Hands({
      a: { stages: {} },
      b: { stages: slow },
      c: { stages: { lab: {} }, restore: slow },
    });
    hands.looks = 20;
    hands.restore(['lab'], {}, 'c').run('b', { dryRun: true }).run('a');
    await pass(0);
    expect(hands.of('halt')).toEqual(['halt']);
    await pass(60);
  });

  test('goes when the other one is called off and over', async () => {
    const hands = two().run('a').run('b');
    await pass(15);
    hands.tells('call-off', 'b');
    await pass(60);
    expect(hands.at('halt')).toBe(30);
  });

  test('is called off while it waits', async () => {
    const hands = two().run('a').run('b');
    await pass(15);
    hands.tells('call-off', 'a');
    await pass(60);
    expect([hands.at('run-ended a'), hands.of('begun a host'), hands.of('halt')]).toEqual([15, [], ['halt']]);
  });

  test('that is issued again does not wait for itself, nor does the other one for it', async () => {
    const hands = two().run('a').run('b');
    await pass(15);
    // As after a restart: the run of before has come to its halt, and it did not happen.
    hands.executor.order({ kind: 'halt', group: 'a', run: 'r1', act: 'halt', reason: 'alive' });
    hands.ends = hangs;
    await pass(30);
    expect([hands.at('halt'), hands.at('begun b host')]).toEqual([30, 30]);
    await pass(300);
    expect(hands.executor.isBusy).toBe(false);
  });

  test('does not wait for what follows in its own group', async () => {
    const hands = two().run('a').run('b').run('a', { run: 'r2' });
    await pass(120);
    expect([hands.at('halt'), hands.executor.isBusy]).toEqual([30, false]);
  });

  test('that was taken before is issued again when it did not happen, whatever else goes on', async () => {
    const slow = { lab: { x: { does: takes(200), deadline: 300 } } };
    const hands = new Hands({ a: { stages: {} }, b: { stages: {} }, c: { stages: { lab: {} }, restore: slow } });
    hands.restore(['lab'], {}, 'c').run('a').run('b');
    await pass(120);
    for (const group of ['a', 'b']) {
      hands.executor.order({ kind: 'halt', group, run: 'r1', act: 'reboot', reason: 'alive' });
    }
    await pass(200);
    expect(hands.of('halt', 'reboot')).toEqual(['halt', 'reboot']);
  });
});
