import type { SshAction } from './actions.ts';
import { type Argv, commandOf, type Machine } from './shell.ts';

/** Something that runs on another machine and is stopped before it: a VM, a container, an app. */
export interface Guest {
  readonly id: string;
  readonly name: string;
}

/** How the guests of one kind are listed and stopped with the tool that is there for them. */
export interface GuestTool {
  readonly program: string;
  /** One of them, for people: `VM`. */
  readonly noun: string;
  /** A script of one line that lists those which run, and fails when it cannot. */
  readonly list: (sudo: boolean) => string;
  /** What the list runs under sudo. */
  readonly asks: readonly Argv[];
  /** Reads the list; undefined: it is none. */
  readonly read: (out: string) => readonly Guest[] | undefined;
  /** Asks them to stop. */
  readonly stop: (ids: readonly string[], seconds: number) => readonly Argv[];
  /** Stops what did not; absent: there is no way. */
  readonly force?: (ids: readonly string[]) => readonly Argv[];
  /** What the tool says where it has no such guests at all. */
  readonly none?: RegExp;
  /** One after the other: the tool has a lock. */
  readonly inTurn?: true;
}

const each =
  (argv: (id: string) => Argv) =>
  (ids: readonly string[]): readonly Argv[] =>
    ids.map((id) => argv(id));

const lines = (out: string): readonly string[] => out.split(/\r?\n/).filter((line) => line.trim() !== '');

/** One id and a name behind it in each line. */
const idAndName = (out: string): readonly Guest[] =>
  lines(out).flatMap((line) => {
    const [, id, name] = /^(\S+)\s*(.*)$/.exec(line.trim()) ?? [];
    return id === undefined ? [] : [{ id, name: name?.trim() || id }];
  });

const oneCommand = (...argv: Argv): Pick<GuestTool, 'list' | 'asks'> => ({
  list: (sudo) => commandOf(argv, sudo),
  asks: [argv],
});

/** Engines stop several containers at once, each with the same patience. */
const engine = (program: 'docker' | 'podman'): GuestTool => ({
  program,
  noun: 'container',
  ...oneCommand(program, 'ps', '--no-trunc', '--format', '{{.ID}} {{.Names}}'),
  read: idAndName,
  stop: (ids, seconds) => [[program, 'stop', '-t', String(seconds), ...ids]],
  force: (ids) => [[program, 'kill', ...ids]],
});

/** @see virsh(1); without root the library's own system connection has to be named, or a session without VMs is seen */
const virsh = (system: boolean): GuestTool => {
  const tool: Argv = system ? ['virsh'] : ['virsh', '-c', 'qemu:///system'];
  return {
    program: 'virsh',
    noun: 'VM',
    ...oneCommand(...tool, 'list', '--name'),
    read: (out) => lines(out).map((name) => ({ id: name.trim(), name: name.trim() })),
    stop: each((id) => [...tool, 'shutdown', id]),
    force: each((id) => [...tool, 'destroy', id]),
  };
};

/** @see qm(1) and pct(1): a table with a heading; `qm` has the name before the state, `pct` a lock between */
const proxmox = (program: 'qm' | 'pct'): GuestTool => ({
  program,
  noun: program === 'qm' ? 'VM' : 'container',
  ...oneCommand(program, 'list'),
  read: (out) => {
    if (out.trim() !== '' && !/^\s*VMID\b/.test(out)) return undefined;
    return lines(out).flatMap((line) => {
      const [id = '', ...rest] = line.trim().split(/\s+/);
      if (!/^\d+$/.test(id) || !rest.includes('running')) return [];
      const name = program === 'qm' ? rest[0] : rest.at(-1);
      return [{ id, name: name === undefined || name === 'running' ? id : name }];
    });
  },
  stop: (ids, seconds) => ids.map((id) => [program, 'shutdown', id, '--timeout', String(Math.max(1, seconds))]),
  force: each((id) => [program, 'stop', id]),
});

/** Only those of this host: a pool lists all of them everywhere. */
const XEN: GuestTool = {
  program: 'xe',
  noun: 'VM',
  list: (sudo) =>
    `. /etc/xensource-inventory && ${commandOf(['xe', 'vm-list'], sudo)} resident-on="$INSTALLATION_UUID" is-control-domain=false power-state=running params=uuid,name-label`,
  asks: [['xe', 'vm-list']],
  read: (out) => {
    const found: Guest[] = [];
    for (const line of lines(out)) {
      const [, key, value] = /^\s*(uuid|name-label)\b[^:]*:\s*(.*)$/.exec(line) ?? [];
      const last = found.at(-1);
      if (key === 'uuid' && value !== undefined) found.push({ id: value, name: value });
      if (key === 'name-label' && value && last !== undefined) found[found.length - 1] = { ...last, name: value };
    }
    return found;
  },
  stop: each((id) => ['xe', 'vm-shutdown', `uuid=${id}`]),
  force: each((id) => ['xe', 'vm-shutdown', `uuid=${id}`, 'force=true']),
};

