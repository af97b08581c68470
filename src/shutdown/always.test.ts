import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  type Doing,
  fails,
  type Given,
  type GivenGroup,
  Hands,
  hangs,
  rejects,
  takes,
  throwsAtOnce,
} from '../../tests/kit/hands.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);

const doing: fc.Arbitrary<Doing> = fc.oneof(
  fc.integer({ min: 0, max: 15 }).map((count) => takes(count)),
  fc.constantFrom(fails, throwsAtOnce, rejects, hangs, takes(900)),
);
/** Up to four steps; each may wait for any of those before it. */
const stage = fc
  .array(fc.record({ does: doing, deadline: fc.integer({ min: 1, max: 20 }), waits: fc.nat(7) }), { maxLength: 4 })
  .map((steps) => {
    const given = steps.map(({ waits, ...step }, index): [string, Given] => [
      `s${index}`,
      { ...step, after: steps.slice(0, index).flatMap((_, before) => ((waits >> before) & 1 ? [`s${before}`] : [])) },
    ]);
    return Object.fromEntries(given);
  });
const plan: fc.Arbitrary<GivenGroup> = fc
  .array(stage, { minLength: 1, maxLength: 3 })
  .map((stages) => ({ stages: Object.fromEntries(stages.map((one, index) => [`t${index}`, one])) }));

/** How long an executor may take: every step its deadline and the grace, along the longest way of each stage. */
function bound({ stages }: GivenGroup): number {
  const ofStage = (steps: GivenGroup['stages'][string]): number => {
    const endOf = ({ deadline = 0, after = [] }: Given): number =>
      deadline + 2 + Math.max(0, ...after.map((name) => endOf(steps[name] ?? {})));
    return Math.max(0, ...Object.values(steps).map(endOf));
  };
  return Object.values(stages).reduce((sum, steps) => sum + ofStage(steps), 0);
}

const keysOf = ({ stages }: GivenGroup) =>
  Object.entries(stages).flatMap(([name, steps]) => Object.keys(steps).map((step) => `${name}/${step}`));

test('the halt comes exactly once, after all else and in time, unless it was called off before', async () => {
  const word = fc.constantFrom('call-off' as const, 'hurry' as const, undefined);
  await fc.assert(
    fc.asyncProperty(plan, word, fc.integer({ min: 0, max: 400 }), fc.boolean(), async (given, told, tenths, slow) => {
      const hands = new Hands({ rack: given });
      if (slow) hands.journalled = Number.POSITIVE_INFINITY;
      hands.ends = takes(1);
      hands.run();
      await pass(tenths / 10);
      const isTooLate = hands.of('begun rack host').length > 0;
      const wasOver = !hands.executor.isBusy;
      if (told !== undefined) hands.tells(told);
      await pass(600);

      const texts = hands.seen.map(({ text }) => text);
      const isOff = told === 'call-off' && !isTooLate;
      expect(hands.of('halt')).toHaveLength(isOff ? 0 : 1);
      // One that is called off after its end is told once more that it is over.
      expect(hands.of('run-ended')).toHaveLength(told === 'call-off' && wasOver ? 2 : 1);
      expect(vi.getTimerCount()).toBe(0);
      const acts = hands.of('act');
      expect(new Set(acts).size).toBe(acts.length);
      if (isOff) return;
      const begins = texts.indexOf('begun rack host');
      expect(texts.slice(begins).filter((text) => text.startsWith('act'))).toEqual([]);
      const ended = hands.told.slice(
        0,
        hands.told.findIndex(({ event }) => event.kind === 'begun' && event.step === 'host'),
      );
      const over = ended.flatMap(({ event }) => (event.kind === 'ended' ? [event.step] : []));
      expect(over.toSorted()).toEqual(keysOf(given).toSorted());
      const records = slow ? (keysOf(given).length + 1) / 2 : 0;
      expect(hands.at('halt')).toBeLessThanOrEqual(bound(given) + records);
      if (told === 'hurry' && !isTooLate) expect(hands.at('halt')).toBeLessThanOrEqual(tenths / 10 + 2 + 1);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('the steps of a stage begin after those of the stage before are over', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (given) => {
      const hands = new Hands({ rack: given }).run();
      await pass(600);
      const stages = hands.told.flatMap(({ event }) =>
        event.kind === 'begun' && event.step !== 'host' ? [event.step.split('/')[0]] : [],
      );
      expect(stages).toEqual(stages.toSorted());
      for (const { event } of hands.told) {
        if (event.kind !== 'begun') continue;
        const [name = ''] = event.step.split('/');
        const before = Object.keys(given.stages).filter((one) => event.step === 'host' || one < name);
        const index = hands.told.findIndex((one) => one.event === event);
        const over = hands.told.slice(0, index).flatMap((one) => (one.event.kind === 'ended' ? [one.event.step] : []));
        const needed = keysOf(given).filter((key) => before.includes(key.split('/')[0] ?? ''));
        expect(over).toEqual(expect.arrayContaining(needed));
      }
    }),
    { seed: 1, numRuns: 50 },
  );
});

test('killed at whatever it tells and begun anew, it does the same: all at least once, twice only what was cut', async () => {
  const STEPS: GivenGroup = {
    stages: {
      lab: { a: { does: takes(3) }, b: { does: fails }, c: { after: ['a'], does: takes(2) } },
      vms: { d: { does: hangs, deadline: 5 }, e: { does: takes(1) } },
    },
  };
  const whole = new Hands({ rack: STEPS }).run();
  await pass(120);
  const all = whole.of('act', 'halt').toSorted();
  const events = whole.told.length;
  expect(events).toBeGreaterThan(12);
  for (let kill = 1; kill <= events; kill += 1) {
    const [first, second] = [new Hands({ rack: STEPS }), new Hands({ rack: STEPS })];
    let acts: readonly string[] | undefined;
    let done: readonly string[] = [];
    let cut: readonly string[] = [];
    first.onEvent = () => {
      if (first.told.length !== kill) return;
      acts = first.of('act', 'halt');
      const told = first.told.map(({ event }) => event);
      done = told.flatMap((event) => (event.kind === 'ended' ? [event.step] : []));
      cut = told.flatMap((event) => (event.kind === 'begun' && !done.includes(event.step) ? [event.step] : []));
    };
    first.run();
    await pass(120);
    second.run('rack', { done });
    await pass(120);
    const both = [...(acts ?? []), ...second.of('act', 'halt')];
    expect([...new Set(both)].toSorted()).toEqual(all);
    const twice = both.filter((act, index) => both.indexOf(act) !== index);
    const nameOf = (key: string) => (key === 'host' ? 'halt' : `act rack ${key}`);
    expect(cut.map(nameOf)).toEqual(expect.arrayContaining(twice));
  }
});
