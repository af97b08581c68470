import fc from 'fast-check';
import { expect, test } from 'vitest';
import { feedOf, flagRow, statusWords } from '../../domain/flags.ts';
import { DAY } from './day.ts';
import {
  advance,
  dischargeVolts,
  FLOAT_VOLTS,
  freshUnit,
  isLow,
  runtimeAt,
  STEP,
  shownCharge,
  shownRuntime,
  statusOf,
  type Unit,
  watts,
} from './physics.ts';
import { variablesAt } from './variables.ts';

const anyUnit = fc
  .record({ seed: fc.nat(), base: fc.integer({ min: 150, max: 300 }), start: fc.nat(86_399), lag: fc.nat(7) })
  .map(({ seed, base, start, lag }) => freshUnit({ seed, baseWatts: base, lag: lag * 420_000 }, start * 1000));

/** The unit as it is at each step of a stretch. */
function* stepsOf(unit: Unit, span: number): Iterable<Unit> {
  let now = unit;
  for (let passed = 0; passed < span; passed += STEP) {
    now = advance(now, STEP).at(-1) ?? now;
    yield now;
  }
}

const wholeDay = (unit: Unit): readonly Unit[] => advance(unit, DAY);
const words = (unit: Unit): readonly string[] => statusWords(statusOf(unit));

test('the same seed lives the same day, however the time is cut', () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 900_000 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(anyUnit, cuts, (unit, spans) => {
      const pieces = spans.reduce((now, span) => advance(now, span).at(-1) ?? now, unit);
      const whole = advance(
        unit,
        spans.reduce((sum, span) => sum + span, 0),
      ).at(-1);
      expect(pieces).toEqual(whole);
    }),
    { numRuns: 25 },
  );
});

test('charge falls on battery only, and never leaves 0 to 1', () => {
  fc.assert(
    fc.property(anyUnit, (unit) => {
      let before = unit;
      for (const now of stepsOf(unit, 6 * 3_600_000)) {
        const fell = now.charge < before.charge;
        const rose = now.charge > before.charge;
        if (fell || rose) expect(words(now).includes('OB')).toBe(fell);
        if (now.charge < 0 || now.charge > 1) expect.fail(`charge ${now.charge}`);
        before = now;
      }
    }),
    { numRuns: 5 },
  );
});

test('on battery the runtime promised is the runtime there is', () => {
  const from = freshUnit({ seed: 7, baseWatts: 230, lag: 0 }, 11 * 3_600_000);
  const course = [...stepsOf(from, 1_200_000)];
  const [early, late] = [course.at(60), course.at(-1)];
  if (early === undefined || late === undefined) throw new Error('no course');
  expect(words(late)).toContain('OB');
  const passed = (late.time - early.time) / 1000;
  expect(shownRuntime(early) - shownRuntime(late)).toBeGreaterThan(passed * 0.85);
  expect(shownRuntime(early) - shownRuntime(late)).toBeLessThan(passed * 1.15);
});

const loads = fc.integer({ min: 1, max: 900 });
const charges = fc.double({ min: 0, max: 1, noNaN: true });

test('more charge is more runtime and more volts; more load is less of both', () => {
  fc.assert(
    fc.property(charges, charges, loads, loads, (one, other, less, more) => {
      const [low, high] = [Math.min(one, other), Math.max(one, other)];
      const [light, heavy] = [Math.min(less, more), Math.max(less, more)];
      expect(runtimeAt(high, light)).toBeGreaterThanOrEqual(runtimeAt(low, light));
      expect(dischargeVolts(high, light)).toBeGreaterThanOrEqual(dischargeVolts(low, light));
      expect(runtimeAt(high, heavy)).toBeLessThanOrEqual(runtimeAt(high, light));
      expect(dischargeVolts(high, heavy)).toBeLessThanOrEqual(dischargeVolts(high, light));
    }),
  );
});

test('runtime is what capacity, charge and load give, within the losses of such a battery', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 50, max: 900 }), (parts, load) => {
      const charge = parts / 10_000;
      const lossless = ((charge * 216) / load) * 3600;
      expect(runtimeAt(charge, load)).toBeLessThanOrEqual(lossless);
      expect(runtimeAt(charge, load)).toBeGreaterThanOrEqual(lossless * 0.5);
    }),
  );
});

