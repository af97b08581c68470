import fc from 'fast-check';
import { expect, test } from 'vitest';
import { after, asInstant, asMillis, type Instant, seconds } from '../domain/time.ts';
import { type Announced, parseAnnounced, serializeAnnounced } from './announced.ts';
import { Announcer, type AnnouncerOptions, type Message } from './announcer.ts';
import type { Component, Components } from './component.ts';
import type { Announcement } from './discovery.ts';

const ID = 'gridwarden_home_rack';
const TOPIC = `homeassistant/device/${ID}/config`;
const STATE = 'gridwarden/home/ups/rack';
const CLEARS = [STATE, `${STATE}/availability`];
const KEEP = { source: 'nas', clears: CLEARS, variables: ['ups.load'] };
const at = (second: number): Instant => asInstant(second * 1000);

const sensor = (key: string, more: object = {}): Component => ({
  platform: 'sensor',
  unique_id: `${ID}_${key}`,
  name: key,
  ...more,
});

const componentsOf = (...keys: readonly string[]): Components =>
  Object.fromEntries(keys.map((key) => [key, sensor(key)]));

const announcing = (components: Components, identifier = ID): Announcement => ({
  identifier,
  root: { device: { identifiers: [identifier] }, state_topic: STATE },
  components,
});

const want = (announcer: Announcer, second: number, ...keys: readonly string[]): void =>
  announcer.want(announcing(componentsOf(...keys)), at(second), KEEP);

const open = (memory: readonly Announced[] = [], second = 0, mode: AnnouncerOptions['mode'] = 'device'): Announcer =>
  new Announcer({ mode, prefix: 'homeassistant' }, memory, at(second));

/** What the next process reads of it. */
const memoryOf = (announcer: Announcer): readonly Announced[] =>
  parseAnnounced(serializeAnnounced(announcer.remembered())) ?? [];

/** All that is said up to a moment, looking every 100 ms, as `second: what`. */
function said(announcer: Announcer, from: number, to: number): readonly string[] {
  const lines: string[] = [];
  for (let now = from * 1000; now <= to * 1000; now += 100) {
    lines.push(...announcer.due(asInstant(now)).map((message) => `${now / 1000}: ${inShort(message)}`));
  }
  return lines;
}

/** A tombstone as `-key`, the other keys as they are; what stands after the prefix for other topics. */
function inShort({ topic, payload }: Message): string {
  const where = topic === TOPIC ? '' : `${topic.replace('homeassistant/', '')} `;
  if (payload === undefined) return `${where}again`;
  if (payload === '') return `${where}cleared`;
  const message: { readonly components?: Components; readonly migrate_discovery?: true; readonly name?: string } =
    JSON.parse(payload);
  if (message.migrate_discovery) return `${where}migrates`;
  const { components } = message;
  if (components === undefined) return `${where}${message.name}`;
  const keys = Object.entries(components).map(([key, { unique_id }]) => (unique_id === undefined ? `-${key}` : key));
  return `${where}${keys.join(' ')}`;
}

test('a device is announced at once, and again only when it has changed', () => {
  const announcer = open();
  want(announcer, 0, 'a', 'b');
  expect(said(announcer, 0, 5)).toEqual(['0: a b']);
  const { version } = announcer;
  want(announcer, 6, 'a', 'b');
  expect(said(announcer, 6, 20)).toEqual([]);
  expect(announcer.version).toBe(version);
});

test('what is wanted no more is announced in full once more and taken back 2 s later; the state is sent after it', () => {
  const announcer = open();
  want(announcer, 0, 'a', 'b');
  said(announcer, 0, 9);
  want(announcer, 10, 'a');
  expect(said(announcer, 10, 30)).toEqual(['12: a b', '14: a -b', `14: ${STATE} again`]);
});

