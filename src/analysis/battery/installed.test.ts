import { expect, test } from 'vitest';
import { readAt } from '../../../tests/kit/battery.ts';
import { ageTerm, dateOf, EXPECTED_LIFE, installedAt } from './installed.ts';
import { DAY } from './step.ts';

const NOW = Date.UTC(2026, 0, 1);
const noon = (year: number, month: number, day: number) => Date.UTC(year, month - 1, day, 12);

test.each([
  { text: '2019/10/11', is: noon(2019, 10, 11) },
  { text: '2019-10-11', is: noon(2019, 10, 11) },
  { text: '2019-10-11T12:30:00Z', is: noon(2019, 10, 11) },
  { text: '10/11/19', is: noon(2019, 10, 11) },
  { text: '10/11/2019', is: noon(2019, 10, 11) },
  { text: '25/11/2019', is: noon(2019, 11, 25) },
  { text: '11/6/03', is: noon(2003, 11, 6) },
  { text: '02/22/93', is: noon(1993, 2, 22) },
  { text: '12/05/2019', is: noon(2019, 12, 5) },
  { text: '1980/01/01', is: noon(1980, 1, 1) },
  { text: '02/29/24', is: noon(2024, 2, 29) },
  { text: '02/29/23', is: undefined },
  { text: '25/25/2019', is: undefined },
  { text: '4158/00/03', is: undefined },
  { text: '2019/13/01', is: undefined },
  { text: '1979/12/31', is: undefined },
  { text: '2100/01/01', is: undefined },
  { text: '12/01/0024', is: undefined },
  { text: '01/01/70', is: undefined },
  { text: '2019/10/00', is: undefined },
  { text: 'since 2019/10/11', is: undefined },
  { text: 'since 10/11/2019', is: undefined },
  { text: 'not set', is: undefined },
  { text: 'CPS', is: undefined },
  { text: '1', is: undefined },
  { text: '', is: undefined },
])('$text is $is', ({ text, is }) => {
  expect(dateOf(text)).toBe(is);
});

test.each([
  { when: 'nobody says it', variables: {}, configured: undefined, is: undefined },
  {
    when: 'the configuration and the device say it',
    variables: { 'battery.date': '2023/01/01' },
    configured: NOW - 900 * DAY,
    is: { wall: NOW - 900 * DAY, by: 'configuration' },
  },
  {
    when: 'the configuration says the future',
    variables: { 'battery.date': '2023/01/01' },
    configured: NOW + 2 * DAY,
    is: { wall: noon(2023, 1, 1), by: 'device' },
  },
  {
    when: 'the configuration says a day that has not come here yet',
    variables: {},
    configured: NOW + DAY,
    is: { wall: NOW + DAY, by: 'configuration' },
  },
  {
    when: 'the device says change and making',
    variables: { 'battery.mfr.date': '2020/01/01', 'battery.date': '2023/01/01' },
    configured: undefined,
    is: { wall: noon(2023, 1, 1), by: 'device' },
  },
  {
    when: 'the change is not set',
    variables: { 'battery.mfr.date': '2020/01/01', 'battery.date': 'not set' },
    configured: undefined,
    is: { wall: noon(2020, 1, 1), by: 'device' },
  },
  {
    when: 'the device was never told',
    variables: { 'battery.mfr.date': '2007/01/01' },
    configured: undefined,
    is: undefined,
  },
  {
    when: 'the device is ahead of its time',
    variables: { 'battery.date': '2031/01/01' },
    configured: undefined,
    is: undefined,
  },
])('when $when', ({ variables, configured, is }) => {
  expect(installedAt(readAt(0, 'OL', variables), configured, NOW)).toEqual(is);
});

test('the device is believed for ten years', () => {
  const tenYears = 10 * 365.25 * DAY;
  const told = (now: number) => installedAt(readAt(0, 'OL', { 'battery.date': '2016/01/01' }), undefined, now);
  expect(told(noon(2016, 1, 1) + tenYears - 1)?.by).toBe('device');
  expect(told(noon(2016, 1, 1) + tenYears)).toBeUndefined();
});

test.each([
  { age: 0, term: 100 },
  { age: EXPECTED_LIFE / 4, term: 75 },
  { age: EXPECTED_LIFE, term: 0 },
  { age: 2 * EXPECTED_LIFE, term: 0 },
  { age: -DAY, term: 100 },
])('an age of $age ms comes to $term', ({ age, term }) => {
  expect(ageTerm(NOW - age, NOW)).toBe(term);
});
