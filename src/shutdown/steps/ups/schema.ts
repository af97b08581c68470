import { z } from 'zod';
import { deviceId, duration } from '../../../domain/schema.ts';
import { asMillis, type Millis, seconds } from '../../../domain/time.ts';
import { commonKeys, filePath, given, refuseLongWaits } from '../schema.ts';

/** An order to a UPS, or to the machines that watch it. */
export type UpsOrder =
  /** Switch off, and on again once mains are back. `delay` absent: the UPS's own. */
  | { readonly action: 'shutdown_return'; readonly delay?: Millis }
  /** Switch off one outlet. */
  | { readonly action: 'outlet_off'; readonly outlet: string; readonly delay?: Millis }
  /** Tell the secondaries of its NUT server to shut down, and wait until they have logged out. */
  | { readonly action: 'fsd'; readonly wait: Millis }
  /** Leave the flag file for which the last shutdown script of this machine cuts the power. */
  | { readonly action: 'killpower'; readonly flag: string };

/** What the executor needs of an `ups` step. */
export interface UpsConfig {
  /** Absent only where the group has one feed: that one. */
  readonly device?: string;
  readonly order: UpsOrder;
}

const TEXT: Readonly<Record<UpsOrder['action'], string>> = {
  shutdown_return: 'switch off and return with mains',
  outlet_off: 'switch off an outlet',
  fsd: 'shut down its secondaries',
  killpower: 'be switched off at the end of the halt',
};

const shape = z.strictObject({
  device: deviceId.meta({ description: 'Id of the UPS. Unset: the feed, where the group has one' }).optional(),
  action: z
    .enum(['shutdown_return', 'outlet_off', 'fsd', 'killpower'])
    .meta({
      description:
        'What it is told: to switch off and return with mains, to switch off one outlet, to shut down the other machines of its NUT server, or, by a flag file, to be switched off as the last act of this machine',
    })
    .prefault('shutdown_return'),
  outlet: z
    .string()
    .regex(/^[A-Za-z0-9]{1,16}$/, 'write the outlet as the device names it, such as "1"')
    .meta({ description: 'The outlet, as the device names it. For outlet_off' })
    .optional(),
  delay: duration({ min: '1s', max: '2h' })
    .meta({ description: 'Until it is off. For shutdown_return and outlet_off. Unset: as the device is set' })
    .optional(),
  wait: duration({ min: '0s', max: '10m' })
    .meta({ description: 'How long the others get to log out. For fsd. Unset: 15s' })
    .optional(),
  flag: filePath.meta({ description: 'The flag file. For killpower. Unset: /etc/killpower' }).optional(),
  ...commonKeys('30s, and wait with fsd'),
});

/** Which keys mean something for which order. */
const KEYS: Readonly<Record<UpsOrder['action'], readonly string[]>> = {
  shutdown_return: ['delay'],
  outlet_off: ['outlet', 'delay'],
  fsd: ['wait'],
  killpower: ['flag'],
};

/** As upsmon waits for its secondaries (HOSTSYNC). */
const HOSTSYNC = seconds(15);

/** The `ups` block of a step. An order takes a driver some seconds; 30 s is when it will not come any more. */
export const upsSchema = shape
  .superRefine((raw, context) => {
    const problem = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    for (const key of ['outlet', 'delay', 'wait', 'flag'] as const) {
      if (raw[key] !== undefined && !KEYS[raw.action].includes(key)) problem(key, `means nothing with ${raw.action}`);
    }
    if (raw.action === 'outlet_off' && raw.outlet === undefined) problem('outlet', 'is required with outlet_off');
    if (raw.action === 'fsd') refuseLongWaits(context, raw.wait ?? HOSTSYNC, raw.deadline);
  })
  .transform(({ name, after, deadline, carries_source, device, ...own }) => {
    const config: UpsConfig = { ...(device !== undefined && { device }), order: orderOf(own) };
    const waits = config.order.action === 'fsd' ? config.order.wait : 0;
    const spans = { deadline: asMillis(waits + seconds(30)), usual: asMillis(waits + seconds(5)) };
    return given('ups', { name, after, deadline, carries_source }, spans, TEXT[own.action], config);
  })
  .meta({ description: 'An order to a UPS' });

function orderOf(raw: Pick<z.output<typeof shape>, 'action' | 'outlet' | 'delay' | 'wait' | 'flag'>): UpsOrder {
  const delay = raw.delay === undefined ? {} : { delay: raw.delay };
  switch (raw.action) {
    case 'shutdown_return':
      return { action: 'shutdown_return', ...delay };
    case 'outlet_off':
      return { action: 'outlet_off', outlet: raw.outlet ?? '', ...delay }; // without an outlet it is refused
    case 'fsd':
      return { action: 'fsd', wait: raw.wait ?? HOSTSYNC };
    case 'killpower':
      return { action: 'killpower', flag: raw.flag ?? '/etc/killpower' };
  }
}
