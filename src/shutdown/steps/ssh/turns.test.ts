import { expect, test, vi } from 'vitest';
import { asMillis } from '../../../domain/time.ts';
import { openTurns, type Turns } from './turns.ts';

const NEVER = new AbortController().signal;

/** Asks for so many turns; `come` holds the numbers of those that have come, `ends` what ends each. */
function ask(turns: Turns, count: number, signal = NEVER) {
  const come: number[] = [];
  const ends: (() => void)[] = [];
  for (let index = 0; index < count; index += 1) {
    void turns(signal).then((end) => {
      come.push(index);
      ends[index] = end;
    });
  }
  return { come, end: (index: number) => ends[index]?.() };
}

const settled = () => new Promise(setImmediate);

test('so many have a turn at once; the others follow in their order', async () => {
  const { come, end } = ask(openTurns(2, asMillis(60_000)), 4);
  await settled();
  expect(come).toEqual([0, 1]);
  end(1);
  await settled();
  expect(come).toEqual([0, 1, 2]);
  end(0);
  await settled();
  expect(come).toEqual([0, 1, 2, 3]);
  for (const index of come) end(index);
});

test('a turn that is ended twice lets one follow', async () => {
  const { come, end } = ask(openTurns(1, asMillis(60_000)), 3);
  await settled();
  end(0);
  end(0);
  await settled();
  expect(come).toEqual([0, 1]);
  end(1);
  await settled();
  end(2);
});

test('a turn that takes too long keeps nobody waiting, and its end is no second one', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const { come, end } = ask(openTurns(1, asMillis(250)), 3);
    await vi.advanceTimersByTimeAsync(249);
    expect(come).toEqual([0]);
    await vi.advanceTimersByTimeAsync(1);
    expect(come).toEqual([0, 1]);
    end(0);
    await settled();
    expect(come).toEqual([0, 1]);
    await vi.advanceTimersByTimeAsync(250);
    expect(come).toEqual([0, 1, 2]);
    end(2);
  } finally {
    vi.useRealTimers();
  }
});

test('an abort ends the waiting, and who comes after it is not kept waiting for those who never had a turn', async () => {
  const turns = openTurns(1, asMillis(60_000));
  const first = ask(turns, 1);
  const aborting = new AbortController();
  const others = ask(turns, 2, aborting.signal);
  const last = ask(turns, 1);
  await settled();
  aborting.abort();
  const late = ask(turns, 1, aborting.signal);
  await settled();
  expect([first.come, others.come, late.come, last.come]).toEqual([[0], [0, 1], [0], []]);
  for (const index of others.come) others.end(index);
  late.end(0);
  await settled();
  expect(last.come).toEqual([]);
  first.end(0);
  await settled();
  expect(last.come).toEqual([0]);
  last.end(0);
});