test('tombstones stay until a birth has been served in both steps, and then go', () => {
  const announcer = open();
  want(announcer, 0, 'a', 'b');
  said(announcer, 0, 9);
  want(announcer, 10, 'a');
  said(announcer, 10, 20);
  want(announcer, 30, 'a', 'c');
  expect(said(announcer, 30, 40)).toEqual(['32: a c b', '34: a c -b', `34: ${STATE} again`]);

  announcer.born(at(50));
  expect(said(announcer, 50, 60)).toEqual(['50: a c b', '52: a c -b', `52: ${STATE} again`]);
  announcer.born(at(70));
  expect(said(announcer, 70, 80)).toEqual(['70: a c']);
  expect(memoryOf(announcer)[0]?.leaving).toEqual({});
});

test('a birth that Home Assistant, or the broker, did not survive has not been served', () => {
  const announcer = open();
  want(announcer, 0, 'a', 'b');
  said(announcer, 0, 9);
  want(announcer, 10, 'a');
  said(announcer, 10, 20);
  announcer.born(at(50));
  expect(said(announcer, 50, 51)).toEqual(['50: a b']);
  announcer.unheard();
  expect(said(announcer, 51, 60)).toEqual(['52: a -b', `52: ${STATE} again`]);
  announcer.born(at(70));
  expect(said(announcer, 70, 80)).toEqual(['70: a b', '72: a -b', `72: ${STATE} again`]);
});

test('a component that comes back before its tombstone is never taken back', () => {
  const announcer = open();
  want(announcer, 0, 'a', 'b');
  said(announcer, 0, 9);
  want(announcer, 10, 'a');
  expect(said(announcer, 10, 13)).toEqual(['12: a b']);
  want(announcer, 13, 'a', 'b');
  expect(said(announcer, 13.1, 30)).toEqual(['14: a b', `14: ${STATE} again`]);
});

test('two versions are never closer than 2 s, however often it changes and Home Assistant is born', () => {
  const announcer = open();
  const times: number[] = [];
  let last = '';
  for (let step = 0; step < 300; step += 1) {
    const now = asInstant(step * 100);
    const keys = step < 200 ? ['a', `k${step % 7}`] : ['a'];
    announcer.want(announcing(componentsOf(...keys)), now, KEEP);
    if (step % 43 === 0) announcer.born(now);
    for (const { topic, payload } of announcer.due(now)) {
      if (topic !== TOPIC || payload === last) continue;
      last = payload ?? '';
      times.push(now);
    }
  }
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(times.length).toBeGreaterThan(5);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2000);
});

test('a device that is gone is taken back in both steps, with its own topics, and again on the next birth', () => {
  const announcer = open();
  want(announcer, 0, 'a', 'b');
  said(announcer, 0, 9);
  expect(announcer.takeBack(ID, at(10))).toBe(true);
  const cleared = CLEARS.map((topic) => `12: ${topic} cleared`);
  expect(said(announcer, 10, 20)).toEqual(['10: a b', '12: cleared', ...cleared]);
  expect(announcer.variablesOf(ID)).toEqual([]);
  announcer.born(at(30));
  expect(said(announcer, 30, 40)).toEqual(['30: a b', '32: cleared']);
  expect(announcer.remembered()).toEqual([]);
  announcer.born(at(50));
  expect(said(announcer, 50, 60)).toEqual([]);
});

test('a device that was never announced has nothing to take its topics with it', () => {
  expect(open().takeBack(ID, at(0))).toBe(false);
});

test('a device that comes back while it is taken back stays, 2 s after the last word', () => {
  const announcer = open();
  want(announcer, 0, 'a', 'b');
  said(announcer, 0, 9);
  announcer.takeBack(ID, at(10));
  expect(said(announcer, 10, 12.5).slice(0, 2)).toEqual(['10: a b', '12: cleared']);
  want(announcer, 13, 'a');
  expect(said(announcer, 13, 30)).toEqual(['14: a b', '16: a -b', `16: ${STATE} again`]);
});

test('what was remembered is said again at the start, even while the device is not heard', () => {
  const before = open();
  want(before, 0, 'a', 'b');
  said(before, 0, 1);
  want(before, 2, 'a');
  said(before, 2, 8);
  const next = open(memoryOf(before), 100);
  expect(next.variablesOf(ID)).toEqual(['ups.load']);
  expect(said(next, 100, 110)).toEqual(['100: a -b']);
  next.born(at(120));
  expect(said(next, 120, 130).slice(0, 2)).toEqual(['120: a b', '122: a -b']);
});

