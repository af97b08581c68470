import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Loaded } from '../config/read.ts';
import type { Configuration, SourceConfig } from '../config/schema.ts';
import { stateFolder, surroundings } from '../config/state-dir.ts';
import type { Clock, Log, Source } from '../domain/ports.ts';
import { err } from '../domain/result.ts';
import type { Durations, State } from '../domain/state.ts';
import { asInstant, asMillis, seconds } from '../domain/time.ts';
import type { MqttPort } from '../mqtt/port.ts';
import { systemClock } from '../runtime/clock.ts';
import { createLoop } from '../runtime/loop.ts';
import { type ResolveHost, rememberingHosts } from '../shutdown/reach.ts';
import type { Rehearsable } from '../shutdown/rehearsal.ts';
import type { Runners } from '../shutdown/runners.ts';
import type { StepConfig } from '../shutdown/schema.ts';
import { stepRunners } from '../step-runners.ts';
import { upsPorts } from '../ups-ports.ts';
import { SILENT } from './learned.ts';

/** What a command has opened for a short while, beside whatever bridge may be running. It decides and orders nothing. */
export interface Look {
  readonly runners: Runners;
  readonly resolve: ResolveHost;
  /** What the sources have said; without devices where none was opened. */
  readonly state: () => State;
  readonly stateFolder: string;
  readonly close: () => Promise<void>;
}

/** What a command has to reach. */
export interface LookOptions {
  /** Whether the sources are asked. */
  readonly sources: boolean;
  /** Whether the broker is. */
  readonly broker: boolean;
  /** What steps took before. */
  readonly durations: Durations;
}

/** Every step of some groups, those of their restores among them. */
export const stepsIn = (groups: readonly Rehearsable[]): readonly StepConfig[] =>
  groups.flatMap(({ stages }) => stages).flatMap((stage) => [...stage.steps, ...stage.restore]);

/** What has to be reached for these steps. The flag file of killpower needs no UPS. */
export const needsOf = (steps: readonly StepConfig[]): Omit<LookOptions, 'durations'> => ({
  sources: steps.some((step) => step.kind === 'ups' && step.config.order.action !== 'killpower'),
  broker: steps.some(({ kind }) => kind === 'mqtt'),
});

/** For servers, drivers and brokers to answer; who is there does so in a fraction of it. */
const PATIENCE = seconds(6);
const EVERY = asMillis(50);

const NOTHING = { devices: new Map(), groups: new Map(), alone: new Map(), at: asInstant(0) };

/** Opens what is needed, and waits until all of it has answered, or 6 s. */
export async function openLook(loaded: Loaded, { sources: wanted, broker, durations }: LookOptions): Promise<Look> {
  const { configuration, settings } = loaded;
  const closing = new AbortController();
  const loop = createLoop({ clock: systemClock, act: () => undefined, sinks: [], blame: () => undefined });
  const memory = { ...NOTHING, durations };
  loop.push({ kind: 'restored', names: [], boot: 'new', memory });
  loop.push({ kind: 'configured', settings });
  const sources = new Map<string, Source>();
  const watching: Promise<void>[] = [];
  for (const [name, config] of wanted ? Object.entries(configuration.sources) : []) {
    const source = await openSource(name, config, { clock: systemClock, log: SILENT });
    sources.set(name, source);
    watching.push(source.watch((report) => void loop.push({ kind: 'report', report }), closing.signal));
  }
  const opened = broker ? await openBroker(configuration) : NO_BROKER;
  await until(() => (!wanted || isHeard(loop.state(), configuration)) && opened.isSettled());
  const folder = stateFolder(configuration.stateDir, surroundings());
  const resolve = rememberingHosts();
  const ups = upsPorts({
    state: loop.state,
    sources,
    configuration: () => configuration,
    ownLogins: () => 0,
    log: SILENT,
  });
  return {
    runners: stepRunners({
      environment: process.env,
      stateFolder: folder,
      resolve,
      ups,
      mqtt: opened.port,
    }),
    resolve,
    state: loop.state,
    stateFolder: folder,
    close: async () => {
      closing.abort();
      await Promise.all([...watching, opened.close()]);
    },
  };
}

async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!isSo() && performance.now() < end) await sleep(EVERY);
}

/** Whether every source has answered or failed, and of every device all is there that can be asked. */
function isHeard({ sources, devices }: State, { sources: configs }: Configuration): boolean {
  if ([...sources.values()].some(({ link, listed }) => link.kind === 'unknown' || (link.kind === 'up' && !listed)))
    return false;
  return [...devices.values()].every(({ address, link, reading, inventory }) => {
    if (link.kind === 'lost' || sources.get(address.source)?.link.kind === 'lost') return true;
    const config = configs[address.source];
    return reading !== undefined && (inventory !== undefined || config === undefined || !('nut' in config));
  });
}

/** Libraries of a kind of source are loaded only where one is configured. */
async function openSource(
  name: string,
  config: SourceConfig,
  deps: { readonly clock: Clock; readonly log: Log },
): Promise<Source> {
  if ('nut' in config) return (await import('../sources/nut/source.ts')).createNutSource(name, config.nut, deps);
  const { createSimulatedSource } = await import('../sources/simulated/source.ts');
  return createSimulatedSource(name, config.simulated, deps);
}

/** A connection to the broker of the configuration. */
interface Broker {
  readonly port: MqttPort;
  /** Whether it is clear that it is there, or why not. */
  readonly isSettled: () => boolean;
  readonly close: () => Promise<void>;
}

const NOT_ASKED = 'it was not asked';

const NO_BROKER: Broker = {
  port: {
    trouble: () => NOT_ASKED,
    publish: () => Promise.resolve(err({ kind: 'away', detail: NOT_ASKED })),
    listen: () => Promise.resolve(err({ kind: 'away', detail: NOT_ASKED })),
  },
  isSettled: () => true,
  close: () => Promise.resolve(),
};

/** Under a name of its own: a second client of the bridge's name would push the bridge out. */
async function openBroker({ mqtt, node }: Configuration): Promise<Broker> {
  const [{ createConnection }, { createPort }] = await Promise.all([
    import('../mqtt/connection.ts'),
    import('../mqtt/port.ts'),
  ]);
  const connection = createConnection(
    {
      broker: 'embedded' in mqtt ? remoteOf(mqtt.embedded) : mqtt,
      clientId: `gridwarden_${node}_${randomBytes(4).toString('hex')}`,
      // Nothing is kept under this topic: whoever reads it learns nothing.
      will: { topic: `${mqtt.base}/${node}/drill`, payload: '' },
    },
    { log: SILENT },
  );
  connection.start();
  return {
    port: createPort(connection),
    isSettled: () => connection.status().connected || connection.status().trouble !== undefined,
    close: () => connection.stop(),
  };
}

type Embedded = Extract<Configuration['mqtt'], { readonly embedded: object }>['embedded'];
type Remote = Extract<Configuration['mqtt'], { readonly url: string }>;

/** The broker inside a bridge that is running, as any other client sees it. */
function remoteOf({ listen: { host, port }, users }: Embedded): Remote {
  const [writer] = Object.entries(users).filter(([, { rights }]) => rights === 'write');
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const login = writer === undefined ? {} : { username: writer[0], password: writer[1].password };
  return {
    url: `mqtt://${name.includes(':') ? `[${name}]` : name}:${port}`,
    ...login,
    version: 'auto',
    keepalive: seconds(30),
    verify: true,
  } as Remote; // of the rest of the block a connection needs nothing
}
