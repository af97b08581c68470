import { describe, expect, test } from 'vitest';
import { declared } from '../../tests/kit/settings.ts';
import { configured, deviceLost, inventory, listed, Story, says, sourceLost } from '../../tests/kit/story.ts';
import { rack, Watch } from '../../tests/kit/watch.ts';
import type { Input } from '../domain/inputs.ts';
import { EMPTY_STATE, type KnownName } from '../domain/state.ts';
import { memoryOf } from '../store/memory.ts';

const TWO = { sources: ['nas', 'shed'] };
const COMMANDS = { commands: [{ name: 'beeper.mute' }] };
const charged = { 'battery.charge': 90 };
const placeOf = (story: Story, id = 'ups') => story.device(id).address;

describe('a device', () => {
  test('that comes, is lost to its server and goes is told in words', () => {
    const story = new Story().tell(configured({ devices: [declared('ups')] }));
    expect(story.facts).toEqual([{ type: 'appeared', device: 'ups', level: 'notice', text: 'ups found at nas' }]);
    const text = 'ups is not known to its server (the server does not list it)';
    expect(story.tell(listed('nas', 'other')).facts[0]).toMatchObject({ type: 'commbad', text });
    story.tell(configured({ sources: [] }));
    expect(story.facts).toContainEqual({ type: 'gone', device: 'ups', level: 'notice', text: 'ups is gone' });
  });

  test('that is called another name which comes to the same id is the same one', () => {
    const story = new Story().tell(configured(), listed('nas', 'a b'), says('nas', 'a b', 'OB'), listed('nas', 'a+b'));
    expect(story.told).not.toContain('gone:a_b');
    expect(story.device('a_b')).toMatchObject({ address: { name: 'a+b' }, power: { fed: 'battery' } });
  });

  test('that the configuration declares at another source is the same one', () => {
    const story = new Story().tell(configured({ ...TWO, devices: [declared('ups')] }), listed('nas', 'ups'));
    story.tell(says('nas', 'ups', 'OB'), configured({ ...TWO, devices: [declared('ups', { source: 'shed' })] }));
    expect([placeOf(story).source, story.device('ups').power.fed]).toEqual(['shed', 'battery']);
  });

  test('and was at a source that has listed nothing yet is at the other one', () => {
    const story = new Story().tell(configured({ ...TWO, devices: [declared('ups')] }));
    story.tell(configured({ ...TWO, devices: [declared('ups', { source: 'shed' })] }));
    expect(placeOf(story).source).toBe('shed');
  });

  test('that nobody declares is another one at another source, whatever else is declared', () => {
    const devices = [declared('rack')];
    const story = new Story().tell(configured({ devices }), listed('nas', 'rack', 'ups'), says('nas', 'ups', 'OB'));
    story.tell(configured({ sources: ['attic', 'nas'], devices }), listed('attic', 'ups'));
    expect(placeOf(story).source).toBe('attic');
    expect(story.device('ups').power.fed).toBeUndefined();
  });

  test('on battery goes with its source, though a group still names it', () => {
    const watch = new Watch({ ...rack(), devices: [] }).tell(listed('nas', 'ups'));
    watch.says('ups', 'OL', charged).says('ups', 'OB', charged).runs(5);
    watch.reloads({ ...rack(), devices: [], sources: ['shed'] });
    expect(watch.state.devices.size).toBe(0);
  });

  test('has nothing worked out anew by a list or an inventory that changes nothing', () => {
    const story = new Story().tell(configured(), listed('nas', 'ups'), says('nas', 'ups', 'OL'));
    const { derived } = story.device('ups');
    story.tell(listed('nas', 'ups'), inventory('nas', 'ups', COMMANDS));
    expect(story.device('ups').derived).toBe(derived);
  });

  test('is heard at its own source alone, whatever another one says under its name', () => {
    const story = new Story().tell(configured(TWO), listed('nas', 'a'), listed('shed', 'b'), says('shed', 'b', 'OL'));
    story.tell(says('nas', 'b', 'OB'), deviceLost('nas', 'b'));
    expect(story.device('b')).toMatchObject({ link: { kind: 'up' }, power: { fed: 'mains' } });
  });

  test('that is lost makes its group think again at once', () => {
    const watch = new Watch().says('ups', 'OL', charged).runs(20);
    expect(watch.classOf()).toBe('healthy');
    expect(watch.loses('ups').classOf()).toBe('degraded');
  });
});

