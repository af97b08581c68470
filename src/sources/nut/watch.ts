import type { Report } from '../../domain/inputs.ts';
import type { Clock, Log } from '../../domain/ports.ts';
import type { Listed, Reading } from '../../domain/reading.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { after, asInstant, between, type Instant, type Millis, seconds } from '../../domain/time.ts';
import type { Trouble } from '../../domain/trouble.ts';
import { createAlarm, jittered, type Random } from '../pace.ts';
import type { Connection } from './connection.ts';
import { type Device, forgetTrouble, newDevice, takeStatus, takeWhole } from './device.ts';
import { readInventories } from './inventory.ts';
import { malformed, readListing, troubleOfCode } from './parse.ts';
import { ASK, type Question } from './questions.ts';
import type { NutConfig } from './schema.ts';
import type { Session } from './session.ts';

/** Between two looks at which devices the server has. */
const LISTING = seconds(30);
/** Questions in one write, and the bytes of answers they are expected to bring. */
const CHUNK = { questions: 200, bytes: 1024 * 1024 };
/** Bytes of the answer about a device that has not answered yet, and of a status line. */
const EXPECTED = { whole: 4096, status: 64 };
/** Devices whose inventories are read side by side. */
const INVENTORIES = 20;

export interface WatchOptions {
  readonly source: string;
  readonly config: NutConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly report: (report: Report) => void;
}

/** What one sweep brought. */
interface Sweep {
  readonly readings: Map<string, Reading>;
  readonly troubled: Set<Device>;
}

interface Asked {
  readonly device: Device;
  readonly question: Question;
}

/**
 * The devices of one server, and the rhythm in which they are asked.
 *
 * A quick sweep asks every device for its status alone, a slower one for all variables; each is one write, because upsd
 * answers a pipelined sweep in milliseconds and single requests back to back at 44 ms each. What is remembered outlives
 * the connections: the same variables stay the same object.
 */
export class Watch {
  readonly #options: WatchOptions;
  /** By name in lower case, in the order of the list. */
  #devices = new Map<string, Device>();
  readonly #alarm = createAlarm();
  /** What was warned of, so that it is warned of once. */
  readonly #warned = new Set<string>();
  #inventories: Promise<void> | undefined;
  #due: Record<'listing' | 'whole' | 'status', Instant>;

  constructor(options: WatchOptions) {
    this.#options = options;
    const now = options.clock.now();
    this.#due = { listing: now, whole: now, status: now };
  }

  /** Whether a device was on battery when it was last heard. */
  get onBattery(): boolean {
    for (const { reading } of this.#devices.values()) {
      if (reading?.flags.includes('OB')) return true;
    }
    return false;
  }

  /** Whether the server lists a device by exactly this name. */
  knows(name: string): boolean {
    return this.#devices.get(name.toLowerCase())?.listed.name === name;
  }

  /** Reads one device whole at once. */
  refresh(name: string): void {
    const device = this.#devices.get(name.toLowerCase());
    if (device !== undefined) device.wholeDue = true;
    this.#alarm.ring();
  }

  /** Ends the present wait: the connection is lost or the program stops. */
  ring(): void {
    this.#alarm.ring();
  }

