import { describe, expect, test } from 'vitest';
import { BatteryStory, onBattery, readAt, stampAt } from '../../../tests/kit/battery.ts';
import { WALL } from '../../../tests/kit/story.ts';
import { NO_BATTERY } from '../../domain/battery.ts';
import { asInstant } from '../../domain/time.ts';
import { isPending, withTestRefused, withTestStarted } from './follow.ts';
import { isTesting, isTestOpen, testClassOf } from './self-test.ts';

test.each([
  ['passed', ['Battery testing passed', 'Passed (no test pending)', 'OK, faults: none', 'OK, faults: no']],
  ['passed', ['Done and passed', 'done and passed', 'Ok', 'OK - Battery GOOD', 'Passed', 'Normal', 'No error', '1']],
  ['warning', ['Done and warning', '2']],
  ['failed', ['Done and error', 'BAD', '10s test failed', 'Change Battery', 'UPS Internal Failure', 'NG', 'BT', '3']],
  ['failed', ['Battery weak', 'Not OK', 'Not passed', 'Replace battery']],
  ['aborted', ['Aborted', 'Aborted, no result', 'aborted', 'Cancelled by user', '4']],
  ['running', ['In progress', 'in progress', 'TestInProgress', 'Running', 'Testing', 'IP', '5']],
  [
    'none',
    ['No test initiated', 'no test performed', 'NO', 'None', 'Idle', 'No results available', 'No result', '6', ' no '],
  ],
  [
    'unknown',
    ['', '0', 'InvalidTest', '12/11/2022', 'scheduled', 'There was no error report', 'Abnormal', 'Normal load'],
  ],
  ['unknown', ['11', '12', '13', '14', '15', '16', '17', '21', '31', '41', '51', '61']],
  ['unknown', ['Skip', 'IPX', 'Waiting', 'NGA', 'Debt', 'BTU']],
] as const)('%s: %j', (is, words) => {
  expect(words.map((word) => [word, testClassOf(word)])).toEqual(words.map((word) => [word, is]));
});

const result = (text: string, date?: string) => ({
  'ups.test.result': text,
  ...(date === undefined ? {} : { 'ups.test.date': date }),
});
const PASSED = result('Done and passed');
const NONE = result('No test initiated');
const RUNNING = result('In progress');

describe('the first result ever seen', () => {
  test.each([
    { text: 'Done and passed', last: 'passed' },
    { text: 'Done and warning', last: 'warning' },
    { text: 'Done and error', last: 'failed' },
    { text: 'Aborted', last: undefined },
    { text: 'No test initiated', last: undefined },
  ])('$text is told to nobody, and of no known age', ({ text, last }) => {
    const told = new BatteryStory().read(0, 'OL', result(text)).read(1, 'OL', result(text));
    expect(told.told).toEqual([]);
    expect(told.battery.lastTest).toEqual(last && { result: last, wall: WALL, old: true });
    expect(isPending(told.battery)).toBe(false);
  });

  test.each([{ words: {} }, { words: result(' ') }])('is none where it is empty: $words', ({ words }) => {
    expect(new BatteryStory().read(0, 'OL', words).battery.toldTest).toBeUndefined();
  });

  test('is kept in lower case, with the date beside it', () => {
    const kept = (words: ReturnType<typeof result>) => new BatteryStory().read(0, 'OL', words).battery.toldTest;
    expect(kept(PASSED)).toStrictEqual({ result: 'done and passed' });
    expect(kept(result('Done and passed', '01/02/2026'))).toEqual({ result: 'done and passed', date: '01/02/2026' });
  });

  test('what is remembered of a test outranks it', () => {
    const lastTest = { result: 'failed', wall: 1 } as const;
    expect(new BatteryStory({ lastTest }).read(0, 'OL', PASSED).battery.lastTest).toBe(lastTest);
  });
});

