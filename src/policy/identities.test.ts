import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { declared, settings } from '../../tests/kit/settings.ts';
import { configured, deviceLost, inventory, listed, Story, says, sourceLost } from '../../tests/kit/story.ts';
import type { Input } from '../domain/inputs.ts';
import { isReservedId, isSlug } from '../domain/names.ts';
import type { SourceState } from '../domain/state.ts';
import { asInstant } from '../domain/time.ts';
import { assignIds } from './identities.ts';

const TWO = { sources: ['nas', 'shed'] };
const COMMANDS = { commands: [{ name: 'beeper.mute' }] };

describe('a clash of names', () => {
  const lists = [listed('nas', 'ups', 'a'), listed('shed', 'ups', 'b')];

  test.each([
    ['in the order of the file', lists],
    ['the other way round', lists.toReversed()],
  ])('goes to the first source of the file, answers coming %s', (_, inputs) => {
    const story = new Story().tell(configured(TWO), ...inputs);
    expect(story.ids).toEqual(['ups', 'a', 'shed_ups', 'b']);
    expect(story.device('ups').address.source).toBe('nas');
    expect(story.device('shed_ups').address).toEqual({ source: 'shed', name: 'ups' });
  });

  test('a declared device keeps its id before all others', () => {
    const devices = [declared('ups', { source: 'shed', name: 'second' })];
    const story = new Story().tell(configured({ ...TWO, devices }), listed('nas', 'ups'), listed('shed', 'second'));
    expect(story.device('ups').address).toEqual({ source: 'shed', name: 'second' });
    expect(story.device('nas_ups').address).toEqual({ source: 'nas', name: 'ups' });
    expect(story.ids).toHaveLength(2);
  });

  test('names that become the same slug are counted', () => {
    const story = new Story().tell(configured(), listed('nas', 'a b', 'a  b', 'a+b', 'a?b'));
    expect(story.ids).toEqual(['a_b', 'nas_a_b', 'nas_a_b_2', 'nas_a_b_3']);
  });

  test('names of any length that become the same slug are counted within the length of an id', () => {
    const story = new Story().tell(configured(), listed('nas', ...['1', '2', '3', '4'].map((n) => 'x'.repeat(80) + n)));
    expect(new Set(story.ids).size).toBe(4);
    expect(story.ids.filter((id) => !isSlug(id))).toEqual([]);
  });

  test('is none with what is declared at another source by another id', () => {
    const devices = [declared('rack', { source: 'shed', name: 'ups' })];
    const story = new Story().tell(configured({ ...TWO, devices }), listed('nas', 'ups'));
    expect(story.ids).toEqual(['rack', 'ups']);
  });

  test.each([
    ['a source that has listed without it', 'shed'],
    ['a source that the configuration no longer has', 'gone'],
  ])('is none with an id from before the start of %s', (_, source) => {
    const up: SourceState = { link: { kind: 'up' }, listed: [], ids: new Map(), unnamed: new Map() };
    const sources = new Map([
      ['nas', { ...up, listed: [{ name: 'ups' }] }],
      ['shed', up],
    ]);
    expect(assignIds(settings(TWO), sources, [{ source, id: 'ups' }]).map(({ id }) => id)).toEqual(['ups']);
  });

  test('names that differ in case alone are one device', () => {
    const story = new Story().tell(configured(), listed('nas', 'UPS', 'ups'));
    expect(story.ids).toEqual(['ups']);
    expect(story.device('ups').address.name).toBe('UPS');
  });
});

test.each([
  ['nas', 'bridge', 'nas_bridge'],
  ['nas', 'group', 'nas_group'],
  ['nas', 'group_a', 'nas_group_a'],
  ['group', 'bridge', 'ups_group_bridge'],
  ['group', 'group_a', 'ups_group_group_a'],
])('at the source %s the name %s is reserved: %s', (source, name, id) => {
  expect(new Story().tell(configured({ sources: [source] }), listed(source, name)).ids).toEqual([id]);
});

test('whatever is listed, ids are slugs, free and unique, and the order of the answers does not count', () => {
  const name = fc.oneof(fc.string(), fc.constantFrom('ups', 'UPS', 'bridge', 'group', 'shed_ups', 'x'.repeat(200)));
  const list = fc.array(name, { maxLength: 6 });
  fc.assert(
    fc.property(list, list, (nas, shed) => {
      const inputs = [listed('nas', ...nas), listed('shed', ...shed)];
      const story = new Story().tell(configured(TWO), ...inputs);
      const other = new Story().tell(configured(TWO), ...inputs.toReversed());
      expect(story.ids.filter((id) => !isSlug(id) || isReservedId(id))).toEqual([]);
      expect([...other.state.devices.values()].map(({ id, address }) => [id, address])).toEqual(
        [...story.state.devices.values()].map(({ id, address }) => [id, address]),
      );
      expect(story.ids).toHaveLength(
        new Set([...nas.map((n) => n.toLowerCase()), ...shed.map((n) => `:${n.toLowerCase()}`)]).size,
      );
    }),
  );
});

