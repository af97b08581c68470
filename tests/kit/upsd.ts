import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { devFile, quoted } from './dev-file.ts';
import { DriverSocket } from './driver-socket.ts';
import { parseDump } from './dump.ts';
import { makeNssDatabase, type NssCertificate } from './nss.ts';
import { freePort } from './ports.ts';
import { UPSD_PROGRAM } from './presence.ts';
import { RunningProcess } from './process.ts';
import { UpsdClient } from './upsd-client.ts';

/** One simulated UPS. */
export interface DummySpec {
  /** Its variables, or the text of a device dump (see `parseDump`). */
  readonly dev: string | Readonly<Record<string, string>>;
  /** What `LIST UPS` says about it; default: no description. */
  readonly desc?: string;
  /** What it publishes as `driver.parameter.pollinterval`, seconds; default 2, NUT's own. */
  readonly pollinterval?: number;
}

/** A UPS behind one of NUT's own drivers. */
export interface DriverSpec {
  readonly driver: string;
  /** Lines of its section in ups.conf, without `driver`. */
  readonly options: Readonly<Record<string, string>>;
}

export type UpsSpec = DummySpec | DriverSpec;

/** What kind of server to start. */
export interface UpsdOptions {
  /** By NUT name. */
  readonly ups: Readonly<Record<string, UpsSpec>>;
  /** Text of upsd.users; default: `admin`/`adm` who may do everything, `mon`/`pm` upsmon primary, `sec`/`ps` secondary. */
  readonly users?: string;
  /** STARTTLS with a self-signed certificate for 127.0.0.1 and localhost; clear text stays allowed. */
  readonly tls?: boolean;
  /** MAXAGE, seconds until a silent driver's data are stale; default 15, NUT's own. */
  readonly maxage?: number;
  /** Default: a free one. */
  readonly port?: number;
}

const DEFAULT_USERS = `[admin]
  password = adm
  actions = SET
  actions = FSD
  instcmds = ALL
[mon]
  password = pm
  upsmon primary
[sec]
  password = ps
  upsmon secondary
`;
/** NUT keeps its drivers beside upsd. */
const DRIVERS = dirname(UPSD_PROGRAM);
const START_MS = 10_000;
/** dummy-ups sleeps a second at each start; a hundred at once on a small machine take longer. */
const DRIVER_START_MS = 30_000;
const SETTLE_STEP_MS = 20;
const AS_ROOT = process.getuid?.() === 0 ? ['-u', 'root'] : [];

/** Starts a real upsd and a dummy-ups for each UPS, and waits until every UPS is served. */
export async function startUpsd(options: UpsdOptions): Promise<Upsd> {
  const folder = await mkdtemp(join(tmpdir(), 'gridwarden-upsd-'));
  await Promise.all([mkdir(join(folder, 'etc')), mkdir(join(folder, 'run'))]);
  const port = options.port ?? (await freePort());
  const certificate = options.tls ? await makeNssDatabase(join(folder, 'tls')) : undefined;
  const upsd = new Upsd(folder, port, options, certificate);
  await upsd.start();
  return upsd;
}

/** A running upsd with its drivers; made by `startUpsd`. */
export class Upsd {
  readonly port: number;
  /** The certificate to trust, PEM; absent without `tls`. */
  readonly caFile: string | undefined;
  /** Its SHA-256 as Node writes it (`AA:BB:...`); absent without `tls`. */
  readonly fingerprint: string | undefined;
  readonly #folder: string;
  readonly #options: UpsdOptions;
  readonly #certificate: NssCertificate | undefined;
  readonly #drivers = new Map<string, Driver>();
  #ups: Readonly<Record<string, UpsSpec>>;
  #server: RunningProcess | undefined;

  constructor(folder: string, port: number, options: UpsdOptions, certificate: NssCertificate | undefined) {
    this.port = port;
    this.caFile = certificate?.caFile;
    this.fingerprint = certificate?.fingerprint;
    this.#folder = folder;
    this.#options = options;
    this.#ups = options.ups;
    this.#certificate = certificate;
  }

