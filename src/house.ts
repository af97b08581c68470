import { join } from 'node:path';
import { changesBetween, isSame } from './config/changes.ts';
import { explain, type Problem } from './config/problem.ts';
import type { Loaded } from './config/read.ts';
import type { SourceConfig } from './config/schema.ts';
import { controlSocket } from './config/state-dir.ts';
import type { Input, Instructed } from './domain/inputs.ts';
import type { Intent } from './domain/intents.ts';
import { LIMITS } from './domain/limits.ts';
import type { DeviceId } from './domain/names.ts';
import type { Clock, Log, Sink, Source } from './domain/ports.ts';
import type { Answer } from './domain/requests.ts';
import type { Result } from './domain/result.ts';
import type { ListenAddress } from './domain/schema.ts';
import { EMPTY_STATE } from './domain/state.ts';
import type { Instant } from './domain/time.ts';
import type { Prometheus } from './exporters/prometheus.ts';
import type { Control } from './http/control.ts';
import { Machines } from './machines.ts';
import type { MqttRoom } from './mqtt/room.ts';
import { planData } from './policy/plan/shown.ts';
import { progressData } from './policy/pursuit/shown.ts';
import { isPastReturn } from './policy/pursuit/standing.ts';
import type { Loop } from './runtime/loop.ts';
import { createMemory, type Memory } from './runtime/memory.ts';
import { namesOf, parseNames, serializeNames } from './runtime/names.ts';
import { aliveness, readiness } from './runtime/probes.ts';
import { createRooms, type Room, type Rooms } from './runtime/rooms.ts';
import { createSchedules, type Schedules } from './runtime/schedule.ts';
import type { NutSource } from './sources/nut/source.ts';
import type { OpenedJournal } from './store/journal.ts';

export interface AppParts {
  readonly loaded: Loaded;
  /** Reads the configuration again; undefined where there is no file (demo). */
  readonly read: (() => Promise<Result<Loaded, readonly Problem[]>>) | undefined;
  readonly stateFolder: string;
  /** Resolves once the state folder answers, which did not when the program started; absent: it does. */
  readonly stateAnswers?: Promise<void>;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: NodeJS.ProcessEnv;
}

/** The rooms that a configuration decides on, and how the loop reaches them. */
export class House {
  readonly #parts: AppParts;
  readonly #prometheus: Prometheus;
  readonly #rooms: Rooms;
  readonly #sources = new Map<string, Source | NutSource>();
  readonly #stopping = new AbortController();
  readonly #started: number;
  #loaded: Loaded;
  #loop: Loop | undefined;
  #mqtt: MqttRoom | undefined;
  #control: Control | undefined;
  #lastTick: Instant | undefined;
  #reloading = Promise.resolve();
  #signals = 0;
  readonly #names: Memory;
  readonly #kept: OpenedJournal;
  /** What acts on machines. */
  readonly machines: Machines;
  readonly #schedules: Schedules;
  #savedNames = '';
  /** Answers that came while the connection was being replaced. */
  #unsent: Extract<Intent, { kind: 'answer' }>[] = [];

  constructor(parts: AppParts, prometheus: Prometheus, kept: OpenedJournal) {
    this.#parts = parts;
    this.#kept = kept;
    this.#schedules = createSchedules((device) => this.#askTest(device), parts.log);
    this.#prometheus = prometheus;
    this.#rooms = createRooms(isSame, parts.log);
    this.#loaded = parts.loaded;
    this.#started = parts.clock.wall();
    this.#names = createMemory(join(parts.stateFolder, 'names.json'), parts.log, parts.stateAnswers);
    const { environment, stateFolder, clock, log } = parts;
    this.machines = new Machines({
      environment,
      stateFolder,
      clock,
      log,
      journal: (record) => kept.journal.write(record),
      state: () => this.#loop?.state() ?? EMPTY_STATE,
      configuration: () => this.#loaded.configuration,
      sources: this.#sources,
      broker: () => this.#mqtt?.port,
      push: (input) => this.#push(input),
    });
  }

