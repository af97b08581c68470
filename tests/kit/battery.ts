import { followBattery } from '../../src/analysis/battery/follow.ts';
import type { BatteryFact, BatteryInput } from '../../src/analysis/battery/step.ts';
import { type Battery, NO_BATTERY } from '../../src/domain/battery.ts';
import type { Outage, Power } from '../../src/domain/power.ts';
import { type Reading, readingOf } from '../../src/domain/reading.ts';
import { asInstant, type Stamp } from '../../src/domain/time.ts';
import { WALL } from './story.ts';

export const ON_MAINS: Power = { fed: 'mains' };

export const outageSince = (second: number, more: Partial<Outage> = {}): Outage => ({
  id: 'outage',
  since: asInstant(second * 1000),
  wall: WALL + second * 1000,
  proof: 'status',
  byTest: false,
  charges: [],
  ...more,
});

export const onBattery = (second: number, more: Partial<Outage> = {}): Power => ({
  fed: 'battery',
  outage: outageSince(second, more),
});

export const stampAt = (second: number): Stamp => ({ at: asInstant(second * 1000), wall: WALL + second * 1000 });

/** What a device says at a second: its status and variables, a number where one is enough. */
export const readAt = (
  second: number,
  status: string,
  variables: Readonly<Record<string, string | number>> = {},
): Reading =>
  readingOf(
    new Map([['ups.status', status], ...Object.entries(variables).map(([name, value]) => [name, `${value}`] as const)]),
    asInstant(second * 1000),
    asInstant(second * 1000),
  );

/** One battery with reading after reading, on mains unless said otherwise. */
export class BatteryStory {
  battery: Battery;
  facts: readonly BatteryFact[] = [];
  #power: Power = ON_MAINS;
  readonly #more: Partial<BatteryInput>;

  constructor(battery: Battery = NO_BATTERY, more: Partial<BatteryInput> = {}) {
    this.battery = battery;
    this.#more = more;
  }

  /** One reading; `facts` are then those of it. */
  read(
    second: number,
    status: string,
    variables: Readonly<Record<string, string | number>> = {},
    power: Power = ON_MAINS,
  ): this {
    const reading = readAt(second, status, variables);
    const step = followBattery(
      this.battery,
      { reading, before: this.#power, now: power, ...this.#more },
      stampAt(second),
    );
    this.#power = power;
    this.battery = step.battery;
    this.facts = step.facts;
    return this;
  }

  get told(): readonly string[] {
    return this.facts.map(({ type }) => type);
  }
}
