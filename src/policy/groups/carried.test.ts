import { expect, test } from 'vitest';
import { outageSince } from '../../../tests/kit/battery.ts';
import { group, settings } from '../../../tests/kit/settings.ts';
import { at } from '../../../tests/kit/view.ts';
import { HALT, rack, Watch } from '../../../tests/kit/watch.ts';
import type { GroupState } from '../../domain/groups.ts';
import type { Power } from '../../domain/power.ts';
import type { StepProgress } from '../../domain/progress.ts';
import { isCarried } from './carried.ts';
import { unjudged } from './judge.ts';

const step = (key: string, carriesSource: boolean) => ({ ...HALT, key, carriesSource });
const RACK = group('rack', ['ups'], {
  stages: [{ name: 'shed', steps: [step('shed/nas', true), step('shed/lab', false)], restore: [] }],
});
const SETTINGS = settings({ groups: [RACK, group('other', ['b'])] });

const begun = (second: number, state: StepProgress['state'] = 'running'): StepProgress => ({
  state,
  since: at(second),
  wall: 0,
  items: [],
});

/** The groups once these steps have begun. */
function groups(steps: Readonly<Record<string, StepProgress>>, dryRun = false): ReadonlyMap<string, GroupState> {
  const fresh = (one: typeof RACK) => unjudged(one, new Map());
  const progress = { run: 'r', kind: 'outage', dryRun, wall: 0, phase: 'running' } as const;
  const rack = { ...fresh(RACK), progress: { ...progress, steps: new Map(Object.entries(steps)) } };
  return new Map([
    ['rack', rack],
    ['other', fresh(group('other', ['b']))],
  ]);
}

const OUT: Power = { fed: 'battery', outage: outageSince(100) };

test.each([
  ['before the silence', groups({ 'shed/nas': begun(150) }), 160, true],
  ['done before the silence', groups({ 'shed/nas': begun(150, 'done') }), 160, true],
  ['failed before the silence', groups({ 'shed/nas': begun(150, 'failed') }), 160, true],
  ['within the last look of the source', groups({ 'shed/nas': begun(173) }), 160, true],
  ['after the silence', groups({ 'shed/nas': begun(174) }), 160, false],
  ['as the outage began', groups({ 'shed/nas': begun(100) }), 160, true],
  ['before the outage', groups({ 'shed/nas': begun(99) }), 160, false],
  ['never: skipped', groups({ 'shed/nas': begun(150, 'skipped') }), 160, false],
  ['only in a rehearsal', groups({ 'shed/nas': begun(150) }, true), 160, false],
  ['that carries no source', groups({ 'shed/lab': begun(150) }), 160, false],
  ['none', groups({}), 160, false],
] as const)('a step that has begun %s', (_, all, silentSince, carried) => {
  expect(isCarried(all, SETTINGS, OUT, at(silentSince))).toBe(carried);
  // Asked again, the same.
  expect(isCarried(all, SETTINGS, OUT, at(silentSince))).toBe(carried);
});

test('without an outage nothing is carried', () => {
  expect(isCarried(groups({ 'shed/nas': begun(150) }), SETTINGS, { fed: 'mains' }, at(160))).toBe(false);
});

test('groups without any progress carry nothing', () => {
  const [, other] = [...groups({})];
  expect(isCarried(new Map(other === undefined ? [] : [other]), SETTINGS, OUT, at(160))).toBe(false);
});

test('a feed that falls silent after such a step is not dead before its own runtime says so', () => {
  const own = rack(['ups'], { stages: RACK.stages });
  const silent = (...steps: readonly string[]) => {
    const watch = new Watch(own).says('ups', 'OL', { 'battery.runtime': 3000 });
    watch.says('ups', 'OB LB', { 'battery.runtime': 3000 }).runs(8);
    for (const key of steps) {
      const event = { kind: 'begun', step: key } as const;
      watch.tell({ kind: 'progressed', group: 'rack', run: watch.run()?.id ?? '', event });
    }
    watch.says('ups', 'OB', { 'battery.runtime': 3000 }).hangs('ups').runs(100);
    return watch.verdict('dead')?.kind;
  };
  expect([silent(), silent('shed/lab'), silent('shed/nas')]).toEqual(['fired', 'fired', 'quiet']);
});
