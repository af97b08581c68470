import type { Member, Run, Silenced } from '../../domain/groups.ts';
import { after, type Instant, seconds } from '../../domain/time.ts';
import type { Cause, Trigger } from '../../domain/triggers.ts';

/** What a person's cancel never silences: nobody can wait these out. */
const NEVER_SILENCED: ReadonlySet<Trigger> = new Set(['fsd', 'low_battery', 'dead']);

/** How long a person's cancel is respected. */
const SILENCED_FOR = seconds(300);

/** Everything that has fired for these feeds and is not silenced. */
export function causesOf(members: readonly Member[], silenced: Silenced | undefined, now: Instant): readonly Cause[] {
  const standing = silenced !== undefined && now < silenced.until ? silenced : undefined;
  const causes: Cause[] = [];
  for (const { device, verdicts } of members) {
    for (const { kind, trigger, why } of verdicts) {
      if (kind === 'fired' && !isSilenced(standing, device, trigger)) causes.push({ device, trigger, why });
    }
  }
  return causes;
}

/** Whether a person's cancel that still stands passes over this trigger. */
export function isSilenced(silenced: Silenced | undefined, device: string, trigger: Trigger): boolean {
  if (silenced === undefined || NEVER_SILENCED.has(trigger)) return false;
  return silenced.causes.some((cause) => cause.device === device && cause.trigger === trigger);
}

export const isStageSilenced = (silenced: Silenced | undefined, stage: string, now: Instant): boolean =>
  silenced !== undefined && now < silenced.until && silenced.stages.includes(stage);

/** What a person's cancel of a run silences: all that has fired by now. */
export function silencedBy(run: Run, members: readonly Member[], now: Instant): Silenced {
  const fired = causesOf(members, undefined, now).map(({ device, trigger }) => ({ device, trigger }));
  const causes = fired.filter(({ trigger }) => !NEVER_SILENCED.has(trigger));
  return { until: after(now, SILENCED_FOR), causes, stages: run.stages };
}
