import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { declared, settings } from '../../tests/kit/settings.ts';
import {
  asks,
  configured,
  deviceLost,
  inventory,
  listed,
  lost,
  reading,
  Story,
  says,
  sourceLost,
  TICK,
  WALL,
} from '../../tests/kit/story.ts';
import { FLAG_EVENTS } from '../domain/flags.ts';
import type { Input } from '../domain/inputs.ts';
import { EMPTY_STATE } from '../domain/state.ts';
import { asInstant } from '../domain/time.ts';
import { decide } from './decide.ts';
import { flagFacts } from './events.ts';
import { identified } from './on-report.ts';

const STAMP = { at: asInstant(0), wall: WALL };
const started = (...more: readonly Input[]) => new Story().tell(configured(), listed('nas', 'ups'), ...more);

describe('readings', () => {
  test('a device appears with its list, speaks with its reading', () => {
    const story = started();
    expect(story.told).toEqual(['appeared:ups']);
    expect(story.device('ups')).toMatchObject({ label: 'ups', link: { kind: 'unknown' } });
    story.tell(says('nas', 'UPS', 'OL', { 'ups.realpower': '70' }));
    expect(story.told).toEqual([]);
    expect(story.device('ups').link).toEqual({ kind: 'up' });
    expect(story.device('ups').derived.get('power')).toBe('70');
  });

  test('the description of the server is the label, and the name keeps the case of the server', () => {
    const devices = [{ name: 'APC', description: 'Rack, left' }];
    const story = new Story().tell(configured(), {
      kind: 'report',
      report: { kind: 'listed', source: 'nas', devices },
    });
    expect(story.device('apc')).toMatchObject({ label: 'Rack, left', address: { source: 'nas', name: 'APC' } });
  });

  test('of devices and sources nobody knows nothing is taken', () => {
    const story = started();
    const { listening: _, ...before } = story.state;
    story.tell(inventory('nas', 'other'), deviceLost('nas', 'other'), inventory('other', 'ups'), listed('other', 'x'));
    const { listening: __, ...now } = story.state;
    for (const key of Object.keys(before) as (keyof typeof before)[]) expect(now[key]).toBe(before[key]);
    story.tell(says('nas', 'other', 'OB'));
    expect([story.facts, story.ids]).toEqual([[], ['ups']]);
  });

  test('the same variables are not worked out again', () => {
    const same = reading('OL');
    const input: Input = {
      kind: 'report',
      report: { kind: 'readings', source: 'nas', readings: new Map([['ups', same]]) },
    };
    const story = started(input);
    const { derived } = story.device('ups');
    const { sources } = story.state;
    story.tell(input);
    expect(story.device('ups').derived).toBe(derived);
    expect(story.state.sources).toBe(sources);
  });
});

describe('trouble', () => {
  test('a device that is lost and comes back is told once each', () => {
    const story = started(says('nas', 'ups', 'OL'));
    story.tell(deviceLost('nas', 'ups', 'data-stale'), deviceLost('nas', 'ups', 'data-stale'), TICK);
    expect(story.told).toEqual(['commbad:ups']);
    expect(story.facts[0]).toMatchObject({
      level: 'warning',
      text: 'ups gives only stale data (seen)',
      details: { trouble: 'data-stale', detail: 'seen' },
    });
    expect(story.device('ups').derived.get('connection')).toBe('data-stale');
    expect(story.device('ups').reading?.flags).toEqual(['OL']);
    story.tell(says('nas', 'ups', 'OL'), says('nas', 'ups', 'OL'));
    expect(story.facts.map(({ text }) => text)).toEqual(['ups is back after 3 s']);
    expect(story.device('ups').derived.get('connection')).toBe('connected');
  });

  test('another reason is told, and does not move the moment since when', () => {
    const story = started(says('nas', 'ups', 'OL'), deviceLost('nas', 'ups', 'waiting'));
    const { link } = story.device('ups');
    story.tell(deviceLost('nas', 'ups', 'driver-not-connected'));
    expect(story.told).toEqual(['commbad:ups']);
    expect(story.device('ups').link).toEqual({ ...link, trouble: lost('driver-not-connected') });
  });

  test('a source that is lost takes every device of it along, and only those', () => {
    const story = new Story().tell(
      configured({ sources: ['nas', 'shed'] }),
      listed('nas', 'a', 'b'),
      listed('shed', 'c'),
    );
    story.tell(says('nas', 'a', 'OL'), says('shed', 'c', 'OL'), sourceLost('nas'), sourceLost('nas'));
    expect(story.told).toEqual(['source_lost:nas', 'commbad:a', 'commbad:b']);
    expect(story.device('c').link.kind).toBe('up');
    story.tell(sourceLost('nas', 'timed-out'));
    expect(story.told).toEqual(['source_lost:nas', 'commbad:a', 'commbad:b']);
    story.tell(listed('nas', 'a', 'b'), says('nas', 'a', 'OL'));
    expect(story.told).toEqual(['source_back:nas', 'commok:a']);
    expect(story.device('b').link).toMatchObject({ kind: 'lost', trouble: lost('timed-out') });
  });

  test('readings alone bring a source back', () => {
    const story = started(says('nas', 'ups', 'OL'), sourceLost('nas')).tell(says('nas', 'ups', 'OL'));
    expect(story.told).toEqual(['source_back:nas', 'commok:ups']);
  });
});

