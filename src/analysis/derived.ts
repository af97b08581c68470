import { feedOf, statusText } from '../domain/flags.ts';
import { numberIn, type Reading, type Variables } from '../domain/reading.ts';
import type { Link } from '../domain/state.ts';

/** Where no power factor is reported. Between old computer supplies (0.65) and corrected ones (0.95 and more). */
const ASSUMED_POWER_FACTOR = 0.8;

/**
 * What follows from a reading, under names of its own: `ups.status.display`, `mains`, `power` with
 * `power.basis`, `connection`.
 *
 * A value that cannot be had is absent.
 *
 * @param nominalPower watts the configuration gives for the device; outranks what the device says of itself
 */
export function derive(reading: Reading | undefined, link: Link, nominalPower?: number): Variables {
  const derived = new Map<string, string>();
  if (reading?.variables.has('ups.status')) derived.set('ups.status.display', statusText(reading.flags));
  const feed = reading && feedOf(reading.flags);
  if (feed) derived.set('mains', feed === 'mains' ? 'on' : 'off');
  const power = reading && powerOf(reading, nominalPower);
  if (power) {
    derived.set('power', String(Math.round(power.watts)));
    derived.set('power.basis', power.basis);
  }
  if (link.kind !== 'unknown') derived.set('connection', link.kind === 'up' ? 'connected' : link.trouble.kind);
  return derived;
}

/** How the watts were found: measured by the device, load times nominal watts, or apparent power times power factor. The last two are estimates. */
type PowerBasis = 'measured' | 'load' | 'apparent';

const MEASURED = ['ups.realpower', 'output.realpower', 'outlet.realpower'];
const PHASES = ['output.L1.realpower', 'output.L2.realpower', 'output.L3.realpower'];
const NOMINAL = ['ups.realpower.nominal', 'output.realpower.nominal'];
const APPARENT = ['ups.power', 'output.power', 'outlet.power'];
const NOMINAL_APPARENT = ['ups.power.nominal', 'output.power.nominal'];
const FACTORS = ['ups.powerfactor', 'output.powerfactor', 'outlet.powerfactor'];

/** A sum of which a part is not known is not known. */
const plus = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? undefined : one + other;

function powerOf(reading: Reading, configured?: number): { watts: number; basis: PowerBasis } | undefined {
  const first = (names: readonly string[]) => {
    for (const name of names) {
      const value = numberIn(reading, name);
      if (value !== undefined) return value;
    }
    return undefined;
  };
  const phases = PHASES.filter((name) => reading.variables.has(name)).map((name) => numberIn(reading, name));
  const sum = phases.length > 0 ? phases.reduce(plus) : undefined;
  // A PDU measures what goes in; in a UPS that would include the charger.
  const measured = first(MEASURED) ?? sum ?? (reading.flags.length === 0 ? first(['input.realpower']) : undefined);
  if (measured !== undefined) return { watts: measured, basis: 'measured' };

  const load = numberIn(reading, 'ups.load');
  const nominal = configured ?? first(NOMINAL) ?? 0;
  if (load !== undefined && nominal > 0) return { watts: (load / 100) * nominal, basis: 'load' };

  const rating = first(NOMINAL_APPARENT);
  const apparent = first(APPARENT) ?? (load !== undefined && rating !== undefined ? (load / 100) * rating : undefined);
  if (apparent === undefined) return undefined;
  return { watts: apparent * (first(FACTORS) ?? ASSUMED_POWER_FACTOR), basis: 'apparent' };
}
