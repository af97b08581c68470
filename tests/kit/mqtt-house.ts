import { DEFAULT_ALLOW } from '../../src/domain/allow-list.ts';
import type { Input, Report } from '../../src/domain/inputs.ts';
import { readingOf, variablesOf } from '../../src/domain/reading.ts';
import type { GroupSettings } from '../../src/domain/settings.ts';
import type { Memory, State } from '../../src/domain/state.ts';
import { after, asInstant, type Instant, type Millis, seconds } from '../../src/domain/time.ts';
import type { Announced } from '../../src/mqtt/announced.ts';
import { Announcer, type AnnouncerOptions } from '../../src/mqtt/announcer.ts';
import { AVAILABILITY, Publisher } from '../../src/mqtt/publisher.ts';
import { type Topics, topicsOf } from '../../src/mqtt/topics.ts';
import { planData } from '../../src/policy/plan/shown.ts';
import { progressData } from '../../src/policy/pursuit/shown.ts';
import { createLoop } from '../../src/runtime/loop.ts';
import { createSimulatedSource } from '../../src/sources/simulated/source.ts';
import type { PublishedMessage } from './discovery-components.ts';
import { keptLog } from './mqtt.ts';
import { settings } from './settings.ts';

/** The loop and what MQTT makes of it, over a broker that is only a map; time stands until it is moved. */
export interface House {
  readonly topics: Topics;
  /** The last message of every topic; one that was cleared is not there. */
  readonly messages: ReadonlyMap<string, PublishedMessage>;
  readonly announcer: Announcer;
  readonly publisher: Publisher;
  readonly state: () => State;
  readonly push: (input: Input) => void;
  readonly report: (report: Report) => void;
  /** Moves the clock on in steps of the program's tick. */
  readonly pass: (span: Millis) => void;
  readonly now: () => Instant;
}

export interface HouseOptions {
  readonly mode?: AnnouncerOptions['mode'];
  readonly allow?: readonly string[];
  readonly sources?: readonly string[];
  readonly groups?: readonly GroupSettings[];
  readonly armed?: boolean;
  readonly dryRun?: boolean;
  /** What an earlier process of this boot has kept of its state. */
  readonly restored?: Memory;
  readonly memory?: readonly Announced[];
  readonly start?: Instant;
  /** Every message in its order, cleared topics with an empty payload. */
  readonly onMessage?: (topic: string, payload: string, retain: boolean) => void;
}

/** Everything that a device could be told. */
export const EVERYTHING: readonly string[] = ['*', 'set:*', 'bridge.*'];

export function openHouse({
  mode = 'device',
  allow = DEFAULT_ALLOW,
  sources = ['nas'],
  groups = [],
  armed = false,
  dryRun = false,
  restored,
  memory = [],
  start = asInstant(0),
  onMessage = () => undefined,
}: HouseOptions = {}): House {
  let now = start;
  const topics = topicsOf('gridwarden', 'home');
  const messages = new Map<string, PublishedMessage>();
  const retain = (topic: string, payload: string): void => {
    if (payload === '') messages.delete(topic);
    else messages.set(topic, { payload, retain: true, qos: 1 });
    onMessage(topic, payload, true);
  };
  const announcer = new Announcer({ mode, prefix: 'homeassistant' }, memory, now);
  const publisher = new Publisher({
    topics,
    node: 'home',
    version: '1.0.0',
    started: '2026-01-01T00:00:00.000Z',
    forgetAfter: seconds(3600),
    announcer,
    planData,
    progressData,
    outlet: {
      retain,
      clear: (topic) => retain(topic, ''),
      again: (topic) => onMessage(topic, messages.get(topic)?.payload ?? '', true),
      pass: (topic, payload) => onMessage(topic, payload, false),
    },
  });
  const loop = createLoop({
    clock: { now: () => now, wall: () => 1_767_225_600_000 + now },
    act: () => undefined,
    sinks: [{ name: 'mqtt', accept: (transition) => publisher.accept(transition) }],
    blame: (part, thrown) => {
      throw new Error(`${part} threw`, { cause: thrown });
    },
  });
  retain(topics.bridgeState, AVAILABILITY.online);
  if (restored !== undefined) loop.push({ kind: 'restored', names: [], memory: restored, boot: 'same' });
  loop.push({
    kind: 'configured',
    settings: settings({ sources, allow, groups, armed, dryRun, digest: '0123456789ab' }),
  });
  return {
    topics,
    messages,
    announcer,
    publisher,
    state: loop.state,
    push: (input) => void loop.push(input),
    report: (report) => void loop.push({ kind: 'report', report: asOf(report, now) }),
    pass: (span) => {
      for (const end = after(now, span); now < end; loop.push({ kind: 'tick' })) {
        now = after(now, seconds(1));
        for (const report of stillSaid(loop.state(), now)) loop.push({ kind: 'report', report });
      }
    },
    now: () => now,
  };
}

/** A report as it comes in now. */
function asOf(report: Report, now: Instant): Report {
  if (report.kind !== 'readings') return report;
  const readings = new Map([...report.readings].map(([name, reading]) => [name, { ...reading, asked: now, at: now }]));
  return { ...report, readings };
}

/** Devices that are heard say the same again every five seconds: who says nothing any more is silent. */
function stillSaid({ devices }: State, now: Instant): readonly Report[] {
  return [...devices.values()].flatMap(({ link, reading, address: { source, name } }) => {
    if (link.kind !== 'up' || reading === undefined || now - reading.at < 5000) return [];
    return [asOf({ kind: 'readings', source, readings: new Map([[name, reading]]) }, now)];
  });
}

/** One sweep of a source in which one device says this. */
export const says = (variables: Readonly<Record<string, string>>, name = 'rack', at = asInstant(0)): Report => ({
  kind: 'readings',
  source: 'nas',
  readings: new Map([[name, readingOf(variablesOf(Object.entries(variables)), at, at)]]),
});

/** What a simulated UPS named `demo` says as it is first seen. */
export function simulatedReports(): readonly Report[] {
  const clock = { now: () => asInstant(0), wall: () => 0 };
  const config = { devices: ['demo'], speed: 1, seed: 7, startAt: 0 };
  const source = createSimulatedSource('nas', config, { clock, log: keptLog().log });
  const reports: Report[] = [];
  const controller = new AbortController();
  void source.watch((report) => {
    reports.push(report);
    if (report.kind === 'readings') controller.abort();
  }, controller.signal);
  return reports;
}
