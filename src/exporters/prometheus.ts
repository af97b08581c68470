import { BRIDGE_EVENT_TYPES, DEVICE_EVENT_TYPES, GROUP_EVENT_TYPES } from '../domain/facts.ts';
import { FLAG_NAMES } from '../domain/flags.ts';
import type { Input } from '../domain/inputs.ts';
import type { Sink, Transition } from '../domain/ports.ts';
import { plausible } from '../domain/quantities.ts';
import type { Reading, Variables } from '../domain/reading.ts';
import type { Answer, RefusalCode } from '../domain/requests.ts';
import { type DeviceState, EMPTY_STATE, type Link, type SourceState, type State } from '../domain/state.ts';
import { asInstant } from '../domain/time.ts';
import { TROUBLE_KINDS } from '../domain/trouble.ts';
import { CONTENT_TYPE, createFamilies, type Families } from './families.ts';
import { tellJudgement } from './judgement.ts';
import { metricOf } from './metric-names.ts';
import { tellProcess } from './process-metrics.ts';
import { countStep, type StepCounts, type TimeLeft, tellShutdown } from './shutdown.ts';

export interface Prometheus extends Sink {
  /** The whole answer to a scrape, made from the newest state. */
  readonly metrics: () => Promise<string>;
  readonly contentType: string;
  readonly count: {
    /** A sink has thrown in `accept`. */
    readonly sinkFailure: (sink: string) => void;
  };
}

/** Bounds on what devices can make of us: series of one device (the largest known one has 581 variables), and of all. */
const SERIES = { device: 1000, total: 100_000 } as const;
const LABEL_LENGTH = 128;

/** Sinks are ours, so this many names can only be a bug; it shall not become a leak. */
const MOST_SINKS = 50;

interface Counts {
  readonly inputs: Record<Input['kind'], number>;
  readonly requests: Record<'ok' | RefusalCode, number>;
  /** One entry for each known type from the start, so that a rate sees the first of them. */
  readonly facts: Map<string, number>;
  readonly sinkFailures: Map<string, number>;
  readonly steps: StepCounts;
}

export interface PrometheusParts {
  /** Of this program, for `gridwarden_build_info`. */
  readonly version: string;
  readonly timeLeft: TimeLeft;
}

/**
 * Metrics for Prometheus.
 *
 * `accept` remembers and counts; everything else happens at the scrape. A device that is gone has no series; one that
 * is lost keeps `gridwarden_up` 0, its trouble, identity and time of last reading, and no values.
 */
export function createPrometheus({ version, timeLeft }: PrometheusParts): Prometheus {
  let state = EMPTY_STATE;
  let last = asInstant(0);
  /** Wall time minus monotonic time: readings carry only the latter. */
  let epoch = 0;
  const counts = noCounts();

  return {
    name: 'prometheus',
    accept: (transition) => {
      state = transition.after;
      last = transition.stamp.at;
      epoch = transition.stamp.wall - last;
      countTransition(counts, transition);
    },
    metrics: () => {
      const families = createFamilies();
      families.gauge('gridwarden_build_info', 'Version of Gridwarden, in its label; always 1', 1, { version });
      tellState(families, state, epoch);
      tellJudgement(families, state, epoch);
      tellShutdown(families, state, counts.steps, (group) => timeLeft(group, state, last));
      tellCounts(families, counts);
      tellProcess(families);
      return families.text();
    },
    contentType: CONTENT_TYPE,
    count: {
      sinkFailure: (sink) => {
        if (counts.sinkFailures.has(sink) || counts.sinkFailures.size < MOST_SINKS) bump(counts.sinkFailures, sink);
      },
    },
  };
}

function noCounts(): Counts {
  return {
    inputs: {
      configured: 0,
      restored: 0,
      tick: 0,
      report: 0,
      request: 0,
      instructed: 0,
      progressed: 0,
      looked: 0,
      reloaded: 0,
      noticed: 0,
    },
    requests: {
      ok: 0,
      'wrong-payload': 0,
      'unknown-device': 0,
      'unknown-command': 0,
      'unknown-verb': 0,
      'not-allowed': 0,
      'not-writable': 0,
      'wrong-value': 0,
      unavailable: 0,
      busy: 0,
      refused: 0,
      'no-answer': 0,
      'no-credentials': 0,
      'invalid-configuration': 0,
      'unknown-group': 0,
      'nothing-to-cancel': 0,
      'nothing-to-restore': 0,
      'too-late': 0,
      'not-confirmed': 0,
      'not-now': 0,
    },
    facts: new Map([...DEVICE_EVENT_TYPES, ...GROUP_EVENT_TYPES, ...BRIDGE_EVENT_TYPES].map((type) => [type, 0])),
    sinkFailures: new Map(),
    steps: new Map(),
  };
}

