import { readFile, stat } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { findConfiguration } from '../config/files.ts';
import { explain } from '../config/problem.ts';
import { readConfiguration } from '../config/read.ts';
import type { Configuration, SourceConfig } from '../config/schema.ts';
import { type DeviceId, slugOf } from '../domain/names.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { seconds } from '../domain/time.ts';
import { ask, environmentOf, type NoAnswer } from '../shutdown/steps/ask.ts';
import { killpowerDevices } from '../shutdown/steps/ups/flag.ts';
import { readUpsConf, type UpsConf } from './ups-conf.ts';

/** What `gridwarden killpower` is given. */
export interface KillpowerOptions {
  /** Path of the configuration; absent: looked for in the usual places. */
  readonly config?: string;
  /** Only says by its exit code whether there is a flag of ours, as `upsmon -K` does. */
  readonly test?: true;
  readonly out: (line: string) => void;
}

/** The flag file where the configuration names none. */
const FLAG = '/etc/killpower';
/** A flag file of ours is a few hundred bytes. */
const MOST_BYTES = 16 * 1024;
/** A driver that is told to switch off does so within seconds, and systemd ends a shutdown script after 90 s. */
const LIMIT = seconds(60);
const MOST_WORDS = 200;

/** Where NUT's configuration is, by the packages of the day. */
const NUT_FOLDERS = ['/etc/nut', '/etc/ups', '/usr/local/ups/etc'];
/** Where its drivers are. */
const DRIVER_FOLDERS = ['/lib/nut', '/usr/lib/nut', '/usr/libexec/nut', '/usr/lib/ups/driver', '/usr/local/ups/bin'];

/**
 * `gridwarden killpower`: for the very end of a shutdown, when nothing is mounted and no network is there any more. Where
 * a flag of ours asks for it, tells UPSes of this machine's own NUT, by their drivers, to cut the power.
 *
 * @returns the exit code: 0 done or nothing to do, 1 failed; with `test`: 0 there is a flag of ours, 1 there is none
 */
export async function killpower({ config, test, out }: KillpowerOptions): Promise<number> {
  const { configuration, trouble } = await configurationOf(config);
  const flags = flagsOf(configuration);
  const found = await Promise.all(flags.map(async (flag) => ({ flag, read: await readFlag(flag) })));
  const set = found.flatMap(({ read }) => (read.ok ? read.value : []));
  if (test === true) return set.length > 0 ? 0 : 1;
  const unread = found.flatMap(({ flag, read }) => (read.ok ? [] : [`${flag} ${read.error}`]));
  if (set.length === 0) {
    const nothing = [`nothing to do: ${flags.join(', ')} ${flags.length === 1 ? 'asks' : 'ask'} for no UPS of ours`];
    const failed = [...(trouble === undefined ? [] : [trouble]), ...unread];
    out([...(failed.length === 0 ? nothing : failed)].join('; '));
    return failed.length === 0 ? 0 : 1;
  }
  const conf = await upsConf();
  const ended = await Promise.all([...new Set(set)].map((device) => switchOff(device, configuration, conf)));
  const told = ended.map((one) => (one.ok ? one.value : one.error));
  out([...told, ...unread, ...(trouble === undefined ? [] : [trouble])].join('; '));
  return ended.every((one) => one.ok) && unread.length === 0 ? 0 : 1;
}

interface Known {
  /** Absent: there is none, or it cannot be used. */
  readonly configuration?: Configuration;
  /** Why not, where there should be one. */
  readonly trouble?: string;
}

/** At the end of a shutdown what is there has to do. */
async function configurationOf(config: string | undefined): Promise<Known> {
  const file = await findConfiguration(config, process.cwd());
  if (file === undefined) return {};
  const loaded = await readConfiguration(file, process.env);
  if (loaded.ok) return { configuration: loaded.value.configuration };
  return { trouble: `${explain(loaded.error)[0] ?? file}, so only ${FLAG} was looked at` };
}

/** The flag files that steps of a configuration leave. */
export function flagsOf(configuration: Configuration | undefined): readonly string[] {
  const groups = Object.values(configuration?.groups ?? {});
  const flags = groups
    .flatMap(({ stages }) => stages)
    .flatMap(({ steps, restore }) => [...steps, ...restore])
    .flatMap((step) =>
      step.kind === 'ups' && step.config.order.action === 'killpower' ? [step.config.order.flag] : [],
    );
  return flags.length === 0 ? [FLAG] : [...new Set(flags)];
}