test('LB stands exactly while charge or runtime, as shown, are below their setpoints', () => {
  fc.assert(
    fc.property(anyUnit, (unit) => {
      for (const now of wholeDay(unit)) {
        const below = shownCharge(now) < now.knobs.chargeLow || shownRuntime(now) < now.knobs.runtimeLow;
        expect(words(now).includes('LB')).toBe(below);
      }
    }),
    { numRuns: 4 },
  );
});

test('every word is a known one and says mains or battery', () => {
  fc.assert(
    fc.property(anyUnit, (unit) => {
      for (const now of wholeDay(unit)) {
        expect(words(now).filter((word) => flagRow(word) === undefined)).toEqual([]);
        expect(feedOf(words(now))).toBeDefined();
      }
    }),
    { numRuns: 4 },
  );
});

test('every day has each of its events, for any seed and load', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 190, max: 290 }), fc.nat(7), fc.nat(1), (seed, baseWatts, lag, days) => {
      const start = freshUnit({ seed, baseWatts, lag: lag * 420_000 }, 0);
      const eve = advance(start, days * DAY + lag * 420_000).at(-1) ?? start;
      const stretches = wholeDay(eve).map(statusOf);
      expect(stretches).toContain('OL BOOST');
      expect(stretches.some((status) => /^OL .*TRIM/.test(status))).toBe(true);
      expect(stretches).toContain('OB DISCHRG TEST');
      expect(stretches).toContain('OB DISCHRG LB');
      expect(stretches).toContain('OL CHRG LB');
      expect(stretches.filter((status) => status === 'OB DISCHRG').length).toBe(3);
      expect(stretches.some((status) => status.includes('OFF'))).toBe(false);
      expect(stretches.at(-1)).toBe('OL');
    }),
    { numRuns: 8 },
  );
});

test('the short outage lasts twenty seconds', () => {
  const before = freshUnit({ seed: 1, baseWatts: 230, lag: 0 }, 8 * 3_600_000 - 60_000);
  const dark = [...stepsOf(before, 300_000)].filter((unit) => words(unit).includes('OB'));
  expect(dark.length * STEP).toBe(20_000);
  expect(dark.every(({ inputVolts }) => inputVolts === 0)).toBe(true);
});

test('volts sag under load, come back slowly and end at float voltage', () => {
  const before = freshUnit({ seed: 3, baseWatts: 230, lag: 0 }, 11 * 3_600_000 - STEP);
  const course = wholeDay(before);
  const low = course.find((unit) => isLow(unit));
  const back = course.find((unit) => statusOf(unit) === 'OL CHRG LB');
  if (low === undefined || back === undefined) throw new Error('the long outage is missing');
  expect(low.batteryVolts).toBeLessThan(23.5);
  const soon = advance(back, 10_000).at(-1) ?? back;
  const later = advance(back, 600_000).at(-1) ?? back;
  expect(soon.batteryVolts).toBeGreaterThan(back.batteryVolts);
  expect(later.batteryVolts).toBeGreaterThan(soon.batteryVolts);
  expect(course.at(-1)?.batteryVolts).toBeCloseTo(FLOAT_VOLTS, 3);
});

test('the charger slows down when the battery is nearly full', () => {
  const half = { ...freshUnit({ seed: 4, baseWatts: 230, lag: 0 }, 15 * 3_600_000), charge: 0.5 };
  const nearly = { ...half, charge: 0.97 };
  const gain = (unit: Unit): number => (advance(unit, 60_000).at(-1)?.charge ?? 0) - unit.charge;
  expect(gain(half)).toBeGreaterThan(3 * gain(nearly));
  expect(gain(nearly)).toBeGreaterThan(0);
});

test('a battery run empty switches the load off, and the mains bring it back after the start delay', () => {
  const outage = { ...freshUnit({ seed: 5, baseWatts: 250, lag: 0 }, 11 * 3_600_000), charge: 0.2 };
  const stubborn = { ...outage, knobs: { ...outage.knobs, chargeLow: 0, runtimeLow: 0 } };
  const course = advance(stubborn, 4 * 3_600_000);
  const empty = course.find(({ off }) => off?.kind === 'empty');
  if (empty === undefined) throw new Error('never empty');
  expect(statusOf(empty)).toBe('OB OFF');
  expect(watts(empty)).toBe(0);
  expect(variablesAt(empty).get('output.voltage')).toBe('0.0');
  expect(course.map(statusOf)).toContain('OL CHRG OFF');
  expect(course.at(-1)?.off).toBeUndefined();
});
