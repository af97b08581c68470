import { expect } from 'vitest';
import type { Fact } from '../../src/domain/facts.ts';
import type { Intent } from '../../src/domain/intents.ts';
import type { Progress, ProgressEvent, StepResult } from '../../src/domain/progress.ts';
import type { GroupSettings, Settings, StageSettings } from '../../src/domain/settings.ts';
import type { Step } from '../../src/domain/steps.ts';
import { asMillis } from '../../src/domain/time.ts';
import { HALT, rack, Watch } from './watch.ts';

/** A step of a plan, by its key. */
export const step = (key: string, kind: 'exec' | 'ups' = 'exec'): Step =>
  ({ ...HALT, key, kind, text: `stop ${key}`, ...(kind === 'ups' ? { device: 'ups' } : {}) }) as Step; // one of the two

/** A stage of one step, with a way back. */
export const stage = (name: string, more: Partial<StageSettings> = {}): StageSettings => ({
  name,
  steps: [step(`${name}/a`)],
  restore: [step(`${name}/restore/a`)],
  ...more,
});

/** Those of `staged`. */
export const STAGES = [stage('lab'), stage('vms')];

/** An armed group `rack` that shuts down the stages `lab` and `vms`, and then this host. */
export const staged = (more: Partial<GroupSettings> = {}, feeds: readonly string[] = ['ups']): Partial<Settings> =>
  rack(feeds, { stages: STAGES, ...more });

/** What a feed says that could carry another outage. */
export const CHARGED = { 'battery.charge': 90, 'battery.runtime': 3000 };

/** What the executor tells of the run that stands. */
export function tells(watch: Watch, ...events: readonly ProgressEvent[]): Watch {
  for (const event of events) {
    watch.tell({ kind: 'progressed', group: 'rack', run: watch.group().progress?.run ?? '', event });
  }
  return watch;
}

export const begins = (step: string): ProgressEvent => ({ kind: 'begun', step });

export const ends = (key: string, state: StepResult = 'done', took = 1000): ProgressEvent => ({
  kind: 'ended',
  step: key,
  state,
  text: 'so',
  took: asMillis(took),
});

/** A step from its beginning to its end. */
export const through = (key: string): readonly ProgressEvent[] => [begins(key), ends(key)];

export const halts = (act: 'halt' | 'reboot' = 'halt'): ProgressEvent => ({ kind: 'begun', step: 'host', act });

/** A whole run of an outage that has just been ordered. */
export const running = (more: Partial<Settings> = staged(), vars: Readonly<Record<string, number>> = {}): Watch =>
  new Watch(more).says('ups', 'OL', CHARGED).says('ups', 'OB LB', vars).runs(10);

/** What was ordered, but for answers. @param from the first that counts */
export function kinds(watch: Watch, from = 0): readonly string[] {
  // Whatever is told has its words, whatever is ordered its kind.
  expect(watch.facts.filter(({ text }) => text === undefined)).toEqual([]);
  return watch.intents.slice(from).flatMap(({ kind }) => (kind === 'answer' ? [] : [kind ?? 'nothing']));
}

/** The orders that come of what is done. */
export function orders(watch: Watch, act: (watch: Watch) => unknown): readonly string[] {
  const from = watch.intents.length;
  act(watch);
  return kinds(watch, from);
}

/** The last fact of a type. */
export const told = (watch: Watch, type: string): Fact | undefined =>
  watch.facts.findLast((fact) => fact.type === type);

export const phase = (watch: Watch): Progress['phase'] | undefined => watch.group().progress?.phase;

/** The last order that is no answer. */
export const lastOrder = (watch: Watch): Intent | undefined => watch.intents.findLast(({ kind }) => kind !== 'answer');
