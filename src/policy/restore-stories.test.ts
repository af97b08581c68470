import { describe, expect, test } from 'vitest';
import {
  begins,
  CHARGED,
  ends,
  orders,
  phase,
  running,
  STAGES,
  stage,
  tells,
  through,
} from '../../tests/kit/pursued.ts';
import { group } from '../../tests/kit/settings.ts';
import { rack, Watch } from '../../tests/kit/watch.ts';
import type { GroupSettings, Settings } from '../domain/settings.ts';
import { seconds } from '../domain/time.ts';

const LOW = { 'battery.charge': 30 };
const ENDED = { kind: 'run-ended' } as const;
const RACK = { group: 'rack' };
const CONFIRMED = { group: 'rack', confirm: 'rack' };
/** A group that shuts down other machines, and not this one. */
const unhalted = (more: Partial<GroupSettings> = {}): Partial<Settings> => ({
  ...rack(),
  groups: [group('rack', ['ups'], { stages: STAGES, ...more })],
});
const calm = (more = unhalted()) => new Watch(more).says('ups', 'OL', CHARGED).runs(20);
const answer = (watch: Watch) => {
  const last = watch.intents.findLast(({ kind }) => kind === 'answer');
  return last?.kind === 'answer' ? last.answer : undefined;
};
/** Both stages were shut down by a person. */
const byHand = () => tells(calm().asks('shutdown', CONFIRMED), ...through('lab/a'), ...through('vms/a'), ENDED).runs(5);
/** One stage was shut down by an outage, which is over. */
const after = (charge: typeof LOW) =>
  tells(
    tells(running(unhalted()), ...through('lab/a'))
      .says('ups', 'OL', charge)
      .runs(8),
    ENDED,
  );
const restoring = () => tells(after(CHARGED), begins('lab/restore/a'));

describe('what an earlier run has shut down is brought back in the end', () => {
  test('although a decision that did nothing was cancelled after a reboot', () => {
    const watch = after(LOW)
      .asks('disarm', { ...RACK, for: '1h' })
      .says('ups', 'OB LB', LOW)
      .runs(20);
    watch.reboot().says('ups', 'OB LB', LOW).runs(8).asks('cancel', RACK);
    watch.says('ups', 'OL', CHARGED).asks('arm', CONFIRMED).runs(900);
    expect(phase(watch)).toBe('restoring');
  });

  test('although it was disarmed, and once more after a restart', () => {
    const watch = restoring().runs(1);
    watch
      .asks('disarm', { ...RACK, for: '1h' })
      .says('ups', 'OB LB', CHARGED)
      .runs(12);
    watch
      .restart(1)
      .says('ups', 'OB LB', CHARGED)
      .runs(8)
      .asks('disarm', { ...RACK, for: '10m' });
    expect(orders(watch, () => watch.says('ups', 'OL', CHARGED).runs(1200))).toEqual(['restore']);
  });
});

describe('what a person has shut down stays down', () => {
  test('over an outage whose run the mains call off', () => {
    const watch = byHand().says('ups', 'OB LB', CHARGED).runs(10);
    expect(watch.run()?.kind).toBe('outage');
    watch.says('ups', 'OL', CHARGED).runs(8);
    expect([watch.run(), orders(watch, () => tells(watch, ENDED).runs(60))]).toEqual([undefined, []]);
  });

  test('over a disarm that runs out', () => {
    const watch = byHand().asks('disarm', { ...RACK, for: '1m' });
    expect(orders(watch, () => watch.runs(90))).toEqual([]);
  });

  test('over a configuration that only rehearses for a while', () => {
    const watch = byHand()
      .reloads({ ...unhalted(), dryRun: true })
      .runs(2);
    expect(orders(watch, () => watch.reloads(unhalted()).runs(30))).toEqual([]);
  });

  test('although an outage had begun it, and a person has only made it whole', () => {
    const stages = [stage('lab', { when: { onBatteryFor: seconds(10) } }), stage('vms')];
    const watch = tells(calm(unhalted({ stages })).says('ups', 'OB', CHARGED).runs(30), ...through('lab/a'), ENDED);
    tells(watch.runs(2).asks('shutdown', CONFIRMED), ...through('vms/a'), ENDED).runs(2);
    expect(watch.group().shed?.held).toBe('by-hand');
  });
});

test('what a person has not let come back stays away over an outage that has begun nothing', () => {
  const watch = tells(restoring().asks('cancel', { ...RACK, restore: true }), ends('lab/restore/a', 'failed'), {
    kind: 'restore-ended',
  });
  watch.runs(5).says('ups', 'OB LB', CHARGED).runs(10);
  expect(watch.run()?.kind).toBe('outage');
  watch.says('ups', 'OL', CHARGED).runs(8);
  expect([watch.run(), orders(watch, () => tells(watch, ENDED).runs(60))]).toEqual([undefined, []]);
});

describe('nothing is brought back', () => {
  test('on a battery that has fallen silent', () => {
    const watch = byHand().says('ups', 'OB', CHARGED).runs(3).loses('ups').runs(1).asks('restore', RACK);
    expect(answer(watch)).toMatchObject({ code: 'not-now' });
  });

  test('before this boot has heard anything', () => {
    const watch = after(LOW).says('ups', 'OB', LOW).runs(2).reboot().asks('restore', RACK);
    expect(answer(watch)).toMatchObject({ code: 'not-now' });
  });

  test('only to be shut down again, which would be an order as well', () => {
    const watch = byHand().says('ups', 'OL FSD', CHARGED).runs(3).asks('restore', RACK);
    expect([answer(watch)?.status, orders(watch, () => watch.runs(5))]).toEqual(['error', []]);
  });
});

test('a stage whose restore has failed and that was renamed does not stay for ever', () => {
  const watch = tells(after(CHARGED), begins('vms/a'));
  for (const name of ['vms', 'lab']) tells(watch, begins(`${name}/restore/a`), ends(`${name}/restore/a`, 'failed'));
  tells(watch, { kind: 'restore-ended' }).reloads(unhalted({ stages: [stage('lab'), stage('machines')] }));
  expect(watch.group().shed).toMatchObject({ stages: ['lab', 'vms'], held: 'failed' });
  watch.runs(2).asks('restore', RACK);
  tells(watch, ...through('lab/restore/a'), { kind: 'stage-restored', stage: 'lab' }, { kind: 'restore-ended' });
  expect([phase(watch), watch.group().shed]).toEqual(['restored', undefined]);
});

test('a cancel of a restore that is not understood cancels no shutdown', () => {
  const watch = calm().says('ups', 'OB', { 'battery.charge': 15 }).runs(15);
  tells(watch, begins('lab/a')).asks('cancel', { ...RACK, restore: 'true' });
  expect([answer(watch), phase(watch)]).toMatchObject([{ code: 'wrong-value' }, 'running']);
});

test('a dry run that is through does not stand in the way of an outage that began in it', () => {
  const watch = tells(
    calm({ ...unhalted(), dryRun: true })
      .asks('shutdown', CONFIRMED)
      .runs(1),
    ...through('lab/a'),
  );
  tells(watch.says('ups', 'OB LB', CHARGED).runs(15), ENDED).runs(5);
  expect(watch.run()?.kind).toBe('outage');
});
