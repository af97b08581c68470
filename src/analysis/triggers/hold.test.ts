import { describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../../tests/kit/settings.ts';
import { type Reading, readingOf } from '../../domain/reading.ts';
import { asInstant, seconds } from '../../domain/time.ts';
import type { Held } from '../../domain/triggers.ts';
import { upheld } from './hold.ts';
import type { Opinion, View } from './view.ts';

const at = (second: number) => asInstant(second * 1000);
const readAt = (second: number, interval?: string): Reading =>
  readingOf(
    new Map(interval === undefined ? [] : [['driver.parameter.pollinterval', interval]]),
    at(second),
    at(second),
  );

const view = (now: number, reading?: Reading): View => ({
  now: at(now),
  power: { fed: 'battery' },
  ...(reading === undefined ? {} : { reading }),
  listeningFrom: at(0),
  silenceFrom: at(0),
  settings: TRIGGERS,
  need: seconds(60),
  trustCharge: true,
  failedTest: false,
  testing: false,
  fsd: 'obey',
});

const AGREES: Opinion = { kind: 'agrees', why: 'so' };
const LONG_AGO = { since: at(-1000), settles: true };
const held = (since: number, confirmed = false): Held => ({ since: at(since), confirmed });

describe('two readings agree when asked far enough apart', () => {
  test.each([
    [undefined, 0.9, false],
    [undefined, 1, true],
    ['0', 0.9, false],
    ['0', 1, true],
    ['2', 1.9, false],
    ['2', 2, true],
    ['4', 3.9, false],
    ['4', 4, true],
    ['30', 3.9, false],
    ['30', 4, true],
    ['never', 1, true],
  ])('poll interval %s, %s s: %s', (interval, apart, confirmed) => {
    const first = upheld(AGREES, undefined, view(0, readAt(0, interval)), LONG_AGO);
    expect(first).toMatchObject({ confirmed: false, held: held(0), firesAt: at(5) });
    const second = upheld(AGREES, first.held, view(apart, readAt(apart, interval)), LONG_AGO);
    expect(second).toMatchObject({ confirmed, firesAt: at(5) });
  });
});

describe('a hold', () => {
  test('is not moved by judging the same reading again', () => {
    const first = upheld(AGREES, undefined, view(0, readAt(0)), LONG_AGO);
    for (const now of [1, 10, 100]) {
      const again = upheld(AGREES, first.held, view(now, readAt(0)), LONG_AGO);
      expect(again.held).toBe(first.held);
      expect(again.confirmed).toBe(false);
    }
  });

  test('that two readings have confirmed stays so, whatever the driver says of its interval later', () => {
    const again = upheld(AGREES, held(0, true), view(0.5, readAt(0.5, '30')), LONG_AGO);
    expect(again.held).toStrictEqual(held(0, true));
  });

  test('that is believed has no doubt in it', () => {
    expect(upheld(AGREES, undefined, view(0, readAt(0)), LONG_AGO).held).toStrictEqual(held(0));
  });

  test('ends with a contrary reading, and stays with one that cannot see', () => {
    expect(upheld({ kind: 'quiet', why: '' }, held(0, true), view(9, readAt(9)), LONG_AGO)).toEqual({
      confirmed: false,
    });
    const blind = upheld({ kind: 'blind', why: '' }, held(0, true), view(9, readAt(9)), LONG_AGO);
    expect(blind.held).toEqual(held(0, true));
    expect(blind.firesAt).toBeUndefined();
    expect(upheld({ kind: 'blind', why: '' }, undefined, view(9, readAt(9)), LONG_AGO)).toEqual({ confirmed: false });
  });

  test('is kept while there is no reading of this process yet', () => {
    expect(upheld(AGREES, held(0, true), view(9), LONG_AGO)).toMatchObject({ held: held(0, true), confirmed: true });
    expect(upheld(AGREES, undefined, view(9), LONG_AGO)).toEqual({ confirmed: false });
  });

  test('fires no earlier than settle after the beginning, where it settles', () => {
    const since = at(-2);
    expect(upheld(AGREES, undefined, view(0, readAt(0)), { since, settles: true }).firesAt).toBe(at(8));
    expect(upheld(AGREES, undefined, view(0, readAt(0)), { since, settles: false }).firesAt).toBe(at(5));
  });

  test('of a doubted gauge waits for a minute from the first doubt, and no longer once it is believed', () => {
    const doubted: Opinion = { ...AGREES, doubtful: true };
    const first = upheld(doubted, held(0, true), view(3, readAt(3)), LONG_AGO);
    expect(first.firesAt).toBe(at(63));
    const later = upheld(doubted, first.held, view(40, readAt(40)), LONG_AGO);
    expect(later.firesAt).toBe(at(63));
    expect(upheld(AGREES, later.held, view(41, readAt(41)), LONG_AGO).firesAt).toBe(at(5));
    // Nor does a restart end the waiting: it goes on by time.
    expect(upheld(AGREES, first.held, view(9), LONG_AGO).firesAt).toBe(at(63));
  });
});

describe('a word that comes and goes', () => {
  const QUIET: Opinion = { kind: 'quiet', why: '' };
  const WAVERS = { ...LONG_AGO, settles: false, wavers: true };
  const gone = (since: number, doubted: number): Held => ({ ...held(since, true), doubtedSince: at(doubted) });

  test('is doubted from the first reading without it, and fires by nothing while it is away', () => {
    const first = upheld(QUIET, held(0, true), view(3, readAt(3)), WAVERS);
    expect(first).toStrictEqual({ held: gone(0, 3), confirmed: true });
    expect(upheld(QUIET, first.held, view(7, readAt(7.9)), WAVERS).held).toBe(first.held);
  });

  test.each([
    ['has gone', 8, undefined],
    ['has not gone a moment before', 7.9, gone(0, 3)],
  ])('away for hold it %s', (_, now, expected) => {
    expect(upheld(QUIET, gone(0, 3), view(now, readAt(now)), WAVERS).held).toEqual(expected);
  });

  test('that is back goes on where it was, without the time it was away', () => {
    const back = upheld(AGREES, gone(0, 3), view(7, readAt(7)), WAVERS);
    expect(back).toStrictEqual({ held: held(4, true), confirmed: true, firesAt: at(9) });
  });

  test('that is back after hold begins anew', () => {
    expect(upheld(AGREES, gone(0, 3), view(8, readAt(8)), WAVERS).held).toStrictEqual(held(8));
  });

  test('counts from the moment the outage has settled, and for nothing before', () => {
    const settling = { ...WAVERS, since: at(0) };
    expect(upheld(QUIET, held(7, true), view(10, readAt(10)), settling)).toEqual({ confirmed: false });
    expect(upheld(QUIET, held(7, true), view(11, readAt(11)), settling).held).toEqual(gone(10, 11));
  });

  test('is nothing new where it has not stood there, or there is no reading', () => {
    expect(upheld(QUIET, undefined, view(3, readAt(3)), WAVERS)).toEqual({ confirmed: false });
    expect(upheld(QUIET, held(0, true), view(3), WAVERS)).toEqual({ confirmed: false });
  });

  test('does not go on by time where it had gone before a restart', () => {
    expect(upheld(AGREES, gone(0, 3), view(9), WAVERS)).toEqual({ held: gone(0, 3), confirmed: true });
    expect(upheld(AGREES, held(0, true), view(9), WAVERS).firesAt).toBe(at(5));
  });
});