  /** Where inputs go. Before it, there is nowhere. */
  attach(loop: Loop): void {
    this.#loop = loop;
  }

  /** MQTT as a sink, whichever connection there is now. */
  readonly display: Sink = { name: 'mqtt', accept: (transition) => this.#mqtt?.accept(transition) };

  /** Remembers when the loop last worked, for `/health`. */
  readonly pulse: Sink = {
    name: 'pulse',
    accept: ({ input, stamp }) => {
      if (input.kind === 'tick') this.#lastTick = stamp.at;
    },
  };

  /** Who carries out which order. Total: a new kind of intent does not compile until it has its actor. */
  readonly #actors: { readonly [K in Intent['kind']]: (intent: Extract<Intent, { kind: K }>) => void } = {
    instruct: ({ request, address, order }) => {
      const source = this.#sources.get(address.source);
      const gone: Instructed = { kind: 'no-answer', why: 'the source was stopped' };
      const ended = source?.instruct(address.name, order, this.#stopping.signal) ?? Promise.resolve(gone);
      void ended.then((outcome) => this.#push({ kind: 'instructed', request, outcome }));
    },
    reload: ({ request }) => {
      const reloaded = this.#reloading.then(() => this.#reload());
      this.#reloading = reloaded.then(
        (answer) => void this.#push({ kind: 'reloaded', request, answer }),
        (thrown: unknown) => this.#reloadFailed(request, thrown),
      );
    },
    look: ({ request, groups }) => void this.machines.look(groups, this.#stopping.signal, request),
    run: (order) => this.machines.order(order),
    'call-off': (order) => this.machines.order(order),
    hurry: (order) => this.machines.order(order),
    halt: (order) => this.machines.order(order),
    restore: (order) => this.machines.order(order),
    'stop-restore': (order) => this.machines.order(order),
    answer: (intent) => {
      if (intent.request.from === 'console') this.#control?.answer(intent);
      if (intent.request.from !== 'mqtt') return;
      if (this.#mqtt !== undefined) this.#mqtt.answer(intent);
      else if (this.#unsent.length < LIMITS.pending) this.#unsent.push(intent);
    },
  };

  /** Keeps who had which id, so that a server that is down at the next start does not lose its names to another. */
  readonly nameKeeper: Sink = {
    name: 'names',
    accept: ({ input, before, after }) => {
      if (input.kind === 'restored' || after.settings === undefined) return;
      if (after.sources === before.sources && after.devices.size === before.devices.size) return;
      const text = serializeNames(namesOf(after));
      if (text === this.#savedNames) return;
      this.#savedNames = text;
      this.#names.save(text);
    },
  };

  /** Gives the loop what an earlier process has kept. */
  async restore(): Promise<void> {
    const text = await this.#names.load();
    const { memory, boot } = this.#kept;
    const names = text === undefined ? [] : parseNames(text);
    // A halt that this flag was left for is over: the machine has started since, or the outage was waited out.
    const goesOn = boot === 'same' && [...(memory?.groups.values() ?? [])].some(({ run }) => run !== undefined);
    if (!goesOn) this.machines.lowerFlags();
    this.#push({ kind: 'restored', names, boot, ...(memory === undefined ? {} : { memory }) });
  }

  act(intent: Intent): void {
    const actor = this.#actors[intent.kind] as (intent: Intent) => void; // the table pairs each kind with its own actor
    actor(intent);
  }

  /** Brings the rooms in line with a configuration: what has changed is started anew, all else goes on. */
  async apply(next: Loaded): Promise<void> {
    for (const id of Object.keys(this.#loaded.configuration.groups)) {
      if (next.configuration.groups[id] === undefined) this.machines.lowerFlags(id);
    }
    this.#loaded = next;
    await this.machines.configure();
    this.#push({ kind: 'configured', settings: next.settings });
    this.#schedules.apply(next.settings.devices);
    const sources = Object.entries(next.configuration.sources).map((entry) => this.#sourceRoom(entry));
    await this.#rooms.apply([
      this.#mqttRoom(next),
      ...sources,
      this.#httpRoom(next),
      this.#controlRoom(),
      this.#lookout(next),
    ]);
  }

  /** As SIGHUP does it. */
  askReload(): void {
    this.#signals += 1;
    const ask = { kind: 'verb' as const, verb: 'reload', given: {} };
    this.#push({ kind: 'request', request: { id: `signal-${this.#signals}`, from: 'signal', ask } });
  }

  /** As the configuration's schedule does it. */
  #askTest(device: DeviceId): void {
    this.#signals += 1;
    const ask = { kind: 'verb' as const, verb: 'self_test', given: { ups: device } };
    this.#push({ kind: 'request', request: { id: `schedule-${this.#signals}`, from: 'schedule', ask } });
  }

  async stop(): Promise<void> {
    this.#schedules.stop();
    await this.machines.abandon();
    this.#stopping.abort();
    await this.#reloading;
    await this.#rooms.stop();
    await this.#names.flushed();
  }

  /** @returns whether it was taken */
  #push(input: Input): boolean {
    const taken = this.#loop?.push(input) ?? false;
    if (!taken) this.#parts.log.error(`an input (${input.kind}) was refused: too many are waiting`);
    return taken;
  }

  #noticed(type: string, text: string): void {
    this.#push({ kind: 'noticed', type, text });
  }

  async #reload(): Promise<Answer> {
    const { read } = this.#parts;
    if (read === undefined) return invalid('there is no configuration file to read again', []);
    const next = await read();
    if (!next.ok) {
      const problems = explain(next.error);
      return invalid(`the old configuration stays: ${problems[0] ?? 'it cannot be read'}`, problems);
    }
    const kept = this.#past().filter((id) => next.value.configuration.groups[id] === undefined);
    if (kept.length > 0) {
      return invalid(`the old configuration stays: group ${kept.join(', ')} is past its point of no return`, []);
    }
    const changes = changesBetween(this.#loaded.configuration, next.value.configuration);
    await this.apply(next.value);
    const changed = changes.map(({ key }) => key);
    const restart = changes.filter((change) => change.restart).map(({ key }) => key);
    return { status: 'ok', data: { changed, restart } };
  }

  /** Groups that are being shut down and can no longer be called off. */
  #past(): readonly string[] {
    const groups = [...(this.#loop?.state().groups.values() ?? [])];
    return groups.filter(({ plan, progress }) => isPastReturn(plan, progress)).map(({ id }) => id);
  }

  #reloadFailed(request: string, thrown: unknown): void {
    this.#parts.log.error('reload failed', { err: thrown });
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    this.#push({ kind: 'reloaded', request, answer: invalid(`the reload failed half-way: ${why}`, []) });
  }

  #sourceRoom([name, config]: readonly [string, SourceConfig]): Room {
    const { clock, log } = this.#parts;
    return {
      name: `source ${name}`,
      from: config,
      start: async () => {
        const source = await openSource(name, config, { clock, log });
        const watching = new AbortController();
        this.#sources.set(name, source);
        this.machines.logIn();
        const watched = source.watch((report) => this.#push({ kind: 'report', report }), watching.signal);
        return async () => {
          this.#sources.delete(name);
          watching.abort();
          await watched;
        };
      },
    };
  }

  #mqttRoom({ configuration }: Loaded): Room {
    const { version, clock, log, stateFolder, stateAnswers } = this.#parts;
    const { mqtt: config, node } = configuration;
    const where = `topics under ${config.base}/${node}`;
    return {
      name: 'mqtt',
      from: { config, node },
      start: async () => {
        const { createMqttRoom } = await import('./mqtt/room.ts');
        const memory = createMemory(join(stateFolder, 'announced.json'), log, stateAnswers);
        const room = await createMqttRoom({
          config,
          node,
          version,
          started: this.#started,
          clock,
          log: log.room('mqtt'),
          memory,
          planData,
          progressData,
          ask: (request) => this.#push({ kind: 'request', request }),
          listening: (address) => log.info(`the broker listens on mqtt://${addressText(address)}, ${where}`),
          failed: (why) => this.#noticed('listener_failed', `the listener of the broker: ${why}`),
        });
        this.#mqtt = room;
        for (const intent of this.#unsent.splice(0)) room.answer(intent);
        return async () => {
          this.#mqtt = undefined;
          await room.stop();
          await memory.flushed();
        };
      },
    };
  }

  /** Looks at the steps of every plan from time to time: what would not work is to be known before it has to. */
  #lookout({ configuration: { lookEvery, groups } }: Loaded): Room {
    return {
      name: 'lookout',
      from: { lookEvery, groups },
      start: async () => {
        const stopping = new AbortController();
        const looking = lookEvery === 'off' ? undefined : this.machines.lookEvery(lookEvery, stopping.signal);
        return async () => {
          stopping.abort();
          await looking;
        };
      },
    };
  }

  /** Whatever the configuration says: it is no port, and who may open it may end the process as well. */
  #controlRoom(): Room {
    const { log, stateFolder, stateAnswers } = this.#parts;
    const path = controlSocket(stateFolder);
    return {
      name: 'control',
      from: path,
      start: async () => {
        const { createControl } = await import('./http/control.ts');
        const control = createControl({
          path,
          log: log.room('http'),
          ask: (request) => this.#push({ kind: 'request', request }),
          onListening: () => log.info(`${path} takes the requests of this machine`),
          onFailure: (why) => this.#noticed('listener_failed', `requests of this machine are not taken: ${why}`),
        });
        this.#control = control;
        const stopping = new AbortController();
        // Making a socket waits for the disk, and everything else would wait for that.
        void Promise.resolve(stateAnswers).then(() => stopping.signal.aborted || control.start());
        return async () => {
          stopping.abort();
          this.#control = undefined;
          await control.stop();
        };
      },
    };
  }

