import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { makeConfigurationFolder, mountRoot } from './home-assistant-folder.ts';
import { HomeAssistantRest } from './home-assistant-setup.ts';
import { type EntityState, HomeAssistantSocket } from './home-assistant-socket.ts';
import { freePort } from './ports.ts';
import { HOME_ASSISTANT_ROOT } from './presence.ts';
import { RunningProcess } from './process.ts';

/** An entry of Home Assistant's own NUT integration, to compare with. */
export interface NutEntry {
  readonly port: number;
  /** The UPS's name; needed when upsd has several. */
  readonly alias?: string;
  /** Without a user it makes no buttons for commands. */
  readonly username?: string;
  readonly password?: string;
}

/** What to start. The broker must be there already. */
export interface HomeAssistantOptions {
  readonly mqttPort: number;
  readonly mqttUser?: { readonly username: string; readonly password: string };
  readonly nut?: readonly NutEntry[];
  /** Of its web server, on 127.0.0.1; default: a free one. */
  readonly port?: number;
  /** Further files of the configuration folder by path, such as `automations.yaml` or `blueprints/automation/x/y.yaml`. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A row of the entity registry, the fields tests look at. */
export interface RegistryEntity {
  readonly entity_id: string;
  readonly unique_id: string;
  readonly platform: string;
  readonly device_id: string | null;
  readonly config_entry_id: string | null;
  readonly disabled_by: string | null;
  readonly entity_category: string | null;
  readonly name: string | null;
  readonly original_name: string | null;
}

/** A row of the device registry, the fields tests look at. */
export interface RegistryDevice {
  readonly id: string;
  readonly identifiers: ReadonlyArray<readonly [string, string]>;
  readonly config_entries: readonly string[];
  readonly name: string | null;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly model_id: string | null;
  readonly sw_version: string | null;
  readonly hw_version: string | null;
  readonly serial_number: string | null;
  readonly via_device_id: string | null;
  readonly configuration_url: string | null;
}

const START_MS = 120_000;
const STOP_MS = 60_000;
const LOG_LINES = 200_000;
/** Answers to the mqtt form by field, for the fields it has in this version; some required ones offer no default. */
const MQTT_ANSWERS = {
  broker: '127.0.0.1',
  protocol: '5',
  set_client_cert: false,
  set_ca_cert: 'off',
  transport: 'tcp',
};

/** Complaints of Home Assistant about what was published, and about the entities made of it. */
const COMPLAINT =
  /(WARNING|ERROR).*(homeassistant\.components\.mqtt|homeassistant\.helpers\.(template|entity|entity_platform)|homeassistant\.components\.(sensor|binary_sensor|button|switch|number|select|text|event|update|device_automation|automation|blueprint))/;

/** What it says at every start, at every loss of the broker and of its own debug lines, whatever is published. */
const KNOWN = [
  /Skipping pip installation/,
  /FFmpeg fails/,
  /Error starting FFmpeg/,
  /Error returned from MQTT server: The connection was lost/,
  /homeassistant\.util\.logging\] Module \S+ is logging too frequently/,
];

/** Starts a new Home Assistant with an MQTT entry (and NUT entries), onboarded, and waits until it runs. */
export async function startHomeAssistant(options: HomeAssistantOptions): Promise<HomeAssistant> {
  await mountRoot();
  const port = options.port ?? (await freePort());
  const folder = await makeConfigurationFolder(port, options.files ?? {});
  const homeAssistant = new HomeAssistant(folder, port);
  try {
    await homeAssistant.firstStart(options);
  } catch (error) {
    await homeAssistant.dispose();
    const errors = homeAssistant.logLines().filter((line) => line.includes(' ERROR '));
    throw new Error(`Home Assistant did not start. Its errors:\n${errors.join('\n')}`, { cause: error });
  }
  return homeAssistant;
}