describe('a result that comes', () => {
  test.each([
    { text: 'Done and passed', type: 'test_passed', level: 'notice', last: 'passed' },
    { text: 'Done and warning', type: 'test_warning', level: 'warning', last: 'warning' },
    { text: 'BAD', type: 'test_failed', level: 'error', last: 'failed' },
    { text: 'Aborted', type: 'test_aborted', level: 'warning', last: undefined },
  ])('$text is $type, once', ({ text, type, level, last }) => {
    const told = new BatteryStory().read(0, 'OL', NONE).read(5, 'OL', result(text, '01/02/2026'));
    expect(told.facts).toMatchObject([{ type, level, details: { result: text, date: '01/02/2026' } }]);
    expect(told.facts[0]?.text).toContain(`(${text})`);
    expect(told.battery.lastTest).toEqual(last && { result: last, wall: WALL + 5000 });
    expect(told.read(6, 'OL', result(text, '01/02/2026')).told).toEqual([]);
  });

  test('is told without a date where the device gives none', () => {
    const told = new BatteryStory().read(0, 'OL', NONE).read(5, 'OL', PASSED);
    expect(told.facts[0]?.details).toStrictEqual({ result: 'Done and passed' });
  });

  test('the same words with another date are another test', () => {
    const told = new BatteryStory().read(0, 'OL', result('Done and passed', '01/02/2026'));
    expect(told.read(1, 'OL', result('Done and passed', '01/09/2026')).told).toEqual(['test_passed']);
  });

  test('a date that comes later, goes or comes back says nothing', () => {
    const told = new BatteryStory().read(0, 'OL', PASSED);
    expect(told.read(1, 'OL', result('Done and passed', '01/02/2026')).told).toEqual([]);
    expect(told.read(2, 'OL', PASSED).told).toEqual([]);
    expect(told.read(2.5, 'OL', result('Done and passed', ' ')).told).toEqual([]);
    expect(told.read(3, 'OL', result('Done and passed', '01/02/2026')).told).toEqual([]);
    expect(told.read(4, 'OL', result('Done and passed', '01/09/2026')).told).toEqual(['test_passed']);
  });

  test('a driver that starts anew and forgets for a while tells nothing twice', () => {
    const told = new BatteryStory().read(0, 'OL', NONE).read(1, 'OL', PASSED).read(2, 'OL', NONE).read(3, 'OL', {});
    expect(told.read(4, 'OL', result('done and passed ')).told).toEqual([]);
  });

  test('words nobody knows tell nothing', () => {
    const told = new BatteryStory().read(0, 'OL', NONE).read(1, 'OL', result('scheduled'));
    expect(told.told).toEqual([]);
    expect(told.battery.lastTest).toBeUndefined();
  });

  test('an aborted test leaves what the one before it said', () => {
    const told = new BatteryStory().read(0, 'OL', NONE).read(1, 'OL', result('Done and error'));
    expect(told.read(2, 'OL', result('Aborted')).battery.lastTest).toEqual({ result: 'failed', wall: WALL + 1000 });
  });
});