describe('a source that was never heard', () => {
  test('lets the later ones wait with what they list, not with what is declared', () => {
    const devices = [declared('rack', { source: 'shed', name: 'r' })];
    const story = new Story().tell(configured({ ...TWO, devices }), listed('shed', 'r', 'ups'));
    expect(story.ids).toEqual(['rack']);
    expect(story.tell(sourceLost('nas')).told).toEqual(['source_lost:nas', 'appeared:ups']);
    expect(story.tell(listed('nas', 'ups')).told).toEqual(['source_back:nas', 'appeared:shed_ups']);
    expect(story.device('ups').address.source).toBe('nas');
  });

  test('ends the wait with its first reading as well', () => {
    const story = new Story().tell(
      configured({ ...TWO, devices: [declared('rack', { name: 'r' })] }),
      listed('shed', 'ups'),
    );
    expect(story.tell(says('nas', 'r', 'OL')).told).toEqual(['appeared:ups']);
  });

  test('loses nothing of what the later ones told meanwhile', () => {
    const story = new Story().tell(configured(TWO), listed('shed', 'a', 'b', 'c'));
    story.tell(
      inventory('shed', 'A', COMMANDS),
      deviceLost('shed', 'b', 'waiting'),
      deviceLost('shed', 'c', 'waiting'),
    );
    expect(story.told).toEqual([]);
    story.tell(says('shed', 'c', 'OL'), inventory('shed', 'b', COMMANDS), listed('nas', 'x'));
    expect(story.told).toEqual(['appeared:x', 'appeared:a', 'appeared:b', 'commbad:b', 'appeared:c']);
    expect(story.device('a')).toMatchObject({ link: { kind: 'unknown' }, inventory: COMMANDS });
    expect(story.device('b')).toMatchObject({ link: { kind: 'lost' }, inventory: COMMANDS });
    expect(story.device('b').derived.get('connection')).toBe('waiting');
    expect(story.device('c').link).toEqual({ kind: 'unknown' });
    expect(story.state.sources.get('shed')?.unnamed.size).toBe(0);
  });

  test('forgets what was told of a device that is not listed any more', () => {
    const story = new Story().tell(configured(TWO), listed('shed', 'a'), inventory('shed', 'a', COMMANDS));
    story.tell(listed('shed'), listed('shed', 'a'), listed('nas'));
    expect(story.device('a').inventory).toBeUndefined();
  });

  test('put before others in the file, it leaves their devices as they are until it is heard', () => {
    const story = new Story().tell(configured(), listed('nas', 'ups', 'b'), inventory('nas', 'ups', COMMANDS));
    story.tell(says('nas', 'ups', 'OB')).tell(configured({ sources: ['attic', 'nas'] }));
    expect([story.told, story.ids]).toEqual([[], ['ups', 'b']]);
    story.tell(listed('attic', 'ups'));
    expect(story.told).toEqual(['appeared:nas_ups']);
    expect(story.device('nas_ups')).toMatchObject({
      link: { kind: 'up' },
      inventory: COMMANDS,
      power: { fed: 'battery' },
    });
    expect(story.device('ups')).toMatchObject({ address: { source: 'attic' }, link: { kind: 'unknown' } });
    expect(story.device('ups').inventory).toBeUndefined();
  });

  test('a source without any state waits like one that was never heard', () => {
    const shed: SourceState = { link: { kind: 'up' }, listed: [{ name: 'ups' }], ids: new Map(), unnamed: new Map() };
    expect(assignIds(settings(TWO), new Map([['shed', shed]]), [])).toEqual([]);
  });

  test('an id from before the start waits for its source, which is down', () => {
    const ids = new Map();
    const trouble = { kind: 'unreachable', detail: 'down' } as const;
    const down: SourceState = { link: { kind: 'lost', trouble, since: asInstant(0), sinceWall: 0 }, ids, unnamed: ids };
    const up: SourceState = { link: { kind: 'up' }, listed: [{ name: 'ups' }], ids, unnamed: ids };
    const [first = '', second = ''] = settings(TWO).sources;
    const sources = new Map([
      [first, down],
      [second, up],
    ]);
    const before = [
      { source: first, id: 'ups' },
      { source: second, id: `${second}_ups` },
    ];
    expect(assignIds(settings(TWO), sources, []).map(({ id }) => id)).toEqual(['ups']);
    expect(assignIds(settings(TWO), sources, before).map(({ id }) => id)).toEqual([`${second}_ups`]);
    const back = new Map(sources).set(first, up);
    expect(assignIds(settings(TWO), back, before).map(({ id }) => id)).toEqual(['ups', `${second}_ups`]);
  });

  test('an id that would share unique ids with another device is joined in another way', () => {
    const up: SourceState = { link: { kind: 'up' }, listed: [{ name: 'ups' }], ids: new Map(), unnamed: new Map() };
    const sources = new Map([
      ['nas', up],
      ['ups', up],
    ]);
    const both = { ...settings(TWO), sources: ['nas', 'ups'] };
    expect(assignIds(both, sources, []).map(({ id }) => id)).toEqual(['ups', 'ups-ups']);
  });
});

