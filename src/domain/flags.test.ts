import fc from 'fast-check';
import { expect, test } from 'vitest';
import facts from '../../tests/kit/home-assistant-facts/nut-integration.json' with { type: 'json' };
import { FLAG_EVENTS, FLAG_NAMES, feedOf, flagRow, statusText, statusWords } from './flags.ts';

const WORDS =
  'OL OB LB HB RB CHRG DISCHRG BYPASS CAL OFF OVER TRIM BOOST FSD ALARM WAIT ECO HE ESS TEST NULL OTHER'.split(' ');

test('every word of a status that NUT knows has a row', () => {
  expect(WORDS.filter((word) => flagRow(word) === undefined)).toEqual([]);
  expect(FLAG_NAMES.toSorted()).toEqual(WORDS.toSorted());
});

test.each(Object.entries(facts.status_words))('%s reads as in Home Assistant: %s', (word, text) => {
  expect(flagRow(word)?.text).toBe(text);
});

test('the events are each named once', () => {
  expect(new Set(FLAG_EVENTS).size).toBe(FLAG_EVENTS.length);
  expect(FLAG_EVENTS).toHaveLength(28);
  expect(FLAG_EVENTS).toEqual(expect.arrayContaining(['onbatt', 'online', 'lowbatt', 'fsd', 'replbatt', 'eco']));
});

test.each([
  ['OL CHRG', ['OL', 'CHRG']],
  ['  OB   LB\t', ['OB', 'LB']],
  ['ol', ['OL']],
  ['OB OFF OB', ['OB', 'OFF']],
  ['', []],
  [' ', []],
  ['OL WEIRD', ['OL', 'WEIRD']],
])('%j has the words %j', (status, words) => {
  expect(statusWords(status)).toEqual(words);
});

test('a status of very many words is cut', () => {
  expect(statusWords(Array.from({ length: 500 }, (_, at) => `W${at}`).join(' '))).toHaveLength(32);
});

test.each([
  [['OL'], 'Online'],
  [['OB', 'LB'], 'On Battery, Low Battery'],
  [['OL', 'WEIRD', 'constructor'], 'Online, WEIRD, constructor'],
  [[], ''],
])('%j reads "%s"', (words, text) => {
  expect(statusText(words)).toBe(text);
});

test('unknown words never break the text or pass for a feed', () => {
  fc.assert(
    fc.property(fc.string(), (status) => {
      const words = statusWords(status);
      expect(statusText(words).length).toBeGreaterThanOrEqual(words.length);
      if (!WORDS.some((word) => words.includes(word))) expect(feedOf(words)).toBeUndefined();
    }),
  );
});

test.each([
  ['OL', 'mains'],
  ['OL CHRG', 'mains'],
  ['TRIM', 'mains'],
  ['BOOST', 'mains'],
  ['BYPASS', 'mains'],
  ['ECO', 'mains'],
  ['HE', 'mains'],
  ['ESS', 'mains'],
  ['OB', 'battery'],
  ['OL OB', 'battery'],
  ['OB BYPASS', 'battery'],
  ['', undefined],
  ['WAIT', undefined],
  ['OFF', undefined],
  ['LB', undefined],
  ['RB OVER ALARM CHRG DISCHRG TEST CAL', undefined],
  ['WEIRD', undefined],
] as const)('%j proves %s', (status, feed) => {
  expect(feedOf(statusWords(status))).toBe(feed);
});

const PROBLEM = { deviceClass: 'problem', diagnostic: true, enabled: true };
const HIDDEN = { diagnostic: true, enabled: false };

test.each([
  ['LB', { label: 'Low battery', deviceClass: 'battery', diagnostic: false, enabled: true }],
  ['HB', { label: 'High battery', ...PROBLEM }],
  ['RB', { label: 'Replace battery', ...PROBLEM }],
  ['CHRG', { label: 'Battery charging', deviceClass: 'battery_charging', diagnostic: true, enabled: true }],
  ['DISCHRG', { label: 'Battery discharging', ...HIDDEN }],
  ['TEST', { label: 'Battery test running', diagnostic: true, enabled: true }],
  ['ECO', { label: 'ECO mode', ...HIDDEN }],
  ['OL', undefined],
])('the sensor of %s is %j', (word, sensor) => {
  expect(flagRow(word)?.sensor).toEqual(sensor);
});