/** A running Home Assistant; made by `startHomeAssistant`. */
export class HomeAssistant {
  readonly port: number;
  /** The configuration folder as this process sees it. */
  readonly folder: string;
  /** The id of the MQTT configuration entry. */
  mqttEntry = '';
  /** The ids of the NUT entries, in the order of the options. */
  nutEntries: readonly string[] = [];
  readonly rest: HomeAssistantRest;
  readonly #states = new Map<string, EntityState>();
  readonly #stateListeners = new Set<(entityId: string) => void>();
  readonly #entryListeners = new Set<(entry: string, state: string) => void>();
  #earlierLog: readonly string[] = [];
  #process: RunningProcess | undefined;
  #socket: HomeAssistantSocket | undefined;
  #token = '';

  constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
    this.rest = new HomeAssistantRest(port);
  }

  /** Called by `startHomeAssistant`. */
  async firstStart(options: HomeAssistantOptions): Promise<void> {
    await this.#startProcess();
    const shortLived = await HomeAssistantSocket.open(this.port, await this.rest.onboard());
    const request = { type: 'auth/long_lived_access_token', client_name: 'tests', lifespan: 1 };
    this.#token = String(await shortLived.command(request));
    shortLived.close();
    await this.#connect();
    const broker = { ...MQTT_ANSWERS, port: options.mqttPort, ...options.mqttUser };
    this.mqttEntry = await this.rest.addIntegration('mqtt', broker);
    const nutEntries: string[] = [];
    for (const entry of options.nut ?? []) {
      nutEntries.push(await this.rest.addIntegration('nut', { host: '127.0.0.1', ...entry }));
    }
    this.nutEntries = nutEntries;
  }

  /** Every entity that is there, by id: the newest it has told. */
  states(): ReadonlyMap<string, EntityState> {
    return this.#states;
  }

  /** The newest it has told of one entity; undefined: there is none (or it is disabled). */
  state(entityId: string): EntityState | undefined {
    return this.#states.get(entityId);
  }

  /**
   * Waits until an entity's state is as it should be; `undefined` is given for an entity that is not there.
   *
   * @throws with the last state when it never is within the time
   */
  async waitForState(
    entityId: string,
    predicate: (state: EntityState | undefined) => boolean,
    timeoutMs = 15_000,
  ): Promise<EntityState | undefined> {
    await new Promise<void>((resolve, reject) => {
      const look = (changed: string) => {
        if (changed !== entityId || !predicate(this.#states.get(entityId))) return;
        this.#stateListeners.delete(look);
        clearTimeout(deadline);
        resolve();
      };
      const deadline = setTimeout(() => {
        this.#stateListeners.delete(look);
        const last = JSON.stringify(this.#states.get(entityId)) ?? 'no such entity';
        reject(new Error(`${entityId} was not as expected within ${timeoutMs} ms; it is ${last}`));
      }, timeoutMs);
      this.#stateListeners.add(look);
      look(entityId);
    });
    return this.#states.get(entityId);
  }

  /** `waitForState` for one value of the state itself, such as `on` or `231.5`. */
  async waitForValue(entityId: string, value: string, timeoutMs?: number): Promise<void> {
    await this.waitForState(entityId, (state) => state?.state === value, timeoutMs);
  }

  /** Calls a service (an action) and waits until it is done. */
  async callService(domain: string, service: string, data: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.ws({ type: 'call_service', domain, service, service_data: data });
  }

  /**
   * Sends a WebSocket command, such as `{type: 'mqtt/device/debug_info', device_id}`.
   *
   * @returns its result, whose shape is Home Assistant's
   */
  async ws(command: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#socket === undefined) throw new Error('Home Assistant does not run');
    return await this.#socket.command(command);
  }

  /** Events of one type (such as `call_service`) from now on; see Home Assistant's `subscribe_events`. */
  async subscribe(eventType: string, onEvent: (event: unknown) => void): Promise<void> {
    if (this.#socket === undefined) throw new Error('Home Assistant does not run');
    await this.#socket.subscribe({ type: 'subscribe_events', event_type: eventType }, onEvent);
  }

  /** The whole entity registry, disabled entities included. */
  async entities(): Promise<readonly RegistryEntity[]> {
    // The fields are those of Home Assistant's entity registry.
    return (await this.ws({ type: 'config/entity_registry/list' })) as readonly RegistryEntity[];
  }

  /** The whole device registry. */
  async devices(): Promise<readonly RegistryDevice[]> {
    // The fields are those of Home Assistant's device registry.
    return (await this.ws({ type: 'config/device_registry/list' })) as readonly RegistryDevice[];
  }

  /** The MQTT device with this identifier; undefined: there is none. */
  async mqttDevice(identifier: string): Promise<RegistryDevice | undefined> {
    const devices = await this.devices();
    return devices.find((device) => device.identifiers.some(([domain, id]) => domain === 'mqtt' && id === identifier));
  }

  async enableEntity(entityId: string): Promise<void> {
    await this.enableEntities([entityId]);
  }

  /** Enables those of the entities that are disabled, and waits until the entries they belong to are loaded anew. */
  async enableEntities(entityIds: readonly string[]): Promise<void> {
    const wanted = new Set(entityIds);
    const disabled = (await this.entities()).filter(({ entity_id, disabled_by }) => {
      return wanted.has(entity_id) && disabled_by !== null;
    });
    const entries = new Set(disabled.flatMap((entity) => entity.config_entry_id ?? []));
    const reloaded = Promise.all([...entries].map((entry) => this.#entryReloaded(entry)));
    await Promise.all(
      disabled.map(({ entity_id }) => this.ws({ type: 'config/entity_registry/update', entity_id, disabled_by: null })),
    );
    await reloaded;
  }

  /** Reloads a configuration entry, by default MQTT's, and waits until it is loaded. */
  async reloadEntry(entry: string = this.mqttEntry): Promise<void> {
    const answer = await this.rest.post(`/api/config/config_entries/entry/${entry}/reload`, {});
    // Documented by Home Assistant: whether it must be restarted for it.
    if ((answer as { require_restart: boolean }).require_restart) throw new Error(`${entry} cannot be reloaded`);
  }

  /** Ends it as a user does, so that everything is stored; `start` brings it back. */
  async stop(): Promise<void> {
    this.#disconnect();
    const { running, exit } = await this.#end((process) => process.stop('SIGTERM', STOP_MS));
    if (running && exit?.code !== 0) throw new Error(`Home Assistant ended with ${JSON.stringify(exit)}`);
  }

  /** `kill -9`: what it had not stored yet (registries, for some seconds) is lost. */
  async kill(): Promise<void> {
    this.#disconnect();
    await this.#end((process) => process.kill());
  }

  /** Starts it again, after `stop` or `kill`, with the same configuration folder and port. */
  async start(): Promise<void> {
    await this.#startProcess();
    await this.#connect();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Stops it, if it runs, and removes its folder. May be called twice. */
  async dispose(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Its log since the first start. */
  logLines(): readonly string[] {
    return [...this.#earlierLog, ...(this.#process?.lines() ?? [])];
  }

  /** A line of the log, written after this call. */
  async waitForLog(pattern: RegExp, timeoutMs: number): Promise<string> {
    if (this.#process === undefined) throw new Error('Home Assistant does not run');
    return await this.#process.waitForLine(pattern, timeoutMs, this.#process.mark());
  }

  /** Warnings and errors since the first start that what was published, or an entity of it, is the reason for. */
  complaints(): readonly string[] {
    return this.logLines().filter((line) => COMPLAINT.test(line) && !KNOWN.some((known) => known.test(line)));
  }

  async #startProcess(): Promise<void> {
    const inside = join('/tmp', basename(this.folder));
    const start = await readFile(join(import.meta.dirname, 'home-assistant-start.py'), 'utf8');
    const program = ['env', 'HOME=/root', 'PATH=/root/ha/bin:/usr/bin:/bin', 'python', '-c', start];
    this.#process = new RunningProcess(
      'chroot',
      [HOME_ASSISTANT_ROOT, ...program, '-c', inside, '--skip-pip', '--log-no-color'],
      { name: 'Home Assistant', maxLines: LOG_LINES },
    );
    await this.#process.waitForLine(/Home Assistant initialized in/, START_MS);
  }

  async #end<E>(end: (process: RunningProcess) => Promise<E>): Promise<{ running: boolean; exit: E | undefined }> {
    const process = this.#process;
    if (process === undefined) return { running: false, exit: undefined };
    const { running } = process;
    const exit = await end(process);
    this.#earlierLog = [...this.#earlierLog, ...process.lines()];
    this.#process = undefined;
    return { running, exit };
  }

  async #connect(): Promise<void> {
    this.rest.useToken(this.#token);
    const socket = await HomeAssistantSocket.open(this.port, this.#token);
    this.#socket = socket;
    const started = new Promise<void>((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error('Home Assistant did not finish its start')), START_MS);
      const done = () => {
        clearTimeout(deadline);
        resolve();
      };
      socket
        .subscribe({ type: 'subscribe_events', event_type: 'homeassistant_started' }, done)
        // Asked after the subscription, so that the moment between the two is not missed.
        .then(() => socket.command({ type: 'get_config' }))
        .then((config) => {
          // Documented by Home Assistant: one of NOT_RUNNING, STARTING, RUNNING, STOPPING ...
          if ((config as { state: string }).state === 'RUNNING') done();
        })
        .catch(reject);
    });
    await this.#followStates(socket);
    await socket.subscribe({ type: 'config_entries/subscribe' }, (event) => {
      // A list of changes, each with the entry as it is now.
      for (const { entry } of event as ReadonlyArray<{ entry: { entry_id: string; state: string } }>) {
        for (const listener of this.#entryListeners) listener(entry.entry_id, entry.state);
      }
    });
    await started;
  }

  /** Changes first, then the whole: on one connection both come in the order in which they happened. */
  async #followStates(socket: HomeAssistantSocket): Promise<void> {
    await socket.subscribe({ type: 'subscribe_events', event_type: 'state_changed' }, (event) => {
      // The documented payload of a state_changed event; a removed entity has no new state.
      const { data } = event as { data: { entity_id: string; new_state: EntityState | null } };
      if (data.new_state === null) this.#states.delete(data.entity_id);
      else this.#states.set(data.entity_id, data.new_state);
      this.#told(data.entity_id);
    });
    const all = (await socket.command({ type: 'get_states' })) as readonly EntityState[];
    for (const id of [...this.#states.keys()])
      if (!all.some((state) => state.entity_id === id)) this.#states.delete(id);
    for (const state of all) this.#states.set(state.entity_id, state);
    for (const state of all) this.#told(state.entity_id);
  }

  #told(entityId: string): void {
    for (const listener of this.#stateListeners) listener(entityId);
  }

  #disconnect(): void {
    this.#socket?.close();
    this.#socket = undefined;
    const known = [...this.#states.keys()];
    this.#states.clear();
    for (const id of known) this.#told(id);
  }

  #entryReloaded(entry: string): Promise<void> {
    return new Promise((resolve, reject) => {
      let unloaded = false;
      const settle = (error?: Error) => {
        clearTimeout(deadline);
        this.#entryListeners.delete(listen);
        if (error === undefined) resolve();
        else reject(error);
      };
      const listen = (changed: string, state: string) => {
        if (changed !== entry) return;
        if (state !== 'loaded') unloaded = true;
        else if (unloaded) settle();
      };
      const deadline = setTimeout(() => settle(new Error(`the entry ${entry} was not reloaded in time`)), START_MS);
      this.#entryListeners.add(listen);
    });
  }
}
