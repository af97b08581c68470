import { outputTail } from '../../output-tail.ts';
import { unlessAborted } from '../../pause.ts';
import type { Finding } from '../../step.ts';
import type { SshAction } from './actions.ts';
import { composeOf, isMounted } from './carry-out.ts';
import { NEEDS, toolsFor } from './guests.ts';
import { Remote } from './remote.ts';
import type { Room } from './room.ts';
import type { SshConfig } from './schema.ts';
import { type Argv, commandOf, haltOf, type Machine, plainWords, quoted } from './shell.ts';
import { counted, listGuests, namesOf, type Place } from './stopping.ts';
import { asksPassword } from './sudo.ts';

/** What is found out about one action: whether it could be carried out, and what it would run under sudo. */
interface Seen {
  readonly findings: readonly Finding[];
  readonly commands: readonly Argv[];
}

/** Looks at everything that the step needs, and changes nothing. Comes back at once when the signal aborts. */
export async function probeHost(config: SshConfig, room: Room, signal: AbortSignal): Promise<readonly Finding[]> {
  const remote = new Remote(config, room, outputTail());
  const findings: Finding[] = [];
  try {
    const all = await unlessAborted(look(remote, findings, signal), signal);
    if (all === undefined)
      findings.push({ what: `ssh ${config.host}`, ok: false, text: 'time was up before all was looked at' });
    return findings;
  } finally {
    remote.close();
  }
}

async function look(remote: Remote, findings: Finding[], signal: AbortSignal): Promise<true> {
  const { config } = remote;
  const what = `ssh ${config.host}`;
  const opened = await remote.open(signal);
  if (!opened.ok) {
    findings.push({
      what: `${opened.error.kind === 'identity' ? 'identity of' : opened.error.kind === 'login' ? 'login on' : 'ssh'} ${config.host}`,
      ok: false,
      text: opened.error.text,
    });
    return true;
  }
  findings.push({
    what,
    ok: true,
    text: `answers at ${opened.value.address}, is the right machine, and lets ${config.user} in`,
  });
  const shell = await remote.shell(signal, true);
  if (!shell.ok) {
    findings.push({ what: `shell of ${config.host}`, ok: false, text: shell.error });
    return true;
  }
  if (shell.value.kind === 'none') {
    findings.push({
      what: `shell of ${config.host}`,
      ok: true,
      text: 'no shell; the probe command was answered as expected',
    });
    return true;
  }
  const { machine } = shell.value;
  findings.push({ what: `shell of ${config.host}`, ok: true, text: `a POSIX shell on ${machine.system}` });
  const place: Place = {
    sudo: config.sudo,
    script: (script, late) => remote.ask(script, late),
    ask: (script, late) => remote.ask(script, late),
    progress: () => undefined,
    ownContainer: remote.ownContainer,
  };
  const commands: Argv[] = [];
  for (const action of config.actions) {
    const seen = await lookAt(action, machine, place, signal);
    findings.push(...seen.findings);
    commands.push(...seen.commands);
  }
  const final = await lookAtFinal(config, machine, place, signal);
  findings.push(...final.findings);
  commands.push(...final.commands);
  if (config.sudo) findings.push(...(await lookAtSudo(commands, machine, place, signal)));
  return true;
}

async function lookAt(action: SshAction, machine: Machine, place: Place, signal: AbortSignal): Promise<Seen> {
  const need = NEEDS[action.kind];
  const absent: Finding = { what: action.kind, ok: false, text: `${need ?? 'its program'} is not there` };
  switch (action.kind) {
    case 'command':
      return await lookAtWritten('command', action.command, place, signal);
    case 'stop_units':
      if (!machine.programs.has('systemctl')) return { findings: [absent], commands: [] };
      return { findings: [], commands: action.units.map((unit) => ['systemctl', 'stop', unit]) };
    case 'sync':
      return { findings: machine.programs.has('sync') ? [] : [absent], commands: [] };
    case 'unmount': {
      if (!machine.programs.has('umount')) return { findings: [absent], commands: [] };
      const mounted = await isMounted(action.path, place, signal);
      const text = mounted === undefined ? 'cannot be seen' : mounted ? 'is mounted' : 'is not mounted';
      const finding = { what: `mount point ${action.path}`, ok: mounted === true, text };
      return { findings: [finding], commands: [['umount', ...action.options, action.path]] };
    }
    case 'stop_compose':
      return await lookAtCompose(action.path, machine, place, signal);
    default:
      return await lookAtGuests(action, machine, place, signal);
  }
}

