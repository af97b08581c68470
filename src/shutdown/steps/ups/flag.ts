import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type DeviceId, isSlug } from '../../../domain/names.ts';
import { err, ok, type Result } from '../../../domain/result.ts';
import { codeOf } from '../../reach.ts';

/** The first line of a flag file of ours: an empty or foreign file never cuts any power. */
export const KILLPOWER_MAGIC = 'gridwarden killpower 1';

/** Whether a text is that of a flag file of ours. */
export const isKillpowerFlag = (text: string): boolean => killpowerDevices(text) !== undefined;

/** The UPSes that a flag file asks to be switched off; undefined for a file that is not ours, whole. */
export function killpowerDevices(text: string): readonly DeviceId[] | undefined {
  const [magic, ...lines] = text.split('\n');
  const end = lines.pop();
  const whole = magic === KILLPOWER_MAGIC && end === '' && lines.length > 0 && lines.length <= MOST_DEVICES;
  return whole && lines.every(isSlug) ? lines : undefined;
}

/** The text of a flag file: the magic, then a UPS a line. */
export const killpowerFlag = (devices: readonly DeviceId[]): string => `${[KILLPOWER_MAGIC, ...devices].join('\n')}\n`;

const MOST_DEVICES = 100;
/** A flag file of ours is a few hundred bytes. */
const MOST_BYTES = 16 * 1024;
const MODE = 0o600;

/** Whether the flag could be written: no file is made. An error is a sentence part for people. */
export async function mayRaiseFlag(path: string): Promise<Result<undefined, string>> {
  const present = await presentDevices(path);
  if (!present.ok) return present;
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK);
    return ok(undefined);
  } catch (thrown) {
    return err(`its folder cannot be written to: ${codeOfThrown(thrown)}`);
  }
}

/**
 * Adds a UPS to the flag file, which is made where there is none.
 *
 * Replaced whole, so that whoever reads it at the very end of a shutdown finds it whole or not at all, and read back.
 * A file that is not ours is left: it belongs to another program that shuts this machine down.
 */
export async function raiseFlag(path: string, device: DeviceId): Promise<Result<undefined, string>> {
  const present = await presentDevices(path);
  if (!present.ok) return present;
  const text = killpowerFlag([...new Set([...present.value, device])]);
  try {
    await replace(path, text);
    const [back, { mode }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    if (back !== text) return err('it reads back as something else');
    return (mode & 0o777) === MODE ? ok(undefined) : err('its mode is not 0600');
  } catch (thrown) {
    return err(codeOfThrown(thrown));
  }
}

/** Takes UPSes out of a flag of ours, and the flag away with the last one; one that is not there, or not ours, is left. */
export async function lowerFlag(path: string, devices: readonly DeviceId[]): Promise<Result<undefined, string>> {
  const present = await presentDevices(path);
  if (!present.ok || present.value.length === 0) return ok(undefined);
  const left = present.value.filter((device) => !devices.includes(device));
  try {
    if (left.length > 0) await replace(path, killpowerFlag(left));
    else await rm(path, { force: true });
    return ok(undefined);
  } catch (thrown) {
    return err(codeOfThrown(thrown));
  }
}

async function presentDevices(path: string): Promise<Result<readonly DeviceId[], string>> {
  try {
    const { size } = await stat(path);
    const devices = size > MOST_BYTES ? undefined : killpowerDevices(await readFile(path, 'utf8'));
    return devices === undefined ? err('there is a file that is not ours') : ok(devices);
  } catch (thrown) {
    const code = codeOfThrown(thrown);
    return code === 'ENOENT' ? ok([]) : err(code);
  }
}

async function replace(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(draft, 'wx', MODE);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (thrown) {
    await unlink(draft).catch(() => undefined);
    throw thrown;
  }
  // Without this a power cut may leave the old name.
  const folder = await open(dirname(path));
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const codeOfThrown = (thrown: unknown): string => codeOf(thrown instanceof Error ? thrown : new Error(String(thrown)));
