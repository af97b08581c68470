import type { StageCondition, StageSettings, TriggerSettings } from '../../domain/settings.ts';
import type { Instant } from '../../domain/time.ts';
import type { Holds, Trigger, Verdict } from '../../domain/triggers.ts';
import { judge } from '../triggers/all.ts';
import type { View } from '../triggers/view.ts';

/** What one feed says to the condition of a stage. */
export interface StageJudged {
  readonly stage: string;
  readonly met: boolean;
  readonly holds: Holds;
  /** When the condition would hold; absent while it does, and where nothing says when. */
  readonly near?: StageNear;
}

/** When a feed would meet the condition of a stage if everything goes on as it does, and what is the last to come. */
export interface StageNear extends Pick<Verdict, 'trigger' | 'basis' | 'why'> {
  readonly stage: string;
  readonly at: Instant;
}

/** The trigger that judges each key of a condition. */
const JUDGES: Readonly<Record<keyof StageCondition, Trigger>> = {
  onBatteryFor: 'on_battery_for',
  chargeBelow: 'charge_below',
  runtimeBelow: 'runtime_below',
};

/** What a condition is about: of several the first in the order of time, charge and runtime. */
export const conditionTrigger = (when: StageCondition): Trigger =>
  when.onBatteryFor !== undefined
    ? 'on_battery_for'
    : when.chargeBelow !== undefined
      ? 'charge_below'
      : 'runtime_below';

/** Asks whether one feed meets the condition of a stage, by the triggers themselves with other thresholds. Nothing for a stage without one. */
export function judgeStage({ name, when }: StageSettings, view: View, before: Holds): readonly StageJudged[] {
  if (when === undefined) return [];
  const settings: TriggerSettings = {
    ...view.settings,
    lowBattery: false,
    depletion: 'off',
    afterFailedTest: 'off',
    chargeBelow: when.chargeBelow ?? 'off',
    runtimeBelow: when.runtimeBelow ?? 'off',
    onBatteryFor: when.onBatteryFor ?? 'off',
  };
  const { verdicts, holds } = judge({ ...view, settings, fsd: 'tell' }, before);
  const asked = (Object.keys(when) as (keyof StageCondition)[]).map((key) => JUDGES[key]); // keys of the condition
  const answers = asked.map((trigger) => verdicts.find((verdict) => verdict.trigger === trigger));
  const near = nearOf(name, answers);
  const met = answers.every((verdict) => verdict?.kind === 'fired');
  return [{ stage: name, met, holds, ...(near === undefined ? {} : { near }) }];
}

/** Everything that is asked has to hold: what comes last decides. */
function nearOf(stage: string, answers: readonly (Verdict | undefined)[]): StageNear | undefined {
  let last: StageNear | undefined;
  for (const verdict of answers) {
    if (verdict?.kind === 'fired') continue;
    if (verdict?.firesAt === undefined || verdict.basis === undefined) return undefined;
    if (last !== undefined && last.at >= verdict.firesAt) continue;
    const { trigger, why, firesAt: at, basis } = verdict;
    last = { stage, trigger, why, at, basis };
  }
  return last;
}