describe('a test that is seen', () => {
  test.each([
    { sign: 'the TEST word', status: 'OL TEST', words: PASSED },
    { sign: 'the CAL word', status: 'OL CAL', words: PASSED },
    { sign: 'a result in progress', status: 'OL', words: RUNNING },
  ])('begins with $sign', ({ status, words }) => {
    const told = new BatteryStory().read(0, 'OL', PASSED).read(5, status, words);
    expect(told.facts).toMatchObject([{ type: 'test_started', level: 'notice', details: {} }]);
    expect(told.facts[0]?.text).toBe('self-test started by the device or by hand');
    expect(told.battery.test).toEqual({ at: asInstant(5000), wall: WALL + 5000, seen: true });
    expect(isPending(told.battery)).toBe(true);
    const { battery } = told;
    const again = told.read(6, status, words);
    expect(again.told).toEqual([]);
    expect(again.battery).toBe(battery);
  });

  test('ends with a result that has been in progress, even with the words of the last one', () => {
    const told = new BatteryStory().read(0, 'OL', PASSED).read(5, 'OL', RUNNING).read(20, 'OL', PASSED);
    expect(told.told).toEqual(['test_passed']);
    expect(told.battery.test).toBeUndefined();
    expect(told.battery.lastTest).toEqual({ result: 'passed', wall: WALL + 20_000 });
    expect(told.battery.health?.wall).toBe(WALL + 20_000);
  });

  test('ends with a result that came while its sign still stood', () => {
    const told = new BatteryStory().read(0, 'OL', NONE).read(5, 'OL TEST', NONE).read(10, 'OL TEST', PASSED);
    expect(told.told).toEqual([]);
    expect(told.read(11, 'OL', PASSED).told).toEqual(['test_passed']);
  });

  test('is followed from its middle', () => {
    const told = new BatteryStory().read(0, 'OL', RUNNING);
    expect(told.told).toEqual(['test_started']);
    expect(told.read(20, 'OL', PASSED).told).toEqual(['test_passed']);
  });

  test('ends with the words that stand five minutes after its last sign', () => {
    const told = new BatteryStory().read(0, 'OL', PASSED).read(5, 'OL TEST', PASSED).read(20, 'OL', PASSED);
    expect(told.told).toEqual([]);
    expect(told.battery.test?.quietSince).toBe(20_000);
    expect(told.read(319, 'OL', PASSED).told).toEqual([]);
    expect(told.read(320, 'OL', PASSED).told).toEqual(['test_passed']);
    expect(isPending(told.battery)).toBe(false);
  });

  test('goes on when its sign comes back', () => {
    const told = new BatteryStory().read(0, 'OL', PASSED).read(5, 'OL TEST', PASSED).read(20, 'OL', PASSED);
    expect(told.read(30, 'OL TEST', PASSED).told).toEqual([]);
    expect(told.battery.test).toEqual({ at: asInstant(5000), wall: WALL + 5000, seen: true });
    expect(told.battery.lastTest).toMatchObject({ result: 'passed' });
    expect(told.read(325, 'OL', PASSED).told).toEqual([]);
  });

  test('does not end while the device is on battery', () => {
    const told = new BatteryStory()
      .read(0, 'OL', PASSED)
      .read(5, 'OL TEST', PASSED)
      .read(20, 'OB', PASSED, onBattery(20));
    expect(told.battery.test?.quietSince).toBeUndefined();
    expect(told.read(400, 'OB', PASSED, onBattery(20)).told).toEqual([]);
    expect(told.read(500, 'OL', PASSED).told).toEqual([]);
    expect(told.read(800, 'OL', PASSED).told).toEqual(['test_passed']);
  });

  test.each([{ words: NONE }, { words: {} }])('is let go where the device tells no result: %j', ({ words }) => {
    const told = new BatteryStory().read(0, 'OL', words).read(5, 'OL TEST', words).read(20, 'OL', words);
    expect(told.read(320, 'OL', words).told).toEqual([]);
    expect(told.battery.test).toBeUndefined();
    expect(told.battery.lastTest).toBeUndefined();
  });

  test('that never ends is given up after a day, told once, and taken for none', () => {
    const told = new BatteryStory().read(0, 'OL', RUNNING).read(86_399, 'OL', RUNNING);
    expect(told.told).toEqual([]);
    expect(isTesting(readAt(86_399, 'OL', RUNNING), told.battery, asInstant(86_399_000))).toBe(true);
    told.read(86_400, 'OL', RUNNING);
    expect(told.facts).toEqual([
      {
        type: 'test_warning',
        level: 'warning',
        text: 'the result of the self-test is not known: the device has told none for a day',
        details: { result: 'unknown' },
      },
    ]);
    expect(told.battery.lastTest).toBeUndefined();
    expect(told.read(86_401, 'OL', RUNNING).told).toEqual([]);
    expect(isTesting(readAt(86_401, 'OL TEST', RUNNING), told.battery, asInstant(86_401_000))).toBe(false);
    expect(isTestOpen(readAt(86_401, 'OL CAL', RUNNING), told.battery, asInstant(86_401_000))).toBe(false);
    expect(told.read(90_000, 'OL', PASSED).told).toEqual(['test_passed']);
    expect(told.battery.test).toBeUndefined();
  });
});

