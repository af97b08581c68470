import { expect, test } from 'vitest';
import { reading } from '../../tests/kit/story.ts';
import { asInstant } from '../domain/time.ts';
import { derive } from './derived.ts';

const UP = { kind: 'up' } as const;
const power = (variables: Readonly<Record<string, string>>, nominal?: number, status: string | undefined = 'OL') => {
  const derived = derive(reading(status, variables), UP, nominal);
  return [derived.get('power'), derived.get('power.basis')];
};

test.each([
  ['the device measures it', { 'ups.realpower': '120.4', 'ups.load': '90' }, '120', 'measured'],
  ['its output does', { 'output.realpower': '75', 'ups.power': '400' }, '75', 'measured'],
  ['the first one counts that is plausible', { 'ups.realpower': '-5', 'output.realpower': '75' }, '75', 'measured'],
  ['its outlets do', { 'outlet.realpower': '33' }, '33', 'measured'],
  [
    'three phases add up',
    { 'output.L1.realpower': '100', 'output.L2.realpower': '200.4', 'output.L3.realpower': '50.4' },
    '351',
    'measured',
  ],
  ['one phase is all there is', { 'output.L1.realpower': '100' }, '100', 'measured'],
  [
    'a phase is not known, so their sum is not',
    { 'output.L1.realpower': '100', 'output.L2.realpower': 'XX', 'ups.load': '50', 'ups.realpower.nominal': '1000' },
    '500',
    'load',
  ],
  [
    'the first phase is not known',
    { 'output.L1.realpower': 'XX', 'output.L2.realpower': '100', 'ups.load': '50', 'ups.realpower.nominal': '1000' },
    '500',
    'load',
  ],
  ['load times nominal watts', { 'ups.load': '25', 'ups.realpower.nominal': '600' }, '150', 'load'],
  ['load times nominal watts of the output', { 'ups.load': '25', 'output.realpower.nominal': '400' }, '100', 'load'],
  ['apparent power and factor', { 'ups.power': '200', 'ups.powerfactor': '0.9' }, '180', 'apparent'],
  [
    'apparent power and factor of the output',
    { 'output.power': '200', 'output.powerfactor': '0.9' },
    '180',
    'apparent',
  ],
  [
    'apparent power and factor of its outlets',
    { 'outlet.power': '200', 'outlet.powerfactor': '0.7' },
    '140',
    'apparent',
  ],
  ['apparent power alone', { 'output.power': '200' }, '160', 'apparent'],
  ['a factor in percent is none', { 'ups.power': '200', 'ups.powerfactor': '90' }, '160', 'apparent'],
  ['load times nominal apparent power', { 'ups.load': '50', 'ups.power.nominal': '1000' }, '400', 'apparent'],
  [
    'load times nominal apparent power of the output',
    { 'ups.load': '50', 'output.power.nominal': '500' },
    '200',
    'apparent',
  ],
  [
    'nominal watts of zero are none',
    { 'ups.load': '50', 'ups.realpower.nominal': '0', 'ups.power.nominal': '1000' },
    '400',
    'apparent',
  ],
])('the power where %s', (_, variables, watts, basis) => {
  expect(power(variables)).toEqual([watts, basis]);
});

test('the nominal power of the configuration outranks that of the device', () => {
  expect(power({ 'ups.load': '25', 'ups.realpower.nominal': '600' }, 1000)).toEqual(['250', 'load']);
});

test.each([
  ['nothing tells it', {}],
  ['the load stands alone', { 'ups.load': '50' }],
  ['the rating stands alone', { 'ups.power.nominal': '1000', 'ups.realpower.nominal': '600' }],
  ['the load is absurd', { 'ups.load': '562020.0', 'ups.realpower.nominal': '600' }],
])('there is no power where %s', (_, variables) => {
  expect(power(variables)).toEqual([undefined, undefined]);
});

test('what goes into a PDU is its power, what goes into a UPS is not', () => {
  const variables = { 'input.realpower': '1500' };
  const pdu = derive(reading(undefined, variables), UP);
  expect([pdu.get('power'), pdu.get('power.basis')]).toEqual(['1500', 'measured']);
  expect(power(variables)).toEqual([undefined, undefined]);
});

test.each([
  ['OL CHRG', { 'ups.status.display': 'Online, Battery Charging', mains: 'on' }],
  ['OB LB', { 'ups.status.display': 'On Battery, Low Battery', mains: 'off' }],
  ['OL OB', { 'ups.status.display': 'Online, On Battery', mains: 'off' }],
  ['OFF', { 'ups.status.display': 'Offline' }],
  ['NEW WORD', { 'ups.status.display': 'NEW, WORD' }],
  ['', { 'ups.status.display': '' }],
  [undefined, {}],
])('a status %j gives %j', (status, values) => {
  expect(Object.fromEntries(derive(reading(status), UP))).toEqual({ ...values, connection: 'connected' });
});

test('the connection is told without a reading, and nothing where nothing is known', () => {
  const lost = {
    kind: 'lost',
    trouble: { kind: 'data-stale', detail: 'x' },
    since: asInstant(0),
    sinceWall: 0,
  } as const;
  expect(Object.fromEntries(derive(undefined, lost))).toEqual({ connection: 'data-stale' });
  expect(derive(undefined, { kind: 'unknown' }).size).toBe(0);
});
