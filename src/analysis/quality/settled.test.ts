import { expect, test } from 'vitest';
import { stampAt } from '../../../tests/kit/battery.ts';
import { CALM, newlyTold, settled, standing } from './settled.ts';

const low = standing('low', stampAt(0));

test('what is seen waits until it has lasted, and then holds since it was first seen', () => {
  const first = settled({ told: low }, 'normal', CALM, stampAt(10));
  const waiting = standing('normal', stampAt(10));
  expect(first).toStrictEqual({ told: low, waiting });
  expect(settled(first, 'normal', CALM, stampAt(14))).toStrictEqual({ told: low, waiting });
  expect(settled(first, 'normal', CALM, stampAt(15))).toStrictEqual({ told: waiting });
});

test('anything else that is seen meanwhile begins anew', () => {
  const first = settled({ told: low }, 'normal', CALM, stampAt(10));
  const waiting = standing('high', stampAt(14));
  expect(settled(first, 'high', CALM, stampAt(14))).toStrictEqual({ told: low, waiting });
});

test('what holds goes on to hold, and nothing waits any more', () => {
  const first = settled({ told: low }, 'normal', CALM, stampAt(10));
  const again = settled(first, 'low', CALM, stampAt(11));
  expect(again).toStrictEqual({ told: low });
  expect(newlyTold(low, again)).toBeUndefined();
});

test('only another state is told', () => {
  const now = standing('normal', stampAt(1));
  expect(newlyTold(low, { told: now })).toBe(now);
  expect(newlyTold(undefined, {})).toBeUndefined();
});
