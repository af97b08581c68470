import type { PastRun, PastStep } from '../../src/domain/past-run.ts';
import type { ProgressEvent } from '../../src/domain/progress.ts';
import type { GroupSettings, Settings, StageSettings } from '../../src/domain/settings.ts';
import type { Step } from '../../src/domain/steps.ts';
import { asMillis, seconds } from '../../src/domain/time.ts';
import { HALT, rack, Watch } from './watch.ts';

export const step = (key: string): Step => ({ ...HALT, kind: 'exec', key, text: `do ${key}`, deadline: seconds(60) });
export const LAB: StageSettings = {
  name: 'lab',
  steps: [step('lab/vms'), step('lab/nas')],
  restore: [step('lab/restore/nas')],
};
/** It has a halt, so that a machine that goes down can be told from one that dies. */
export const RACK: Partial<GroupSettings> = { stages: [LAB] };

export const FULL = { 'battery.charge': 100, 'battery.runtime': 1800 };
export const DRAINED = { 'battery.charge': 5, 'battery.runtime': 304 };

/** A group that shuts down as soon as its UPS is drained, and what is told of it. */
export class Group extends Watch {
  constructor(more: Partial<Settings> = rack(['ups'], RACK)) {
    super(more);
    this.says('ups', 'OL', FULL).runs(20);
  }

  fires(): this {
    return this.says('ups', 'OB', DRAINED).runs(20);
  }

  mains(): this {
    return this.says('ups', 'OL', FULL).runs(20);
  }

  tells(...events: readonly ProgressEvent[]): this {
    for (const event of events) {
      this.tell({ kind: 'progressed', group: 'rack', run: this.group().progress?.run ?? '', event });
    }
    return this;
  }

  begins(key: string, more: { readonly act?: 'halt' } = {}): this {
    return this.tells({ kind: 'begun', step: key, ...more });
  }

  ends(key: string, state: 'done' | 'failed' | 'timed-out' | 'skipped' = 'done', text = 'so it is'): this {
    return this.passes(2).tells({ kind: 'ended', step: key, state, text, took: asMillis(2000.4) });
  }

  /** All of it is through. */
  carriesOut(): this {
    for (const key of ['lab/vms', 'lab/nas', 'host']) this.begins(key).ends(key);
    return this.tells({ kind: 'run-ended' });
  }

  get past(): readonly PastRun[] {
    return this.group().past ?? [];
  }

  get last(): PastRun {
    const [last] = this.past;
    if (last === undefined) throw new Error('nothing was put down');
    return last;
  }

  get outcomes(): readonly (string | undefined)[] {
    return this.past.map(({ outcome }) => outcome);
  }
}

/** Steps by key and state. */
export const told = (steps: readonly PastStep[]) => steps.map(({ key, state }) => `${key} ${state}`);
