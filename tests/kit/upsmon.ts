import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UNSHARE_PROGRAM, UPSMON_PROGRAM } from './presence.ts';
import { RunningProcess, run } from './process.ts';

/**
 * A section for upsd.users: whoever has it may do what a primary does, except set FSD. So upsmon decides as it always
 * does, and what it has decided does not show in ups.status, where everybody else would only obey it.
 */
export const PRIMARY_WITHOUT_FSD = `[host]
  password = hp
  actions = LOGIN
  actions = PRIMARY
  actions = MASTER
`;

/** One MONITOR line. */
export interface Monitored {
  readonly ups: string;
  /** Of its upsd, on 127.0.0.1. */
  readonly port: number;
}

export interface UpsmonOptions {
  readonly monitors: readonly Monitored[];
  /** User, password and role, as in a MONITOR line; default that of `PRIMARY_WITHOUT_FSD`. */
  readonly login?: `${string} ${string} ${'primary' | 'secondary'}`;
  /** What each of them counts; default 1. 0 is "watch only". */
  readonly power?: number;
  /** MINSUPPLIES; default 1. */
  readonly minSupplies?: number;
  /** FINALDELAY, seconds between its last secondary gone and SHUTDOWNCMD; default 5, NUT's own. */
  readonly finalDelay?: number;
}

/** A real upsmon: the fate of one host. Its SHUTDOWNCMD only notes the time. */
export interface Upsmon {
  /** Whether it still watches: it ends by itself once it has run SHUTDOWNCMD, and never otherwise. */
  readonly running: boolean;
  /** Wall time in milliseconds at which it has run SHUTDOWNCMD; undefined when it ended without. */
  readonly shutDown: Promise<number | undefined>;
  /** Resolves right after its next look at its UPSes: there are 5 s until the one after. */
  nextPoll(): Promise<void>;
  /** What it logs, for error messages. */
  lines(): readonly string[];
  /** Ends it, if it runs, and removes its folder. */
  dispose(): Promise<void>;
}

const START_MS = 10_000;
/** POLLFREQ is 5 s. */
const POLL_MS = 8_000;
/** The last line of a look: everything has been asked and answered by then. */
const LOOKED = /Minimum power value: /;
/**
 * Every upsmon keeps its process id in one and the same file, whatever the environment says, and refuses to start
 * beside another. So each gets a view of the file system in which that folder is its own.
 */
const IN_OWN_FOLDER = `[ ! -d /run/nut ] || mount --bind "$1" /run/nut || exit 1; exec ${UPSMON_PROGRAM} -p -DDD`;

/** Its version, such as `2.8.0`. */
export async function upsmonVersion(): Promise<string> {
  const [, version] = /upsmon (\d[\d.]*)/.exec(await run(UPSMON_PROGRAM, ['-V'])) ?? [];
  if (version === undefined) throw new Error('upsmon does not tell its version');
  return version;
}

/** Starts an upsmon with default timers, and waits until it has logged in everywhere and looked once. */
export async function startUpsmon({
  monitors,
  login = 'host hp primary',
  power = 1,
  minSupplies = 1,
  finalDelay = 5,
}: UpsmonOptions): Promise<Upsmon> {
  const folder = await mkdtemp(join(tmpdir(), 'gridwarden-upsmon-'));
  const marker = join(folder, 'shut-down');
  const [etc, state] = [join(folder, 'etc'), join(folder, 'run')];
  await Promise.all([mkdir(etc), mkdir(state)]);
  const configuration = [
    'RUN_AS_USER root',
    ...monitors.map(({ ups, port }) => `MONITOR ${ups}@127.0.0.1:${port} ${power} ${login}`),
    `MINSUPPLIES ${minSupplies}`,
    `FINALDELAY ${finalDelay}`,
    `SHUTDOWNCMD "date +%s%3N > ${marker}"`,
    `POWERDOWNFLAG ${join(folder, 'killpower')}`,
  ];
  await writeFile(join(etc, 'upsmon.conf'), `${configuration.join('\n')}\n`, { mode: 0o640 });
  const upsmon = new RunningProcess(UNSHARE_PROGRAM, ['--mount', '--', 'sh', '-c', IN_OWN_FOLDER, 'sh', state], {
    name: `upsmon ${monitors.map(({ ups }) => ups).join(' ')}`,
    env: { NUT_CONFPATH: etc, NUT_STATEPATH: state },
  });
  const dispose = async () => {
    if (upsmon.running) await upsmon.kill();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (const { ups } of monitors) {
      await upsmon.waitForLine(new RegExp(`Logged into UPS ${ups}@`), START_MS);
    }
    await upsmon.waitForLine(LOOKED, START_MS);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    get running() {
      return upsmon.running;
    },
    shutDown: upsmon.ended.then(() =>
      readFile(marker, 'utf8').then(
        (text) => Number(text),
        () => undefined,
      ),
    ),
    nextPoll: async () => void (await upsmon.waitForLine(LOOKED, POLL_MS, upsmon.mark())),
    lines: () => upsmon.lines(),
    dispose,
  };
}

/**
 * Sets FSD on a UPS, as a NUT primary does. It stands until upsd is started anew.
 *
 * @param password of a user `admin` in upsd.users with `actions = FSD`
 */
export async function forceShutdown({ ups, port }: Monitored, password: string): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write(`USERNAME admin\nPASSWORD ${password}\nFSD ${ups}\nLOGOUT\n`);
  let answers = '';
  for await (const chunk of socket) answers += String(chunk);
  if (!answers.includes('OK FSD-SET')) throw new Error(`upsd did not set FSD on ${ups}: ${answers}`);
}