describe('another list', () => {
  const started = (...more: readonly Input[]) =>
    new Story().tell(configured(), listed('nas', 'a', 'b'), says('nas', 'a', 'OB'), ...more);

  test('brings what is new and takes what is gone', () => {
    const story = started().tell(listed('nas', 'a', 'c'));
    expect(story.told).toEqual(['appeared:c', 'gone:b']);
    expect(story.device('a').reading?.flags).toEqual(['OB']);
  });

  test('of nothing at all loses the devices and removes none', () => {
    const story = started().tell(listed('nas'), listed('nas'));
    expect(story.told).toEqual(['commbad:a', 'commbad:b']);
    expect(story.device('a')).toMatchObject({ link: { trouble: { kind: 'unknown-ups' } }, reading: { flags: ['OB'] } });
    story.tell(listed('nas', 'a'), says('nas', 'a', 'OB'));
    expect(story.told).toEqual(['gone:b', 'commok:a']);
  });

  test('of nothing, and then the configuration gives a device another id: the old one goes', () => {
    const story = started(listed('nas')).tell(configured({ devices: [declared('rack', { name: 'a' })] }));
    expect(story.told).toEqual(['appeared:rack', 'gone:a']);
    expect(story.ids).toEqual(['rack', 'b']);
  });

  test('without a declared device loses it, once', () => {
    const story = new Story().tell(configured({ devices: [declared('rack', { name: 'a' })] }), listed('nas', 'b'));
    expect(story.told).toEqual(['appeared:rack', 'commbad:rack', 'appeared:b']);
    expect(story.tell(listed('nas', 'b')).told).toEqual([]);
    expect(story.tell(listed('nas', 'b', 'A'), says('nas', 'a', 'OL')).told).toEqual(['commok:rack']);
    expect(story.device('rack').address.name).toBe('A');
  });

  test('is not what a lost source is judged by', () => {
    const story = started(sourceLost('nas')).tell(configured({ devices: [declared('rack', { name: 'new' })] }));
    expect(story.told).toEqual(['appeared:rack', 'commbad:rack']);
    expect(story.device('rack').link).toMatchObject({ trouble: { kind: 'unreachable' } });
    expect(story.device('a').link).toMatchObject({ trouble: { kind: 'unreachable' } });
  });
});

describe('another configuration', () => {
  const started = () =>
    new Story().tell(
      configured(),
      listed('nas', 'a'),
      says('nas', 'a', 'OL', { 'ups.load': '50' }),
      inventory('nas', 'a', COMMANDS),
    );

  test('gives a device another id, and all that is known of it stays known', () => {
    const story = started().tell(configured({ devices: [declared('rack', { name: 'A', label: 'Rack' })] }));
    expect(story.told).toEqual(['appeared:rack', 'gone:a']);
    expect(story.device('rack')).toMatchObject({ label: 'Rack', link: { kind: 'up' }, inventory: COMMANDS });
    expect(story.device('rack').reading?.variables.get('ups.load')).toBe('50');
  });

  test('gives a device another nominal power, and takes it again', () => {
    const story = started().tell(configured({ devices: [declared('a', { name: 'a', nominalPower: 1000 })] }));
    expect(story.device('a').derived.get('power')).toBe('500');
    story.tell(configured());
    expect(story.device('a').derived.has('power')).toBe(false);
    expect(story.device('a')).not.toHaveProperty('nominalPower');
  });

  test('without a source takes its devices', () => {
    expect(started().tell(configured({ sources: ['shed'] })).told).toEqual(['gone:a']);
  });

  test('with a device of no source keeps it unknown', () => {
    const devices = [declared('rack', { source: 'nowhere', name: 'a' })];
    expect(new Story().tell(configured({ devices })).device('rack').link).toEqual({ kind: 'unknown' });
  });
});
