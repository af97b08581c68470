import type { Fact } from '../../src/domain/facts.ts';
import type { Run } from '../../src/domain/groups.ts';
import type { Input } from '../../src/domain/inputs.ts';
import type { Intent } from '../../src/domain/intents.ts';
import { type Reading, readingOf } from '../../src/domain/reading.ts';
import type { Ask } from '../../src/domain/requests.ts';
import type { GroupSettings, Settings } from '../../src/domain/settings.ts';
import { EMPTY_STATE, type State } from '../../src/domain/state.ts';
import type { Step } from '../../src/domain/steps.ts';
import { asInstant, type Stamp, seconds } from '../../src/domain/time.ts';
import type { Trigger, Verdict } from '../../src/domain/triggers.ts';
import { decide } from '../../src/policy/decide.ts';
import { memoryOf, shifted } from '../../src/store/memory.ts';
import { declared, group, settings } from './settings.ts';
import { lost, WALL } from './story.ts';

type Vars = Readonly<Record<string, string | number>>;

/** How long the machine has been up when a watch begins. */
const UP = 1_000_000;
/** What a device takes to answer. */
const ANSWER = 20;

/** The halt of this host: 15 s, so that with the reserve of a minute a plan of nothing else needs 75 s. */
export const HALT: Step = {
  key: 'host',
  kind: 'host',
  text: 'halt this host',
  after: [],
  deadline: seconds(30),
  usual: seconds(15),
  carriesSource: false,
};

/** An armed group of these feeds that halts this host. */
export const rack = (feeds: readonly string[] = ['ups'], more: Partial<GroupSettings> = {}): Partial<Settings> => ({
  armed: true,
  devices: feeds.map((id) => declared(id)),
  groups: [group('rack', feeds, { halt: HALT, ...more })],
});

/**
 * A whole policy that watches: every second each device that speaks answers what it said last, and a tick follows.
 *
 * `facts`, `intents` and `runs` are those since the start, with the second they came in.
 */
export class Watch {
  state: State = EMPTY_STATE;
  readonly facts: (Fact & { readonly second: number })[] = [];
  readonly intents: (Intent & { readonly second: number })[] = [];
  settings: Settings;
  #at: number;
  #wall: number;
  readonly #speaking = new Map<string, Reading['variables']>();
  #requests = 0;

