import { isTestOpen } from '../analysis/battery/self-test.ts';
import { feedOf } from '../domain/flags.ts';
import type { Member } from '../domain/groups.ts';
import { numberIn, type Reading } from '../domain/reading.ts';
import type { GroupSettings } from '../domain/settings.ts';
import type { DeviceState, State } from '../domain/state.ts';
import { asMillis, between, formatSpan, type Stamp, seconds } from '../domain/time.ts';

/** Less charge than this, percent, is no battery to empty on purpose. */
const LEAST_CHARGE = 80;
const MOST_LOAD = 90;
/** How long the mains have to have held after an outage. */
const REST = seconds(3600);

const TEST_COMMAND = /^(?:test\.battery\.start|calibrate\.start)/i;

/** Whether a command empties the battery on purpose, so that `selfTestRefusal` has to be asked first. */
export const commandIsTest = (command: string): boolean => TEST_COMMAND.test(command);

/**
 * Why no self-test may begin on a device now, as the end of a sentence for people; undefined when one may.
 *
 * Mains have to be proved: a test takes away what the load would run on. A charge that is not told is left to the device,
 * which could never be tested else; RB does not refuse, because many devices take it back only after a passed test.
 *
 * @param command what would be sent; absent: any command that starts a test
 */
export function selfTestRefusal(state: State, device: DeviceState, stamp: Stamp, command?: string): string | undefined {
  if (device.link.kind !== 'up' || device.reading === undefined) return 'the device is not heard';
  return (
    commandRefusal(device, command) ??
    feedRefusal(device, device.reading) ??
    batteryRefusal(device.reading) ??
    restRefusal(device, stamp) ??
    (isTestOpen(device.reading, device.battery, stamp.at) ? 'a test is going on already' : undefined) ??
    groupsRefusal(state, device, stamp)
  );
}

function commandRefusal({ inventory }: DeviceState, command: string | undefined): string | undefined {
  if (inventory === undefined) return 'it is not known yet what the device can be told';
  const isKnown = inventory.commands.some(({ name }) =>
    command === undefined ? commandIsTest(name) : name === command,
  );
  if (isKnown) return undefined;
  return command === undefined ? 'the device has no self-test' : `the device has no command ${command}`;
}

function feedRefusal({ power }: DeviceState, { flags }: Reading): string | undefined {
  if (power.outage !== undefined || feedOf(flags) === 'battery') return 'it is on battery';
  if (flags.includes('OFF')) return 'its output is off';
  if (flags.includes('BYPASS')) return 'it is on bypass';
  return feedOf(flags) === 'mains' ? undefined : 'its status does not prove that it is on mains';
}

function batteryRefusal(reading: Reading): string | undefined {
  const { flags } = reading;
  const load = numberIn(reading, 'ups.load');
  const charge = numberIn(reading, 'battery.charge');
  if (flags.includes('LB')) return 'its battery is low';
  if (flags.includes('OVER')) return 'it is overloaded';
  if (load !== undefined && load > MOST_LOAD) return `its load is ${load} %, more than ${MOST_LOAD} %`;
  return charge !== undefined && charge < LEAST_CHARGE
    ? `its battery charge is ${charge} %, less than ${LEAST_CHARGE} %`
    : undefined;
}

/** By both clocks: after a start of the machine only the wall clock knows, and that may have been set. */
function restRefusal({ power }: DeviceState, { at, wall }: Stamp): string | undefined {
  const { lastOutageEnded: ended } = power;
  if (ended === undefined) return undefined;
  const spans = [between(ended.at, at), asMillis(wall - ended.wall)].filter((span) => span >= 0 && span < REST);
  const [span] = spans;
  return span === undefined ? undefined : `an outage has ended only ${formatSpan(span)} ago: it takes an hour on mains`;
}

function groupsRefusal(state: State, device: DeviceState, stamp: Stamp): string | undefined {
  for (const group of state.settings?.groups ?? []) {
    if (!group.feeds.includes(device.id)) continue;
    const refusal = groupRefusal(state, group, device, stamp);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function groupRefusal(state: State, group: GroupSettings, device: DeviceState, stamp: Stamp): string | undefined {
  const now = state.groups.get(group.id);
  const label = group.label ?? group.id;
  if (now?.run !== undefined) return `a shutdown of ${label} has been decided on`;
  for (const feed of group.feeds) {
    const peer = state.devices.get(feed);
    const why = feed === device.id ? undefined : peerRefusal(peer, now?.members.get(feed), stamp);
    if (why !== undefined) return `${peer?.label ?? feed}, which feeds ${label} as well, ${why}`;
  }
  return undefined;
}

/** Why another feed of a group cannot carry the load of a tested one, as the end of a sentence. */
function peerRefusal(peer: DeviceState | undefined, member: Member | undefined, { at }: Stamp): string | undefined {
  const state = member?.class ?? 'unknown';
  if (peer?.reading === undefined || state !== 'healthy') return `is ${state === 'healthy' ? 'unknown' : state}`;
  if (isTestOpen(peer.reading, peer.battery, at)) return 'is testing its battery';
  const charge = numberIn(peer.reading, 'battery.charge');
  return charge === undefined || charge >= LEAST_CHARGE ? undefined : `has a battery charge of ${charge} %`;
}
