import { quantityOf } from '../domain/quantities.ts';

/** The metric that a numeric variable becomes. */
export interface MetricName {
  /** A contract: dashboards and alert rules hold it. */
  readonly name: string;
  readonly help: string;
  /** `counter` for what only grows, such as energy. */
  readonly type: 'gauge' | 'counter';
  /** What stands in the variable's name but must not stand in a metric's: which phase, outlet or ambient sensor. */
  readonly labels: Readonly<Record<string, string>>;
  /** Turns the device's number into the base unit of the metric. */
  readonly inBase: (value: number) => number;
}

interface Unit {
  /** The last word of the metric's name. */
  readonly suffix: string;
  readonly inBase: (value: number) => number;
}

const asIs = (value: number): number => value;

/** Base units only, as Prometheus's naming rules want: percent as a ratio, ampere-hours as coulombs, kWh as joules. */
const UNITS: Readonly<Record<string, Unit>> = {
  V: { suffix: 'volts', inBase: asIs },
  A: { suffix: 'amperes', inBase: asIs },
  W: { suffix: 'watts', inBase: asIs },
  VA: { suffix: 'voltamperes', inBase: asIs },
  Hz: { suffix: 'hertz', inBase: asIs },
  '°C': { suffix: 'celsius', inBase: asIs },
  '%': { suffix: 'ratio', inBase: (value) => value / 100 },
  s: { suffix: 'seconds', inBase: asIs },
  Ah: { suffix: 'coulombs', inBase: (value) => value * 3600 },
  kWh: { suffix: 'joules', inBase: (value) => value * 3_600_000 },
};

const HELP: Readonly<Record<string, string>> = {
  power: 'Real power at the output in watts: measured, or worked out from load and nominal power',
};

/** Names repeat with every device and scrape. Bounded, because outlet numbers come from outside. */
const MEMORY = 5000;
const known = new Map<string, MetricName | undefined>();

/**
 * The metric of a variable, undefined for what is no number or has no row.
 *
 * `input.L1-N.voltage` is `gridwarden_input_voltage_volts{phase="L1-N"}`, `outlet.2.power` is
 * `gridwarden_outlet_power_voltamperes{outlet="2"}`; what NUT calls `.count` or `.percent` says so by plural and unit,
 * since `_count` is reserved for histograms.
 *
 * @see https://prometheus.io/docs/practices/naming/
 */
export function metricOf(variable: string): MetricName | undefined {
  if (known.has(variable)) return known.get(variable);
  const metric = named(variable);
  if (known.size >= MEMORY) known.clear();
  known.set(variable, metric);
  return metric;
}

function named(variable: string): MetricName | undefined {
  const row = quantityOf(variable);
  if (row?.kind !== 'number') return undefined;
  const { plain, labels } = withoutPlace(variable);
  const unit = row.deviceClass === 'power_factor' ? { suffix: 'ratio', inBase: asIs } : UNITS[row.unit ?? ''];
  const grows = row.stateClass === 'total_increasing';
  const words = plain
    .replace(/\.percent$/, '')
    .replace(/\.count$/, 's')
    .split('.');
  const name = ['gridwarden', ...words, ...(unit === undefined ? [] : [unit.suffix]), ...(grows ? ['total'] : [])];
  const measure = unit === undefined ? '' : ` in ${unit.suffix === 'ratio' ? 'parts of one' : unit.suffix}`;
  return {
    name: name.join('_'),
    help: HELP[plain] ?? `NUT's ${plain}${measure}`,
    type: grows ? 'counter' : 'gauge',
    labels,
    inBase: unit?.inBase ?? asIs,
  };
}

/** Takes the phase or the number out of a variable's name. */
function withoutPlace(variable: string): Pick<MetricName, 'labels'> & { readonly plain: string } {
  const [, side, phase, rest] =
    /^(input|output|input\.bypass)\.(L[123](?:-(?:N|L[123]))?|N)(\..+)$/.exec(variable) ?? [];
  if (phase !== undefined) return { plain: `${side}${rest}`, labels: { phase } };
  const [, kind, number, tail] = /^(outlet|ambient)\.(\d+)(\..+)$/.exec(variable) ?? [];
  if (number === undefined) return { plain: variable, labels: {} };
  return { plain: `${kind}${tail}`, labels: kind === 'outlet' ? { outlet: number } : { sensor: number } };
}
