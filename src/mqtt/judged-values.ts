import { type Battery, HEALTH_TERMS } from '../domain/battery.ts';
import type { Member } from '../domain/groups.ts';
import type { DeviceState } from '../domain/state.ts';
import type { Verdict } from '../domain/triggers.ts';
import { dayText, type Moments, wallText } from './moments.ts';

/** What was judged of a device, by the names that its retained object and its entities have. `null`: not known, or none. */
export type Judged = Readonly<Record<string, string | number | null>>;

/** The percentage of one term of the health score. */
export const termName = (term: string): string => `battery.health.${term}`;

/**
 * What was judged of a device that has a status: outage, what would fire next, battery. Every name is always there.
 *
 * @param member the device as the first group with it sees it, else as the default triggers do
 */
export function judgedValues(device: DeviceState, member: Member | undefined, moments: Moments): Judged {
  return { ...outageValues(device), ...nextValues(member, moments), ...batteryValues(device.battery) };
}

/** An outage that a test makes is none. Of a device that is not heard nobody knows; words that prove nothing do not end one. */
function outageValues({ power: { fed, outage, silentSince }, link }: DeviceState): Judged {
  const real = outage !== undefined && !outage.byTest ? outage : undefined;
  const known = link.kind === 'up' && fed !== undefined && (real !== undefined || silentSince === undefined);
  const since = real === undefined ? null : wallText(real.wall);
  return { outage: known ? (real === undefined ? 'off' : 'on') : null, 'outage.since': since };
}

type Foreseen = Verdict & { readonly firesAt: NonNullable<Verdict['firesAt']> };

/** Where a trigger has fired already, nothing comes next. */
function nextValues(member: Member | undefined, moments: Moments): Judged {
  const all = member === undefined || member.class === 'critical' ? [] : member.verdicts;
  const foreseen = all.filter((verdict): verdict is Foreseen => verdict.firesAt !== undefined);
  const [next] = foreseen.toSorted((one, other) => one.firesAt - other.firesAt);
  return {
    next_trigger: next?.trigger ?? null,
    'next_trigger.at':
      next === undefined ? null : moments.estimated(next.firesAt, `ups/${member?.device}/${next.trigger}`),
    'next_trigger.basis': next?.basis ?? null,
  };
}

function batteryValues({ health, capacities, lastTest }: Battery): Judged {
  const measured = capacities?.at(-1);
  const replacement = health?.replacement;
  return {
    'battery.health': health?.score ?? null,
    ...Object.fromEntries(HEALTH_TERMS.map((term) => [termName(term), health?.terms[term] ?? null])),
    'battery.replacement': replacement === undefined ? null : dayText(replacement.wall),
    'battery.replacement.basis': replacement?.basis ?? null,
    'battery.replacement.confidence': replacement?.confidence ?? null,
    'battery.measured': measured?.slowWattHours ?? null,
    'battery.measured.delivered': measured?.wattHours ?? null,
    'battery.measured.rated': measured?.ratedWattHours ?? null,
    'battery.measured.at': measured === undefined ? null : wallText(measured.wall),
    'battery.test.result': lastTest?.result ?? null,
    'battery.test.at': lastTest === undefined ? null : wallText(lastTest.wall),
  };
}

/** How soon a change has to go out. What would fire next is an estimate and may wait. */
export function judgedUrgency(before: Judged | undefined, now: Judged): 'none' | 'later' | 'now' {
  if (before === undefined) return 'now';
  const changed = Object.keys(now).filter((name) => now[name] !== before[name]);
  if (changed.length === 0) return 'none';
  return changed.every((name) => name.startsWith('next_trigger')) ? 'later' : 'now';
}
