import { expect, test } from 'vitest';
import { cronProblem } from './cron.ts';

test.each([
  '* * * * *',
  '0 10 1 * *',
  ' 0  10\t1 * * ',
  '*/15 0-23 1,15,31 1-12/3 0-7',
  '59 23 31 12 7',
  '5,10-20/5,*/30 * * * 1-5',
])('%j', (text) => {
  expect(cronProblem(text)).toBeUndefined();
});

const FORM = 'write five fields: minute, hour, day of the month, month, day of the week';
const wrong = (field: string, least: number, most: number) =>
  `the ${field} must be *, numbers from ${least} to ${most}, ranges such as 1-5, or steps such as */2`;

test.each([
  ['', FORM],
  ['* * * *', FORM],
  ['* * * * * *', FORM],
  ['@daily', FORM],
  ['60 * * * *', wrong('minute', 0, 59)],
  ['-1 * * * *', wrong('minute', 0, 59)],
  ['5- * * * *', wrong('minute', 0, 59)],
  ['1,,2 * * * *', wrong('minute', 0, 59)],
  ['*/0 * * * *', wrong('minute', 0, 59)],
  ['*/60 * * * *', wrong('minute', 0, 59)],
  ['5/10 * * * *', wrong('minute', 0, 59)],
  ['** * * * *', wrong('minute', 0, 59)],
  ['1.5 * * * *', wrong('minute', 0, 59)],
  ['* 24 * * *', wrong('hour', 0, 23)],
  ['* 20-8 * * *', wrong('hour', 0, 23)],
  ['* * 0 * *', wrong('day of the month', 1, 31)],
  ['* * 1-32 * *', wrong('day of the month', 1, 31)],
  ['* * * JAN *', wrong('month', 1, 12)],
  ['* * * 13 *', wrong('month', 1, 12)],
  ['* * * * 8', wrong('day of the week', 0, 7)],
  ['* * * * mon', wrong('day of the week', 0, 7)],
])('%j is refused', (text, problem) => {
  expect(cronProblem(text)).toBe(problem);
});
