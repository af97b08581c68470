import type { Battery, RunningTest, TestOutcome } from '../../domain/battery.ts';
import type { Reading, Variables } from '../../domain/reading.ts';
import { between, type Instant, type Stamp, seconds } from '../../domain/time.ts';
import { type BatteryFact, type BatteryStep, without } from './step.ts';

/** What a result of a self-test means. `none`: there was no test; `unknown`: words that nobody knows. */
export type TestClass = 'passed' | 'warning' | 'failed' | 'aborted' | 'running' | 'none' | 'unknown';

/** An outage this soon after our command is the work of the test. */
const BEGINS_WITHIN = seconds(30);
/** A device that has stopped testing has told its result by then; a result that still stands is that of this test. */
const TOLD_WITHIN = seconds(300);
const GIVEN_UP_AFTER = seconds(24 * 3600);

/**
 * The first row that matches counts. Numbers are those of the USB power device class and of RFC 1628, which agree; `BT`,
 * `NG`, `IP` and `NO` those of the APC serial protocol.
 *
 * @see USB HID Usage Tables for Power Devices, Test; RFC 1628, upsTestResultsSummary; tables of the NUT drivers 2.8.5
 */
const CLASSES: readonly (readonly [TestClass, RegExp])[] = [
  ['running', /in progress|inprogress|running|^testing|^ip$|^5$/],
  ['none', /^no test|^no results?\b|^no$|^none\b|not (?:initiated|performed|started|available)|idle|never|^6$/],
  ['aborted', /abort|cancel|interrupt|^4$/],
  ['warning', /warn|^2$/],
  ['failed', /fail|(?<!no )error|\bbad\b|weak|(?:change|replace) batter|not (?:ok|pass)|^ng$|^bt$|^3$/],
  ['passed', /pass|\bok\b|good|success|^no error|^normal$|^1$/],
];

/** What the text of `ups.test.result` means. */
export function testClassOf(result: string): TestClass {
  const text = result.trim().toLowerCase();
  return CLASSES.find(([, words]) => words.test(text))?.[0] ?? 'unknown';
}

/** Empty where the device says nothing. */
const textOf = ({ variables }: Reading, name: string): string => variables.get(name)?.trim() ?? '';

/** What the device says of its last test, as it came. */
const wordsOf = (reading: Reading): string => textOf(reading, 'ups.test.result');

const runningSaid = new WeakMap<Variables, boolean>();

/** Asked of every device in every second of an outage, while its variables stay the same. */
function saysRunning(reading: Reading): boolean {
  const known = runningSaid.get(reading.variables);
  if (known !== undefined) return known;
  const says = testClassOf(wordsOf(reading)) === 'running';
  runningSaid.set(reading.variables, says);
  return says;
}

const isOurs = ({ test }: Battery, now: Instant): boolean =>
  test?.command !== undefined && between(test.at, now) <= BEGINS_WITHIN;

/**
 * Whether something other than the CAL word says that a self-test goes on: the TEST word, a result in progress, or our
 * own command within the last 30 s. A sign that has stood for a day is none.
 */
export function isTesting(reading: Reading, battery: Battery, now: Instant): boolean {
  if (battery.test?.lost) return false;
  return reading.flags.includes('TEST') || saysRunning(reading) || isOurs(battery, now);
}

/**
 * Whether another test would come into the way of one: any sign of a test or calibration, and one that we have started
 * or seen while the device may still be at it or owes its result.
 */
export function isTestOpen(reading: Reading, { test }: Battery, now: Instant): boolean {
  if (test?.lost) return false;
  if (isRunning(reading)) return true;
  return test !== undefined && between(test.quietSince ?? now, now) < TOLD_WITHIN;
}

const isRunning = (reading: Reading): boolean =>
  reading.flags.includes('TEST') || reading.flags.includes('CAL') || saysRunning(reading);

/**
 * Follows self-tests from their first sign to their result, whoever has started them.
 *
 * The first result ever seen is only what later ones are compared with: nobody knows how old it is.
 *
 * @param outage whether the device is on battery: a test that empties the battery says nothing else while it does
 */
export function followTest(before: Battery, reading: Reading, outage: boolean, stamp: Stamp): BatteryStep {
  const told = toldBy(reading);
  const battery = withBaseline(before, told, stamp);
  const isSign = isRunning(reading) || (isOurs(battery, stamp.at) && (outage || reading.flags.includes('DISCHRG')));
  return isSign ? running(battery, told, stamp) : ended(battery, told, reading, outage, stamp);
}

type Told = NonNullable<Battery['toldTest']>;

function toldBy(reading: Reading): Told | undefined {
  const result = wordsOf(reading).toLowerCase();
  const date = textOf(reading, 'ups.test.date');
  return result === '' ? undefined : { result, ...(date === '' ? {} : { date }) };
}

