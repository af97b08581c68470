import { describe, expect, test } from 'vitest';
import { asInstant } from '../../domain/time.ts';
import { type Device, forgetTrouble, newDevice, takeStatus, takeWhole } from './device.ts';
import type { Reply } from './questions.ts';

const at = (ms: number) => ({ asked: asInstant(ms), at: asInstant(ms + 1) });
const whole = (status: string | undefined, ...more: readonly string[]): Reply => {
  const rows = [...(status === undefined ? [] : [`ups.status "${status}"`]), ...more].map((row) => `VAR u ${row}\n`);
  return { kind: 'list', block: `BEGIN LIST VAR u\n${rows.join('')}END LIST VAR u\n` };
};
const status = (text: string): Reply => ({ kind: 'line', rest: `"${text}"` });
const error = (code: string): Reply => ({ kind: 'error', code });

/** A device that has been read whole once. */
function heard(reply: Reply = whole('OL', 'battery.charge "100"')): Device {
  const device = newDevice({ name: 'u' });
  takeWhole(device, reply, at(0));
  device.wholeDue = false;
  device.inventoryDue = false;
  return device;
}

test('a status that goes and comes between two equal whole answers does not stay', () => {
  const device = heard();
  expect(takeStatus(device, status('OB'), at(10))?.flags).toEqual(['OB']);
  expect(device.wholeDue).toBe(true);
  const back = takeWhole(device, whole('OL', 'battery.charge "100"'), at(20));
  expect(back?.flags).toEqual(['OL']);
  expect(back?.variables.get('ups.status')).toBe('OL');
  expect(back).toMatchObject(at(20));
});

test('an equal status says nothing but that the device lives', () => {
  const device = heard();
  const first = device.reading;
  const next = takeStatus(device, status(' OL '), at(10));
  expect(next?.variables).toBe(first?.variables);
  expect(next?.flags).toBe(first?.flags);
  expect(next).toMatchObject(at(10));
  expect(device.wholeDue).toBe(false);
});

test('a value that is set to what it was is the same object', () => {
  const device = heard();
  const first = device.reading?.variables;
  expect(takeWhole(device, whole('OL', 'battery.charge "99"'), at(10))?.variables).not.toBe(first);
  const second = device.reading?.variables;
  expect(takeWhole(device, whole('OL', 'battery.charge " 99"'), at(20))?.variables).toBe(second);
  expect(device.inventoryDue).toBe(false);
});

test('names that come or go make the inventory due', () => {
  const device = heard();
  takeWhole(device, whole('OL', 'battery.charge "100"', 'ups.alarm "x"'), at(10));
  expect(device.inventoryDue).toBe(true);
  device.inventoryDue = false;
  takeWhole(device, whole('OL', 'battery.charge "100"', 'ups.test "x"'), at(20));
  expect(device.inventoryDue).toBe(true);
});

test('a device without a status lives by its answers, and one that had a status is read anew', () => {
  const pdu = heard(whole(undefined, 'outlet.1.status "on"'));
  expect(takeStatus(pdu, error('VAR-NOT-SUPPORTED'), at(10))).toMatchObject({ ...at(10), flags: [] });
  expect(takeStatus(pdu, error('VAR-UNKNOWN'), at(20))).toMatchObject(at(20));
  const ups = heard();
  expect(takeStatus(ups, error('VAR-NOT-SUPPORTED'), at(10))).toBeUndefined();
  expect([ups.wholeDue, ups.trouble]).toEqual([true, undefined]);
});

describe.each([
  { name: 'a driver that is gone', reply: error('DRIVER-NOT-CONNECTED'), kind: 'driver-not-connected', again: true },
  { name: 'an unknown device', reply: error('UNKNOWN-UPS'), kind: 'unknown-ups', again: true },
  { name: 'a driver that starts', reply: status('WAIT'), kind: 'waiting', again: true },
  { name: 'a driver that starts, with FSD', reply: status('FSD WAIT'), kind: 'waiting', again: true },
  { name: 'stale data', reply: error('DATA-STALE'), kind: 'data-stale', again: false },
  { name: 'denied access', reply: error('ACCESS-DENIED'), kind: 'access-denied', again: false },
  { name: 'another error', reply: error('WHAT-IS-THIS'), kind: 'refused', again: false },
  { name: 'a broken value', reply: { kind: 'line', rest: '"OL' } as const, kind: 'malformed', again: false },
])('$name', ({ reply, kind, again }) => {
  test('is a trouble that is new once, and ends with a whole answer', () => {
    const device = heard();
    expect(takeStatus(device, reply, at(10))).toBeUndefined();
    expect(device.trouble).toMatchObject({ told: false, trouble: { kind } });
    if (device.trouble !== undefined) device.trouble = { ...device.trouble, told: true };
    expect(takeStatus(device, reply, at(20))).toBeUndefined();
    expect(device.trouble?.told).toBe(true);

    expect(takeStatus(device, status('OL'), at(30))).toBeUndefined();
    expect([device.wholeDue, device.trouble?.told]).toEqual([true, true]);
    expect(takeWhole(device, whole('OL', 'battery.charge "100"'), at(40))).toMatchObject(at(40));
    expect([device.trouble, device.inventoryDue]).toEqual([undefined, again]);
  });
});

test('variables that are partial, while the driver starts, are no reading', () => {
  const device = heard();
  expect(takeWhole(device, whole('WAIT', 'battery.charge "0"'), at(10))).toBeUndefined();
  expect(device.trouble?.trouble.kind).toBe('waiting');
  expect(device.reading?.variables.get('battery.charge')).toBe('100');
});

test('a word that only begins with WAIT is a word like any other', () => {
  const device = heard();
  expect(takeStatus(device, status('OL WAITING'), at(10))?.flags).toEqual(['OL', 'WAITING']);
});

test('after the server was away everything is to be read and told again', () => {
  const device = heard();
  takeStatus(device, error('DATA-STALE'), at(10));
  forgetTrouble(device);
  expect([device.trouble, device.wholeDue, device.inventoryDue]).toEqual([undefined, true, true]);
});
