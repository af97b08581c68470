import { asMillis, seconds } from '../../../domain/time.ts';
import { outputTail } from '../../output-tail.ts';
import { pause, unlessAborted } from '../../pause.ts';
import type { Outcome, StepContext, StepRunner } from '../../step.ts';
import { waitOf } from './actions.ts';
import { carryOut, itemOf, type Site } from './carry-out.ts';
import { untilGone } from './gone.ts';
import { probeHost } from './probe.ts';
import { Remote } from './remote.ts';
import { openRoom, type Room, type Shell, type SshPorts, secretsOf } from './room.ts';
import type { SshConfig } from './schema.ts';
import { firstShare, timeForActions } from './shares.ts';
import { carried, commandOf, haltOf, withSudo } from './shell.ts';
import type { Done } from './stopping.ts';
import { type Ended, endedText } from './trouble.ts';

/** Where nothing comes after the actions they may take until the deadline: the longest that a timer waits. */
const UNBOUNDED = asMillis(2 ** 31 - 1);

/** Less is no time to do anything in. */
const LEAST = asMillis(100);

/** A host that still answers so long after the connection dropped may never have heard the final command. */
const STAYS = seconds(10);

/** How long the final command may take before its host is looked at all the same: not every halt closes connections. */
const LOOK_AFTER = seconds(3);

/** The runner of `ssh` steps. Steps share only what is remembered: files, addresses, shells. */
export function sshRunner(ports: SshPorts): StepRunner<SshConfig> {
  const room = openRoom(ports);
  return {
    run: (config, context) => runStep(config, context, room),
    probe: (config, signal) => probeHost(config, room, signal),
  };
}

async function runStep(config: SshConfig, context: StepContext, room: Room): Promise<Outcome> {
  const output = outputTail(secretsOf(config));
  const remote = new Remote(config, room, output);
  const known: Known = { text: `${config.host}: nothing was done before time was up` };
  try {
    // Nobody listens any more once time is up, whatever is still being tidied.
    const progress: StepContext['progress'] = (item) => {
      if (!context.signal.aborted) context.progress(item);
    };
    const acts = act(remote, { ...context, progress }, known);
    const outcome = (await unlessAborted(acts, context.signal)) ?? { kind: 'failed', text: known.text };
    const said = output.text();
    return { ...outcome, ...(said !== '' && { output: said }) };
  } finally {
    remote.close();
  }
}

/** What is told when time is up: the stage that was reached. */
interface Known {
  text: string;
}

async function act(remote: Remote, context: StepContext, known: Known): Promise<Outcome> {
  const { host, user, actions, shutdown, deadline } = remote.config;
  const end = performance.now() + (deadline === undefined ? UNBOUNDED : timeForActions(deadline));
  const failed = (text: string): Outcome => ({ kind: 'failed', text: `${host}: ${text}` });
  known.text = `${host}: time was up before it had let us in`;
  const opened = await remote.open(context.signal);
  if (!opened.ok) return failed(opened.error.text);
  known.text = `${host}: time was up before its shell had answered`;
  const shell = await remote.shell(context.signal, false);
  if (!shell.ok) return failed(shell.error);

  const problems: string[] = [];
  const site = siteOf(remote, shell.value, context);
  for (const [index, action] of actions.entries()) {
    const item = itemOf(action);
    known.text = `${host}: time was up during ${item}`;
    context.progress({ item, state: 'running' });
    const bound = firstShare(end - performance.now(), actions.slice(index).map(waitOf));
    const done: Done =
      bound < LEAST
        ? { ok: false, text: 'no time was left for it' }
        : await carryOut(action, site, bound, context.signal);
    const state = done.ok ? (done.idle === true ? 'skipped' : 'done') : 'failed';
    context.progress({ item, state, text: done.text });
    if (!done.ok) problems.push(`${item}: ${done.text}`);
  }
  const trouble = `${problems.length} of ${actions.length} actions failed: ${problems.join('; ')}`;
  if (shutdown === undefined) {
    if (problems.length > 0) return failed(trouble);
    return {
      kind: 'done',
      text: `${host}: ${actions.length === 1 ? '1 action' : `${actions.length} actions`} done as ${user}`,
    };
  }
  const halted = await halt(remote, shell.value, context, known);
  if (problems.length === 0) return { kind: halted.ok ? 'done' : 'failed', text: `${host}: ${halted.text}` };
  return failed(`${halted.text}${halted.ok ? ', but' : '; also'} ${trouble}`);
}

