import fc from 'fast-check';
import { expect, test } from 'vitest';
import { turn } from './pause.ts';
import { runStage } from './stage.ts';

const step = (key: string, ...after: readonly string[]) => ({ key, after });
type Step = ReturnType<typeof step>;

/** Acts that end when they are told to, and in which order they were begun. */
function acts() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const act = ({ key }: Step) => {
    begun.push(key);
    return new Promise<void>((resolve) => ends.set(key, resolve));
  };
  const end = async (...keys: readonly string[]) => {
    for (const key of keys) ends.get(key)?.();
    await settled(begun);
  };
  return { begun, act, end };
}

/** Resolves when the event loop has turned and nothing more was begun. */
async function settled(begun: readonly string[]): Promise<void> {
  let count: number;
  do {
    count = begun.length;
    await turn();
    await turn();
  } while (begun.length > count);
}

test('a step waits for those it comes after, as far as they are in the stage', async () => {
  const { begun, act, end } = acts();
  const over = runStage([step('c', 'a', 'b'), step('a', 'elsewhere'), step('b')], act, () => true);
  await settled(begun);
  expect(begun).toEqual(['a', 'b']);
  await end('a');
  expect(begun).toEqual(['a', 'b']);
  await end('b');
  expect(begun).toEqual(['a', 'b', 'c']);
  await end('c');
  expect(await over).toEqual([]);
});

test('the first acts before the second is begun', async () => {
  const told: string[] = [];
  const act = async ({ key }: Step) => {
    told.push(`${key} begun`);
    await Promise.resolve();
    told.push(`${key} acts`);
  };
  await runStage([step('a'), step('b')], act, () => true);
  expect(told).toEqual(['a begun', 'a acts', 'b begun', 'b acts']);
});

test('nothing to do is over at once', async () => {
  expect(
    await runStage(
      [],
      () => Promise.reject(new Error('never')),
      () => true,
    ),
  ).toEqual([]);
});

test('at most 200 at once', async () => {
  const { begun, act, end } = acts();
  const over = runStage(
    Array.from({ length: 450 }, (_, index) => step(`${index}`)),
    act,
    () => true,
  );
  await settled(begun);
  expect(begun).toHaveLength(200);
  await end('7', '8');
  expect(begun).toHaveLength(202);
  while (begun.length < 450) await end(...begun);
  await end(...begun);
  expect(await over).toEqual([]);
});

test('once nothing may be begun the rest is left, and what has begun is awaited', async () => {
  const { begun, act, end } = acts();
  let may = true;
  const steps = [step('a'), step('b', 'a'), step('c')];
  const over = runStage(steps, act, () => may);
  await settled(begun);
  may = false;
  let left: readonly Step[] | undefined;
  void over.then((rest) => {
    left = rest;
  });
  await end('a');
  expect([begun, left]).toEqual([['a', 'c'], undefined]);
  await end('c');
  expect(left).toEqual([steps[1]]);
});

test('a step whose beginning ends it all is the last', async () => {
  let may = true;
  const begun: string[] = [];
  const act = ({ key }: Step) => {
    begun.push(key);
    may = false;
    return Promise.resolve();
  };
  expect(await runStage([step('a'), step('b')], act, () => may)).toEqual([step('b')]);
  expect(begun).toEqual(['a']);
});

test('whatever waits for whatever, each is begun once, and never before what it waits for unless in a circle', async () => {
  const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
  const edges = fc.array(fc.tuple(fc.constantFrom(...keys), fc.constantFrom(...keys)), { maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(edges, async (pairs) => {
      const steps = keys.map((key) => step(key, ...pairs.filter(([one]) => one === key).map(([, other]) => other)));
      const over: string[] = [];
      const begun: string[] = [];
      const isCircular = (key: string, seen: readonly string[] = []): boolean =>
        seen.includes(key) ||
        (steps.find((one) => one.key === key)?.after ?? []).some((one) => isCircular(one, [...seen, key]));
      const act = async ({ key, after }: Step) => {
        if (!isCircular(key)) expect(over).toEqual(expect.arrayContaining([...after]));
        begun.push(key);
        await Promise.resolve();
        over.push(key);
      };
      expect(await runStage(steps, act, () => true)).toEqual([]);
      expect(begun.toSorted()).toEqual(keys);
    }),
    { seed: 1, numRuns: 300 },
  );
});
