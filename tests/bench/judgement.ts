import type { Input } from '../../src/domain/inputs.ts';
import { type Reading, readingOf } from '../../src/domain/reading.ts';
import type { Step } from '../../src/domain/steps.ts';
import { asInstant, seconds } from '../../src/domain/time.ts';
import { BLANK, think } from '../../src/runtime/mind.ts';
import { group, settings } from '../kit/settings.ts';
import { type Figure, median } from './figures.ts';

const SIZE = 1000;
const TICKS = 60;
const HALT: Step = {
  key: 'host',
  kind: 'host',
  text: 'halt this host',
  after: [],
  deadline: seconds(30),
  usual: seconds(10),
  carriesSource: false,
};
const GAUGES = {
  'battery.charge': '97',
  'battery.runtime': '1800',
  'battery.voltage': '27.1',
  'input.voltage': '230.4',
  'input.voltage.nominal': '230',
  'input.frequency': '50.0',
  'ups.load': '23',
  'ups.realpower.nominal': '900',
};

/** The decision alone, without input and output: no server is needed. */
export function measureJudgement(): readonly Figure[] {
  const [mains, quiet] = spansOf(0);
  const [half] = spansOf(SIZE / 2);
  return [
    { what: 'one tick, all on mains, median of 60', size: SIZE, unit: 'ms', measured: median(mains), target: 5 },
    { what: 'one sweep that says nothing new, median of 60', size: SIZE, unit: 'ms', measured: median(quiet) },
    { what: 'one tick, half of them on battery, median of 60', size: SIZE, unit: 'ms', measured: median(half) },
    { what: 'a day of 1 s readings and ticks, decided', size: 1, unit: 's', measured: dayOf(false), target: 2 },
    { what: 'the same, every reading another', size: 1, unit: 's', measured: dayOf(true) },
  ];
}

/** A thousand devices, each in a group of its own, sweep and tick once a second: milliseconds of each tick and sweep. */
function spansOf(onBattery: number): readonly [ticks: readonly number[], sweeps: readonly number[]] {
  const names = Array.from({ length: SIZE }, (_, index) => `u${index}`);
  const groups = names.map((name) => group(`g${name}`, [name], { halt: HALT }));
  const house = new House(settings({ armed: true, groups }), names);
  const said = new Map(names.map((name, index) => [name, variables(index < onBattery ? 'OB DISCHRG' : 'OL')]));
  house.sweep(new Map(names.map((name) => [name, variables('OL')])));
  const [ticks, sweeps]: [number[], number[]] = [[], []];
  // Past the time after a start in which everything is judged at every tick.
  for (let second = 0; second < 30 + TICKS; second += 1) {
    house.pass(1000);
    const sweep = house.sweep(said);
    const tick = house.tell({ kind: 'tick' });
    if (second < 30) continue;
    sweeps.push(sweep);
    ticks.push(tick);
  }
  return [ticks, sweeps];
}

/** Seconds that a day of one device takes. */
function dayOf(changes: boolean): number {
  const house = new House(settings({ armed: true, groups: [group('g', ['u'], { halt: HALT })] }), ['u']);
  const same = variables('OL');
  let spent = 0;
  for (let second = 0; second < 86_400; second += 1) {
    house.pass(1000);
    const now = changes ? new Map(same).set('ups.load', String(20 + (second % 10))) : same;
    spent += house.sweep(new Map([['u', now]])) + house.tell({ kind: 'tick' });
  }
  return spent / 1000;
}

const variables = (status: string): ReadonlyMap<string, string> =>
  new Map(Object.entries({ 'ups.status': status, ...GAUGES }));

class House {
  #mind = BLANK;
  #now = 0;

  constructor(configured: ReturnType<typeof settings>, names: readonly string[]) {
    this.tell({ kind: 'configured', settings: configured });
    const devices = names.map((name) => ({ name }));
    this.tell({ kind: 'report', report: { kind: 'listed', source: 'nas', devices } });
  }

  pass(ms: number): void {
    this.#now += ms;
  }

  /** Milliseconds that deciding on an input has taken. */
  tell(input: Input): number {
    const stamp = { at: asInstant(this.#now), wall: 1_767_225_600_000 + this.#now };
    const begun = performance.now();
    const { mind, thrown } = think(this.#mind, input, stamp);
    const took = performance.now() - begun;
    if (thrown !== undefined) throw thrown.value;
    this.#mind = mind;
    return took;
  }

  sweep(said: ReadonlyMap<string, ReadonlyMap<string, string>>): number {
    const at = asInstant(this.#now);
    const readings = new Map([...said].map(([name, all]): [string, Reading] => [name, readingOf(all, at, at)]));
    return this.tell({ kind: 'report', report: { kind: 'readings', source: 'nas', readings } });
  }
}