describe('what is told of a device that has no id yet', () => {
  const waiting = () => new Story().tell(configured(TWO), listed('shed', 'a'), inventory('shed', 'a', COMMANDS));

  test('outlasts another list', () => {
    const story = waiting().tell(listed('shed', 'a', 'b'), listed('nas'));
    expect(story.device('a').inventory).toEqual({ writable: [], ...COMMANDS });
  });

  test('outlasts its being lost and coming back', () => {
    const story = waiting().tell(deviceLost('shed', 'a'), says('shed', 'a', 'OL'), listed('nas'));
    expect(story.device('a')).toMatchObject({ link: { kind: 'unknown' }, inventory: COMMANDS });
  });
});

test('the first that is heard of a source orders nothing', () => {
  const story = new Story().tell(configured(TWO), listed('shed', 'a'), sourceLost('nas'));
  expect(story.intents).toEqual([]);
});

describe('after a restart of the process alone, at a server that tells nothing', () => {
  const names: readonly KnownName[] = ['ups', 'calm', 'new'].map((id) => ({ source: 'nas', id }));
  function restarted(more = {}, known = names, boot: 'same' | 'new' = 'same'): Watch {
    const watch = new Watch({ devices: [] }).tell(listed('nas', 'ups', 'calm'));
    watch.says('ups', 'OL').says('calm', 'OL').says('ups', 'OB').runs(2);
    const memory = memoryOf(watch.state, watch.stamp.at);
    watch.state = EMPTY_STATE;
    return watch.tell({ kind: 'restored', names: known, memory, boot }).reloads({ devices: [], ...more });
  }
  const ids = ({ state }: Watch) => [...state.devices.keys()];

  test('devices are there that were on battery, and no others', () => {
    expect(ids(restarted())).toEqual(['ups']);
  });

  test('none is there of another boot, nor of a source that is gone', () => {
    expect(ids(restarted({}, names, 'new'))).toEqual([]);
    expect(ids(restarted({}, [{ source: 'gone', id: 'ups' }]))).toEqual([]);
  });

  test('one that is declared is where it is declared', () => {
    const watch = restarted({ devices: [declared('ups', { name: 'apc' })] });
    expect(watch.state.devices.get('ups')?.address).toEqual({ source: 'nas', name: 'apc' });
    expect(watch.state.devices.get('ups')?.power.outage).toBeDefined();
  });
});

test('low battery that goes with the mains for a moment, and comes back, is told again', () => {
  const low = { ...charged, 'battery.runtime': 3000 };
  const watch = new Watch().says('ups', 'OL', low).says('ups', 'OB LB', low).runs(2);
  watch.says('ups', 'OL', low).runs(1).says('ups', 'OB LB', low);
  expect(watch.told.filter((type) => type === 'lowbatt')).toHaveLength(2);
});

test('a sweep that says nothing new leaves it to the tick to think again in an outage', () => {
  const low = { 'battery.charge': 10 };
  const watch = new Watch().says('ups', 'OL', low).says('ups', 'OB', low).runs(7);
  const { groups, devices } = watch.passes(4).state;
  const last = devices.get('ups')?.reading;
  if (last === undefined) throw new Error('no reading');
  const readings = new Map([['ups', { ...last, asked: watch.stamp.at, at: watch.stamp.at }]]);
  const sweep: Input = { kind: 'report', report: { kind: 'readings', source: 'nas', readings } };
  expect(watch.tell(sweep).state.groups).toBe(groups);
  expect(watch.tick().state.groups).not.toBe(groups);
});
