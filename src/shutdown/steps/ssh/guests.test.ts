import { describe, expect, test } from 'vitest';
import type { SshAction } from './actions.ts';
import { actionSchema } from './actions.ts';
import { type GuestTool, toolsFor } from './guests.ts';
import type { Machine } from './shell.ts';

const ALL = ['docker', 'podman', 'virsh', 'qm', 'pct', 'xe', 'vim-cmd', 'midclt', 'synopkg'];
const machine = (root: boolean, ...programs: readonly string[]): Machine => ({
  system: 'Linux',
  root,
  systemd: true,
  programs: new Set(programs),
});
const toolsOf = (word: SshAction['kind'], of = machine(true, ...ALL), sudo = false): readonly GuestTool[] =>
  toolsFor(actionSchema.parse(word), of, sudo) ?? [];

describe('what a list says', () => {
  test.each<[SshAction['kind'], number, string, string, readonly (readonly [string, string])[] | undefined]>([
    [
      'stop_containers',
      0,
      'docker',
      'abc web\ndef db\n',
      [
        ['abc', 'web'],
        ['def', 'db'],
      ],
    ],
    ['stop_containers', 1, 'podman', '', []],
    [
      'stop_vms',
      0,
      'VMs with odd names',
      'web\nmy vm\n\n',
      [
        ['web', 'web'],
        ['my vm', 'my vm'],
      ],
    ],
    [
      'stop_proxmox_vms',
      0,
      'qm',
      '      VMID NAME                 STATUS     MEM(MB)    BOOTDISK(GB) PID       \n       100 web                  running    2048              32.00 1234      \n       101 db                   stopped    2048              32.00 0         \n',
      [['100', 'web']],
    ],
    ['stop_proxmox_vms', 0, 'no VM at all', '', []],
    ['stop_proxmox_vms', 0, 'something else', 'ipcc_send_rec failed\n', undefined],
    [
      'stop_proxmox_cts',
      0,
      'pct',
      'VMID       Status     Lock         Name                \n200        running                 dns                 \n201        running    backup       web                 \n202        stopped                 off                 \n',
      [
        ['200', 'dns'],
        ['201', 'web'],
      ],
    ],
    [
      'stop_xcpng_vms',
      0,
      'xe',
      'uuid ( RO)           : 11-22\n     name-label ( RW): my vm: the best\n\n\nuuid ( RO)           : 33-44\n     name-label ( RW): \n',
      [
        ['11-22', 'my vm: the best'],
        ['33-44', '33-44'],
      ],
    ],
    ['stop_esxi_vms', 0, 'vim-cmd', '7 my vm   [datastore1] my vm/my vm.vmx   otherGuest   vmx-19\n', [['7', 'my vm']]],
    ['truenas', 0, 'apps', '[{"id":"jellyfin","name":"jellyfin","state":"RUNNING"}]', [['jellyfin', 'jellyfin']]],
    [
      'truenas',
      1,
      'VMs',
      '[{"id":3,"name":"web","status":{"state":"RUNNING"}},{"id":4,"name":"x","status":{"state":"STOPPED"}},{"id":5,"name":"y"}]',
      [['3', 'web']],
    ],
    ['truenas', 0, 'no JSON', 'Failed', undefined],
    ['truenas', 1, 'no list', '{}', undefined],
    [
      'synology',
      0,
      'packages',
      'Docker\nPlex\n',
      [
        ['Docker', 'Docker'],
        ['Plex', 'Plex'],
      ],
    ],
  ])('%s %i: %s', (word, which, _what, out, expected) => {
    expect(
      toolsOf(word)
        [which]?.read(out)
        ?.map(({ id, name }) => [id, name]),
    ).toEqual(expected);
  });
});

test.each<[SshAction['kind'], string, string | undefined]>([
  ['stop_containers', 'docker stop -t 30 a b', 'docker kill a b'],
  ['stop_vms', 'virsh shutdown a; virsh shutdown b', 'virsh destroy a; virsh destroy b'],
  ['stop_proxmox_vms', 'qm shutdown a --timeout 30; qm shutdown b --timeout 30', 'qm stop a; qm stop b'],
  ['stop_proxmox_cts', 'pct shutdown a --timeout 30; pct shutdown b --timeout 30', 'pct stop a; pct stop b'],
  [
    'stop_xcpng_vms',
    'xe vm-shutdown uuid=a; xe vm-shutdown uuid=b',
    'xe vm-shutdown uuid=a force=true; xe vm-shutdown uuid=b force=true',
  ],
  [
    'stop_esxi_vms',
    'vim-cmd vmsvc/power.shutdown a; vim-cmd vmsvc/power.shutdown b',
    'vim-cmd vmsvc/power.off a; vim-cmd vmsvc/power.off b',
  ],
  ['truenas', 'midclt call app.stop a; midclt call app.stop b', undefined],
  ['synology', 'synopkg stop a; synopkg stop b', undefined],
])('%s runs %s', (word, stop, force) => {
  const [tool] = toolsOf(word);
  const text = (commands: readonly (readonly string[])[] | undefined) =>
    commands?.map((argv) => argv.join(' ')).join('; ');
  expect(text(tool?.stop(['a', 'b'], 30))).toBe(stop);
  expect(text(tool?.force?.(['a', 'b']))).toBe(force);
});

test('only the tools that are there count', () => {
  expect(toolsOf('stop_containers', machine(true, 'podman')).map(({ program }) => program)).toEqual(['podman']);
  expect(toolsOf('stop_vms', machine(true))).toEqual([]);
  expect(toolsFor(actionSchema.parse('sync'), machine(true), false)).toBeUndefined();
});

test('who is not root has to name the connection of the system', () => {
  const list = (root: boolean, sudo: boolean) => toolsOf('stop_vms', machine(root, 'virsh'), sudo)[0]?.list(sudo);
  expect(list(true, false)).toBe('virsh list --name');
  expect(list(false, true)).toBe('sudo -n virsh list --name');
  expect(list(false, false)).toBe('virsh -c qemu:///system list --name');
});
