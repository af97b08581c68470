import type { Fact } from '../../src/domain/facts.ts';
import type { Input } from '../../src/domain/inputs.ts';
import type { Intent } from '../../src/domain/intents.ts';
import { type Inventory, type Reading, readingOf } from '../../src/domain/reading.ts';
import type { Answer, Ask, Request } from '../../src/domain/requests.ts';
import type { Settings } from '../../src/domain/settings.ts';
import { type DeviceState, EMPTY_STATE, type State } from '../../src/domain/state.ts';
import { asInstant } from '../../src/domain/time.ts';
import type { Trouble } from '../../src/domain/trouble.ts';
import { decide } from '../../src/policy/decide.ts';
import { settings } from './settings.ts';

/** The wall clock at the beginning of every story. */
export const WALL = Date.UTC(2026, 0, 1);

export const reading = (status: string | undefined, more: Readonly<Record<string, string>> = {}): Reading =>
  readingOf(
    new Map(Object.entries({ ...(status === undefined ? {} : { 'ups.status': status }), ...more })),
    asInstant(0),
    asInstant(1),
  );

export const lost = (kind: Trouble['kind'] = 'unreachable'): Trouble => ({ kind, detail: 'seen' });

/** Inputs told one after the other to `decide`, a second apart unless said otherwise. */
export class Story {
  state: State = EMPTY_STATE;
  facts: readonly Fact[] = [];
  intents: readonly Intent[] = [];
  #seconds = 0;

  /** Tells inputs; `facts` and `intents` are then those of all of them. */
  tell(...inputs: readonly Input[]): this {
    const [facts, intents]: [Fact[], Intent[]] = [[], []];
    for (const input of inputs) {
      const stamp = { at: asInstant(this.#seconds * 1000), wall: WALL + this.#seconds * 1000 };
      const decision = decide(this.state, input, stamp);
      this.state = decision.state;
      facts.push(...decision.facts);
      intents.push(...decision.intents);
      this.#seconds += 1;
    }
    this.facts = facts;
    this.intents = intents;
    return this;
  }

  /** Lets time go by before the next input. */
  later(seconds: number): this {
    this.#seconds += seconds;
    return this;
  }

  /** `type` or `type:device` of each fact of the last inputs. */
  get told(): readonly string[] {
    return this.facts.map(({ type, device, source }) => [type, device ?? source].filter(Boolean).join(':'));
  }

  get ids(): readonly string[] {
    return [...this.state.devices.keys()];
  }

  device(id: string): DeviceState {
    const device = this.state.devices.get(id);
    if (device === undefined) throw new Error(`no device ${id}; there are: ${this.ids.join(', ')}`);
    return device;
  }

  /** The one answer of the last inputs. */
  get answer(): Answer {
    const answers = this.intents.flatMap((intent) => (intent.kind === 'answer' ? [intent.answer] : []));
    const [answer] = answers;
    if (answer === undefined || answers.length !== 1) throw new Error(`${answers.length} answers`);
    return answer;
  }
}

export const configured = (more: Partial<Settings> = {}): Input => ({ kind: 'configured', settings: settings(more) });

export const listed = (source: string, ...names: readonly string[]): Input => ({
  kind: 'report',
  report: { kind: 'listed', source, devices: names.map((name) => ({ name })) },
});

export const says = (
  source: string,
  name: string,
  status: string | undefined,
  more?: Readonly<Record<string, string>>,
): Input => ({
  kind: 'report',
  report: { kind: 'readings', source, readings: new Map([[name, reading(status, more)]]) },
});

export const sourceLost = (source: string, kind?: Trouble['kind']): Input => ({
  kind: 'report',
  report: { kind: 'source-trouble', source, trouble: lost(kind) },
});

export const deviceLost = (source: string, name: string, kind?: Trouble['kind']): Input => ({
  kind: 'report',
  report: { kind: 'device-trouble', address: { source, name }, trouble: lost(kind) },
});

export const inventory = (source: string, name: string, what: Partial<Inventory> = {}): Input => ({
  kind: 'report',
  report: { kind: 'inventory', address: { source, name }, inventory: { writable: [], commands: [], ...what } },
});

export const asks = (id: string, ask: Ask, from: Request['from'] = 'mqtt'): Input => ({
  kind: 'request',
  request: { id, from, ask },
});

export const TICK: Input = { kind: 'tick' };
