import type { StageCondition, StageSettings, TriggerSettings } from '../../domain/settings.ts';
import type { Holds, Trigger } from '../../domain/triggers.ts';
import { judge } from '../triggers/all.ts';
import type { View } from '../triggers/view.ts';

/** What one feed says to the condition of a stage. */
export interface StageJudged {
  readonly stage: string;
  readonly met: boolean;
  readonly holds: Holds;
}

/** The trigger that judges each key of a condition. */
const JUDGES: Readonly<Record<keyof StageCondition, Trigger>> = {
  onBatteryFor: 'on_battery_for',
  chargeBelow: 'charge_below',
  runtimeBelow: 'runtime_below',
};

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
  const fired = new Set(verdicts.filter(({ kind }) => kind === 'fired').map(({ trigger }) => trigger));
  const asked = (Object.keys(when) as (keyof StageCondition)[]).map((key) => JUDGES[key]); // keys of the condition
  return [{ stage: name, met: asked.every((trigger) => fired.has(trigger)), holds }];
}