describe('flags', () => {
  const eventsOf = (...statuses: readonly string[]) => {
    const story = started(...statuses.slice(0, -1).map((status) => says('nas', 'ups', status)));
    const types = story.tell(says('nas', 'ups', statuses.at(-1))).facts.map(({ type }) => type);
    return types.filter((type) => FLAG_EVENTS.includes(type));
  };

  test.each([
    [['OL'], []],
    [['WAIT'], []],
    [['OL CHRG'], []],
    [['OB'], ['onbatt']],
    [['OB LB'], ['onbatt', 'lowbatt']],
    [['OL', 'OL'], []],
    [['OL', 'OB DISCHRG'], ['onbatt']],
    [['OB', 'OL'], ['online']],
    [['OB', 'OB LB'], ['lowbatt']],
    [
      ['OB LB', 'OL CHRG'],
      ['online', 'notlowbatt'],
    ],
    [['OL', 'OL OB'], ['onbatt']],
    [['OL OB', 'OL'], ['online']],
    [
      ['OB', 'TRIM'],
      ['online', 'trim'],
    ],
    [
      ['OL', 'OL RB OVER'],
      ['replbatt', 'over'],
    ],
    [['OL RB', 'RB OL'], []],
    [['OL HE', 'OL ECO'], []],
    [['OL ECO HE', 'OL HE'], []],
    [['OL ESS', 'OL'], ['noteco']],
    [['OL', 'OL NEWWORD'], []],
    [['OL', 'FSD OL'], ['fsd']],
    [
      ['OL', 'OL TEST CAL'],
      ['test', 'cal'],
    ],
  ])('%j ends in %j', (statuses, types) => {
    expect(eventsOf(...statuses)).toEqual(types);
  });

  test.each([[''], ['OFF'], ['LB'], ['ALARM'], ['NEWWORD']])(
    'a status "%s" after OB does not end the outage, OL after it does, OB does not begin another',
    (nothing) => {
      expect(eventsOf('OB', nothing)).not.toContain('online');
      expect(eventsOf('OB', nothing, 'OL')).toContain('online');
      expect(eventsOf('OB', nothing, 'OB')).not.toContain('onbatt');
      expect(eventsOf('OL', nothing, 'OB')).toContain('onbatt');
    },
  );

  test('a driver that starts anew in an outage does not end it; what it says then counts', () => {
    const story = started(says('nas', 'ups', 'OB LB'), deviceLost('nas', 'ups', 'waiting'));
    expect(story.tell(says('nas', 'ups', 'OB')).told).toEqual(['commok:ups', 'notlowbatt:ups']);
    story.tell(deviceLost('nas', 'ups', 'waiting'), says('nas', 'ups', 'OL'));
    expect(story.told).toEqual(['commbad:ups', 'commok:ups', 'online:ups']);
  });

  test('each event has words and a level, and says the status', () => {
    const story = started(says('nas', 'ups', 'OL'));
    const all = 'OB LB HB RB BYPASS CAL OFF OVER TRIM BOOST FSD ALARM ECO TEST';
    story.tell(says('nas', 'ups', all), says('nas', 'ups', 'OL'));
    const told = story.facts.filter(({ type }) => FLAG_EVENTS.includes(type));
    expect(told).toHaveLength(28);
    expect(told.filter(({ text }) => !/^ups: [a-z]/.test(text) || text.includes('undefined'))).toEqual([]);
    expect(story.facts.find(({ type }) => type === 'lowbatt')).toMatchObject({
      level: 'error',
      details: { status: all },
    });
    expect(story.facts.find(({ type }) => type === 'online')).toMatchObject({ level: 'notice' });
  });
});

test('what another room noticed becomes a fact', () => {
  const story = new Story().tell({ kind: 'noticed', type: 'listener_failed', text: 'taken', details: { port: 1 } });
  expect(story.facts).toEqual([{ type: 'listener_failed', text: 'taken', level: 'warning', details: { port: 1 } }]);
  expect(story.intents).toEqual([]);
  expect(story.tell({ kind: 'noticed', type: 'listener_failed', text: 'x' }).facts[0]).not.toHaveProperty('details');
});

