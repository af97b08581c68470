import { hasPlan } from './config/groups.ts';
import type { Configuration } from './config/schema.ts';
import type { Input } from './domain/inputs.ts';
import type { GroupId } from './domain/names.ts';
import type { Clock, Log, Sink, Source } from './domain/ports.ts';
import type { StepLook } from './domain/progress.ts';
import { err } from './domain/result.ts';
import type { State } from './domain/state.ts';
import { type Millis, seconds } from './domain/time.ts';
import { lastActOf } from './policy/pursuit/standing.ts';
import { Executor, type ExecutorOrder, type ExecutorPorts } from './shutdown/executor.ts';
import { pause } from './shutdown/pause.ts';
import { rememberingHosts } from './shutdown/reach.ts';
import { type Rehearsed, rehearse } from './shutdown/rehearsal.ts';
import type { Runners } from './shutdown/runners.ts';
import type { Finding } from './shutdown/step.ts';
import type { MqttPort } from './shutdown/steps/mqtt/run.ts';
import { lowerFlag } from './shutdown/steps/ups/flag.ts';
import { feedsToLogInTo } from './sources/nut/feeds.ts';
import type { NutSource } from './sources/nut/source.ts';
import { stepRunners } from './step-runners.ts';
import { upsPorts } from './ups-ports.ts';

export interface MachinesParts {
  readonly environment: NodeJS.ProcessEnv;
  readonly stateFolder: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: ExecutorPorts['journal'];
  readonly state: () => State;
  readonly configuration: () => Configuration;
  /** By name, whichever there are now. */
  readonly sources: ReadonlyMap<string, Source | NutSource>;
  /** The connection to the broker of now; undefined while it is being replaced. */
  readonly broker: () => MqttPort | undefined;
  readonly push: (input: Input) => void;
}

/**
 * All of the program that acts on machines: plans are carried out, UPSes are logged in to so that their primary waits for
 * this machine, and the flag for the power to be cut is taken back with the plan that left it.
 */
export class Machines {
  readonly #parts: MachinesParts;
  readonly #executor: Executor;
  readonly #runners: Runners;
  #lowering = Promise.resolve();

