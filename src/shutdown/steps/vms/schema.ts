import { z } from 'zod';
import { asMillis, type Millis, seconds } from '../../../domain/time.ts';
import { commonKeys, given, line, ownName, refuseLongWaits, wait } from '../schema.ts';

/** What to do with the virtual machines of a libvirt. */
export interface VmsConfig {
  /** Of libvirt, as `virsh -c` takes it. */
  readonly uri: string;
  /** `start` brings back what the plan stopped. */
  readonly action: 'shutdown' | 'suspend' | 'save' | 'start';
  /** Only these; absent: all that run, and for `start` all that the plan stopped. */
  readonly only?: readonly string[];
  /** Never these. */
  readonly except: readonly string[];
  /** One after the other, before the rest. */
  readonly first: readonly string[];
  /** One after the other, after the rest. */
  readonly last: readonly string[];
  /** How long a guest gets to stop by itself. */
  readonly wait: Millis;
  /** Whether a guest that has not is switched off. */
  readonly destroy: boolean;
}

const names = (description: string) => z.array(ownName).max(500).meta({ description });

const TEXT: Readonly<Record<VmsConfig['action'], string>> = {
  shutdown: 'shut down',
  suspend: 'suspend',
  save: 'save',
  start: 'start',
};

/**
 * The `vms` block.
 *
 * Before it was measured it is taken to need the whole wait: one guest that ignores the power button uses it up.
 */
export const vmsSchema = z
  .strictObject({
    uri: line.meta({ description: 'The libvirt that is asked, as virsh -c takes it' }).prefault('qemu:///system'),
    action: z
      .enum(['shutdown', 'suspend', 'save', 'start'])
      .meta({
        description:
          'What is done: shut down, suspend to memory, save to disk, or, for restore, start what the plan stopped',
      })
      .prefault('shutdown'),
    only: names('Names of the only VMs that are touched. Unset: all').optional(),
    except: names('Names of VMs that are not touched').prefault([]),
    first: names('Names of VMs that go one after the other, before the rest').prefault([]),
    last: names('Names of VMs that go one after the other, after the rest').prefault([]),
    wait: wait('1m', 'How long the VMs get to stop by themselves'),
    destroy: z
      .boolean()
      .meta({ description: 'Whether a VM that has not stopped by then is switched off' })
      .prefault(true),
    ...commonKeys('1m more than wait'),
  })
  .superRefine((raw, context) => {
    refuseLongWaits(context, raw.wait, raw.deadline);
    const twice = raw.first.find((name) => raw.last.includes(name));
    if (twice === undefined) return;
    context.addIssue({ code: 'custom', path: ['last'], message: 'names a VM that is in first as well' });
  })
  .transform(({ name, after, deadline, carries_source, only, ...own }) => {
    const config: VmsConfig = { ...own, ...(only !== undefined && { only }) };
    const spans = { deadline: asMillis(own.wait + seconds(60)), usual: asMillis(own.wait + seconds(5)) };
    const text = `${TEXT[own.action]} the VMs of ${own.uri}`;
    return given('vms', { name, after, deadline, carries_source }, spans, text, config);
  })
  .meta({ description: 'Virtual machines of libvirt (virsh)' });