/** Annotations may stand on further lines of the list, so only lines that begin with a number count. */
const ESXI: GuestTool = {
  program: 'vim-cmd',
  noun: 'VM',
  list: (sudo) => {
    const state = `${commandOf(['vim-cmd', 'vmsvc/power.getstate'], sudo)} "$i" </dev/null`;
    return [
      `l=$(${commandOf(['vim-cmd', 'vmsvc/getallvms'], sudo)}) || exit 1`,
      `echo "$l" | while read -r i n; do case "$i" in ""|*[!0-9]*) continue;; esac; if ${state} | grep -q "Powered on"; then echo "$i $n"; fi; done`,
    ].join('; ');
  },
  asks: [
    ['vim-cmd', 'vmsvc/getallvms'],
    ['vim-cmd', 'vmsvc/power.getstate', '1'],
  ],
  read: (out) => idAndName(out).map(({ id, name }) => ({ id, name: name.split(/\s+\[/)[0] ?? name })),
  stop: each((id) => ['vim-cmd', 'vmsvc/power.shutdown', id]),
  force: each((id) => ['vim-cmd', 'vmsvc/power.off', id]),
};

/** @see https://api.truenas.com: `app.query`, `app.stop` (24.10 and later) */
const TRUENAS_APPS: GuestTool = {
  program: 'midclt',
  noun: 'app',
  ...oneCommand('midclt', 'call', 'app.query', '[["state","=","RUNNING"]]', '{"select":["id","name","state"]}'),
  read: (out) => records(out)?.map(({ id, name }) => ({ id: String(name ?? id), name: String(name ?? id) })),
  stop: each((id) => ['midclt', 'call', 'app.stop', id]),
  none: /ENOMETHOD|method.*(?:not found|does not exist)/i,
};

/** @see https://api.truenas.com: `vm.query`, `vm.stop`, `vm.poweroff` */
const TRUENAS_VMS: GuestTool = {
  program: 'midclt',
  noun: 'VM',
  ...oneCommand('midclt', 'call', 'vm.query', '[]', '{"select":["id","name","status"]}'),
  read: (out) =>
    records(out)
      ?.filter(({ status }) => isRecord(status) && status['state'] !== 'STOPPED')
      .map(({ id, name }) => ({ id: String(id), name: String(name ?? id) })),
  stop: each((id) => ['midclt', 'call', 'vm.stop', id]),
  force: each((id) => ['midclt', 'call', 'vm.poweroff', id]),
  none: /ENOMETHOD|method.*(?:not found|does not exist)/i,
};

/** A package says by exit code whether it runs. */
const SYNOLOGY: GuestTool = {
  program: 'synopkg',
  noun: 'package',
  list: (sudo) =>
    [
      `l=$(${commandOf(['synopkg', 'list', '--name'], sudo)}) || exit 1`,
      `for n in $l; do if ${commandOf(['synopkg', 'is_onoff'], sudo)} "$n" >/dev/null 2>&1 </dev/null; then echo "$n"; fi; done`,
    ].join('; '),
  asks: [
    ['synopkg', 'list', '--name'],
    ['synopkg', 'is_onoff', 'any'],
  ],
  read: idAndName,
  stop: each((id) => ['synopkg', 'stop', id]),
  inTurn: true,
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function records(out: string): readonly Readonly<Record<string, unknown>>[] | undefined {
  try {
    const parsed: unknown = JSON.parse(out);
    return Array.isArray(parsed) ? parsed.filter(isRecord) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The tools that an action uses on a machine, in their order.
 *
 * @returns undefined for an action that stops no guests; empty: none of its tools is there
 */
export function toolsFor(action: SshAction, machine: Machine, sudo: boolean): readonly GuestTool[] | undefined {
  const here = (tools: readonly GuestTool[]): readonly GuestTool[] =>
    tools.filter(({ program }) => machine.programs.has(program));
  switch (action.kind) {
    case 'stop_containers':
      return here([engine('docker'), engine('podman')]);
    case 'stop_vms':
      return here([virsh(sudo || machine.root)]);
    case 'stop_proxmox_vms':
      return here([proxmox('qm')]);
    case 'stop_proxmox_cts':
      return here([proxmox('pct')]);
    case 'stop_xcpng_vms':
      return here([XEN]);
    case 'stop_esxi_vms':
      return here([ESXI]);
    case 'truenas':
      return here([TRUENAS_APPS, TRUENAS_VMS]);
    case 'synology':
      return here([SYNOLOGY]);
    case 'stop_compose':
    case 'sync':
    case 'unmount':
    case 'stop_units':
    case 'command':
      return undefined;
  }
}

/** The programs of which an action needs one, for people. */
export const NEEDS: Readonly<Record<SshAction['kind'], string | undefined>> = {
  stop_containers: 'docker or podman',
  stop_compose: 'docker, docker-compose, podman or podman-compose',
  stop_vms: 'virsh',
  stop_proxmox_vms: 'qm',
  stop_proxmox_cts: 'pct',
  stop_xcpng_vms: 'xe',
  stop_esxi_vms: 'vim-cmd',
  truenas: 'midclt',
  synology: 'synopkg',
  sync: 'sync',
  unmount: 'umount',
  stop_units: 'systemctl',
  command: undefined,
};