function withBaseline(battery: Battery, told: Told | undefined, { wall }: Stamp): Battery {
  const { toldTest } = battery;
  if (told === undefined) return battery;
  if (toldTest !== undefined) {
    const isDated = toldTest.date === undefined && told.date !== undefined && told.result === toldTest.result;
    return isDated ? { ...battery, toldTest: told } : battery;
  }
  const outcome = outcomeOf(testClassOf(told.result));
  return {
    ...battery,
    toldTest: told,
    ...(outcome === undefined || battery.lastTest !== undefined
      ? {}
      : { lastTest: { result: outcome, wall, old: true } }),
  };
}

function outcomeOf(result: TestClass): TestOutcome['result'] | undefined {
  return result === 'passed' || result === 'warning' || result === 'failed' ? result : undefined;
}

function running(battery: Battery, told: Told | undefined, { at, wall }: Stamp): BatteryStep {
  // Kept as told, so that the result after it is news even where it is the same as before.
  const isNew =
    told !== undefined && testClassOf(told.result) === 'running' && told.result !== battery.toldTest?.result;
  const next = isNew ? { ...battery, toldTest: told } : battery;
  const { test } = next;
  if (test === undefined || !test.seen) {
    const { quietSince: _, ...begun } = test ?? { at, wall };
    return { battery: { ...next, test: { ...begun, seen: true } }, facts: [startFact(begun)] };
  }
  if (test.lost) return { battery: next, facts: [] };
  if (between(test.at, at) >= GIVEN_UP_AFTER) {
    return { battery: { ...next, test: { ...test, lost: true } }, facts: [lostFact(test)] };
  }
  if (test.quietSince === undefined) return { battery: next, facts: [] };
  const { quietSince: _, ...again } = test;
  return { battery: { ...next, test: again }, facts: [] };
}

/** No sign of a test any more, or none yet. */
function ended(battery: Battery, told: Told | undefined, reading: Reading, outage: boolean, stamp: Stamp): BatteryStep {
  const { test } = battery;
  if (told !== undefined) {
    const result = testClassOf(told.result);
    const isDue = test?.seen === true && !outage && isQuiet(test, stamp.at);
    if (isTerminal(result) && (isDue || isNews(told, battery.toldTest))) {
      return concluded(battery, result, told, wordsOf(reading), stamp);
    }
  }
  if (test === undefined || outage) return { battery, facts: [] };
  if (test.quietSince === undefined) {
    return { battery: { ...battery, test: { ...test, quietSince: stamp.at } }, facts: [] };
  }
  // One that was seen and left no result will leave none; one that was never seen may yet tell.
  if (test.seen && isQuiet(test, stamp.at)) return { battery: without(battery, 'test'), facts: [] };
  if (between(test.at, stamp.at) < GIVEN_UP_AFTER) return { battery, facts: [] };
  return { battery: without(battery, 'test'), facts: [lostFact(test)] };
}

const isQuiet = ({ quietSince }: RunningTest, now: Instant): boolean =>
  quietSince !== undefined && between(quietSince, now) >= TOLD_WITHIN;

type Terminal = 'passed' | 'warning' | 'failed' | 'aborted';
const isTerminal = (result: TestClass): result is Terminal => result === 'aborted' || outcomeOf(result) !== undefined;

const isNews = (told: Told, before: Told | undefined): boolean =>
  before !== undefined && (told.result !== before.result || (told.date ?? before.date) !== before.date);

const RESULTS = {
  passed: { type: 'test_passed', level: 'notice', text: 'self-test passed' },
  warning: { type: 'test_warning', level: 'warning', text: 'self-test ended with a warning' },
  failed: { type: 'test_failed', level: 'error', text: 'self-test failed' },
  aborted: { type: 'test_aborted', level: 'warning', text: 'self-test aborted' },
} as const;

function concluded(battery: Battery, result: Terminal, told: Told, words: string, { wall }: Stamp): BatteryStep {
  const { type, level, text } = RESULTS[result];
  const outcome = outcomeOf(result);
  const fact: BatteryFact = {
    type,
    level,
    text: `${text} (${words})`,
    details: {
      result: words,
      ...(told.date === undefined ? {} : { date: told.date }),
      ...startOf(battery.test),
    },
  };
  return {
    battery: {
      ...without(battery, 'test'),
      toldTest: told,
      ...(outcome === undefined ? {} : { lastTest: { result: outcome, wall } }),
    },
    facts: [fact],
  };
}

const startOf = (test: Pick<RunningTest, 'command'> | undefined) =>
  test?.command === undefined ? {} : { command: test.command };

function startFact(test: Pick<RunningTest, 'command'>): BatteryFact {
  const by = test.command === undefined ? 'by the device or by hand' : `by ${test.command}`;
  return { type: 'test_started', level: 'notice', text: `self-test started ${by}`, details: startOf(test) };
}

const lostFact = (test: RunningTest): BatteryFact => ({
  type: 'test_warning',
  level: 'warning',
  text: 'the result of the self-test is not known: the device has told none for a day',
  details: { result: 'unknown', ...startOf(test) },
});