async function lookAtGuests(action: SshAction, machine: Machine, place: Place, signal: AbortSignal): Promise<Seen> {
  const tools = toolsFor(action, machine, place.sudo) ?? [];
  if (tools.length === 0) {
    return { findings: [{ what: action.kind, ok: false, text: `${NEEDS[action.kind]} is not there` }], commands: [] };
  }
  const findings: Finding[] = [];
  const commands: Argv[] = [];
  for (const tool of tools) {
    const listed = await listGuests(tool, place, signal);
    const text = listed.ok
      ? `${counted(listed.guests.length, tool.noun)} run${listed.guests.length === 0 ? '' : `: ${namesOf(listed.guests)}`}`
      : listed.text;
    findings.push({ what: `${action.kind} ${tool.program}`, ok: listed.ok, text });
    const id = (listed.ok ? listed.guests[0]?.id : undefined) ?? '1';
    commands.push(...tool.asks, ...tool.stop([id], 1), ...(tool.force?.([id]) ?? []));
  }
  return { findings, commands };
}

async function lookAtCompose(path: string, machine: Machine, place: Place, signal: AbortSignal): Promise<Seen> {
  const compose = await composeOf(machine, place, signal);
  if (compose === undefined) {
    return {
      findings: [{ what: 'stop_compose', ok: false, text: `${NEEDS['stop_compose']} is not there` }],
      commands: [],
    };
  }
  // With sudo the file may only be readable for root: compose itself says then whether it is good.
  const answer = await place.ask(`${commandOf([...compose, '-f', path, 'config'], place.sudo)} >/dev/null`, signal);
  const ok = answer.kind === 'exit' && answer.code === 0;
  const text = ok ? 'is there and valid' : (answer.last ?? 'cannot be read');
  return {
    findings: [{ what: `compose file ${path}`, ok, text }],
    commands: [[...compose, '-f', path, 'stop', '-t', '1']],
  };
}

async function lookAtFinal(config: SshConfig, machine: Machine, place: Place, signal: AbortSignal): Promise<Seen> {
  if (config.shutdown === undefined) return { findings: [], commands: [] };
  if (config.shutdown !== true) return await lookAtWritten('shutdown', config.shutdown, place, signal);
  const argv = haltOf(machine);
  const text = argv === undefined ? 'no program that turns it off is there' : `would run ${argv.join(' ')}`;
  return { findings: [{ what: 'shutdown', ok: argv !== undefined, text }], commands: argv === undefined ? [] : [argv] };
}

async function lookAtWritten(what: string, command: string, place: Place, signal: AbortSignal): Promise<Seen> {
  const words = plainWords(command);
  const argv = words?.[0] === 'sudo' ? words.slice(1).filter((word) => word !== '-n') : words;
  const program = argv?.[0];
  if (argv === undefined || program === undefined) {
    return {
      findings: [
        { what, ok: true, text: 'is more than one program with arguments: it cannot be looked at beforehand' },
      ],
      commands: [],
    };
  }
  const answer = await place.ask(`command -v ${quoted(program)}`, signal);
  const ok = answer.kind === 'exit' && answer.code === 0;
  return { findings: [{ what, ok, text: ok ? `${program} is there` : `${program} is not there` }], commands: [argv] };
}

/** Asks sudo about each exact command; it only looks, and never asks for a password. */
async function lookAtSudo(
  commands: readonly Argv[],
  machine: Machine,
  place: Place,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (!machine.programs.has('sudo')) return [{ what: 'sudo', ok: false, text: 'is not there' }];
  const rules = await place.ask('sudo -n -l', signal);
  const findings: Finding[] = [];
  for (const argv of new Map(commands.map((one) => [one.join(' '), one])).values()) {
    const answer = await place.ask(`sudo -n -l ${argv.map(quoted).join(' ')}`, signal);
    const allowed = answer.kind === 'exit' && answer.code === 0;
    const asks = allowed && !machine.root ? asksPassword(rules.out, answer.out.trim()) : false;
    findings.push({
      what: `sudo ${argv.join(' ').slice(0, 80)}`,
      ok: allowed && asks !== true,
      text: sudoText(allowed, asks, answer.last),
    });
  }
  return findings;
}

function sudoText(allowed: boolean, asks: boolean | undefined, said: string | undefined): string {
  if (!allowed) return `is not allowed${said === undefined ? '' : `: ${said}`}`;
  if (asks === undefined) return 'is allowed; whether without a password cannot be seen';
  return asks ? 'is allowed, but only with a password' : 'is allowed without a password';
}