  constructor(more: Partial<Settings> = rack(), start: number = UP) {
    this.settings = settings(more);
    [this.#at, this.#wall] = [start, WALL];
    this.#begins();
  }

  /** Seconds since the watch began. */
  get second(): number {
    return (this.#wall - WALL) / 1000;
  }

  get stamp(): Stamp {
    return { at: asInstant(this.#at), wall: this.#wall };
  }

  tell(input: Input): this {
    const decision = decide(this.state, input, this.stamp);
    const { second } = this;
    this.state = decision.state;
    this.facts.push(...decision.facts.map((fact) => ({ ...fact, second })));
    this.intents.push(...decision.intents.map((intent) => ({ ...intent, second })));
    return this;
  }

  /** What a device answers from now on, and now. */
  says(id: string, status: string, vars: Vars = {}): this {
    this.changes(id, status, vars);
    return this.tell(this.#sweep([id]));
  }

  /** What a device answers from the next second on. */
  changes(id: string, status: string, vars: Vars = {}): this {
    const entries = Object.entries(vars).map(([name, value]) => [name, `${value}`] as const);
    this.#speaking.set(id, new Map([['ups.status', status], ...entries]));
    return this;
  }

  /** A device is lost, and its source says so. */
  loses(id: string): this {
    this.#speaking.delete(id);
    const address = { source: 'nas', name: id };
    return this.tell({ kind: 'report', report: { kind: 'device-trouble', address, trouble: lost('unreachable') } });
  }

  /** A device answers no more, and nobody says so. */
  hangs(id: string): this {
    this.#speaking.delete(id);
    return this;
  }

  /** Lets seconds go by, with an answer of every device and a tick in each. `each` is asked before, with the second. */
  runs(count: number, each?: (second: number) => void): this {
    for (let done = 0; done < count; done += 1) {
      this.passes(1);
      each?.(this.second);
      if (this.#speaking.size > 0) this.tell(this.#sweep([...this.#speaking.keys()]));
      this.tell({ kind: 'tick' });
    }
    return this;
  }

  /** Lets seconds go by in which nothing comes in, not even a tick. */
  passes(count: number): this {
    this.#at += count * 1000;
    this.#wall += count * 1000;
    return this;
  }

  tick(): this {
    return this.tell({ kind: 'tick' });
  }

  /** Somebody who may asks the bridge for something. */
  asks(verb: string, given: Extract<Ask, { kind: 'verb' }>['given'] = {}): this {
    this.#requests += 1;
    return this.tell({
      kind: 'request',
      request: { id: `r${this.#requests}`, from: 'http', ask: { kind: 'verb', verb, given } },
    });
  }

  reloads(more: Partial<Settings>): this {
    this.settings = settings(more);
    return this.tell({ kind: 'configured', settings: this.settings });
  }

  /** The process is killed and starts again, in the same boot. Devices go on answering. */
  restart(downFor = 0): this {
    const memory = memoryOf(this.state, asInstant(this.#at));
    this.state = EMPTY_STATE;
    this.passes(downFor);
    this.tell({ kind: 'restored', names: [], memory, boot: 'same' });
    return this.#begins();
  }

  /** The machine goes down and comes up again. No device answers until it is told to. */
  reboot(downFor = 60): this {
    this.#speaking.clear();
    const memory = memoryOf(this.state, asInstant(this.#at));
    this.state = EMPTY_STATE;
    this.#wall += downFor * 1000;
    this.#at = 0;
    this.passes(20);
    this.tell({ kind: 'restored', names: [], memory: shifted(memory, -memory.at), boot: 'new' });
    return this.#begins();
  }

  /** Orders to run a plan, each with its second. */
  get runsOrdered(): readonly (Extract<Intent, { kind: 'run' }> & { readonly second: number })[] {
    return this.intents.flatMap((intent) => (intent.kind === 'run' ? [intent] : []));
  }

  /** The second of the first order; undefined while there is none. */
  get decidedAt(): number | undefined {
    return this.runsOrdered[0]?.second;
  }

  /** The triggers that have fired, `ups:charge_below`, in their order. */
  get fired(): readonly string[] {
    return this.facts.flatMap(({ type, device, details }) =>
      type === 'trigger_fired' ? [`${device}:${details?.['trigger']}`] : [],
    );
  }

  /** Types of all facts, in their order. */
  get told(): readonly string[] {
    return this.facts.map(({ type }) => type);
  }

  /** What a trigger thinks of a feed of the first group that has it. */
  verdict(trigger: Trigger, id = 'ups'): Verdict | undefined {
    const members = [...this.state.groups.values()].map(({ members: all }) => all.get(id));
    return members.find((member) => member !== undefined)?.verdicts.find((verdict) => verdict.trigger === trigger);
  }

  classOf(id = 'ups'): string | undefined {
    return this.group().members.get(id)?.class;
  }

  run(): Run | undefined {
    return this.group().run;
  }

  group(id = 'rack') {
    const found = this.state.groups.get(id);
    if (found === undefined) throw new Error(`no group ${id}`);
    return found;
  }

  #begins(): this {
    this.tell({ kind: 'configured', settings: this.settings });
    const devices = this.settings.devices.map(({ name }) => ({ name }));
    return this.tell({ kind: 'report', report: { kind: 'listed', source: 'nas', devices } });
  }

  #sweep(ids: readonly string[]): Input {
    const readings = new Map<string, Reading>();
    for (const id of ids) {
      const variables = this.#speaking.get(id);
      if (variables !== undefined) {
        readings.set(id, readingOf(variables, asInstant(this.#at - ANSWER), asInstant(this.#at)));
      }
    }
    return { kind: 'report', report: { kind: 'readings', source: 'nas', readings } };
  }
}