test('of an earlier process whose memory cannot be read the names are known', () => {
  const names = [{ source: 'nas', id: 'ups' }];
  const story = new Story().tell({ kind: 'restored', names, boot: 'new' });
  expect([story.state.names, story.state.memory]).toEqual([names, undefined]);
});

test('a status that says what it said before, of a device that is fed as before, tells nothing', () => {
  const device = started(says('nas', 'ups', 'OB LB')).device('ups');
  const flags = device.reading?.flags ?? [];
  expect(flagFacts(device, flags, device.power.fed)).toEqual([]);
  expect(flagFacts(device, [...flags], device.power.fed)).toEqual([]);
  expect(flagFacts(device, flags, 'mains').map(({ type }) => type)).toEqual(['online']);
});

test('nothing is identified without a configuration', () => {
  expect(identified(EMPTY_STATE, STAMP)).toEqual({ state: EMPTY_STATE, facts: [] });
});

test('an input that the compiler excludes is a bug, and throws', () => {
  const { state } = new Story().tell(configured());
  const impossible = [
    { kind: 'other' },
    { kind: 'report', report: { kind: 'other', source: 'nas' } },
    { kind: 'request', request: { id: '1', from: 'mqtt', ask: { kind: 'other' } } },
  ] as unknown as Input[]; // what no type allows
  for (const input of impossible) expect(() => decide(state, input, STAMP)).toThrow('impossible case');
});

test('the same inputs give the same for ever, and change nothing that was given out before', () => {
  const name = fc.constantFrom('a', 'b', 'A', 'bridge');
  const source = fc.constantFrom('nas', 'shed', 'gone');
  const trouble = fc.constantFrom('waiting', 'timed-out', 'unknown-ups' as const);
  const input: fc.Arbitrary<Input> = fc.oneof(
    fc.constantFrom(configured({ sources: ['nas', 'shed'] }), configured({ sources: ['shed'] }), TICK),
    fc.tuple(source, fc.uniqueArray(name)).map(([from, names]) => listed(from, ...names)),
    fc.tuple(source, name, fc.constantFrom('OL', 'OB LB', '')).map(([from, one, status]) => says(from, one, status)),
    fc.tuple(source, name, trouble).map(([from, one, kind]) => deviceLost(from, one, kind)),
    fc.tuple(source, trouble).map(([from, kind]) => sourceLost(from, kind)),
    fc.tuple(source, name).map(([from, one]) => inventory(from, one, { commands: [{ name: 'beeper.mute' }] })),
    name.map((device) => asks('r', { kind: 'command', device, command: 'beeper.mute' })),
  );
  fc.assert(
    fc.property(fc.array(input, { maxLength: 30 }), (inputs) => {
      let state = EMPTY_STATE;
      for (const [at, one] of inputs.entries()) {
        const stamp = { at: asInstant(at * 5000), wall: WALL + at };
        const [copy, first, second] = [structuredClone(state), decide(state, one, stamp), decide(state, one, stamp)];
        expect(second).toEqual(first);
        expect(state).toEqual(copy);
        state = first.state;
        for (const [id, { address }] of state.devices) {
          const own = state.sources.get(address.source)?.ids.get(address.name.toLowerCase());
          expect(own).toBe(id);
        }
      }
    }),
    { numRuns: 150 },
  );
});

test('settings alone bring the declared devices', () => {
  const batteryInstalled = WALL - 86_400_000;
  const own = { source: 'nas', name: 'ups', label: 'Rack', nominalPower: 900, batteryInstalled };
  const story = new Story().tell({ kind: 'configured', settings: settings({ devices: [declared('rack', own)] }) });
  expect(story.told).toEqual(['appeared:rack']);
  expect(story.device('rack').tuning).toEqual({ trustCharge: true, powerQuality: 'normal', batteryInstalled });
  expect(story.device('rack')).toMatchObject({ label: 'Rack', nominalPower: 900, link: { kind: 'unknown' } });
});

test('what the configuration says of battery and power is taken into what its outages measure', () => {
  const batteryInstalled = WALL - 86_400_000;
  const devices = [declared('ups', { nominalPower: 1000, batteryInstalled })];
  const story = new Story().tell(configured({ devices }), listed('nas', 'ups'));
  const seen = { 'ups.load': '30', 'battery.charge': '90' };
  story.tell(says('nas', 'ups', 'OL', seen), says('nas', 'ups', 'OB', seen));
  expect(story.device('ups').battery).toMatchObject({ installed: batteryInstalled, discharge: { watts: 300 } });
});
