import { existsSync } from 'node:fs';
import { secret } from '../../../domain/secret.ts';
import { seconds } from '../../../domain/time.ts';
import { within } from '../../pause.ts';
import { describeEnd, lookForProgram, runProgram } from '../../program.ts';
import type { Finding, Outcome, StepContext, StepRunner } from '../../step.ts';
import type { HostConfig } from './schema.ts';
import { lookAtSupervisor, type Supervisor, tellSupervisor } from './supervisor.ts';

/** What this machine is ended with. */
export interface HostPorts {
  /** Absent: we are no add-on. */
  readonly supervisor?: Supervisor;
  readonly wall: string;
  /** Is there where systemd runs the machine. */
  readonly systemdRuns: string;
  readonly systemctl: string;
  /** Asks logind. */
  readonly busctl: string;
  readonly shutdown: string;
  readonly poweroff: string;
  readonly reboot: string;
  /** Files of which one is there when we run in a container of Docker or Podman. */
  readonly containerMarks: readonly string[];
}

/** The real machine, from the environment of this process. */
export function thisHost(env: Readonly<Record<string, string | undefined>>): HostPorts {
  const token = env['SUPERVISOR_TOKEN'];
  return {
    ...(token !== undefined &&
      token !== '' && { supervisor: { url: 'http://supervisor', token: secret(token), fetch } }),
    wall: '/usr/bin/wall',
    systemdRuns: '/run/systemd/system',
    systemctl: '/bin/systemctl',
    busctl: '/usr/bin/busctl',
    shutdown: '/sbin/shutdown',
    poweroff: '/sbin/poweroff',
    reboot: '/sbin/reboot',
    containerMarks: ['/.dockerenv', '/run/.containerenv'],
  };
}

/** Ends this machine. `done` of either means that the order was taken: a machine that goes down takes us with it. */
export interface HostRunner extends StepRunner<HostConfig> {
  /** Starts the machine anew, for mains that have come back before the halt. `command` means nothing here. */
  readonly reboot: (config: HostConfig, context: StepContext) => Promise<Outcome>;
}

/** Carries out the halt of this host, and its reboot. */
export function hostRunner(ports: HostPorts): HostRunner {
  return {
    run: async (config, context) => {
      const { command } = config;
      const ways = command === undefined ? usualWays(ports, 'halt') : [byProgram(command)];
      return await end(ports, config, ways, context);
    },
    reboot: async (config, context) => await end(ports, config, usualWays(ports, 'reboot'), context),
    probe: (config, signal) => probe(ports, config, signal),
  };
}

/** One way to end the machine; each is tried for itself. */
type Way = (signal: AbortSignal) => Promise<Tried>;

interface Tried {
  readonly ok: boolean;
  readonly text: string;
  readonly output?: string;
}

/** wall waits for terminals that do not read. */
const WALL = seconds(3);
/** systemctl waits 25 s for a systemd that does not answer; where another way is left it has less. */
const PER_WAY = seconds(30);

async function end(
  { wall }: HostPorts,
  { message }: HostConfig,
  ways: readonly Way[],
  { signal, progress }: StepContext,
): Promise<Outcome> {
  if (message !== undefined) {
    progress({ item: 'message', state: 'running' });
    const told = await within(WALL, signal, (bounded) => runProgram([wall, '--', message], { signal: bounded }));
    const ok = told.kind === 'exited' && told.code === 0;
    progress({ item: 'message', state: ok ? 'done' : 'failed', ...(!ok && { text: `wall ${describeEnd(told)}` }) });
  }
  const failures: string[] = [];
  let output: string | undefined;
  for (const [index, way] of ways.entries()) {
    const isLast = index === ways.length - 1;
    const tried = isLast ? await way(signal) : await within(PER_WAY, signal, way);
    output = tried.output ?? output;
    const failed = [...failures, tried.text].join('; ');
    if (tried.ok || signal.aborted) {
      return { kind: tried.ok ? 'done' : 'failed', text: failed, ...(output !== undefined && { output }) };
    }
    failures.push(tried.text);
  }
  return { kind: 'failed', text: failures.join('; '), ...(output !== undefined && { output }) };
}

/**
 * The ways of this system, the gentlest first; a later one is for the case that the earlier ones fail.
 *
 * What holds systemd back for a desktop or a package being installed (inhibitors) does not hold back an empty battery.
 */
function usualWays(ports: HostPorts, order: 'halt' | 'reboot'): readonly Way[] {
  const { supervisor, systemctl, shutdown } = ports;
  if (supervisor !== undefined) {
    return [(signal) => tellSupervisor(supervisor, order === 'halt' ? 'shutdown' : 'reboot', signal)];
  }
  const verb = order === 'halt' ? 'poweroff' : 'reboot';
  // Asked without a thread of the pool, which hung disks may hold: /run is in memory.
  return [
    ...(existsSync(ports.systemdRuns) ? [byProgram([systemctl, verb, '-i', '--no-ask-password'])] : []),
    byProgram([shutdown, order === 'halt' ? '-h' : '-r', 'now']),
    byProgram([ports[verb]]),
  ];
}

const byProgram =
  (argv: readonly string[]): Way =>
  async (signal) => {
    const ended = await runProgram(argv, { signal });
    const ok = ended.kind === 'exited' && ended.code === 0;
    const text = ended.kind === 'not-started' ? ended.text : `${argv[0] ?? ''} ${describeEnd(ended)}`;
    return { ok, text, ...(ended.output !== '' && { output: ended.output }) };
  };

async function probe(ports: HostPorts, { command, message }: HostConfig, signal: AbortSignal): Promise<Finding[]> {
  const wall = message === undefined ? [] : [await lookForProgram(ports.wall, signal)];
  if (command !== undefined) return [...wall, await lookForProgram(command[0] ?? '', signal)];
  if (ports.supervisor !== undefined) {
    return [...wall, { what: 'Supervisor', ...(await lookAtSupervisor(ports.supervisor, signal)) }];
  }
  const isSystemd = existsSync(ports.systemdRuns);
  const program = await firstThere(isSystemd ? [ports.systemctl] : [ports.shutdown, ports.poweroff], signal);
  return [...wall, program, await privileges(ports, isSystemd, signal), ...container(ports, isSystemd)];
}

async function firstThere(paths: readonly string[], signal: AbortSignal): Promise<Finding> {
  const found = await Promise.all(paths.map((path) => lookForProgram(path, signal)));
  return found.find(({ ok }) => ok) ?? { what: paths.join(', '), ok: false, text: 'none of them can be run' };
}

async function privileges({ busctl }: HostPorts, isSystemd: boolean, signal: AbortSignal): Promise<Finding> {
  const what = 'right to halt';
  if (process.getuid?.() === 0) return { what, ok: true, text: 'runs as root' };
  if (!isSystemd) return { what, ok: false, text: 'does not run as root' };
  const logind = ['org.freedesktop.login1', '/org/freedesktop/login1', 'org.freedesktop.login1.Manager'];
  const asked = await runProgram([busctl, '--timeout=5', 'call', ...logind, 'CanPowerOff'], { signal });
  const ok = /^s "yes"$/m.test(asked.stdout);
  return { what, ok, text: ok ? 'logind lets this user' : 'does not run as root, and logind does not let this user' };
}

function container({ containerMarks }: HostPorts, isSystemd: boolean): readonly Finding[] {
  if (isSystemd || !containerMarks.some((mark) => existsSync(mark))) return [];
  const text = 'this is a container, whose halt is not that of the machine: give a command that reaches it';
  return [{ what: 'machine', ok: false, text }];
}
