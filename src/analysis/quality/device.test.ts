import { describe, expect, test } from 'vitest';
import { Line } from '../../../tests/kit/quality.ts';
import { WALL } from '../../../tests/kit/story.ts';

describe('what the device itself does', () => {
  test.each([
    ['OL', 'none', 'inactive'],
    ['OL BOOST', 'boost', 'inactive'],
    ['OL TRIM', 'trim', 'inactive'],
    ['OL BYPASS', 'none', 'active'],
  ])('%s', (status, avr, bypass) => {
    const { quality } = new Line().reads(7, {}, status);
    expect(quality.avr).toEqual({ state: avr, since: 7000, sinceWall: WALL + 7000 });
    expect(quality.bypass?.state).toBe(bypass);
  });

  test('states stay since they began, and while the status is empty', () => {
    const { quality } = new Line().reads(0, {}, 'OL BOOST').reads(1, {}, 'OL BOOST RB').reads(2, {}, '');
    expect(quality.avr).toEqual({ state: 'boost', since: 0, sinceWall: WALL });
    expect(quality.overload?.state).toBe('normal');
  });

  test('a device without a status and a load says nothing of all that', () => {
    const { quality, facts } = new Line().reads(0, {}, '', { fed: undefined });
    expect([quality.avr, quality.bypass, quality.overload, facts]).toEqual([undefined, undefined, undefined, []]);
  });

  test.each([
    ['by its flag', {}, 'OL OVER', 'overloaded for 5 s', {}],
    ['by its load', { 'ups.load': '101' }, 'OL', 'overloaded for 5 s, load 101 %', { load: 101 }],
    ['on battery', { 'ups.load': '120' }, 'OB', 'overloaded for 5 s, load 120 %', { load: 120 }],
    ['without a status', { 'ups.load': '120' }, '', 'overloaded for 5 s, load 120 %', { load: 120 }],
  ])('overloaded %s', (_, said, status, text, details) => {
    const line = new Line().reads(0, { 'ups.load': '50' }).reads(10, said, status).reads(14, said, status);
    expect(line.told).toEqual([]);
    expect(line.reads(15, said, status).facts).toStrictEqual([{ type: 'overload', level: 'error', text, details }]);
    expect(line.quality.overload).toEqual({ state: 'overload', since: 10_000, sinceWall: WALL + 10_000 });
  });

  test.each([
    ['100 % is none, and does not end one', '100', 'normal', 'overload'],
    ['101 % is one', '101', 'overload', 'overload'],
    ['96 % does not end it', '96', 'normal', 'overload'],
    ['95 % does', '95', 'normal', 'normal'],
  ])('overload: %s', (_, load, fromNormal, fromOverload) => {
    const then = (first: string): string | undefined => {
      const line = new Line().reads(0, { 'ups.load': first }).reads(5, { 'ups.load': first });
      return line.reads(10, { 'ups.load': load }).reads(15, { 'ups.load': load }).quality.overload?.state;
    };
    expect([then('50'), then('130')]).toEqual([fromNormal, fromOverload]);
  });

  test('the end of an overload is told', () => {
    const line = new Line().reads(0, {}, 'OL OVER').reads(5, {}, 'OL OVER').reads(8, { 'ups.load': '90' });
    expect(line.reads(13, { 'ups.load': '80' }).facts[1]).toEqual({
      type: 'overload_ended',
      level: 'notice',
      text: 'no longer overloaded after 8 s, load 80 %',
      details: { load: 80, lasted: 8 },
    });
  });
});
