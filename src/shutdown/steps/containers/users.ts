import { readdir } from 'node:fs/promises';
import { err, ok, type Result } from '../../../domain/result.ts';
import { seconds } from '../../../domain/time.ts';
import { ask } from '../ask.ts';
import type { ContainersConfig } from './schema.ts';

/** Somebody whose own Podman is asked. */
export interface User {
  readonly name: string;
  /** Not the one that this process runs as. */
  readonly isOther: boolean;
  /** What their Podman needs to find its own containers. */
  readonly env: Readonly<Record<string, string>>;
}

const QUESTION = seconds(10);
/** Where systemd keeps a folder for everybody who is logged in or lingers. */
const RUN_USER = '/run/user';
/** Below are the machine's own accounts. */
const FIRST_PERSON = 1000;

/** The uids of all users who may have containers that run. */
async function activeUids(): Promise<readonly string[]> {
  const names = await readdir(RUN_USER).catch(() => []);
  return names.filter((name) => /^\d{1,10}$/.test(name) && Number(name) >= FIRST_PERSON);
}

/** The users that `rootless` means, each as found; an error is one line for people. */
export async function usersOf(
  rootless: ContainersConfig['rootless'],
  signal: AbortSignal,
): Promise<readonly Result<User, string>[]> {
  if (rootless === 'off') return [];
  const isAll = rootless === 'all';
  const keys = isAll ? await activeUids() : rootless;
  const found: Result<User, string>[] = [];
  for (const key of keys) {
    const user = await userOf(key, signal);
    if (user.ok && isAll && !(await hasContainers(user.value, signal))) continue;
    if (user.ok || !isAll) found.push(user);
  }
  return found;
}

/** @param key name or uid */
export async function userOf(key: string, signal: AbortSignal): Promise<Result<User, string>> {
  const answer = await ask(['getent', 'passwd', key], { env: {}, limit: QUESTION, signal });
  const [name, , uid, , , home] = answer.ok ? answer.value.trim().split(':') : [];
  if (!name || !uid || !home) return err(`there is no user ${key}`);
  const own = process.getuid?.();
  const isOther = Number(uid) !== own;
  if (isOther && own !== 0) return err(`only root may ask the Podman of ${name}`);
  const runtime = `${RUN_USER}/${uid}`;
  const isActive = (await activeUids()).includes(uid);
  const env = { HOME: home, USER: name, LOGNAME: name, ...(isActive && { XDG_RUNTIME_DIR: runtime }) };
  return ok({ name, isOther, env });
}

/** Asking Podman itself would make its folders for somebody who has never used it. */
async function hasContainers({ name, isOther, env }: User, signal: AbortSignal): Promise<boolean> {
  const before = isOther ? ['runuser', '-u', name, '--'] : [];
  const folder = `${env['HOME']}/.local/share/containers`;
  return (await ask([...before, 'test', '-d', folder], { env, limit: QUESTION, signal })).ok;
}
