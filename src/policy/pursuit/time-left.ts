import type { Run } from '../../domain/groups.ts';
import type { DeviceId } from '../../domain/names.ts';
import type { Plan, PlannedStep } from '../../domain/plan.ts';
import type { Progress } from '../../domain/progress.ts';
import { numberIn } from '../../domain/reading.ts';
import type { GroupSettings } from '../../domain/settings.ts';
import type { DeviceState } from '../../domain/state.ts';
import type { Step } from '../../domain/steps.ts';
import { asMillis, between, type Instant, type Millis, seconds } from '../../domain/time.ts';

/**
 * How long the power of a group still lasts while a run is going on: the smallest runtime of its feeds on battery, less
 * what has gone by since it was told. Where none tells it, `timeLeftUnknown` counted from the moment the group fired.
 *
 * Undefined: nothing runs out, every feed that is heard has mains.
 */
export function timeLeft(
  { feeds, timeLeftUnknown }: Pick<GroupSettings, 'feeds' | 'timeLeftUnknown'>,
  run: Run,
  devices: ReadonlyMap<string, DeviceState>,
  now: Instant,
): Millis | undefined {
  let least: number | undefined;
  let isDraining = false;
  for (const id of feeds) {
    const device = devices.get(id);
    if (device?.power.outage === undefined || device.power.fed !== 'battery') continue;
    isDraining = true;
    const left = runtimeOf(device, now);
    if (left !== undefined && (least === undefined || left < least)) least = left;
  }
  if (!isDraining) return undefined;
  if (least !== undefined) return asMillis(Math.max(0, least));
  return asMillis(Math.max(0, timeLeftUnknown - between(run.wholeSince ?? run.since, now)));
}

function runtimeOf({ reading }: DeviceState, now: Instant): number | undefined {
  const runtime = reading === undefined ? undefined : numberIn(reading, 'battery.runtime');
  return reading === undefined || runtime === undefined ? undefined : seconds(runtime) - between(reading.at, now);
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
  const rest = stages.reduce((sum, { steps, worst }) => {
    const open = steps.filter(isOpen);
    return sum + (open.length === steps.length ? worst : longestOf(open));
  }, 0);
  return asMillis(rest + (halt?.worst ?? 0));
}

/** Along the longest way through some steps of a stage, at their worst. A circle in it, which no configuration has, ends. */
function longestOf(steps: readonly PlannedStep[]): number {
  const ends = new Map<string, number>();
  const endOf = ({ key, after, worst }: PlannedStep): number => {
    const known = ends.get(key);
    if (known !== undefined) return known;
    ends.set(key, worst);
    const end = worst + Math.max(0, ...steps.filter((other) => after.includes(other.key)).map(endOf));
    ends.set(key, end);
    return end;
  };
  return Math.max(0, ...steps.map(endOf));
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