  /**
   * Asks and reports until the session ends or the signal aborts; closes the connection.
   *
   * Nothing is reported before one whole sweep has come in, so that a server that breaks off before does not seem to
   * come and go.
   *
   * @param heard called once, when that sweep is in
   * @returns why the session ended
   */
  async serve({ connection }: Session, heard: () => void, signal: AbortSignal): Promise<Trouble> {
    for (const device of this.#devices.values()) forgetTrouble(device);
    let trouble = await this.#begin(connection, heard, signal);
    while (trouble === undefined && !signal.aborted) {
      const next = asInstant(Math.min(this.#due.listing, this.#due.whole, this.#due.status));
      const span = between(this.#options.clock.now(), next);
      if (span > 0 && !this.#someWholeDue()) await this.#alarm.wait(span);
      trouble = connection.trouble() ?? (signal.aborted ? undefined : await this.#turn(connection, signal));
    }
    await connection.close();
    await this.#inventories;
    return trouble ?? { kind: 'unreachable', detail: 'stopped' };
  }

  async #begin(connection: Connection, heard: () => void, signal: AbortSignal): Promise<Trouble | undefined> {
    const listing = await this.#list(connection);
    if (!listing.ok) return listing.error;
    const sweep = await this.#sweep(connection, 'whole');
    if (!sweep.ok) return sweep.error;
    if (signal.aborted) return undefined;
    heard();
    this.#reportListed();
    this.#tell(sweep.value);
    this.#readInventories(connection);
    return undefined;
  }

  /** One thing that is due. */
  async #turn(connection: Connection, signal: AbortSignal): Promise<Trouble | undefined> {
    const now = this.#options.clock.now();
    if (now >= this.#due.listing) {
      const listing = await this.#list(connection);
      if (!listing.ok) return listing.error;
      if (listing.value && !signal.aborted) this.#reportListed();
      return undefined;
    }
    const kind = now >= this.#due.whole ? 'whole' : now >= this.#due.status ? 'status' : 'single';
    if (kind === 'single' && !this.#someWholeDue()) return undefined;
    const sweep = await this.#sweep(connection, kind);
    if (!sweep.ok) return sweep.error;
    if (signal.aborted) return undefined;
    this.#tell(sweep.value);
    if (kind === 'whole') this.#readInventories(connection);
    return undefined;
  }

  #someWholeDue(): boolean {
    for (const { wholeDue } of this.#devices.values()) {
      if (wholeDue) return true;
    }
    return false;
  }

  /** Takes up what the server lists. True when it is not what it was. */
  async #list(connection: Connection): Promise<Result<boolean, Trouble>> {
    this.#due.listing = after(this.#options.clock.now(), jittered(LISTING, this.#options.random));
    const replies = await connection.ask([ASK.listing]);
    if (!replies.ok) return replies;
    const [reply] = replies.value;
    if (reply?.kind === 'error') return err(withWhere(troubleOfCode(reply.code), 'LIST UPS'));
    if (reply?.kind !== 'list') return err(malformed('not a list of UPSes'));
    const { devices, leftOut } = readListing(reply.block);
    for (const item of leftOut) this.#warnOnce(`a UPS is left out, its name cannot be asked for safely: ${item}`);
    return ok(this.#adopt(this.#wanted(devices)));
  }

  #wanted(listed: readonly Listed[]): readonly Listed[] {
    const { ups } = this.#options.config;
    if (ups === undefined) return listed;
    const names = new Set(ups.map((name) => name.toLowerCase()));
    const found = listed.filter(({ name }) => names.delete(name.toLowerCase()));
    for (const name of names) this.#warnOnce(`the server lists no UPS ${name}`);
    return found;
  }

  #adopt(listed: readonly Listed[]): boolean {
    const before = [...this.#devices.values()].map((device) => device.listed);
    const now = new Map<string, Device>();
    for (const one of listed) {
      const known = this.#devices.get(one.name.toLowerCase());
      // A name in another case is asked for, and answered, in that case: what was kept of the answers does not fit.
      const device = known?.listed.name === one.name ? known : newDevice(one);
      device.listed = one;
      now.set(one.name.toLowerCase(), device);
    }
    this.#devices = now;
    return (
      before.length !== listed.length ||
      before.some(({ name, description }, at) => name !== listed[at]?.name || description !== listed[at]?.description)
    );
  }

  #reportListed(): void {
    const devices = [...this.#devices.values()].map((device) => device.listed);
    this.#options.report({ kind: 'listed', source: this.#options.source, devices });
  }

  /**
   * Asks every device, whole or for its status, and whole those of which that is due. `single`: only those.
   *
   * The next times are counted from the beginning of this sweep, so that a slow answer does not slow the rhythm.
   */
  async #sweep(connection: Connection, kind: 'whole' | 'status' | 'single'): Promise<Result<Sweep, Trouble>> {
    this.#schedule(kind);
    const sweep: Sweep = { readings: new Map(), troubled: new Set() };
    for (const chunk of chunksOf(this.#questions(kind))) {
      const asked = this.#options.clock.now();
      const replies = await connection.ask(chunk.map(({ question }) => question));
      if (!replies.ok) return replies;
      const moments = { asked, at: this.#options.clock.now() };
      for (const [at, reply] of replies.value.entries()) {
        const one = chunk[at];
        if (one === undefined) break;
        const { device, question } = one;
        const reading = (question.form === 'list' ? takeWhole : takeStatus)(device, reply, moments);
        if (reading !== undefined) sweep.readings.set(device.listed.name, reading);
        if (device.trouble !== undefined && !device.trouble.told) sweep.troubled.add(device);
      }
    }
    return ok(sweep);
  }

  #schedule(kind: 'whole' | 'status' | 'single'): void {
    const { clock, config, random } = this.#options;
    const now = clock.now();
    if (kind !== 'single') this.#due.status = after(now, jittered(config.statusInterval, random));
    if (kind === 'whole') this.#due.whole = after(now, jittered(this.#wholeInterval(), random));
  }

  #wholeInterval(): Millis {
    const { interval, intervalOnBattery } = this.#options.config;
    return this.onBattery ? intervalOnBattery : interval;
  }

  #questions(kind: 'whole' | 'status' | 'single'): readonly Asked[] {
    const asked: Asked[] = [];
    for (const device of this.#devices.values()) {
      if (kind === 'whole' || device.wholeDue) {
        device.wholeDue = false;
        asked.push({ device, question: ASK.variables(device.listed.name, device.whole?.block) });
      } else if (kind === 'status') {
        asked.push({ device, question: device.statusQuestion });
      }
    }
    return asked;
  }

  #tell({ readings, troubled }: Sweep): void {
    const { report, source, clock, random, config } = this.#options;
    if (readings.size > 0) report({ kind: 'readings', source, readings });
    for (const device of troubled) {
      if (device.trouble === undefined) continue;
      const { trouble } = device.trouble;
      const { name } = device.listed;
      device.trouble = { told: true, trouble };
      report({ kind: 'device-trouble', address: { source, name }, trouble });
      if (trouble.kind === 'unknown-ups') this.#due.listing = clock.now();
    }
    if (this.onBattery) {
      const soon = after(clock.now(), jittered(config.intervalOnBattery, random));
      if (soon < this.#due.whole) this.#due.whole = soon;
    }
  }

  /** Reads the inventories that are due, beside the sweeps, unless that is already being done. */
  #readInventories(connection: Connection): void {
    if (this.#inventories !== undefined) return;
    const due = [...this.#devices.values()].filter(
      ({ inventoryDue, reading, trouble }) => inventoryDue && reading !== undefined && trouble === undefined,
    );
    if (due.length === 0) return;
    this.#inventories = this.#readDue(connection, due).finally(() => {
      this.#inventories = undefined;
    });
  }

  async #readDue(connection: Connection, due: readonly Device[]): Promise<void> {
    const { report, source } = this.#options;
    for (let at = 0; at < due.length; at += INVENTORIES) {
      const some = due.slice(at, at + INVENTORIES);
      for (const device of some) device.inventoryDue = false;
      const found = await readInventories(
        connection,
        some.map(({ listed }) => listed.name),
      );
      for (const device of some) {
        const { name } = device.listed;
        const inventory = found.ok ? found.value.get(name) : undefined;
        if (inventory === undefined) device.inventoryDue = true;
        else if (this.knows(name)) report({ kind: 'inventory', address: { source, name }, inventory });
      }
      if (!found.ok) return;
    }
  }

  #warnOnce(text: string): void {
    if (this.#warned.has(text) || this.#warned.size >= 100) return;
    this.#warned.add(text);
    this.#options.log.warn(text);
  }
}

/** Cuts a sweep so that neither the requests outstanding nor their answers pile up at the server. */
function chunksOf(asked: readonly Asked[]): readonly (readonly Asked[])[] {
  const chunks: Asked[][] = [];
  let bytes = 0;
  for (const one of asked) {
    const { form, last } = one.question;
    const expected = form === 'list' ? (last?.length ?? EXPECTED.whole) : EXPECTED.status;
    const chunk = chunks.at(-1);
    if (chunk === undefined || chunk.length >= CHUNK.questions || bytes + expected > CHUNK.bytes) {
      chunks.push([one]);
      bytes = expected;
    } else {
      chunk.push(one);
      bytes += expected;
    }
  }
  return chunks;
}

const withWhere = ({ kind, detail }: Trouble, where: string): Trouble => ({ kind, detail: `${where}: ${detail}` });