test('a process that ends between the two steps of a removal leaves the second to the next one', () => {
  const before = open();
  want(before, 0, 'a');
  said(before, 0, 9);
  before.takeBack(ID, at(10));
  expect(said(before, 10, 11)).toEqual(['10: a']);
  const next = open(memoryOf(before), 100);
  const cleared = CLEARS.map((topic) => `102: ${topic} cleared`);
  expect(said(next, 100, 110)).toEqual(['100: a', '102: cleared', ...cleared]);

  const third = open(memoryOf(next), 200);
  expect(said(third, 200, 210)).toEqual([]);
  third.born(at(220));
  expect(said(third, 220, 221)).toEqual(['220: a']);
  const fourth = open(memoryOf(third), 300);
  expect(said(fourth, 300, 310)).toEqual(['300: a', '302: cleared']);
});

test('mode single: one message a component; what is wanted no more goes in both steps, the device stays', () => {
  const announcer = open([], 0, 'single');
  want(announcer, 0, 'a', 'b');
  expect(said(announcer, 0, 9)).toEqual([`0: sensor/${ID}/a/config a`, `0: sensor/${ID}/b/config b`]);
  want(announcer, 10, 'b');
  expect(said(announcer, 10, 20)).toEqual([
    `10: sensor/${ID}/a/config a`,
    `12: sensor/${ID}/a/config cleared`,
    `12: sensor/${ID}/b/config b`,
    `12: ${STATE} again`,
  ]);
  announcer.takeBack(ID, at(30));
  expect(said(announcer, 30, 40)).toEqual([
    `30: sensor/${ID}/b/config b`,
    `32: sensor/${ID}/b/config cleared`,
    ...CLEARS.map((topic) => `32: ${topic} cleared`),
  ]);
});

test('mode single: a device that was gone and is back keeps its topics when its former first component is taken back again', () => {
  const announcer = open([], 0, 'single');
  want(announcer, 0, 'a', 'b');
  said(announcer, 0, 9);
  announcer.takeBack(ID, at(10));
  said(announcer, 10, 11);
  want(announcer, 11, 'b');
  announcer.born(at(30));
  const later = said(announcer, 11, 40);
  expect(later.filter((line) => line.includes('/ups/'))).toEqual([]);
  expect(later.filter((line) => line.includes('/b/')).at(-1)).toMatch(/config b$/);
});

test('the form changes by migration, so that Home Assistant keeps what people did to the entities', () => {
  const device = open();
  want(device, 0, 'a', 'b');
  said(device, 0, 9);

  const single = open(memoryOf(device), 100, 'single');
  want(single, 100, 'a', 'b');
  expect(said(single, 100, 110)).toEqual([
    '100: migrates',
    `101: sensor/${ID}/a/config a`,
    `101: sensor/${ID}/b/config b`,
    '103: cleared',
  ]);

  const back = open(memoryOf(single), 200);
  want(back, 200, 'a', 'b');
  expect(said(back, 200, 210)).toEqual([
    `200: sensor/${ID}/a/config migrates`,
    `200: sensor/${ID}/b/config migrates`,
    '201: a b',
    `203: sensor/${ID}/a/config cleared`,
    `203: sensor/${ID}/b/config cleared`,
  ]);
  expect(back.remembered().map(({ topic }) => topic)).toEqual([TOPIC]);
});

test('a migration that a stop or a birth falls into is finished, and the old form never comes back', () => {
  const device = open();
  want(device, 0, 'a');
  said(device, 0, 9);
  const single = open(memoryOf(device), 100, 'single');
  want(single, 100, 'a');
  single.born(at(100));
  expect(said(single, 100, 100.5)).toEqual(['100: migrates']);
  const next = open(memoryOf(single), 200, 'single');
  want(next, 200, 'a');
  expect(said(next, 200, 210)).toEqual(['200: migrates', `201: sensor/${ID}/a/config a`, '203: cleared']);
});