  /** The names of its UPSes. */
  get names(): readonly string[] {
    return Object.keys(this.#ups);
  }

  /** Called by `startUpsd`. */
  async start(): Promise<void> {
    await this.#configure();
    try {
      // Drivers first: upsd looks for one that is missing only every two seconds.
      const drivers = await Promise.allSettled(this.names.map((ups) => this.#startDriverProcess(ups)));
      for (const driver of drivers) if (driver.status === 'rejected') throw driver.reason;
      await this.startServer();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /**
   * Changes variables of a UPS; upsd has them when this resolves, a few milliseconds later.
   *
   * It speaks to the driver's own socket, because that is what shows fastest: a rewritten `.dev` file or `upsrw`
   * show after up to a second with the usual poll interval. So the drivers here poll once an hour and only publish
   * the usual interval. `''` removes the variable (ups.status becomes empty).
   *
   * @throws for a value with `"`, `\`, `#` or a character that is not ASCII: NUT 2.8.0 garbles those in live updates.
   *   Start the driver with such a value instead (`startDriver(ups, dev)`).
   */
  async set(ups: string, variables: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, value] of Object.entries(variables)) {
      if (!/^[ !$-[\]-~]*$/.test(value)) throw new Error(`NUT cannot change ${name} to ${value} while it runs`);
    }
    await this.#driver(ups).socket.set(variables);
  }

  /** Sends one line as any client does and gives the first line of the answer, such as `VAR rack ups.status "OL"`. */
  async ask(line: string): Promise<string> {
    const client = await UpsdClient.open(this.port);
    try {
      return await client.ask(line);
    } finally {
      client.close();
    }
  }

  /** What upsd says about each command and client (it logs as with `upsd -D`). */
  log(): readonly string[] {
    return this.#server?.lines() ?? [];
  }

  /** A line of upsd's log, written after this call, such as `Instant command: admin@127.0.0.1 did load.off on rack`. */
  async waitForLog(pattern: RegExp, timeoutMs: number): Promise<string> {
    const server = this.#running();
    return await server.waitForLine(pattern, timeoutMs, server.mark());
  }

  /** `kill -9` for a driver: upsd says DRIVER-NOT-CONNECTED within milliseconds. */
  async killDriver(ups: string): Promise<void> {
    const driver = this.#driver(ups);
    driver.socket.close();
    await driver.process.kill();
  }

  /**
   * Starts a driver again, from its `.dev` file: what `set` changed is forgotten. Resolves when upsd serves it,
   * which takes up to four seconds, most of them as status `WAIT`.
   *
   * @param dev new variables in place of the ones it had
   */
  async startDriver(ups: string, dev?: DummySpec['dev']): Promise<void> {
    if (dev !== undefined) await this.#writeDev(ups, dev);
    await this.#startDriverProcess(ups);
    await this.waitUntilServed([ups]);
  }

  /** SIGSTOP: the driver is there and silent; upsd says DATA-STALE after `maxage`. */
  freezeDriver(ups: string): void {
    this.#driver(ups).process.signal('SIGSTOP');
  }

  thawDriver(ups: string): void {
    this.#driver(ups).process.signal('SIGCONT');
  }

  /** `kill -9` for upsd; the drivers live on. */
  async killServer(): Promise<void> {
    await this.#running().kill();
  }

  /** Rewrites ups.conf and lets upsd read it (SIGHUP): UPSes appear and go. Resolves when every new one is served. */
  async reconfigure(ups: Readonly<Record<string, UpsSpec>>): Promise<void> {
    const gone = this.names.filter((name) => !(name in ups));
    const come = Object.keys(ups).filter((name) => !(name in this.#ups));
    this.#ups = ups;
    await this.#configure();
    await Promise.all(come.map((name) => this.#startDriverProcess(name)));
    this.#running().signal('SIGHUP');
    await this.waitUntilServed(come);
    for (const name of gone) {
      const driver = this.#driver(name);
      driver.socket.close();
      await driver.process.kill();
      this.#drivers.delete(name);
    }
  }

  /** SIGSTOP: connections stay open and nothing is answered. */
  freezeServer(): void {
    this.#running().signal('SIGSTOP');
  }

  thawServer(): void {
    this.#running().signal('SIGCONT');
  }

  /** Starts upsd (again) on the same port; resolves when every UPS with a running driver is served. */
  async startServer(): Promise<void> {
    this.#server = new RunningProcess(UPSD_PROGRAM, [...AS_ROOT, '-F', '-D'], { name: 'upsd', env: this.environment });
    await this.#server.waitForLine(/Running as foreground process/, START_MS);
    await this.waitUntilServed(this.names.filter((ups) => this.#driver(ups).process.running));
  }

  /** Until upsd shows data, neither an error nor the status `WAIT`. upsd announces this nowhere, so it is asked. */
  async waitUntilServed(names: readonly string[], timeoutMs: number = START_MS): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    const client = await UpsdClient.open(this.port);
    try {
      for (const ups of names) {
        for (;;) {
          const answer = await client.ask(`GET VAR ${ups} ups.status`);
          if (!/WAIT|DRIVER-NOT-CONNECTED|DATA-STALE|UNKNOWN-UPS/.test(answer)) break;
          if (performance.now() > deadline) throw new Error(`upsd still answers ${answer} after ${timeoutMs} ms`);
          await delay(SETTLE_STEP_MS);
        }
      }
    } finally {
      client.close();
    }
  }

  /** Ends everything and removes the folder. May be called twice. */
  async stop(): Promise<void> {
    const processes = [this.#server, ...[...this.#drivers.values()].map((driver) => driver.process)];
    for (const driver of this.#drivers.values()) driver.socket.close();
    // Killed, not asked: a frozen one would not hear, and there is nothing to save.
    await Promise.all(processes.map((one) => one?.kill()));
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** What a program of NUT needs to find this one. */
  get environment(): Record<string, string> {
    const run = join(this.#folder, 'run');
    return { NUT_CONFPATH: join(this.#folder, 'etc'), NUT_STATEPATH: run, NUT_ALTPIDPATH: run };
  }

  #driver(ups: string): Driver {
    const driver = this.#drivers.get(ups);
    if (driver === undefined) throw new Error(`there is no UPS ${ups} here`);
    return driver;
  }

  #running(): RunningProcess {
    if (!this.#server?.running) throw new Error('upsd does not run');
    return this.#server;
  }

  async #startDriverProcess(ups: string): Promise<void> {
    const spec = this.#ups[ups];
    const program = spec !== undefined && 'driver' in spec ? spec.driver : 'dummy-ups';
    const path = join(this.#folder, 'run', `${program}-${ups}`);
    // A killed driver leaves its socket behind.
    await rm(path, { force: true });
    const driver = new RunningProcess(join(DRIVERS, program), ['-a', ups, ...AS_ROOT, '-F'], {
      name: `${program} ${ups}`,
      env: this.environment,
      maxLines: 200,
    });
    this.#drivers.set(ups, { process: driver, socket: await openWhenListening(path, driver) });
  }

  async #configure(): Promise<void> {
    const etc = join(this.#folder, 'etc');
    const certificate = this.#certificate;
    const upsd = [
      `STATEPATH ${join(this.#folder, 'run')}`,
      `LISTEN 127.0.0.1 ${this.port}`,
      `MAXAGE ${this.#options.maxage ?? 15}`,
      'MAXCONN 1024',
    ];
    if (certificate !== undefined) {
      upsd.push(...certificate.upsdConf, 'DISABLE_WEAK_SSL true');
    }
    const sections = Object.entries(this.#ups).map(([ups, spec]) => sectionOf(ups, spec));
    const files: Record<string, string> = {
      'nut.conf': 'MODE=none',
      'ups.conf': ['maxretry = 3', ...AS_ROOT.slice(1).map((user) => `user = ${user}`), ...sections].join('\n'),
      'upsd.conf': upsd.join('\n'),
      'upsd.users': this.#options.users ?? DEFAULT_USERS,
    };
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(etc, name), `${text}\n`, { mode: 0o640 });
    }
    for (const [ups, spec] of Object.entries(this.#ups)) if ('dev' in spec) await this.#writeDev(ups, spec.dev);
  }

  async #writeDev(ups: string, dev: DummySpec['dev']): Promise<void> {
    const variables = typeof dev === 'string' ? parseDump(dev).variables : Object.entries(dev);
    await writeFile(join(this.#folder, 'etc', `${ups}.dev`), devFile(variables));
  }
}

interface Driver {
  readonly process: RunningProcess;
  readonly socket: DriverSocket;
}

/** The section of one UPS in ups.conf. */
function sectionOf(ups: string, spec: UpsSpec): string {
  const options =
    'driver' in spec
      ? spec.options
      : {
          port: `${ups}.dev`,
          ...(spec.desc === undefined ? {} : { desc: quoted(spec.desc) }),
          // dummy-ups sleeps for a second in every poll and hears nothing meanwhile.
          pollinterval: '3600',
          'override.driver.parameter.pollinterval': `${spec.pollinterval ?? 2}`,
        };
  const lines = Object.entries({ driver: 'driver' in spec ? spec.driver : 'dummy-ups', ...options });
  return [`[${ups}]`, ...lines.map(([key, value]) => `  ${key} = ${value}`)].join('\n');
}

/** A driver says nothing when it begins to listen, so it is tried until it does. */
async function openWhenListening(path: string, driver: RunningProcess): Promise<DriverSocket> {
  const deadline = performance.now() + DRIVER_START_MS;
  for (;;) {
    try {
      return await DriverSocket.open(path);
    } catch (error) {
      if (driver.running && performance.now() < deadline) {
        await delay(SETTLE_STEP_MS);
        continue;
      }
      await driver.kill();
      throw new Error(`${driver.name} did not start:\n${driver.lines().join('\n')}`, { cause: error });
    }
  }
}
