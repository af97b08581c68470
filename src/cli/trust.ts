import { appendFile, chown, copyFile, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findConfiguration } from '../config/files.ts';
import type { Configuration } from '../config/schema.ts';
import { stateFolder, surroundings } from '../config/state-dir.ts';
import { type Millis, seconds } from '../domain/time.ts';
import { type ResolveHost, rememberingHosts } from '../shutdown/reach.ts';
import { learnIdentity } from '../shutdown/steps/ssh/learn.ts';
import type { SshLogin } from '../shutdown/steps/ssh/schema.ts';
import { knownHostsIn } from '../step-runners.ts';
import { configured } from './configured.ts';
import { stepsIn } from './look.ts';
import { openPrompt, type Prompt } from './prompt.ts';

/** What `gridwarden trust` is given. */
export interface TrustOptions {
  /** `HOST` or `HOST:PORT`; empty: those of the configuration. */
  readonly hosts: readonly string[];
  /** Path of the configuration; absent: looked for in the usual places. */
  readonly config?: string;
  /** Only the host of this step, by its key or by `<group>/<key>`. */
  readonly step?: string;
  /** Fingerprints that are right, for scripts: what is shown has to be one of them, and nobody is asked. */
  readonly yes?: readonly string[];
  readonly out: (line: string) => void;
}

/** A machine whose key is to be known, and where that is put down. */
interface Stranger {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly connectTimeout: Millis;
  readonly file: string;
}

/**
 * `gridwarden trust`: shows the keys of machines that are reached over SSH, and puts down those that a person says are
 * right. A key that is revoked, or another than is known, is refused.
 *
 * @returns the exit code: 0 all are known now, 1 some are not, 2 a faulty configuration or use
 */
export async function trust(options: TrustOptions): Promise<number> {
  const { out, yes } = options;
  const strangers = await strangersOf(options);
  if (strangers === undefined) return 2;
  if (strangers.length === 0) {
    out('the configuration has no step that reaches a machine over SSH');
    return 0;
  }
  const prompt = openPrompt();
  const resolve = rememberingHosts();
  try {
    let ok = true;
    for (const stranger of strangers) ok = (await meet(stranger, { yes, prompt, resolve, out })) && ok;
    return ok ? 0 : 1;
  } finally {
    prompt.close();
  }
}

/** Undefined: the use is wrong, which has been told. */
async function strangersOf({ hosts, config, step, out }: TrustOptions): Promise<readonly Stranger[] | undefined> {
  const named = hosts.map(addressOf);
  const wrong = hosts[named.indexOf(undefined)];
  if (wrong !== undefined) {
    out(`${wrong}: write HOST, HOST:PORT or [IPV6]:PORT`);
    return undefined;
  }
  if (step !== undefined && hosts.length > 0) {
    out('--step: name hosts or a step, not both');
    return undefined;
  }
  // A machine can be known before there is a configuration.
  const isFree =
    hosts.length > 0 && config === undefined && (await findConfiguration(undefined, process.cwd())) === undefined;
  const loaded = isFree ? undefined : await configured(config, out);
  if (loaded === undefined && !isFree) return undefined;
  const folder = stateFolder(loaded?.configuration.stateDir, surroundings());
  const known = loaded === undefined ? [] : sshSteps(loaded.configuration, folder);
  if (step !== undefined) {
    const meant = known.filter(({ keys }) => keys.includes(step));
    if (meant.length > 0) return distinct(meant);
    out(`--step ${step}: no ssh step has this key (${known.map(({ keys }) => keys[1]).join(', ') || 'there is none'})`);
    return undefined;
  }
  if (hosts.length === 0) return distinct(known);
  return distinct(
    named.flatMap((address) => {
      if (address === undefined) return [];
      const { host, port } = address;
      const own = known.filter((one) => one.host === host && (port === undefined || one.port === port));
      return own.length > 0 ? own : [{ ...NOBODY, host, port: port ?? 22, file: knownHostsIn(folder) }];
    }),
  );
}

/** Nobody is logged in to see a key. */
const NOBODY = { user: 'gridwarden', connectTimeout: seconds(10) };

