import type { Run } from '../../domain/groups.ts';
import type { DeviceId } from '../../domain/names.ts';
import type { Plan, PlannedStep } from '../../domain/plan.ts';
import type { Outage } from '../../domain/power.ts';
import type { Progress } from '../../domain/progress.ts';
import { numberIn } from '../../domain/reading.ts';
import type { GroupSettings } from '../../domain/settings.ts';
import type { DeviceState } from '../../domain/state.ts';
import type { Step } from '../../domain/steps.ts';
import { asMillis, between, type Instant, type Millis, seconds } from '../../domain/time.ts';
import { longest } from '../plan/plan.ts';

/**
 * How long the power of a group still lasts while a run is going on: until fewer of its feeds are left than it needs, each
 * by the runtime that it has told, less what has gone by since. Where none tells it, `timeLeftUnknown` counted from the
 * moment the group fired.
 *
 * Undefined: nothing runs out, enough feeds have mains.
 */
export function timeLeft(
  { feeds, minHealthy, timeLeftUnknown }: Pick<GroupSettings, 'feeds' | 'minHealthy' | 'timeLeftUnknown'>,
  run: Run,
  devices: ReadonlyMap<string, DeviceState>,
  now: Instant,
): Millis | undefined {
  const all = feeds.map((id) => devices.get(id));
  if (!all.some(isDraining)) return undefined;
  const told = all.flatMap((device) => (isDraining(device) ? (runtimeOf(device, now) ?? []) : []));
  const unknown = timeLeftUnknown - between(run.wholeSince ?? run.since, now);
  // One that does not tell is taken to last no longer than the first of those that do.
  const assumed = told.length > 0 ? Math.min(...told) : unknown;
  const lasts = (device: DeviceState | undefined): number => {
    if (device === undefined || device.power.fed === undefined) return 0;
    return isDraining(device) ? (runtimeOf(device, now) ?? assumed) : Number.POSITIVE_INFINITY;
  };
  // The power lasts until fewer feeds are left than are needed.
  const left = Math.min(
    ...all
      .map(lasts)
      .toSorted((one, other) => other - one)
      .slice(0, minHealthy),
  );
  return left === Number.POSITIVE_INFINITY ? undefined : asMillis(Math.max(0, left));
}

/** One that its battery feeds in an outage. */
type Draining = DeviceState & { readonly power: { readonly outage: Outage } };

const isDraining = (device: DeviceState | undefined): device is Draining =>
  device?.power.outage !== undefined && device.power.fed === 'battery';

function runtimeOf({ reading, power: { outage } }: Draining, now: Instant): number | undefined {
  // A gauge that said 0 while the mains were there says nothing.
  if (reading === undefined || outage.runtimeBefore === 0) return undefined;
  const runtime = numberIn(reading, 'battery.runtime');
  return runtime === undefined ? undefined : seconds(runtime) - between(reading.at, now);
}

/**
 * How long this machine still needs power: what is not through yet of every stage, each at its worst, and the halt.
 *
 * @param from key of the step that asks: it does not count itself
 */
export function restOf({ stages, halt }: Plan, progress: Progress | undefined, from?: string): Millis {
  const isOpen = ({ key }: PlannedStep) => {
    const state = progress?.steps.get(key)?.state;
    return key !== from && (state === undefined || state === 'running');
  };
  const rest = stages.reduce((sum, { steps }) => sum + longest(steps.filter(isOpen), 'worst'), 0);
  return asMillis(rest + (halt?.worst ?? 0));
}

/**
 * How long this machine still needs power once a step of a plan has told a device to go: what follows it, or would where the
 * plan is only rehearsed. 0 where no step of the group tells it anything.
 */
export function restAfter(
  { stages }: Pick<GroupSettings, 'stages'>,
  plan: Plan,
  progress: Progress | undefined,
  device: DeviceId,
): Millis {
  const isAsking = (step: Step) => step.kind === 'ups' && step.device === device;
  const asking = stages.flatMap(({ steps }) => steps).filter(isAsking);
  const running = asking.find(({ key }) => progress?.steps.get(key)?.state === 'running');
  if (running !== undefined) return restOf(plan, progress, running.key);
  const at = stages.findIndex(({ steps }) => steps.some(isAsking));
  const [first] = asking;
  // What comes before it is over by then.
  return first === undefined ? asMillis(0) : restOf({ ...plan, stages: plan.stages.slice(at) }, undefined, first.key);
}