  constructor(parts: MachinesParts) {
    this.#parts = parts;
    const { environment, stateFolder, clock, journal, push, state } = parts;
    const log = parts.log.room('shutdown');
    const { sources, configuration } = parts;
    const ups = upsPorts({
      state,
      sources,
      configuration,
      ownLogins: (source, name) => this.#ownLogins(source, name),
      log,
    });
    this.#runners = stepRunners({ environment, stateFolder, resolve: rememberingHosts(), ups, mqtt: brokerOf(parts) });
    this.#executor = new Executor({
      runners: this.#leaving(this.#runners),
      journal,
      tell: (group, run, event) => push({ kind: 'progressed', group, run, event }),
      lastAct: (id) => {
        const { settings, groups, devices } = state();
        const group = settings?.groups.find((one) => one.id === id);
        return group === undefined ? 'halt' : lastActOf(group, groups.get(id)?.progress, devices);
      },
      now: () => clock.now(),
      log,
    });
  }

  /** Looks at every step of some groups, without carrying anything out. Resolves when what was seen has been told. */
  async look(ids: readonly GroupId[], signal: AbortSignal, request?: string): Promise<void> {
    const { clock, push, configuration } = this.#parts;
    const all = configuration().groups;
    const meant = new Map(ids.flatMap((id) => (all[id] === undefined ? [] : [[id, all[id]] as const])));
    const seen = await rehearse(meant, this.#runners, { now: () => clock.now(), signal });
    if (signal.aborted) return;
    const groups = new Map([...meant.keys()].map((id) => [id, looksOf(seen.filter(({ part }) => part.group === id))]));
    push({ kind: 'looked', groups, ...(request === undefined ? {} : { request }) });
  }

  /** Looks at every step of every plan, soon and then again and again, but not while one is being carried out. */
  async lookEvery(span: Millis, signal: AbortSignal): Promise<void> {
    await pause(SETTLED, signal);
    while (!signal.aborted) {
      const planned = Object.entries(this.#parts.configuration().groups).filter(([, group]) => hasPlan(group));
      if (!this.#executor.isBusy && planned.length > 0)
        await this.look(
          planned.map(([id]) => id),
          signal,
        );
      await pause(span, signal);
    }
  }

  /** Whether machines are being shut down. */
  get isShuttingDown(): boolean {
    return this.#executor.isRunning;
  }

  /** What there is to do from now on. */
  configure(): Promise<void> {
    return this.#executor.configure(new Map(Object.entries(this.#parts.configuration().groups)));
  }

  order(order: ExecutorOrder): void {
    this.#executor.order(order);
    if (order.kind === 'call-off' || order.kind === 'restore') this.lowerFlags(order.group);
  }

  /** Resolves when nothing is being shut down any more. */
  shutDown(): Promise<void> {
    return this.#executor.runsOver();
  }

  /** Ends what is under way, at once: the next process takes it up again. */
  abandon(): Promise<void> {
    return this.#executor.abandon('the process ends');
  }

  /** Keeps the logins as the state calls for them, and takes back the flag of a run that has gone without a halt. */
  readonly follower: Sink = {
    name: 'machines',
    accept: ({ before, after }) => {
      const isSame = before.settings === after.settings && before.groups === after.groups;
      if (!isSame || before.devices.size !== after.devices.size) this.logIn();
      if (before.groups === after.groups) return;
      for (const [id, { run }] of before.groups) {
        const now = after.groups.get(id);
        const isGone = run !== undefined && now !== undefined && now.run === undefined;
        if (isGone && now.progress?.steps.get('host')?.state !== 'done') this.lowerFlags(id);
      }
    },
  };

  /** Holds the logins that the state calls for, at the sources that there are now. */
  logIn(): void {
    const state = this.#parts.state();
    for (const [name, source] of this.#parts.sources) {
      if ('logInTo' in source) source.logInTo(feedsToLogInTo(state, name));
    }
  }

  /**
   * Takes back what a plan has left for the late shutdown hook: the power is not to be cut at the end of another halt.
   *
   * @param id absent: of all groups
   */
  lowerFlags(id?: GroupId): void {
    const { groups } = this.#parts.configuration();
    const meant = id === undefined ? Object.values(groups) : [groups[id]];
    for (const { kind, config } of meant.flatMap((one) => one?.stages ?? []).flatMap(({ steps }) => steps)) {
      if (kind !== 'ups' || config.order.action !== 'killpower' || config.device === undefined) continue;
      const { device, order } = config;
      // One after the other: several groups may share a file.
      this.#lowering = this.#lowering.then(async () => {
        const lowered = await lowerFlag(order.flag, [device]);
        if (!lowered.ok) this.#parts.log.error(`${device} cannot be taken out of ${order.flag}: ${lowered.error}`);
      });
    }
  }

  #ownLogins(source: string, name: string): number {
    const from = this.#parts.sources.get(source);
    return from !== undefined && 'logins' in from && from.logins().get(name)?.kind === 'logged-in' ? 1 : 0;
  }

  /** Logs out as the machine is ended: its primary waits for us no longer than that. */
  #leaving(runners: Runners): Runners {
    return {
      ...runners,
      end: async (act, host, context) => {
        await Promise.all([...this.#parts.sources.values()].map((source) => 'logOut' in source && source.logOut()));
        return await runners.end(act, host, context);
      },
    };
  }
}

/** The sources have answered by then. */
const SETTLED = seconds(10);

const looksOf = (seen: readonly Rehearsed[]): ReadonlyMap<string, StepLook> =>
  new Map(seen.map(({ part, ok, findings, took }) => [part.key, { ok, text: textOf(findings), took }]));

/** What is in the way, else what was seen. */
function textOf(findings: readonly Finding[]): string {
  const bad = findings.filter(({ ok }) => !ok);
  const told = (bad.length > 0 ? bad : findings).map(({ what, text }) => `${what}: ${text}`);
  return told.join('; ').slice(0, MOST_TEXT);
}

const MOST_TEXT = 500;

const AWAY = 'it is being started';

/** The broker as the steps of a plan reach it, whichever connection there is now. */
function brokerOf({ broker }: Pick<MachinesParts, 'broker'>): MqttPort {
  const away = Promise.resolve(err({ kind: 'away', detail: AWAY } as const));
  return {
    trouble: () => broker()?.trouble() ?? (broker() === undefined ? AWAY : undefined),
    publish: (message, signal) => broker()?.publish(message, signal) ?? away,
    listen: (topic, heard, signal) => broker()?.listen(topic, heard, signal) ?? away,
  };
}