describe('a test that we start', () => {
  const COMMAND = 'test.battery.start.quick';
  const started = (): BatteryStory => {
    const told = new BatteryStory().read(0, 'OL', PASSED);
    told.battery = withTestStarted(told.battery, COMMAND, stampAt(10));
    return told;
  };

  test.each([
    { sign: 'the TEST word', status: 'OL TEST', power: undefined },
    { sign: 'a discharge on mains', status: 'OL DISCHRG', power: undefined },
    { sign: 'an outage', status: 'OB', power: onBattery(12) },
  ])('is told once it shows by $sign', ({ status, power }) => {
    const told = started().read(12, status, PASSED, power);
    expect(told.facts).toMatchObject([{ type: 'test_started', details: { command: COMMAND } }]);
    expect(told.facts[0]?.text).toBe(`self-test started by ${COMMAND}`);
    expect(told.battery.test).toEqual({ at: asInstant(10_000), wall: WALL + 10_000, command: COMMAND, seen: true });
  });

  test('an outage later than 30 s after it is none of it', () => {
    expect(started().read(41, 'OB', PASSED, onBattery(41)).told).toEqual([]);
  });

  test('ends with its result, which names it', () => {
    const told = started().read(20, 'OL', result('Done and error'));
    expect(told.facts).toMatchObject([{ type: 'test_failed', details: { command: COMMAND } }]);
    expect(told.battery.lastTest?.result).toBe('failed');
  });

  test('that never shows proves nothing by the words of an earlier one, and is given up after a day', () => {
    const told = started();
    for (const second of [20, 400, 86_400]) {
      const { battery } = told;
      expect(told.read(second, 'OL', PASSED).told).toEqual([]);
      expect(told.battery.test).toBe(battery.test);
    }
    told.read(86_410, 'OL', PASSED);
    expect(told.facts).toMatchObject([{ type: 'test_warning', details: { result: 'unknown', command: COMMAND } }]);
    expect(told.battery.test).toBeUndefined();
    expect(told.battery.lastTest?.old).toBe(true);
  });

  test('is forgotten when the device refuses the command, unless it was seen', () => {
    expect(withTestRefused(started().battery).test).toBeUndefined();
    const seen = started().read(12, 'OL TEST', PASSED).battery;
    expect(withTestRefused(seen)).toBe(seen);
    const others = new BatteryStory().read(0, 'OL TEST', PASSED).battery;
    expect(withTestRefused(others)).toBe(others);
    expect(withTestRefused(NO_BATTERY)).toBe(NO_BATTERY);
  });
});

describe('whether a device tests', () => {
  const started = withTestStarted(NO_BATTERY, 'test.battery.start', stampAt(0));
  test.each([
    { says: [false, false], when: 'nothing says so', status: 'OL', words: PASSED, battery: NO_BATTERY, now: 0 },
    { says: [true, true], when: 'TEST does', status: 'OL TEST', words: {}, battery: NO_BATTERY, now: 0 },
    { says: [true, true], when: 'its result does', status: 'OL', words: RUNNING, battery: NO_BATTERY, now: 0 },
    { says: [false, true], when: 'only CAL does', status: 'OL CAL', words: {}, battery: NO_BATTERY, now: 0 },
    { says: [true, true], when: 'we have started one 30 s ago', status: 'OB', words: {}, battery: started, now: 30 },
    { says: [false, true], when: 'we have started one 31 s ago', status: 'OL', words: {}, battery: started, now: 31 },
    { says: [false, false], when: 'we have five minutes ago', status: 'OL', words: {}, battery: started, now: 300 },
    {
      says: [false, true],
      when: 'one was seen that has not ended',
      status: 'OL',
      words: {},
      battery: { test: { at: asInstant(0), wall: WALL, seen: true as const } },
      now: 3600,
    },
  ])('$says when $when', ({ says, status, words, battery, now }) => {
    const reading = readAt(now, status, words);
    const at = asInstant(now * 1000);
    expect([isTesting(reading, battery, at), isTestOpen(reading, battery, at)]).toEqual(says);
  });
});
