import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Input } from '../../src/domain/inputs.ts';
import { numberIn, readingOf, variablesOf } from '../../src/domain/reading.ts';
import type { Step } from '../../src/domain/steps.ts';
import { asInstant, seconds } from '../../src/domain/time.ts';
import { BLANK, type Mind, think } from '../../src/runtime/mind.ts';
import { nutDumps } from '../kit/corpus.ts';
import { parseDump } from '../kit/dump.ts';
import { group, settings } from '../kit/settings.ts';

const WALL = Date.UTC(2026, 0, 1);
const HALT: Step = {
  key: 'host',
  kind: 'host',
  text: 'halt this host',
  after: [],
  deadline: seconds(30),
  usual: seconds(20),
  carriesSource: false,
};
const NEED = 80;

/** A recorded device that is watched, and what was decided of it. */
class Watched {
  readonly decided: { readonly second: number; readonly reason: string }[] = [];
  #mind: Mind = BLANK;
  #second = 0;

  constructor() {
    this.#tell({
      kind: 'configured',
      settings: settings({ armed: true, groups: [group('rack', ['ups'], { halt: HALT })] }),
    });
    this.#tell({ kind: 'report', report: { kind: 'listed', source: 'nas', devices: [{ name: 'ups' }] } });
  }

  get second(): number {
    return this.#second;
  }

  /** One reading, and two seconds of time: as often as a driver has news. */
  says(variables: ReadonlyMap<string, string>): void {
    this.#second += 1;
    const at = this.#second * 1000;
    const reading = readingOf(variables, asInstant(at - 5), asInstant(at));
    this.#tell({ kind: 'report', report: { kind: 'readings', source: 'nas', readings: new Map([['ups', reading]]) } });
    this.#tell({ kind: 'tick' });
    this.#second += 1;
    this.#tell({ kind: 'tick' });
  }

  #tell(input: Input): void {
    const stamp = { at: asInstant(this.#second * 1000), wall: WALL + this.#second * 1000 };
    const { mind, transition, thrown } = think(this.#mind, input, stamp);
    if (thrown !== undefined) throw thrown.value;
    this.#mind = mind;
    for (const intent of transition.intents) {
      if (intent.kind === 'run') this.decided.push({ second: this.#second, reason: intent.reason });
    }
  }
}

/** A recorded device with a battery that empties. */
class Draining {
  /** Seconds: by its own runtime, else twenty minutes; never so short that no plan fits, nor so long that it bores. */
  readonly lasts: number;
  readonly #variables: ReadonlyMap<string, string>;
  readonly #has: Readonly<Record<'charge' | 'runtime' | 'volts' | 'input', number | undefined>>;

  constructor(variables: ReadonlyMap<string, string>) {
    const reading = readingOf(variables, asInstant(0), asInstant(0));
    this.#variables = variables;
    this.#has = {
      charge: numberIn(reading, 'battery.charge'),
      runtime: numberIn(reading, 'battery.runtime'),
      volts: numberIn(reading, 'battery.voltage'),
      input: numberIn(reading, 'input.voltage'),
    };
    const { runtime } = this.#has;
    this.lasts = runtime === undefined || runtime < 240 || runtime > 1500 ? 900 : runtime;
  }

  /** What it says after so many seconds; gauges it does not have stay away. */
  after(gone: number): Map<string, string> {
    const left = Math.max(0, 1 - gone / this.lasts);
    const { charge, runtime, volts, input } = this.#has;
    const now = new Map(this.#variables).set('ups.status', 'OB DISCHRG');
    if (charge !== undefined) now.set('battery.charge', String(Math.round(100 * left)));
    if (runtime !== undefined) now.set('battery.runtime', String(Math.round(this.lasts * left)));
    if (volts !== undefined) now.set('battery.voltage', (volts * (0.85 + 0.1 * left)).toFixed(2));
    if (input !== undefined) now.set('input.voltage', '0');
    return now;
  }
}

const dumps = nutDumps().map((path) => [basename(path), path] as const);
const variablesIn = (path: string) => variablesOf(parseDump(readFileSync(path, 'utf8')).variables);

describe.skipIf(dumps.length === 0)('every recorded device (skipped where the recordings are absent)', () => {
  test('left as it was recorded, on mains, is never shut down', () => {
    const onMains = dumps.filter(([, path]) => !/\bOB\b/.test(variablesIn(path).get('ups.status') ?? ''));
    expect(onMains.length).toBeGreaterThan(300);
    const wrong = onMains.flatMap(([name, path]) => {
      const watched = new Watched();
      const variables = variablesIn(path);
      for (let second = 0; second < 120; second += 1) watched.says(variables);
      return watched.decided.map(({ reason }) => `${name}: ${reason}`);
    });
    expect(wrong).toEqual([]);
  });

  test('put on battery and drained, is shut down once and in time', { timeout: 120_000 }, () => {
    const wrong = dumps.flatMap(([name, path]) => {
      const variables = variablesIn(path);
      const battery = new Draining(variables);
      const watched = new Watched();
      for (let second = 0; second < 5; second += 1) watched.says(new Map(variables).set('ups.status', 'OL'));
      const begun = watched.second;
      while (watched.second - begun < battery.lasts) watched.says(battery.after(watched.second - begun));
      const [first, ...more] = watched.decided;
      if (first === undefined || more.length > 0) return [`${name}: decided ${watched.decided.length} times`];
      const left = battery.lasts - (first.second - begun);
      return left >= NEED - 20 ? [] : [`${name}: ${left} s left of ${battery.lasts} s, ${first.reason}`];
    });
    expect(wrong).toEqual([]);
  });
});
