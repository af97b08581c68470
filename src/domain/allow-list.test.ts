import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ALLOW_ENTRY, DEFAULT_ALLOW, isAllowed } from './allow-list.ts';

test.each([
  [['beeper.*'], 'beeper.mute', true],
  [['beeper.*'], 'beeper.', true],
  [['beeper.*'], 'beeper', false],
  [['beeper.*'], 'xbeeper.mute', false],
  [['beeper.*'], 'beeperxmute', false],
  [['beeper.mute'], 'Beeper.MUTE', true],
  [['beeper.mute'], 'beeper.mute.now', false],
  [['*'], 'load.off', true],
  [['*'], 'set:battery.charge.low', false],
  [['*'], 'bridge.reload', false],
  [['set:*'], 'set:battery.charge.low', true],
  [['set:*'], 'battery.charge.low', false],
  [['set:battery.charge.low'], 'set:battery.charge.low', true],
  [['set:battery.charge.low'], 'set:battery.charge.lower', false],
  [['bridge.*'], 'bridge.reload', true],
  [['bridge.reload'], 'bridge.health', false],
  [['*.off'], 'outlet.1.load.off', true],
  [['outlet.*.load.*'], 'outlet.2.load.on', true],
  [['outlet.*.load.*'], 'outlet.2.desc', false],
  [[], 'beeper.mute', false],
])('%j and %s: %s', (allow, what, allowed) => {
  expect(isAllowed(allow, what)).toBe(allowed);
});

test('the default lets nothing be switched off, set or armed', () => {
  const dangerous = ['load.off', 'shutdown.return', 'shutdown.stayoff', 'outlet.1.load.off', 'set:battery.charge.low'];
  const verbs = ['bridge.arm', 'bridge.shutdown', 'bridge.drill', 'bridge.self_test'];
  expect([...dangerous, ...verbs].filter((what) => isAllowed(DEFAULT_ALLOW, what))).toEqual([]);
  expect(DEFAULT_ALLOW.filter((entry) => !ALLOW_ENTRY.test(entry))).toEqual([]);
});

test('the default lets a beeper be silenced, a battery be tested, and a plan be looked at and stopped', () => {
  const harmless = ['beeper.mute', 'test.battery.start.quick', 'bridge.reload', 'bridge.health', 'bridge.plan'];
  const more = ['bridge.cancel', 'bridge.disarm', 'bridge.notify_test'];
  expect([...harmless, ...more].filter((what) => !isAllowed(DEFAULT_ALLOW, what))).toEqual([]);
});

test.each(['a b', '', 'set:', 'a/b', 'a:b', 'x\n', '(a+)+'])('%j is no entry', (entry) => {
  expect(ALLOW_ENTRY.test(entry)).toBe(false);
});

describe('as properties', () => {
  const unit = fc.constantFrom(...'abyzAB019.-_+?^$|\\()[]{}');
  const text = fc.string({ unit, minLength: 1, maxLength: 12 });
  const command = text.filter((name) => !name.startsWith('bridge.'));

  test('an entry without a star means itself alone, in any case', () => {
    fc.assert(
      fc.property(text, fc.oneof(text, fc.string()), (entry, what) => {
        expect(isAllowed([entry], entry)).toBe(true);
        expect(isAllowed([entry], what)).toBe(entry.toLowerCase() === what.toLowerCase());
      }),
    );
  });

  test('a star covers every command and never a setting or a verb', () => {
    fc.assert(
      fc.property(command, (name) => {
        expect(isAllowed(['*'], name)).toBe(true);
        expect(isAllowed(['*', '**', '*.*'], `set:${name}`)).toBe(false);
        expect(isAllowed(['*', '*reload', 'b*'], `bridge.${name}`)).toBe(false);
      }),
    );
  });

  test('a longer list allows at least as much', () => {
    const entries = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), minLength: 1, maxLength: 6 }));
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(entries, entries, name, (some, more, what) => {
        expect(!isAllowed(some, what) || isAllowed([...some, ...more], what)).toBe(true);
      }),
    );
  });
});
