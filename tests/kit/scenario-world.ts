import type { Report } from '../../src/domain/inputs.ts';
import { type Reading, readingOf, type Variables } from '../../src/domain/reading.ts';
import type { Instant } from '../../src/domain/time.ts';
import { TROUBLE_KINDS, type Trouble, type TroubleKind } from '../../src/domain/trouble.ts';
import { spanOf } from './scenario-settings.ts';

/** Short words of scenarios for variables; any other key is a variable itself and has a dot. */
const ALIASES: Readonly<Record<string, string>> = {
  charge: 'battery.charge',
  runtime: 'battery.runtime',
  battery_voltage: 'battery.voltage',
  voltage: 'input.voltage',
  frequency: 'input.frequency',
  load: 'ups.load',
  watts: 'ups.realpower',
  nominal_watts: 'ups.realpower.nominal',
  test: 'ups.test.result',
};

/** Falls or rises steadily, in whole numbers: `charge=100~40/300s`. */
interface Ramp {
  readonly from: number;
  readonly to: number;
  /** Seconds. */
  readonly begun: number;
  readonly span: number;
}

interface Seat {
  readonly source: string;
  readonly name: string;
  variables: Variables;
  ramps: ReadonlyMap<string, Ramp>;
  /** What it does when it is asked. It has never been heard while it is `new`. */
  answers: 'new' | 'yes' | 'silent' | Trouble;
  /** The second in which it has already been told of. */
  told: number;
}

export const troubleOf = (kind: string | undefined): Trouble => {
  const known = TROUBLE_KINDS.find((one) => one === (kind ?? 'data-stale'));
  if (known === undefined) throw new Error(`${kind} is no trouble; there are: ${TROUBLE_KINDS.join(', ')}`);
  return { kind: known satisfies TroubleKind, detail: 'scenario' };
};

/** The devices and servers of a scenario: what they would say if they were asked now. */
export class World {
  readonly #seats = new Map<string, Seat>();
  readonly #sources = new Map<string, 'yes' | 'silent' | Trouble>();

  /** Takes in devices that are new to it. */
  place(devices: ReadonlyMap<string, { readonly source: string; readonly name: string }>): void {
    for (const [id, place] of devices) {
      if (this.#seats.has(id)) continue;
      this.#seats.set(id, { ...place, variables: new Map(), ramps: new Map(), answers: 'new', told: -1 });
      if (!this.#sources.has(place.source)) this.#sources.set(place.source, 'yes');
    }
  }

  has = (id: string): boolean => this.#seats.has(id);
  sources = (): readonly string[] => [...this.#sources.keys()];

  /** A device says something new from now on. Its source answers again with it. */
  says(id: string, words: readonly string[], given: ReadonlyMap<string, string>, second: number): void {
    const seat = this.#seat(id);
    const variables = new Map(seat.variables);
    const ramps = new Map(seat.ramps);
    if (words.length > 0) {
      const status = words.filter((word) => word !== '-').join(' ');
      if (words[0] === 'none') variables.delete('ups.status');
      else variables.set('ups.status', status);
    }
    for (const [key, text] of given) {
      const variable = ALIASES[key] ?? key;
      if (!variable.includes('.'))
        throw new Error(`${key} is no variable; short words: ${Object.keys(ALIASES).join(', ')}`);
      ramps.delete(variable);
      const [, from, to, span] = /^(\d+)~(\d+)\/(\w+)$/.exec(text) ?? [];
      if (text === '-') variables.delete(variable);
      else if (span === undefined) variables.set(variable, text);
      else {
        ramps.set(variable, { from: Number(from), to: Number(to), begun: second, span: spanOf(span) / 1000 });
        variables.set(variable, `${from}`);
      }
    }
    Object.assign(seat, { variables, ramps, answers: 'yes' });
    if (this.#sources.get(seat.source) !== 'yes') this.#sources.set(seat.source, 'yes');
  }

  device(id: string, answers: 'silent' | Trouble): void {
    this.#seat(id).answers = answers;
  }

  source(name: string, answers: 'yes' | 'silent' | Trouble): void {
    if (!this.#sources.has(name)) throw new Error(`there is no source ${name}`);
    this.#sources.set(name, answers);
  }

  isAnswering = (source: string): boolean => this.#sources.get(source) === 'yes';
  sourceOf = (id: string): string => this.#seat(id).source;

  /** What one device alone reports now; nothing while its server does not answer. */
  reportOf(id: string, second: number, at: Instant): readonly Report[] {
    const seat = this.#seat(id);
    if (!this.isAnswering(seat.source)) return [];
    seat.told = second;
    return this.#reports(seat.source, [seat], second, at);
  }

  /** What every server reports when it is asked for all its devices; without those already told of in this second. */
  sweep(second: number, at: Instant): readonly Report[] {
    return this.sources().flatMap((source) => {
      const seats = [...this.#seats.values()].filter((seat) => seat.source === source && seat.told !== second);
      const answering = seats.filter(({ answers }) => answers === 'yes');
      return this.isAnswering(source) ? this.#reports(source, answering, second, at) : [];
    });
  }

  /** What a server reports when it is met: its devices, and what is wrong with them, or that it is not there. */
  meet(source: string): readonly Report[] {
    const answers = this.#sources.get(source);
    if (answers === 'silent' || answers === undefined) return [];
    if (answers !== 'yes') return [{ kind: 'source-trouble', source, trouble: answers }];
    const seats = [...this.#seats.values()].filter((seat) => seat.source === source);
    return [
      { kind: 'listed', source, devices: seats.map(({ name }) => ({ name })) },
      ...seats.flatMap(({ name, answers: trouble }): Report[] =>
        typeof trouble === 'object' ? [{ kind: 'device-trouble', address: { source, name }, trouble }] : [],
      ),
    ];
  }

  #reports(source: string, seats: readonly Seat[], second: number, at: Instant): readonly Report[] {
    const readings = new Map<string, Reading>();
    const troubles: Report[] = [];
    for (const seat of seats) {
      if (typeof seat.answers === 'object') {
        troubles.push({ kind: 'device-trouble', address: { source, name: seat.name }, trouble: seat.answers });
      }
      if (seat.answers !== 'yes') continue;
      seat.variables = climbed(seat, second);
      readings.set(seat.name, readingOf(seat.variables, at, at));
    }
    return [...(readings.size === 0 ? [] : [{ kind: 'readings' as const, source, readings }]), ...troubles];
  }

  #seat(id: string): Seat {
    const seat = this.#seats.get(id);
    if (seat === undefined)
      throw new Error(`there is no device ${id}; there are: ${[...this.#seats.keys()].join(', ')}`);
    return seat;
  }
}

/** The very same variables where no ramp has moved. */
function climbed({ variables, ramps }: Seat, second: number): Variables {
  let next: Map<string, string> | undefined;
  for (const [variable, { from, to, begun, span }] of ramps) {
    const part = Math.min(1, Math.max(0, (second - begun) / span));
    const value = `${Math.round(from + (to - from) * part)}`;
    if (variables.get(variable) === value) continue;
    next ??= new Map(variables);
    next.set(variable, value);
  }
  return next ?? variables;
}