  #httpRoom({ configuration: { http } }: Loaded): Room {
    const { log, clock } = this.#parts;
    return {
      name: 'http',
      from: http,
      start: async () => {
        const { createHttp } = await import('./http/server.ts');
        const server = createHttp({
          listen: http.listen,
          log: log.room('http'),
          metrics: async () => ({
            contentType: this.#prometheus.contentType,
            body: await this.#prometheus.metrics(),
          }),
          alive: () => aliveness(this.#lastTick, clock),
          ready: () => readiness(this.#loop?.state(), this.#mqtt?.status()),
          onListening: (address) => log.info(`http://${addressText(address)} answers /health, /ready and /metrics`),
          onFailure: (why) => this.#noticed('listener_failed', `the HTTP listener: ${why}`),
        });
        server.start();
        return () => server.stop();
      },
    };
  }
}

const invalid = (error: string, problems: readonly string[]): Answer => ({
  status: 'error',
  code: 'invalid-configuration',
  error,
  data: { problems },
});

/** Libraries of a kind of source are loaded only where one is configured. */
async function openSource(
  name: string,
  config: SourceConfig,
  deps: { readonly clock: Clock; readonly log: Log },
): Promise<Source | NutSource> {
  if ('nut' in config) {
    const { createNutSource } = await import('./sources/nut/source.ts');
    return createNutSource(name, config.nut, deps);
  }
  const { createSimulatedSource } = await import('./sources/simulated/source.ts');
  return createSimulatedSource(name, config.simulated, deps);
}

const addressText = ({ host, port }: ListenAddress): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