function addressOf(text: string): { readonly host: string; readonly port?: number } | undefined {
  const [, bracketed, plain, digits] =
    /^(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9._][^:\s@[\]]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? (/^[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*$/.test(text) ? text : undefined);
  const port = digits === undefined ? undefined : Number(digits);
  if (host === undefined || (port !== undefined && (port < 1 || port > 65_535))) return undefined;
  return { host, ...(port === undefined ? {} : { port }) };
}

function sshSteps({ groups }: Configuration, folder: string): readonly (Stranger & { readonly keys: string[] })[] {
  return Object.entries(groups).flatMap(([id, group]) => {
    const stranger = ({ host, port, user, connectTimeout, knownHosts }: SshLogin, key: string) => {
      const file = knownHosts ?? knownHostsIn(folder);
      return { host, port, user, connectTimeout, file, keys: [key, `${id}/${key}`] };
    };
    const steps = stepsIn([group]).flatMap((one) => (one.kind === 'ssh' ? [stranger(one.config, one.step.key)] : []));
    const login = group.host?.ssh;
    return login === undefined ? steps : [...steps, stranger(login, 'host')];
  });
}

const distinct = (strangers: readonly Stranger[]): readonly Stranger[] => [
  ...new Map(strangers.map((one) => [`${one.host} ${one.port} ${one.file}`, one])).values(),
];

interface Meeting {
  readonly yes: readonly string[] | undefined;
  readonly prompt: Prompt;
  readonly resolve: ResolveHost;
  readonly out: (line: string) => void;
}

/** Shows one machine's key and, where a person agrees, makes it known. @returns whether it is known now */
async function meet(stranger: Stranger, { yes, prompt, resolve, out }: Meeting): Promise<boolean> {
  const { host, port, file } = stranger;
  const name = port === 22 ? host : `${host}:${port}`;
  const folder = await mkdtemp(join(tmpdir(), 'gridwarden-trust-'));
  try {
    // Learnt into a copy: what is put down at the end is the very key that was shown.
    const draft = join(folder, 'known_hosts');
    await copyFile(file, draft).catch((thrown: unknown) => {
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT')) throw thrown;
    });
    const before = await readFile(draft, 'utf8').catch(() => '');
    const learnt = await learnIdentity(stranger, draft, new AbortController().signal, resolve);
    if (!learnt.ok) {
      out(`${name}: not trusted: ${learnt.error.text.replaceAll(draft, file)}`);
      return false;
    }
    const { fingerprint, as } = learnt.value;
    if (as === 'known') {
      out(`${name}: ${fingerprint} is known already (${file})`);
      return true;
    }
    if (!(await isAgreed(name, fingerprint, { yes, prompt, out }))) return false;
    await putDown((await readFile(draft, 'utf8')).slice(before.length), file);
    out(`${name}: trusted from now on (${file})`);
    return true;
  } catch (thrown) {
    out(`${name}: not trusted: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    return false;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function isAgreed(
  name: string,
  fingerprint: string,
  { yes, prompt, out }: Omit<Meeting, 'resolve'>,
): Promise<boolean> {
  if (yes !== undefined) {
    if (yes.includes(fingerprint)) return true;
    out(`${name}: not trusted: it shows ${fingerprint}, which --yes does not name`);
    return false;
  }
  out(
    `${name}: shows ${fingerprint}; there: ssh-keygen -lf on its /etc/ssh/ssh_host_*_key.pub says whether that is right`,
  );
  const answer = await prompt.ask(`Trust ${name}? (y/n) `);
  if (/^y(?:es)?$/i.test(answer ?? '')) return true;
  out(
    answer === undefined
      ? `${name}: not trusted: nobody answers; for scripts: --yes ${fingerprint}`
      : `${name}: not trusted`,
  );
  return false;
}

/** Adds a line. A file that is new belongs to whom its folder belongs to: root may do this for the bridge's own user. */
async function putDown(line: string, file: string): Promise<void> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await appendFile(file, line, { mode: 0o600 });
  if (process.getuid?.() !== 0) return;
  const [{ uid, gid }, { size }] = await Promise.all([stat(folder), stat(file)]);
  if (size === Buffer.byteLength(line)) await chown(file, uid, gid);
}
