import { z } from 'zod';
import type { Millis } from '../../../domain/time.ts';
import { type Unmount, unmountSchema } from '../filesystems/schema.ts';
import { filePath, line, ownName, wait } from '../schema.ts';

/** Actions that can be written as a word alone: they need to know nothing but how long they may wait. */
const WORDS = [
  'stop_containers',
  'stop_vms',
  'stop_proxmox_vms',
  'stop_proxmox_cts',
  'stop_xcpng_vms',
  'stop_esxi_vms',
  'truenas',
  'synology',
  'sync',
] as const;

type WaitingKind = (typeof WORDS)[number];

/** Something that is done on another machine before its final command. */
export type SshAction =
  | { readonly kind: WaitingKind; readonly wait: Millis }
  | { readonly kind: 'stop_compose'; readonly path: string; readonly wait: Millis }
  | ({ readonly kind: 'unmount' } & Unmount)
  | { readonly kind: 'stop_units'; readonly units: readonly string[] }
  | { readonly kind: 'command'; readonly command: string };

const waiting = (kind: WaitingKind, preset: string, description: string) =>
  z
    .strictObject({ wait: wait(preset, 'How long that may take by itself') })
    .transform((raw): SshAction => ({ kind, wait: raw.wait }))
    .meta({ description })
    .optional();

const block = z.strictObject({
  stop_containers: waiting('stop_containers', '30s', 'Stop all containers of Docker and Podman'),
  stop_vms: waiting('stop_vms', '1m', 'Shut down all VMs of libvirt'),
  stop_proxmox_vms: waiting('stop_proxmox_vms', '1m', 'Shut down all VMs of Proxmox VE'),
  stop_proxmox_cts: waiting('stop_proxmox_cts', '1m', 'Shut down all containers of Proxmox VE'),
  stop_xcpng_vms: waiting('stop_xcpng_vms', '1m', 'Shut down all VMs of XCP-ng'),
  stop_esxi_vms: waiting('stop_esxi_vms', '1m', 'Shut down all VMs of ESXi'),
  truenas: waiting('truenas', '1m', 'Stop the apps and VMs of TrueNAS'),
  synology: waiting('synology', '1m', 'Stop the packages of a Synology NAS'),
  sync: waiting('sync', '30s', 'Write everything to disk'),
  stop_compose: z
    .strictObject({
      path: filePath.meta({ description: 'Path of the compose file there' }),
      wait: wait('30s', 'How long its containers get to stop by themselves'),
    })
    .transform((raw): SshAction => ({ kind: 'stop_compose', ...raw }))
    .meta({ description: 'Stop one compose project' })
    .optional(),
  unmount: unmountSchema
    .transform((raw): SshAction => ({ kind: 'unmount', ...raw }))
    .meta({ description: 'Unmount one file system' })
    .optional(),
  stop_units: z
    .array(ownName)
    .min(1)
    .max(100)
    .transform((units): SshAction => ({ kind: 'stop_units', units }))
    .meta({ description: 'Stop units of systemd' })
    .optional(),
  command: line
    .transform((command): SshAction => ({ kind: 'command', command }))
    .meta({ description: 'Run a command; the shell there reads it as it is written' })
    .optional(),
});

const oneAction = block.transform((raw, context): SshAction => {
  const [action, ...more] = Object.values(raw).filter((one) => one !== undefined);
  if (action !== undefined && more.length === 0) return action;
  const message = `give exactly one of ${Object.keys(block.shape).join(', ')}`;
  context.issues.push({ code: 'custom', message, input: raw });
  return z.NEVER;
});

/** One entry of `actions`: a word, or a mapping of one key where more is to be said. */
export const actionSchema = z.union([
  z.enum(WORDS).transform((word): SshAction => oneAction.parse({ [word]: {} })),
  oneAction,
]);

/** How long an action may wait by itself; 0 for one that ends when its command does. */
export const waitOf = (action: SshAction): number => ('wait' in action ? action.wait : 0);
