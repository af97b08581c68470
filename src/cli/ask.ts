import { type IncomingMessage, request } from 'node:http';
import { findConfiguration } from '../config/files.ts';
import { explain } from '../config/problem.ts';
import { readStateDir } from '../config/read.ts';
import { controlSocket, type Surroundings, stateFolder, surroundings } from '../config/state-dir.ts';
import { LIMITS } from '../domain/limits.ts';
import type { Json } from '../domain/requests.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { asMillis, formatSpan, type Millis } from '../domain/time.ts';

type Data = { readonly [key: string]: Json };

/** Why a running bridge has not done what it was asked for, with a sentence for people. */
export interface Unasked {
  readonly kind: 'nobody' | 'denied' | 'too-old' | 'refused' | 'broken';
  readonly text: string;
}

/** The bridge that runs on this machine, if it does. */
export interface Bridge {
  /** The options that lead another command to the same bridge: empty, or ` --config FILE`. */
  readonly option: string;
  /** Asks for one verb. Never rejects. @param signal nobody waits for the answer any more */
  readonly ask: (verb: string, given?: Data, signal?: AbortSignal) => Promise<Result<Data, Unasked>>;
}

/** Longer than the bridge takes for any answer. */
const WITHIN = asMillis(LIMITS.pendingFor + 15_000);
/** Far above the progress of the largest plan. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * The bridge whose state folder a configuration leads to. What else is wrong with the configuration does not matter.
 *
 * @param config path of the configuration; absent: looked for in the usual places
 * @returns undefined where the configuration cannot be read at all, which is told
 */
export async function openBridge(
  config: string | undefined,
  out: (line: string) => void,
  around: Surroundings = surroundings(),
): Promise<Bridge | undefined> {
  const file = await findConfiguration(config, process.cwd());
  const stateDir = file === undefined ? ok(undefined) : await readStateDir(file, around.env);
  if (!stateDir.ok) {
    for (const line of explain(stateDir.error)) out(line);
    return undefined;
  }
  return bridgeOf(stateDir.value, config, around);
}

/** The bridge of a state folder. @param stateDir as the configuration has it @param config as it was named */
export function bridgeOf(stateDir: string | undefined, config?: string, around: Surroundings = surroundings()): Bridge {
  const path = controlSocket(stateFolder(stateDir, around));
  return {
    option: config === undefined ? '' : ` --config ${config}`,
    ask: (verb, given = {}, signal) => askAt({ path, within: WITHIN, signal }, verb, given),
  };
}

/** Where is asked, and for how long. */
export interface Asking {
  readonly path: string;
  /** How long the answer may take. */
  readonly within: Millis;
  /** Absent, or aborts: nobody waits for the answer any more. */
  readonly signal?: AbortSignal | undefined;
}

/** Asks at one socket. */
export async function askAt(asking: Asking, verb: string, given: Data): Promise<Result<Data, Unasked>> {
  const { path } = asking;
  if (Buffer.byteLength(path) > LIMITS.socketPath) {
    return err({ kind: 'nobody', text: `${path} is too long for a socket: give a shorter state_dir` });
  }
  try {
    return answerIn(await exchanged(asking, verb, JSON.stringify(given)));
  } catch (thrown) {
    return err(unreached(asking, thrown));
  }
}

function exchanged({ path, within, signal }: Asking, verb: string, body: string): Promise<string> {
  const late = AbortSignal.timeout(within);
  return new Promise((resolve, reject) => {
    const sent = request({
      socketPath: path,
      method: 'POST',
      path: `/verbs/${encodeURIComponent(verb)}`,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      agent: false,
      signal: signal === undefined ? late : AbortSignal.any([late, signal]),
    });
    sent.once('error', reject);
    sent.once('response', (response) => textOf(response).then(resolve, reject));
    sent.end(body);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MOST_BYTES) throw new Error(`an answer of more than ${MOST_BYTES / 1024 / 1024} MiB`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function answerIn(text: string): Result<Data, Unasked> {
  const answer = parsed(text);
  const { status, data, code, error } = answer;
  if (status === 'ok' && isData(data)) return ok(data);
  if (status !== 'error') return err({ kind: 'broken', text: 'what answered there is no bridge' });
  if (code === 'unknown-verb') {
    return err({ kind: 'too-old', text: 'the bridge that runs here is older than this command: start it anew' });
  }
  return err({ kind: 'refused', text: String(error) });
}

function parsed(text: string): Data {
  try {
    const value: unknown = JSON.parse(text);
    return isData(value) ? value : {};
  } catch {
    return {};
  }
}

const isData = (value: unknown): value is Data => typeof value === 'object' && value !== null && !Array.isArray(value);

function unreached({ path, within }: Asking, thrown: unknown): Unasked {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ECONNREFUSED': {
      const decides = 'state_dir of the configuration decides where, else $STATE_DIRECTORY, else the user';
      return { kind: 'nobody', text: `no bridge runs here: nobody listens at ${path} (${decides})` };
    }
    case 'EACCES':
    case 'EPERM':
      return { kind: 'denied', text: `${path} is not for this user: ask as the user of the bridge, or as root` };
    case 'ABORT_ERR':
      return { kind: 'broken', text: `the bridge has not answered within ${formatSpan(within)}` };
    default: {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      return { kind: 'broken', text: `the bridge has not answered: ${why}` };
    }
  }
}