const bump = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

const outcomeOf = (answer: Answer): 'ok' | RefusalCode => (answer.status === 'ok' ? 'ok' : answer.code);

function countTransition(counts: Counts, { input, intents, facts, after }: Transition): void {
  counts.inputs[input.kind] += 1;
  if (input.kind === 'progressed') countStep(counts.steps, input, after);
  for (const { type } of facts) bump(counts.facts, counts.facts.has(type) ? type : 'other');
  for (const intent of intents) if (intent.kind === 'answer') counts.requests[outcomeOf(intent.answer)] += 1;
}

function tellCounts({ counter }: Families, { inputs, requests, facts, sinkFailures }: Counts): void {
  for (const [kind, count] of Object.entries(inputs)) {
    counter('gridwarden_inputs_total', 'Inputs of the decision loop', count, { kind });
  }
  for (const [outcome, count] of Object.entries(requests)) {
    counter('gridwarden_requests_total', 'Requests answered, by outcome', count, { outcome });
  }
  for (const [type, count] of facts) {
    counter('gridwarden_facts_total', 'Things that happened, by type', count, { type });
  }
  for (const [sink, count] of sinkFailures) {
    counter('gridwarden_sink_failures_total', 'Transitions that a sink failed on', count, { sink });
  }
}

function tellState(families: Families, state: State, epoch: number): void {
  for (const [source, { link }] of state.sources) tellSource(families, source, link);
  let left: number = SERIES.total;
  let omitted = 0;
  for (const device of state.devices.values()) {
    tellDevice(families, device, epoch);
    const share = Math.min(SERIES.device, left);
    const { told, over } = tellValues(families, device, share);
    left -= told;
    omitted += over;
  }
  families.gauge('gridwarden_series_omitted', 'Values left out because there were too many of them', omitted);
}

function tellSource({ gauge }: Families, source: string, link: SourceState['link']): void {
  gauge('gridwarden_source_up', 'Whether the source answers', link.kind === 'up' ? 1 : 0, { source });
  for (const kind of TROUBLE_KINDS) {
    gauge('gridwarden_source_trouble', 'What is wrong with the source', troubled(link, kind), { source, kind });
  }
}

const troubled = (link: Link, kind: string): 0 | 1 => (link.kind === 'lost' && link.trouble.kind === kind ? 1 : 0);

function tellDevice({ gauge }: Families, { id, address, link, reading }: DeviceState, epoch: number): void {
  gauge('gridwarden_up', 'Whether the device gives usable data', link.kind === 'up' ? 1 : 0, {
    ups: id,
    source: address.source,
  });
  for (const kind of TROUBLE_KINDS) {
    gauge('gridwarden_trouble', 'What is wrong with the device', troubled(link, kind), { ups: id, kind });
  }
  if (reading === undefined) return;
  const when = (epoch + reading.at) / 1000;
  gauge('gridwarden_last_reading_timestamp_seconds', 'Time of the last reading', when, { ups: id });
  gauge('gridwarden_info', 'What the device is, in its labels; always 1', 1, identityOf(id, reading.variables));
}

function identityOf(ups: string, variables: Variables): Readonly<Record<string, string>> {
  const first = (...names: readonly string[]): string =>
    (names.map((name) => variables.get(name)).find(Boolean) ?? '').slice(0, LABEL_LENGTH);
  return {
    ups,
    manufacturer: first('device.mfr', 'ups.mfr'),
    model: first('device.model', 'ups.model'),
    serial: first('device.serial', 'ups.serial'),
    firmware: first('ups.firmware'),
    driver: first('driver.name'),
  };
}

/** Flags and numbers, of a device that is heard only: an old number would look like a new one. */
function tellValues(
  families: Families,
  { id, link, reading, derived }: DeviceState,
  most: number,
): { readonly told: number; readonly over: number } {
  if (link.kind !== 'up' || reading === undefined) return { told: 0, over: 0 };
  if (reading.variables.has('ups.status')) tellFlags(families, id, reading);
  let told = 0;
  let over = 0;
  for (const [variable, text] of [...reading.variables, ...derived]) {
    const metric = metricOf(variable);
    const value = metric === undefined ? undefined : plausible(variable, text);
    if (metric === undefined || value === undefined) continue;
    if (told >= most) {
      over += 1;
      continue;
    }
    told += 1;
    families[metric.type](metric.name, metric.help, metric.inBase(value), { ups: id, ...metric.labels });
  }
  return { told, over };
}

function tellFlags({ gauge }: Families, ups: string, { flags }: Reading): void {
  for (const flag of FLAG_NAMES) {
    gauge('gridwarden_status', 'Whether the word stands in the status', flags.includes(flag) ? 1 : 0, { ups, flag });
  }
}
