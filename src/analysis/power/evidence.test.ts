import { describe, expect, test } from 'vitest';
import { readAt } from '../../../tests/kit/battery.ts';
import { isBelowTransfer, isCalibrating, isUnfed, proofOf } from './evidence.ts';

describe('what a status proves', () => {
  test.each([
    ...['OB', 'OB LB', 'OB DISCHRG', 'OB CAL', 'OB TRIM', 'OB BYPASS', 'RB OB'].map((status) => [status, 'battery']),
    ...['OL', 'TRIM', 'BOOST', 'ECO', 'HE', 'ESS', 'BYPASS', 'OL CHRG', 'OL LB RB', 'OL CAL', 'OL OFF', 'ALARM OL'].map(
      (status) => [status, 'mains'],
    ),
    ...['OL OB', 'OB OL LB', 'OB DISCHRG OL'].map((status) => [status, 'both']),
    ...['', 'WAIT', 'OFF', 'LB', 'RB', 'OVER', 'ALARM', 'CHRG', 'DISCHRG', 'TEST', 'CAL', 'FSD', 'NULL', 'ONLINE'].map(
      (status) => [status, undefined],
    ),
    ['LB RB OVER ALARM CHRG DISCHRG TEST CAL OFF WAIT', undefined],
  ])('%j', (status, proof) => {
    expect(proofOf(readAt(0, `${status}`))).toBe(proof);
  });
});

const volts = (voltage: string, nominal?: string, status = 'OL CAL') =>
  readAt(0, status, {
    'input.voltage': voltage,
    ...(nominal === undefined ? {} : { 'input.voltage.nominal': nominal }),
  });

describe('an input voltage of nothing', () => {
  test.each([
    ['0', '230', true],
    ['22.9', '230', true],
    ['23', '230', false],
    ['23', undefined, false],
    ['9.9', undefined, true],
    ['10', undefined, false],
    ['11.9', '120', true],
    ['', '230', false],
    ['-1', '230', false],
    ['n/a', '230', false],
    ['230', '230', false],
  ])('%s V of nominal %s: %s', (voltage, nominal, expected) => {
    expect(isUnfed(volts(voltage, nominal))).toBe(expected);
  });

  test('is not told where no voltage is told', () => {
    expect(isUnfed(readAt(0, 'OB', { 'input.voltage.nominal': '230' }))).toBe(false);
  });

  test.each(['0', '1', '', 'unknown'])('is seen although the nominal voltage is told as %j', (nominal) => {
    expect(isUnfed(volts('0', nominal))).toBe(true);
  });
});

describe('a calibration', () => {
  test.each([
    ['OL CAL', '230', true],
    ['OB CAL', '230', true],
    ['OB CAL', '0', false],
    ['OB CAL', 'unknown', true],
    ['OB', '230', false],
  ])('%s at %s V: %s', (status, voltage, expected) => {
    expect(isCalibrating(volts(voltage, '230', status))).toBe(expected);
  });
});

test.each([
  ['195', '196', true],
  ['196', '196', false],
  ['0', 'unknown', true],
  ['100', 'unknown', false],
  ['unknown', '196', false],
])('input of %s V with a transfer point of %s V is below it: %s', (voltage, low, expected) => {
  const reading = readAt(0, 'OL OB', { 'input.voltage': voltage, 'input.transfer.low': low });
  expect(isBelowTransfer(reading)).toBe(expected);
});