/** The UPSes that a flag file asks for; none where there is no file, or one that is not ours. */
async function readFlag(flag: string): Promise<Result<readonly DeviceId[], string>> {
  try {
    const { size } = await stat(flag);
    return ok(size > MOST_BYTES ? [] : (killpowerDevices(await readFile(flag, 'utf8')) ?? []));
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
    return code === 'ENOENT' || code === 'ENOTDIR' ? ok([]) : err(`cannot be read: ${code}`);
  }
}

/** The UPSes of this machine's own NUT; undefined where it has none. */
export async function upsConf(env: NodeJS.ProcessEnv = process.env): Promise<UpsConf | undefined> {
  const own = env['NUT_CONFPATH'];
  for (const folder of own === undefined ? NUT_FOLDERS : [own]) {
    const text = await readFile(join(folder, 'ups.conf'), 'utf8').catch(() => undefined);
    if (text !== undefined) return readUpsConf(text);
  }
  return undefined;
}

/** How NUT on this machine calls a device of ours; an error is a sentence for people. */
export function localUps(
  device: DeviceId,
  configuration: Configuration | undefined,
  conf: UpsConf | undefined,
): Result<UpsConf['sections'][number], string> {
  if (conf === undefined) return err(`${device}: there is no ups.conf: this machine is not the server of any UPS`);
  const declared = configuration?.ups[device];
  const source = declared === undefined ? undefined : configuration?.sources[declared.source];
  if (source !== undefined && isElsewhere(source)) {
    const where =
      'nut' in source ? `on another machine (${source.nut.host}), which nothing reaches any more` : 'simulated';
    return err(`${device}: its source ${declared?.source} is ${where}`);
  }
  if (declared === undefined && Object.values(configuration?.sources ?? {}).some(isElsewhere)) {
    return err(`${device}: whether it is a UPS of this machine is not clear: give it an entry in ups, with its source`);
  }
  const isIt = (name: string): boolean =>
    declared === undefined ? slugOf(name) === device : name.toLowerCase() === declared.name.toLowerCase();
  const section = conf.sections.find(({ name }) => isIt(name));
  const names = conf.sections.map(({ name }) => name).join(', ');
  return section === undefined ? err(`${device}: ups.conf has no such UPS (it has ${names || 'none'})`) : ok(section);
}

const isElsewhere = (source: SourceConfig): boolean => !('nut' in source && isThisMachine(source.nut.host));

/** By the words of the configuration: no name server answers at the end. */
function isThisMachine(host: string): boolean {
  const plain = host.toLowerCase().replace(/\.$/, '');
  if (/^(?:localhost|::1|127\.[\d.]+)$/.test(plain) || plain === hostname().toLowerCase()) return true;
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === plain));
}

async function switchOff(
  device: DeviceId,
  configuration: Configuration | undefined,
  conf: UpsConf | undefined,
): Promise<Result<string, string>> {
  const ups = localUps(device, configuration, conf);
  if (!ups.ok) return ups;
  const { name, driver } = ups.value;
  const { signal } = new AbortController();
  const asking = { env: environmentOf(process.env, [], ['NUT']), limit: LIMIT, signal };
  const told = await ask(['upsdrvctl', 'shutdown', name], asking);
  if (told.ok) return ok(`${device} was told to cut the power, by upsdrvctl shutdown ${name}`);
  if (told.error.kind !== 'absent') return err(`${device}: upsdrvctl shutdown ${name}: ${troubleIn(told.error)}`);
  if (driver === undefined) return err(`${device}: upsdrvctl is not there, and ups.conf names no driver of ${name}`);
  for (const folder of conf?.driverPath === undefined ? DRIVER_FOLDERS : [conf.driverPath]) {
    const by = await ask([join(folder, driver), '-a', name, '-k'], asking);
    if (by.ok) return ok(`${device} was told to cut the power, by ${driver} -a ${name} -k`);
    if (by.error.kind !== 'absent') return err(`${device}: ${driver} -a ${name} -k: ${troubleIn(by.error)}`);
  }
  return err(`${device}: neither upsdrvctl nor the driver ${driver} is there`);
}

const TROUBLE = /unable|denied|can't|cannot|could not|fail|no matching|not (?:found|supported|connected)|no such/i;

/** What is wrong in the words of a driver, which come before those of upsdrvctl and between banners and advice. */
function troubleIn({ output, text }: NoAnswer): string {
  const words = output.split('\n').map((line) => line.trim());
  return words.find((line) => TROUBLE.test(line))?.slice(0, MOST_WORDS) ?? text;
}