test('what is wanted no more when the form changes is removed in the new form', () => {
  const device = open();
  want(device, 0, 'a', 'b');
  said(device, 0, 9);
  const single = open(memoryOf(device), 100, 'single');
  want(single, 100, 'a');
  expect(said(single, 100, 110)).toEqual([
    '100: migrates',
    `101: sensor/${ID}/a/config a`,
    `101: sensor/${ID}/b/config b`,
    '103: cleared',
    `103: sensor/${ID}/b/config cleared`,
  ]);

  const other = open([], 0, 'single');
  want(other, 0, 'a', 'b');
  said(other, 0, 9);
  const back = open(memoryOf(other), 200);
  want(back, 200, 'a');
  expect(said(back, 201, 210).filter((line) => !line.includes('config'))).toEqual([
    '201: a b',
    '203: a -b',
    `203: ${STATE} again`,
  ]);
});

test('mode off takes back what a migration had not yet handed over', () => {
  const device = open();
  want(device, 0, 'a');
  said(device, 0, 9);
  const single = open(memoryOf(device), 100, 'single');
  want(single, 100, 'a');
  const off = open(memoryOf(single), 200, 'off');
  expect(said(off, 200, 210)).toEqual([
    '201: a',
    `201: sensor/${ID}/a/config a`,
    '203: cleared',
    `203: sensor/${ID}/a/config cleared`,
  ]);
});

test('mode off takes everything back but the topics of the devices themselves, which go on', () => {
  const device = open();
  want(device, 0, 'a');
  said(device, 0, 9);
  const off = open(memoryOf(device), 100, 'off');
  want(off, 100, 'a');
  expect(said(off, 100, 110)).toEqual(['100: a', '102: cleared']);
  expect(off.takeBack(ID, at(120))).toBe(false);
  off.born(at(130));
  expect(said(off, 130, 140)).toEqual(['130: a', '132: cleared']);
  expect(off.remembered()).toEqual([]);
});

test.each(['', 'nonsense', '[]', '{"version":2,"entries":[]}', '{"version":1,"entries":[{"topic":"x"}]}'])(
  'a damaged memory (%s) is none',
  (text) => {
    expect(parseAnnounced(text)).toBeUndefined();
  },
);

/**
 * A broker's memory and a Home Assistant that obeys it as 2026.11 was seen to. Its registry outlives it; what it has
 * loaded, and by which topic, does not.
 */
class HomeAssistant {
  readonly retained = new Map<string, string>();
  readonly registry = new Set<string>();
  #loaded: Map<string, string> | undefined = new Map();

  get isUp(): boolean {
    return this.#loaded !== undefined;
  }

  publish({ topic, payload }: Message): void {
    if (payload === undefined || !topic.startsWith('homeassistant/')) return;
    if (payload === '') this.retained.delete(topic);
    else this.retained.set(topic, payload);
    this.#hear(topic, payload);
  }

  goDown(): void {
    this.#loaded = undefined;
  }

  comeUp(): void {
    this.#loaded = new Map();
    for (const [topic, payload] of this.retained) this.#hear(topic, payload);
  }

  #hear(topic: string, payload: string): void {
    const own = [...(this.#loaded ?? [])].filter(([, by]) => by === topic).map(([name]) => name);
    if (payload === '') {
      for (const name of own) this.#remove(name);
      return;
    }
    const message: { readonly components?: Components; readonly migrate_discovery?: true } = JSON.parse(payload);
    if (message.migrate_discovery) {
      for (const name of own) this.#loaded?.delete(name);
      return;
    }
    const [, platform = '', identifier = '', key = ''] = topic.split('/');
    const components = message.components ?? { [key]: { ...message, platform } };
    for (const [each, component] of Object.entries(components)) {
      const name = `${identifier} ${each}`;
      if (component['unique_id'] !== undefined) this.#load(name, topic);
      else if (this.#loaded?.get(name) === topic) this.#remove(name);
    }
  }

  #load(name: string, topic: string): void {
    if (this.#loaded === undefined || this.#loaded.has(name)) return;
    this.#loaded.set(name, topic);
    this.registry.add(name);
  }

  #remove(name: string): void {
    this.#loaded?.delete(name);
    this.registry.delete(name);
  }
}

type Mode = AnnouncerOptions['mode'];
type Act =
  | { readonly kind: 'want'; readonly device: string; readonly keys: readonly string[] }
  | { readonly kind: 'take-back'; readonly device: string }
  | { readonly kind: 'restart'; readonly mode: Mode }
  | { readonly kind: 'down' | 'up' };

const aDevice = fc.constantFrom('rack', 'desk');
const anAct = (modes: readonly Mode[]): fc.Arbitrary<Act> =>
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('want' as const),
        device: aDevice,
        keys: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('take-back' as const), device: aDevice }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), mode: fc.constantFrom(...modes) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('down' as const, 'up' as const) }) },
  );

