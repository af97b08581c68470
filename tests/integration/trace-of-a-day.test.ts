import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Input } from '../../src/domain/inputs.ts';
import type { Intent } from '../../src/domain/intents.ts';
import type { Transition } from '../../src/domain/ports.ts';
import { type Reading, readingOf } from '../../src/domain/reading.ts';
import type { Settings } from '../../src/domain/settings.ts';
import type { KnownName, State } from '../../src/domain/state.ts';
import { asInstant, seconds } from '../../src/domain/time.ts';
import { happenings } from '../../src/runtime/happenings.ts';
import { createLoop } from '../../src/runtime/loop.ts';
import { namesOf } from '../../src/runtime/names.ts';
import { createReplay } from '../../src/runtime/replay.ts';
import { type Journal, openJournal } from '../../src/store/journal.ts';
import { createTraceRecorder } from '../../src/store/trace.ts';
import { openTrace } from '../../src/store/trace-files.ts';
import { TYPICAL } from '../bench/devices.ts';
import { rememberingLog } from '../kit/log.ts';
import { declared, group, settings, TRIGGERS } from '../kit/settings.ts';
import { asks, deviceLost, inventory, listed, sourceLost, TICK, WALL } from '../kit/story.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;

let folder = '';
beforeAll(async () => {
  // The recorder writes when its timer says so: here that is the day's clock, so that a kill loses what it has to lose.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  folder = await mkdtemp(join(tmpdir(), 'day-'));
});
afterAll(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

/** Sheds after one minute on battery and decides on the whole after the given time. */
function house(decidesAfter: number): Settings {
  const triggers = { ...TRIGGERS, onBatteryFor: seconds(decidesAfter) };
  const step = { text: 'stops something', after: [], deadline: seconds(30), usual: seconds(10), carriesSource: false };
  const shed = {
    name: 'shed',
    when: { onBatteryFor: seconds(60) },
    steps: [{ ...step, kind: 'ssh' as const, key: 'shed/ssh1' }],
    restore: [],
  };
  const halt = { ...step, kind: 'host' as const, key: 'host' };
  return settings({
    armed: true,
    digest: `after-${decidesAfter}`,
    devices: [declared('b', { label: 'the other' })],
    groups: [group('rack', ['a'], { triggers, stages: [shed], halt }), group('pair', ['a', 'b'], { triggers, halt })],
  });
}

/** What the two devices say: on mains the same for hours; on battery the charge falls. */
class Devices {
  readonly #said = new Map<string, Reading>();
  readonly #onBattery = new Map<string, { readonly since: number; readonly status: string }>();
  #silent = false;

  battery(name: string, since: number, status = 'OB DISCHRG'): void {
    this.#onBattery.set(name, { since, status });
  }

  mains(...names: readonly string[]): void {
    for (const name of names) this.#onBattery.delete(name);
  }

  /** The server gives no answer, or does again. */
  answers(does: boolean): void {
    this.#silent = !does;
  }

  sweep(second: number, at: number): readonly Input[] {
    if (this.#silent) return [];
    const readings = new Map(['a', 'b'].map((name) => [name, this.#reading(name, second, at)]));
    return [{ kind: 'report', report: { kind: 'readings', source: 'nas', readings } }];
  }

  #reading(name: string, second: number, at: number): Reading {
    const { since, status } = this.#onBattery.get(name) ?? { since: second, status: 'OL' };
    const charge = `${Math.max(25, 100 - Math.floor((second - since) / 20))}`;
    const [asked, told] = [asInstant(at - 3.5), asInstant(at - 0.2)];
    const before = this.#said.get(name);
    const isSame = before?.variables.get('ups.status') === status && before.variables.get('battery.charge') === charge;
    const reading = isSame ? { ...before, asked, at: told } : readingOf(said(status, charge), asked, told);
    this.#said.set(name, reading);
    return reading;
  }
}

const said = (status: string, charge: string): Reading['variables'] =>
  new Map(Object.entries({ ...TYPICAL, 'ups.status': status, 'battery.charge': charge }));

/** A transition as far as it decides anything, as one line. */
const decisionOf = ({ stamp, input, facts, intents }: Transition): string =>
  JSON.stringify([stamp, input.kind, facts, intents]);

/** The machine and its folder: what a process finds when it begins. */
class Machine {
  readonly devices = new Devices();
  /** Every transition that can be on record, as `decisionOf` tells it. */
  readonly decisions: string[] = [];
  /** What was ordered and called off, for people. */
  readonly timeline: string[] = [];
  /** What kills have taken from the record: told after the last word that got to the disk. */
  readonly lost: string[] = [];
  last: State | undefined;
  /** Closes the files of killed processes. */
  readonly bury: (() => Promise<unknown>)[] = [];
  #settled = 0;
  /** Resolves when the journal has the last run that was ordered. */
  #journalled = Promise.resolve();
  #boot = 'one';
  /** Seconds between the story and the monotonic clock, and by which the wall clock was set. */
  #uptime = 1000;
  #wallAhead = 0;
  #second = 0;
  #names: readonly KnownName[] = [];
  #live: { readonly push: (input: Input) => void; readonly stop: () => Promise<unknown> } | undefined;
  #settings = house(300);

  readonly #clock = {
    // Not a whole tenth of a millisecond now and then, as suspended machines have it.
    now: () => asInstant((this.#second + this.#uptime) * 1000 + (this.#second % 7) / 9),
    wall: () => WALL + this.#second * 1000 + this.#wallAhead,
  };

  /** A process begins. What was decided by the one before comes from the journal. */
  async start(): Promise<void> {
    const { log } = rememberingLog();
    const parts = { boot: this.#boot, version: '1', clock: this.#clock, log };
    const { journal, memory, boot } = await openJournal({ ...parts, folder });
    const trace = createTraceRecorder({
      ...parts,
      folder: join(folder, 'trace'),
      segmentSize: 1_000_000,
      segments: 1000,
    });
    const recorder = { name: 'record', accept: (transition: Transition) => this.#took(transition) };
    const loop = createLoop({
      clock: this.#clock,
      act: (intent) => this.#act(intent, journal),
      sinks: [trace, journal, recorder],
      blame: (part, thrown) => {
        throw new Error(`${part} failed`, { cause: thrown });
      },
    });
    const stop = async () => {
      this.#names = namesOf(loop.state());
      await Promise.all([trace.stop(), journal.stop()]);
    };
    this.#live = { push: loop.push, stop };
    this.say({ kind: 'restored', names: this.#names, boot, ...(memory === undefined ? {} : { memory }) });
    this.say({ kind: 'configured', settings: this.#settings });
    this.say(listed('nas', 'a', 'b'));
    this.say(inventory('nas', 'a', { commands: [{ name: 'beeper.mute' }, { name: 'test.battery.start.quick' }] }));
  }

  say(input: Input): void {
    this.#live?.push(input);
  }

  /** Ends in order. */
  async stop(): Promise<void> {
    await this.#live?.stop();
    this.#live = undefined;
  }

  /** Is killed: what the trace had not begun to write is lost. The journal does not wait for a timer. */
  async kill(): Promise<void> {
    vi.clearAllTimers();
    if (this.#live !== undefined) this.bury.push(this.#live.stop);
    this.#live = undefined;
    await this.#journalled;
    this.lost.push(...this.decisions.splice(this.#settled));
  }

  /** Begins anew after so many seconds, as another boot whose clock counts from 0. */
  reboot(takes: number): void {
    this.#boot = 'two';
    this.#second += takes;
    this.#uptime = -this.#second;
  }

  setWall(ahead: number): void {
    this.#wallAhead = ahead;
  }

  /** What the next `reload` reads. */
  configure(next: Settings): void {
    this.#settings = next;
  }

  /** Seconds in which nothing runs. */
  sleep(span: number): void {
    this.#second += span;
  }

  /** Lets time go by, a sweep and a tick every second, until that second has been. */
  async until(second: number): Promise<void> {
    while (this.#second < second) {
      this.#second += 1;
      for (const input of this.devices.sweep(this.#second, this.#clock.now())) this.say(input);
      this.say(TICK);
      if (this.#second % 60 === 0) await this.#flush();
    }
  }

  /** Lets everything so far get to the disk, which a last word shows. */
  async settle(): Promise<void> {
    this.say({ kind: 'noticed', type: 'listener_failed', text: 'the last word' });
    await this.#flush();
    const isThere = async (): Promise<boolean> => {
      const newest = (await readdir(join(folder, 'trace'))).filter((name) => name.endsWith('.ndjson')).toSorted();
      const text = await readFile(join(folder, 'trace', newest.at(-1) ?? ''), 'utf8');
      return text.includes('the last word');
    };
    while (!(await isThere())) await sleep(5);
    this.#settled = this.decisions.length;
  }

  async #flush(): Promise<void> {
    vi.advanceTimersByTime(1000);
    await new Promise(setImmediate);
  }

  #took(transition: Transition): void {
    this.decisions.push(decisionOf(transition));
    this.timeline.push(...timelineOf(transition, this.#second));
    this.last = transition.after;
  }

  #act(intent: Intent, journal: Pick<Journal, 'write'>): void {
    if (intent.kind === 'run') {
      this.#journalled = journal.write({ begins: intent.run });
      const { group, run } = intent;
      this.say({ kind: 'progressed', group, run, event: { kind: 'run-ended' } });
    }
    if (intent.kind === 'instruct') {
      this.say({ kind: 'instructed', request: intent.request, outcome: { kind: 'done', tracked: true } });
    }
    if (intent.kind !== 'reload') return;
    this.say({ kind: 'configured', settings: this.#settings });
    this.say({ kind: 'reloaded', request: intent.request, answer: { status: 'ok', data: { changed: ['groups'] } } });
  }
}

/** What was decided, with the hour and the seconds into it. The orders that carry it out are left out. */
const timelineOf = (transition: Transition, second: number): readonly string[] =>
  happenings(transition)
    .filter(({ isDecision, what }) => isDecision && what !== 'run' && what !== 'call off')
    .map(({ what, about }) => `${Math.floor(second / HOUR)} h ${second % HOUR} s: ${what} ${about}`);

const cancel = (id: string) => asks(id, { kind: 'verb', verb: 'cancel', given: { group: 'rack' } });

/** Hours 0 to 11: what mains, a person and a reload do. */
async function morning(machine: Machine): Promise<void> {
  const { devices } = machine;
  await machine.start();
  await machine.until(HOUR);
  devices.battery('a', HOUR);
  await machine.until(HOUR + 20);
  devices.mains('a');
  await machine.until(2 * HOUR);
  devices.battery('a', 2 * HOUR);
  devices.battery('b', 2 * HOUR);
  await machine.until(2 * HOUR + 90);
  devices.mains('a', 'b');
  await machine.until(4 * HOUR);
  devices.battery('a', 4 * HOUR);
  await machine.until(4 * HOUR + 330);
  machine.say(cancel('cancel-1'));
  await machine.until(4 * HOUR + 500);
  devices.mains('a');
  await machine.until(6 * HOUR);
  machine.configure(house(120));
  machine.say(asks('reload-1', { kind: 'verb', verb: 'reload', given: {} }));
  await machine.until(7 * HOUR);
  devices.battery('a', 7 * HOUR);
  await machine.until(7 * HOUR + 200);
  devices.mains('a');
  await machine.until(10 * HOUR);
  machine.say(asks('beeper-1', { kind: 'command', device: 'a', command: 'beeper.mute' }));
  machine.say(deviceLost('nas', 'b', 'data-stale'));
  await machine.until(10 * HOUR + 60);
  machine.say(sourceLost('nas'));
  devices.answers(false);
  await machine.until(11 * HOUR);
  devices.answers(true);
}

/** Hours 11 to 24: a restart, a crash and a reboot, each in an outage, and a forced shutdown. */
async function evening(machine: Machine): Promise<void> {
  const { devices } = machine;
  await machine.until(12 * HOUR);
  devices.battery('a', 12 * HOUR);
  await machine.until(12 * HOUR + 90);
  await machine.stop();
  machine.sleep(2);
  await machine.start();
  await machine.until(12 * HOUR + 200);
  devices.mains('a');
  await machine.until(14 * HOUR);
  machine.setWall(HOUR * 1000);
  await machine.until(15 * HOUR);
  devices.battery('a', 15 * HOUR);
  await machine.until(15 * HOUR + 61);
  await machine.settle();
  await machine.until(15 * HOUR + 70);
  await machine.kill();
  machine.sleep(3);
  await machine.start();
  await machine.until(15 * HOUR + 300);
  devices.mains('a');
  await machine.until(18 * HOUR);
  devices.battery('a', 18 * HOUR);
  devices.battery('b', 18 * HOUR);
  await machine.until(18 * HOUR + 130);
  await machine.stop();
  machine.reboot(60);
  await machine.start();
  await machine.until(18 * HOUR + 400);
  devices.mains('a', 'b');
  await machine.until(22 * HOUR);
  devices.battery('a', 22 * HOUR, 'FSD OB LB');
  await machine.until(22 * HOUR + 30);
  devices.mains('a');
  await machine.until(DAY);
  await machine.stop();
}

interface Replayed {
  readonly decisions: readonly string[];
  readonly processes: number;
  readonly last: State | undefined;
}

/** What all segments together come to. */
async function replayed(): Promise<Replayed> {
  const complaints: string[] = [];
  const trace = await openTrace([folder], ({ message }) => complaints.push(message));
  if (!trace.ok) throw new Error(trace.error.message);
  const replay = createReplay();
  const decisions: string[] = [];
  let processes = 0;
  let last: State | undefined;
  for await (const event of trace.value.events()) {
    const transition = replay.take(event);
    if (transition === undefined) processes += 1;
    else decisions.push(decisionOf(transition));
    last = transition?.after ?? last;
  }
  expect(complaints).toEqual([]);
  return { decisions, processes, last };
}

const EXPECTED = [
  // Mains call the first stage off, and the flicker an hour before calls for nothing.
  '2 h 62 s: shed rack',
  '2 h 97 s: called_off rack',
  // A person calls the whole off, and is respected.
  '4 h 61 s: shed rack',
  '4 h 301 s: shutdown rack',
  '4 h 330 s: called_off rack',
  // Reloaded: two minutes instead of five.
  '7 h 61 s: shed rack',
  '7 h 121 s: shutdown rack',
  '7 h 207 s: called_off rack',
  '10 h 0 s: order a',
  // A restart in between.
  '12 h 62 s: shed rack',
  '12 h 121 s: shutdown rack',
  '12 h 207 s: called_off rack',
  // A kill in between.
  '15 h 62 s: shed rack',
  '15 h 121 s: shutdown rack',
  '15 h 307 s: called_off rack',
  // A reboot in between.
  '18 h 61 s: shed rack',
  '18 h 121 s: shutdown rack',
  '18 h 121 s: shutdown pair',
  '18 h 191 s: restored rack',
  '18 h 191 s: restored pair',
  '18 h 407 s: called_off rack',
  '18 h 407 s: called_off pair',
  '22 h 1 s: shutdown rack',
  '22 h 37 s: finished rack',
];

test('a day with reload, rotation, restart, crash and reboot replays to the very same decisions', async () => {
  const machine = new Machine();
  await morning(machine);
  await evening(machine);
  expect(machine.timeline).toEqual(EXPECTED);
  expect((await readdir(join(folder, 'trace'))).length).toBeGreaterThan(8);

  const { decisions, processes, last } = await replayed();
  expect(processes).toBe(4);
  const first = machine.decisions.findIndex((was, index) => decisions[index] !== was);
  expect(decisions[first]).toBe(machine.decisions[first]);
  expect(decisions.length).toBe(machine.decisions.length);
  expect(last?.groups).toEqual(machine.last?.groups);
  expect(last?.devices).toEqual(machine.last?.devices);
  // The kill has lost what was told after the last word, a decision among it, which the journal has kept all the same.
  expect(machine.lost.length).toBe(2 * 9 + 1);
  expect(machine.lost.join('')).toContain('stage shed decided');
  await Promise.all(machine.bury.map((close) => close()));
}, 60_000);
