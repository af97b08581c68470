import type { View } from '../../src/analysis/triggers/view.ts';
import type { Outage } from '../../src/domain/power.ts';
import { readingOf } from '../../src/domain/reading.ts';
import type { TriggerSettings } from '../../src/domain/settings.ts';
import { type DeviceState, type Link, UNHEARD } from '../../src/domain/state.ts';
import { asInstant, seconds } from '../../src/domain/time.ts';
import { TRIGGERS } from './settings.ts';

/** A moment, by its second. */
export const at = (second: number) => asInstant(second * 1000);

/** A minute into an outage that began at 40 s, as a reading of a second ago shows it; without words there is no reading. */
export function seen(
  status: string | undefined,
  vars: Readonly<Record<string, number>> = {},
  more: Partial<View> = {},
): View {
  const entries = Object.entries(vars).map(([name, value]) => [name, `${value}`] as const);
  const variables = new Map([['ups.status', status ?? ''], ...entries]);
  return {
    now: at(100),
    power: { fed: 'battery' },
    ...(status === undefined ? {} : { reading: readingOf(variables, at(98), at(99)) }),
    listeningFrom: at(0),
    silenceFrom: at(5),
    settings: TRIGGERS,
    need: seconds(120),
    trustCharge: true,
    failedTest: false,
    testing: false,
    fsd: 'obey',
    ...more,
  };
}

/** The device of which a view is. */
export const deviceOf = ({ power, reading }: View, link: Link = { kind: 'up' }): DeviceState => ({
  ...UNHEARD,
  id: 'ups',
  label: 'ups',
  address: { source: 'nas', name: 'ups' },
  link,
  power,
  derived: new Map(),
  ...(reading === undefined ? {} : { reading }),
});

/** The outage of `seen`; no charge was told in it. */
export const OUTAGE: Outage = { id: '', since: at(40), wall: 0, proof: 'status', byTest: false, charges: [] };

/** Charges of an outage, each with its second. */
export const charges = (...points: readonly (readonly [second: number, charge: number])[]) => ({
  charges: points.map(([second, charge]) => ({ at: at(second), charge })),
});

/** Triggers that are set to something else than the default. */
export const tuned = (more: Partial<TriggerSettings>): Partial<View> => ({ settings: { ...TRIGGERS, ...more } });