/** The announcer, its broker and its Home Assistant, moved through time together. */
class World {
  readonly house = new HomeAssistant();
  readonly wanted = new Map<string, readonly string[]>();
  announcer: Announcer;
  mode: Mode;
  #now = at(0);
  /** A birth that is still to be answered: the answer waits a little. */
  #birth: Instant | undefined;

  constructor(mode: Mode) {
    this.mode = mode;
    this.announcer = open([], 0, mode);
  }

  perform(act: Act): void {
    switch (act.kind) {
      case 'want':
        this.wanted.set(act.device, act.keys);
        this.#want(act.device, act.keys);
        break;
      case 'take-back':
        this.announcer.takeBack(act.device, this.#now);
        this.wanted.delete(act.device);
        break;
      case 'down':
        this.goDown();
        break;
      case 'up':
        if (!this.house.isUp) this.comeUp();
        break;
      case 'restart':
        this.#restart(act.mode);
        break;
    }
    this.#send();
  }

  pass(span: number): void {
    for (const end = after(this.#now, asMillis(span)); this.#now < end; this.#now = after(this.#now, asMillis(250))) {
      if (this.#birth !== undefined && this.#now >= this.#birth) {
        this.announcer.born(this.#now);
        this.#birth = undefined;
      }
      this.#send();
    }
  }

  goDown(): void {
    this.house.goDown();
    this.#birth = undefined;
    this.announcer.unheard();
  }

  comeUp(): void {
    this.house.comeUp();
    this.#birth = after(this.#now, seconds(1));
  }

  #restart(mode: Mode): void {
    this.announcer = open(memoryOf(this.announcer), this.#now / 1000, mode);
    this.mode = mode;
    this.#birth = undefined;
    for (const [device, keys] of this.wanted) this.#want(device, keys);
  }

  #want(device: string, keys: readonly string[]): void {
    this.announcer.want(announcing(componentsOf(...keys), device), this.#now, KEEP);
  }

  #send(): void {
    for (const message of this.announcer.due(this.#now)) this.house.publish(message);
  }
}

test.each([
  ['device', ['device']],
  ['single', ['single']],
  ['now this, now that', ['device', 'single', 'off']],
] satisfies [string, [Mode, ...Mode[]]][])(
  'after one more birth Home Assistant has exactly what is wanted, whatever happened before (mode %s)',
  (_name, modes: [Mode, ...Mode[]]) => {
    const acts = fc.array(fc.tuple(anAct(modes), fc.integer({ min: 0, max: 4000 })), { maxLength: 40 });
    fc.assert(
      fc.property(acts, (all) => {
        const world = new World(modes[0]);
        for (const [act, pause] of all) {
          world.perform(act);
          world.pass(pause);
        }
        world.pass(10_000);
        world.goDown();
        world.comeUp();
        world.pass(10_000);

        const wanted = [...world.wanted].flatMap(([device, keys]) => keys.map((key) => `${device} ${key}`));
        expect([...world.house.registry].sort()).toEqual(world.mode === 'off' ? [] : wanted.sort());
        const left = world.announcer.remembered().filter(({ leaving }) => Object.keys(leaving).length > 0);
        expect(left).toEqual([]);
        expect(world.announcer.remembered().filter(({ stage }) => stage !== 'there')).toEqual([]);
      }),
      { numRuns: 500 },
    );
  },
);
