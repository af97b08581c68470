/** Where programs lie that a session without a login does not always find: appended, so that nothing of the machine's own is hidden. */
const FOLDERS = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** One program and its arguments, as data. */
export type Argv = readonly string[];

/** Whether a text may be an argument there: one line, and nothing a program could take for an option. */
export const harmless = (text: string): boolean => text !== '' && !/^-|[\p{Cc}\u2028\u2029]/u.test(text);

/** One argument for a POSIX shell, whatever is in it. */
export const quoted = (text: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** A command of a POSIX shell that runs one program. */
export const commandOf = (argv: Argv, sudo: boolean): string =>
  `${sudo ? 'sudo -n ' : ''}${argv.map(quoted).join(' ')}`;

/**
 * A script of ours as a command that every login shell hands to `sh`: POSIX ones, csh, tcsh, fish and BusyBox.
 *
 * Inside quotes csh still reads `!` and fish reads backslashes, so both stand outside, like the quote itself; a line
 * break inside quotes is an error in csh.
 *
 * @throws Error when the script has more than one line
 */
export function carried(script: string): string {
  if (/\p{Cc}/u.test(script)) throw new Error('a carried script must be one line');
  const inside = script.replace(/['!\\]/g, (character) => `'\\${character}'`);
  return `exec sh -c 'PATH=$PATH:${FOLDERS}; export PATH; ${inside}'`;
}

/** Commands side by side; ends when all have. */
export const together = (commands: readonly string[]): string =>
  [...commands.map((one) => `${one} &`), 'wait'].join(' ');

/** Every program that an action or the usual final command may need. */
const PROGRAMS = [
  'docker',
  'docker-compose',
  'midclt',
  'pct',
  'podman',
  'podman-compose',
  'poweroff',
  'qm',
  'shutdown',
  'sudo',
  'synopkg',
  'sync',
  'systemctl',
  'umount',
  'vim-cmd',
  'virsh',
  'xe',
] as const;

/** What a machine with a POSIX shell has said of itself. */
export interface Machine {
  /** As `uname -s` says it, such as `Linux`. */
  readonly system: string;
  /** Whether the user that commands run as, without sudo, is root. */
  readonly root: boolean;
  /** Whether systemd runs there. */
  readonly systemd: boolean;
  /** Which of the programs that we know are there. */
  readonly programs: ReadonlySet<string>;
}

/**
 * The one harmless question that finds out whether a POSIX shell reads the commands.
 *
 * The marker is put together by arithmetic, so that something that merely repeats what it is told does not give it.
 */
export const INQUIRY = carried(
  [
    'echo "gridwarden:$((6*7)):$(uname -s)"',
    'echo "uid:$(id -u)"',
    'if [ -d /run/systemd/system ]; then echo systemd:yes; fi',
    `for p in ${PROGRAMS.join(' ')}; do if command -v "$p" >/dev/null 2>&1; then echo "has:$p"; fi; done`,
  ].join('; '),
);

/** Reads the answer to `INQUIRY`; undefined: no POSIX shell has answered. */
export function machineOf(answer: string): Machine | undefined {
  const lines = answer.split(/\r?\n/);
  const system = lines.flatMap((line) => /^gridwarden:42:([\w./-]{1,40})$/.exec(line)?.[1] ?? [])[0];
  if (system === undefined) return undefined;
  const programs = new Set(lines.flatMap((line) => /^has:([\w-]+)$/.exec(line)?.[1] ?? []));
  return { system, root: lines.includes('uid:0'), systemd: lines.includes('systemd:yes'), programs };
}

/** Per system the command that turns it off, where that is not the usual one. */
const HALTS: Readonly<Record<string, Argv>> = {
  DragonFly: ['shutdown', '-p', 'now'],
  FreeBSD: ['shutdown', '-p', 'now'],
  NetBSD: ['shutdown', '-p', 'now'],
  OpenBSD: ['shutdown', '-p', 'now'],
  SunOS: ['shutdown', '-y', '-i5', '-g0'],
};

/**
 * The usual final command of a machine.
 *
 * @returns undefined where none of the programs for it is there
 */
export function haltOf({ system, systemd, programs }: Machine): Argv | undefined {
  if (programs.has('shutdown')) return HALTS[system] ?? ['shutdown', '-h', 'now'];
  if (systemd && programs.has('systemctl')) return ['systemctl', 'poweroff'];
  return programs.has('poweroff') ? ['poweroff'] : undefined;
}

/**
 * The words of a command as it was written, where it is one program with plain or simply quoted arguments.
 *
 * @returns its words as every shell would see them; undefined for anything that a shell does more with
 */
export function plainWords(command: string): Argv | undefined {
  const text = command.trim();
  if (!/^[\w@%+:,./-]+(?: +(?:[\w@%+=:,./-]+|"[\w@%+=:,./ -]*"|'[\w@%+=:,./ -]*'))*$/.test(text)) return undefined;
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|([^ ]+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  );
}

/** A written command with sudo before it, unless it is there already. */
export const withSudo = (command: string, sudo: boolean): string =>
  sudo && !/^\s*sudo\s/.test(command) ? `sudo -n ${command}` : command;
