import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../domain/limits.ts';
import {
  afterHead,
  errorCode,
  isNoVariable,
  malformed,
  readDescription,
  readEnum,
  readListing,
  readRanges,
  readTrackingId,
  readType,
  readValue,
  readVariables,
  troubleOfCode,
} from './parse.ts';
import { quoted } from './quoting.ts';

const block = (head: string, ...items: readonly string[]): string =>
  [`BEGIN LIST ${head}`, ...items.map((item) => `${head} ${item}`), `END LIST ${head}`, ''].join('\n');

test.each([
  ['VAR u ups.status "OL"', 'VAR u ups.status', 'VAR u ups.status '.length],
  ['VAR U UPS.Status "OL"', 'VAR u ups.status', 'VAR u ups.status '.length],
  ['VAR u ups.status', 'VAR u ups.status', 'VAR u ups.status'.length],
  ['VAR u ups.statusx "OL"', 'VAR u ups.status', -1],
  ['VAR other x "1"', 'VAR u x', -1],
  ['', 'OK', -1],
])('%j after %j begins at %j', (line, head, at) => {
  expect(afterHead(line, head)).toBe(at);
});

test.each([
  ['ERR DATA-STALE', 'DATA-STALE'],
  ['ERR data-stale and some words', 'DATA-STALE'],
  ['ERR', 'UNKNOWN'],
  ['ERR ', ''],
  ['ERROR', undefined],
  ['VAR u x "ERR"', undefined],
])('%j is the error %j', (line, code) => {
  expect(errorCode(line)).toBe(code);
});

test.each([
  ['DRIVER-NOT-CONNECTED', 'driver-not-connected'],
  ['DATA-STALE', 'data-stale'],
  ['UNKNOWN-UPS', 'unknown-ups'],
  ['ACCESS-DENIED', 'access-denied'],
  ['UNKNOWN-COMMAND', 'refused'],
  ['constructor', 'refused'],
  ['', 'refused'],
])('%j is the trouble %s', (code, kind) => {
  expect(troubleOfCode(code)).toEqual({ kind, detail: code });
});

test('a variable may be unknown in old words and new', () => {
  expect(['VAR-NOT-SUPPORTED', 'VAR-UNKNOWN', 'DATA-STALE'].map(isNoVariable)).toEqual([true, true, false]);
});

test('a malformed line is shown short and without control characters', () => {
  expect(malformed('what', '\u001b[31mred\u0000')).toEqual({ kind: 'malformed', detail: 'what: ?[31mred?' });
  expect(malformed('what', 'x'.repeat(5000)).detail.length).toBeLessThan(120);
});

describe('LIST VAR', () => {
  test('values are unquoted, trimmed and cut; names in any case are kept', () => {
    const text = block(
      'VAR u',
      'ups.status "OL"',
      'ups.serial ""',
      'ups.model " say \\"hi\\" \\\\ \\#1 "',
      `ups.mfr "${'9'.repeat(2000)}"`,
      'Outlet.1.Desc "x"',
    );
    expect([...readVariables(text, 'VAR u')]).toEqual([
      ['ups.status', 'OL'],
      ['ups.serial', ''],
      ['ups.model', 'say "hi" \\ #1'],
      ['ups.mfr', '9'.repeat(LIMITS.value)],
      ['Outlet.1.Desc', 'x'],
    ]);
  });

  test('broken values, names that are none and credentials of drivers are left out', () => {
    const text = block(
      'VAR u',
      'ups.a "open',
      'ups.b "x" y',
      'ups.c bare',
      'ups.d',
      '"ups.e" "x"',
      'ups./+ "x"',
      'driver.parameter.community "public"',
      'ups.status "OL"',
    );
    expect([...readVariables(text, 'VAR u').keys()]).toEqual(['ups.status']);
  });

  test('any text reads back', () => {
    const printable = fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    });
    fc.assert(
      fc.property(printable, (text) => {
        expect(readVariables(block('VAR u', `a.b ${quoted(text)}`), 'VAR u').get('a.b')).toBe(text.trim());
      }),
    );
  });
});

test.each([
  ['"OL CHRG"', 'OL CHRG'],
  ['" OL "', 'OL'],
  ['""', ''],
  ['OL', undefined],
  ['"OL', undefined],
])('the value %s is %j', (rest, value) => {
  expect(readValue(rest)).toBe(value);
});

test('descriptions of none are absent', () => {
  expect(readDescription('"Turn off"')).toBe('Turn off');
  expect(readDescription('"Description unavailable"')).toBeUndefined();
  expect(readDescription('""')).toBeUndefined();
  expect(readDescription('bare')).toBeUndefined();
});

test('LIST UPS keeps case and order, each name once, and leaves out what cannot be asked for', () => {
  const text = block(
    'UPS',
    'Rack "The \\"big\\" one"',
    'second "Description unavailable"',
    'RACK "again"',
    'two words "x"',
    'bad=name "x"',
    'third',
  );
  expect(readListing(text)).toEqual({
    devices: [{ name: 'Rack', description: 'The "big" one' }, { name: 'second' }, { name: 'third' }],
    leftOut: ['two words "x"', 'bad=name "x"'],
  });
});

test('at most a thousand devices are taken', () => {
  const { devices, leftOut } = readListing(
    block('UPS', ...Array.from({ length: 1200 }, (_, index) => `u${index} "x"`)),
  );
  expect(devices.length).toBe(1000);
  expect(leftOut.length).toBe(10);
});

test.each([
  ['RW ENUM', { list: 'ENUM', accepts: { kind: 'text', maxLength: LIMITS.value } }],
  ['RW RANGE NUMBER', { list: 'RANGE', accepts: { kind: 'number' } }],
  ['RW STRING:32', { accepts: { kind: 'text', maxLength: 32 } }],
  ['RW NUMBER', { accepts: { kind: 'number' } }],
  ['NUMBER', { accepts: { kind: 'number' } }],
  ['RW', { accepts: { kind: 'text', maxLength: LIMITS.value } }],
  ['RW STRING:0', { accepts: { kind: 'text', maxLength: LIMITS.value } }],
  ['RW STRING:99999', { accepts: { kind: 'text', maxLength: LIMITS.value } }],
  ['rw enum string:5', { list: 'ENUM', accepts: { kind: 'text', maxLength: 5 } }],
])('the type %s', (rest, type) => {
  expect(readType(rest)).toEqual(type);
});

test('ENUM and RANGE lists leave out what is broken and turn what is the wrong way round', () => {
  expect(readEnum(block('ENUM u v', '"a"', '"b c"', 'd', '"e'), 'ENUM u v')).toEqual(['a', 'b c']);
  const ranges = block('RANGE u v', '"1" "5"', '"-2.5" "0"', '"9" "3"', '"x" "3"', '"1"', `"1" "${'9'.repeat(255)}"`);
  expect(readRanges(ranges, 'RANGE u v')).toEqual([
    [1, 5],
    [-2.5, 0],
    [3, 9],
  ]);
});

test.each([
  ['', undefined],
  ['TRACKING 1bd31808-cb49-4aec-9d75-d056e6f018d2', '1bd31808-cb49-4aec-9d75-d056e6f018d2'],
  ['TRACKING', undefined],
  ['TRACKING a"b', undefined],
  ['something else', undefined],
])('the tracking id of OK %j is %j', (rest, id) => {
  expect(readTrackingId(rest)).toBe(id);
});