function siteOf(remote: Remote, shell: Shell, context: StepContext): Site {
  return {
    sudo: remote.config.sudo,
    machine: shell.kind === 'posix' ? shell.machine : undefined,
    ownContainer: remote.ownContainer,
    progress: context.progress,
    script: (script, signal) => remote.script(script, signal),
    ask: (script, signal) => remote.ask(script, signal),
    written: (command, signal) => remote.written(command, signal),
  };
}

/**
 * The final command of a machine as it goes out.
 *
 * @returns undefined where the usual one is wanted and none is there
 */
function finalOf({ shutdown, sudo }: SshConfig, shell: Shell): string | undefined {
  if (typeof shutdown === 'string') return withSudo(shutdown, sudo);
  const argv = shell.kind === 'posix' ? haltOf(shell.machine) : undefined;
  return argv && carried(commandOf(argv, sudo));
}

interface Halted {
  readonly ok: boolean;
  readonly text: string;
}

/** Sends the final command, and waits until its host does not answer any more. */
async function halt(remote: Remote, shell: Shell, context: StepContext, known: Known): Promise<Halted> {
  const { signal, progress } = context;
  const tell = (halted: Halted): Halted => {
    progress({ item: ITEM, state: halted.ok ? 'done' : 'failed', text: halted.text });
    return halted;
  };
  progress({ item: ITEM, state: 'running' });
  const command = finalOf(remote.config, shell);
  if (command === undefined) return tell({ ok: false, text: 'no program that turns it off is there' });
  const ready = await remote.ready(signal);
  if (ready !== undefined)
    return tell({ ok: false, text: `the connection was lost before the final command: ${ready}` });
  const { port } = remote.config;
  known.text = `${remote.config.host}: it was told to shut down, but port ${port} still answers`;
  const address = remote.address ?? remote.config.host;

  const watching = new AbortController();
  const unwatch = (): void => watching.abort();
  signal.addEventListener('abort', unwatch, { once: true });
  try {
    const sent = send(remote, command, watching.signal);
    const early = await Promise.race([sent, pause(LOOK_AFTER, signal)]);
    const vanished = untilGone(address, port, watching.signal);
    const first = early ?? (await Promise.race([sent, vanished]));
    // A halt that has closed nothing: what it would have answered is of no interest.
    if (typeof first === 'boolean') return tell(saying(first, port));
    const stays = first.kind === 'dropped' && !(await Promise.race([vanished, pause(STAYS, signal)]));
    const last = stays ? await sendAnew(remote, command, watching.signal) : first;
    const refusal = refusalIn(last, shell);
    if (refusal !== undefined) return tell({ ok: false, text: refusal });
    return tell(saying(await vanished, port));
  } finally {
    unwatch();
    signal.removeEventListener('abort', unwatch);
  }
}

/** Programs that hang still count for what a connection may run at once: a new one has room. */
async function send(remote: Remote, command: string, signal: AbortSignal): Promise<Ended> {
  const ended = await remote.written(command, signal);
  return ended.kind === 'refused' ? await sendAnew(remote, command, signal, ended) : ended;
}

/** @param before what is told where nobody lets us in again: by default that the connection is gone */
async function sendAnew(remote: Remote, command: string, signal: AbortSignal, before: Ended = GONE): Promise<Ended> {
  remote.close();
  const again = await remote.open(signal);
  return again.ok ? await remote.written(command, signal) : before;
}

const GONE: Ended = { kind: 'dropped', out: '', last: '' };

const ITEM = 'shutdown';

const saying = (gone: boolean, port: number): Halted =>
  gone
    ? { ok: true, text: 'shut down: it no longer answers' }
    : { ok: false, text: `was told to shut down, but port ${port} still answers` };

/** What the end of the final command says against it; undefined: only its host can tell. */
function refusalIn(ended: Ended, shell: Shell): string | undefined {
  switch (ended.kind) {
    case 'dropped':
      return undefined;
    case 'exit':
      return ended.code === 0 ? undefined : `the final command failed: ${endedText(ended)}`;
    case 'silent':
      // A signal is what a halt sends to everybody.
      return ended.signal !== undefined || shell.kind === 'none' ? undefined : `the final command ${endedText(ended)}`;
    case 'late':
      return undefined;
    case 'refused':
      return `the final command ${endedText(ended)}`;
  }
}
