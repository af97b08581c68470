import { describe, expect, test } from 'vitest';
import type { DailyScore } from '../../domain/battery.ts';
import { EXPECTED_LIFE, type Installed } from './installed.ts';
import { replacementOf } from './replacement.ts';
import { DAY } from './step.ts';

const TODAY = 20_000;
const NOW = TODAY * DAY;

/** Scores of so many days up to today, one every other day: falling evenly to the last, some points off in turn. */
function scores(days: number, from: number, to: number, off = 0): readonly DailyScore[] {
  const all: DailyScore[] = [];
  for (let day = 0; day <= days; day += 2) {
    const wobble = day % 4 === 0 ? off : -off;
    all.push([TODAY - days + day, from + ((to - from) * day) / days + wobble]);
  }
  return all;
}

const installed = (years: number, by: Installed['by'] = 'configuration'): Installed => ({
  wall: NOW - (years / 4) * EXPECTED_LIFE,
  by,
});

describe('by its trend', () => {
  test('it is due when the line comes to 50', () => {
    const replacement = replacementOf(scores(100, 100, 80), undefined, NOW);
    expect(replacement).toMatchObject({ basis: 'trend', confidence: 'medium' });
    expect(((replacement?.wall ?? 0) - NOW) / DAY).toBeCloseTo(150, 5);
  });

  test('it is due now when the health has come down to 50 already', () => {
    expect(replacementOf([[TODAY, 50]], undefined, NOW)).toEqual({ wall: NOW, basis: 'trend', confidence: 'low' });
    expect(replacementOf(scores(200, 90, 50), undefined, NOW)).toEqual({
      wall: NOW,
      basis: 'trend',
      confidence: 'high',
    });
  });

  test('it is due now, not earlier, when only the line is there', () => {
    const tail: readonly DailyScore[] = [
      ...scores(60, 90, 40).map(([day, score]) => [day - 1, score] as const),
      [TODAY, 51],
    ];
    expect(replacementOf(tail, undefined, NOW)?.wall).toBe(NOW);
  });

  test.each([
    { when: 'there is no score', seen: [] },
    { when: 'the scores are of less than 30 days', seen: scores(28, 100, 70) },
    {
      when: 'there are less than ten',
      seen: scores(100, 100, 70)
        .slice(0, 2)
        .concat(scores(10, 80, 70)),
    },
    { when: 'the health stays', seen: scores(100, 80, 80) },
    { when: 'the health rises', seen: scores(100, 70, 80) },
  ])('nothing is known when $when', ({ seen }) => {
    expect(replacementOf(seen, undefined, NOW)).toBeUndefined();
  });

  test('ten scores are enough', () => {
    const ten = scores(180, 100, 70).filter(([day]) => (TODAY - day) % 20 === 0);
    expect(ten).toHaveLength(10);
    expect(replacementOf(ten, undefined, NOW)).toMatchObject({ basis: 'trend', confidence: 'high' });
  });

  test('thirty days are enough, at low confidence', () => {
    expect(replacementOf(scores(30, 100, 90), undefined, NOW)).toMatchObject({ basis: 'trend', confidence: 'low' });
  });

  test.each([
    { confidence: 'high', seen: scores(180, 100, 70) },
    { confidence: 'medium', seen: scores(178, 100, 70) },
    { confidence: 'medium', seen: scores(180, 100, 70, 7) },
    { confidence: 'medium', seen: scores(90, 100, 70) },
    { confidence: 'low', seen: scores(88, 100, 70) },
    { confidence: 'low', seen: scores(180, 100, 80, 12) },
  ])('confidence is $confidence', ({ confidence, seen }) => {
    expect(replacementOf(seen, undefined, NOW)?.confidence).toBe(confidence);
  });

  test('further than ten years away is ten years', () => {
    const replacement = replacementOf(scores(100, 100, 99.9), undefined, NOW);
    expect(replacement?.wall).toBe(NOW + 10 * 365.25 * DAY);
  });
});

describe('by its age', () => {
  test.each([
    { by: 'configuration', confidence: 'medium' },
    { by: 'device', confidence: 'low' },
  ] as const)('it is due four years after the date that the $by gives', ({ by, confidence }) => {
    const known = installed(3, by);
    expect(replacementOf([], known, NOW)).toEqual({ wall: known.wall + EXPECTED_LIFE, basis: 'age', confidence });
  });
});

test('the earlier of both counts', () => {
  const falling = scores(100, 100, 80);
  expect(replacementOf(falling, installed(1), NOW)?.basis).toBe('trend');
  expect(replacementOf(falling, installed(3.9), NOW)?.basis).toBe('age');
  // At the same moment what was measured is the better reason.
  expect(replacementOf([[TODAY, 50]], installed(4), NOW)?.basis).toBe('trend');
});
