import { Counter, Gauge, Registry } from 'prom-client';

type Labels = Readonly<Record<string, string>>;

/** One scrape's worth of metrics, gathered family by family in the order they are first told. */
export interface Families {
  readonly gauge: (name: string, help: string, value: number, labels?: Labels) => void;
  /** `value` is the whole count, not what it grew by. */
  readonly counter: (name: string, help: string, value: number, labels?: Labels) => void;
  /** The text of all. */
  readonly text: () => Promise<string>;
}

export const CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** Every label that a metric of ours can have; which of them one sample has may differ within a family. */
const LABELS = [
  ...['ups', 'source', 'kind', 'flag', 'phase', 'outlet', 'sensor', 'type', 'outcome', 'sink', 'version'],
  ...['group', 'class', 'state', 'trigger', 'part', 'window', 'grade', 'term', 'confidence', 'result', 'step'],
  ...['manufacturer', 'model', 'serial', 'firmware', 'driver'],
];

/**
 * Begins a scrape.
 *
 * Made anew for each, so that nothing remains of a device that is gone, and two scrapes at once do not meet.
 */
export function createFamilies(): Families {
  const registry = new Registry();
  const gauges = new Map<string, Gauge>();
  const counters = new Map<string, Counter>();
  const make = (name: string, help: string) => ({ name, help, labelNames: LABELS, registers: [registry] });
  return {
    gauge: (name, help, value, labels = {}) => {
      const family = gauges.get(name) ?? new Gauge(make(name, help));
      gauges.set(name, family);
      family.set(labels, value);
    },
    counter: (name, help, value, labels = {}) => {
      const family = counters.get(name) ?? new Counter(make(name, help));
      counters.set(name, family);
      family.inc(labels, value);
    },
    text: () => registry.metrics(),
  };
}
