import { expect, test } from 'vitest';
import {
  begins,
  CHARGED,
  ends,
  halts,
  orders,
  phase,
  running,
  STAGES,
  stage,
  staged,
  step,
  tells,
  through,
  told,
} from '../../tests/kit/pursued.ts';
import { group } from '../../tests/kit/settings.ts';
import { rack, Watch } from '../../tests/kit/watch.ts';
import type { GroupSettings, Settings } from '../domain/settings.ts';
import { seconds } from '../domain/time.ts';

const LOW = { 'battery.charge': 30 };
const RE = { kind: 'run-ended' } as const;
const RACK = { group: 'rack' };
const CONF = { group: 'rack', confirm: 'rack' };
const unhalted = (more: Partial<GroupSettings> = {}): Partial<Settings> => ({
  ...rack(),
  groups: [group('rack', ['ups'], { stages: STAGES, ...more })],
});
const answer = (watch: Watch) => {
  const last = watch.intents.findLast(({ kind }) => kind === 'answer');
  return last?.kind === 'answer' ? last.answer : undefined;
};
/** Shut down by a person, and through. */
const byHand = (more = unhalted()) =>
  tells(
    new Watch(more).says('ups', 'OL', CHARGED).runs(20).asks('shutdown', CONF),
    ...through('lab/a'),
    ...through('vms/a'),
    RE,
  ).runs(5);
/** Shed by an outage that is over; waits for its charge. */
const waiting = (more = unhalted()) =>
  tells(
    tells(running(more), ...through('lab/a'))
      .says('ups', 'OL', LOW)
      .runs(8),
    RE,
  ).runs(2);

test('a cancel after a reboot, of a decision that did nothing, leaves what an earlier run has shut down to be brought back', () => {
  const w = waiting().asks('disarm', { group: 'rack', for: '1h' }).says('ups', 'OB LB', LOW).runs(20);
  w.reboot().says('ups', 'OB LB', LOW).runs(8).asks('cancel', RACK);
  w.says('ups', 'OL', CHARGED).asks('arm', CONF).runs(900);
  expect(phase(w)).toBe('restoring');
});
test('so does a disarm that is renewed after a restart of the bridge', () => {
  const w = tells(
    tells(running(unhalted()), ...through('lab/a'))
      .says('ups', 'OL', CHARGED)
      .runs(8),
    RE,
    begins('lab/restore/a'),
  ).runs(1);
  w.asks('disarm', { group: 'rack', for: '1h' }).says('ups', 'OB LB', CHARGED).runs(12);
  w.restart(1).says('ups', 'OB LB', CHARGED).runs(8).asks('disarm', { group: 'rack', for: '10m' });
  expect(orders(w, () => w.says('ups', 'OL', CHARGED).runs(1200))).toEqual(['restore']);
});
test('what a person has shut down stays down over an outage whose run the mains call off', () => {
  const w = byHand().says('ups', 'OB LB', CHARGED).runs(10).says('ups', 'OL', CHARGED).runs(8);
  expect(orders(w, () => tells(w, RE).runs(60))).toEqual([]);
});
test('so does what a person has not let come back', () => {
  const w = tells(
    tells(running(unhalted()), ...through('lab/a'))
      .says('ups', 'OL', CHARGED)
      .runs(8),
    RE,
    begins('lab/restore/a'),
  );
  tells(w.asks('cancel', { ...RACK, restore: true }), ends('lab/restore/a', 'failed'), { kind: 'restore-ended' });
  w.runs(5).says('ups', 'OB LB', CHARGED).runs(10).says('ups', 'OL', CHARGED).runs(8);
  expect(orders(w, () => tells(w, RE).runs(60))).toEqual([]);
});
test('what a person has shut down stays down over a disarm that runs out', () => {
  const w = byHand().asks('disarm', { group: 'rack', for: '1m' });
  expect(orders(w, () => w.runs(90))).toEqual([]);
});
test('what a person has shut down stays down over a configuration that only rehearses for a while', () => {
  const w = byHand();
  expect(
    orders(w, () =>
      w
        .reloads({ ...unhalted(), dryRun: true })
        .runs(2)
        .reloads(unhalted())
        .runs(30),
    ).filter((kind) => kind === 'restore'),
  ).toEqual([]);
});
test("what an outage has begun and a person has made whole is a person's", () => {
  const stages = [stage('lab', { when: { onBatteryFor: seconds(10) } }), stage('vms')];
  const w = new Watch(unhalted({ stages })).says('ups', 'OL', CHARGED).runs(20).says('ups', 'OB', CHARGED).runs(30);
  tells(
    tells(w, ...through('lab/a'), RE)
      .runs(2)
      .asks('shutdown', CONF),
    ...through('vms/a'),
    RE,
  ).runs(2);
  expect(w.group().shed?.held).toBe('by-hand');
});
test('nothing is brought back on a battery that has fallen silent', () => {
  const w = byHand().says('ups', 'OB', CHARGED).runs(3).loses('ups').runs(1).asks('restore', RACK);
  expect(answer(w)).toMatchObject({ code: 'not-now' });
});
test('nor before this boot has heard anything', () => {
  const w = waiting().says('ups', 'OB', LOW).runs(2).reboot().asks('restore', RACK);
  expect(answer(w)).toMatchObject({ code: 'not-now' });
});
test('nor while a forced shutdown stands, which would shut it down again', () => {
  const w = byHand().says('ups', 'OL FSD', CHARGED).runs(3).asks('restore', RACK);
  expect([answer(w)?.status, orders(w, () => w.runs(5))]).toEqual(['error', []]);
});
test('nor while this machine is going down', () => {
  const w = new Watch(staged()).says('ups', 'OL', CHARGED).runs(20).asks('shutdown', CONF);
  tells(w, ...through('lab/a'), ...through('vms/a'), halts(), ends('host'), RE)
    .runs(1)
    .asks('restore', RACK);
  expect(answer(w)).toMatchObject({ code: 'not-now' });
});
test('nor right after a UPS was told to switch off', () => {
  const stages = [stage('lab'), stage('vms', { steps: [step('vms/a', 'ups')] })];
  expect(answer(byHand(unhalted({ stages })).asks('restore', RACK))).toMatchObject({ code: 'not-now' });
});
test('a stage whose restore has failed and that was renamed does not stay for ever', () => {
  const w = tells(
    tells(running(unhalted()), ...through('lab/a'), ...through('vms/a'))
      .says('ups', 'OL', CHARGED)
      .runs(8),
    RE,
  );
  for (const name of ['vms', 'lab']) tells(w, begins(`${name}/restore/a`), ends(`${name}/restore/a`, 'failed'));
  tells(w, { kind: 'restore-ended' })
    .reloads(unhalted({ stages: [stage('lab'), stage('machines')] }))
    .runs(2)
    .asks('restore', RACK);
  tells(w, ...through('lab/restore/a'), { kind: 'stage-restored', stage: 'lab' }, { kind: 'restore-ended' }).runs(60);
  w.asks('restore', RACK)
    .asks('cancel', RACK)
    .asks('cancel', { ...RACK, restore: true });
  expect(w.group().shed).toBeUndefined();
});
test('a restore that is cancelled at its last step is through with it', () => {
  const w = tells(
    tells(running(unhalted()), ...through('lab/a'))
      .says('ups', 'OL', CHARGED)
      .runs(8),
    RE,
    begins('lab/restore/a'),
  );
  tells(
    w.asks('cancel', { ...RACK, restore: true }),
    ends('lab/restore/a'),
    { kind: 'stage-restored', stage: 'lab' },
    { kind: 'restore-ended' },
  );
  expect([phase(w), w.group().shed]).toEqual(['restored', undefined]);
});
test('what has no way back is told as a restore begins', () => {
  const w = waiting(unhalted({ stages: [stage('lab', { restore: [] }), stage('vms')] }));
  tells(w, begins('vms/a')).asks('restore', RACK).reloads(unhalted());
  tells(w, ...through('vms/restore/a'), { kind: 'stage-restored', stage: 'vms' }, { kind: 'restore-ended' });
  expect(told(w, 'restoring')?.text).toContain('nothing is configured that brings back lab');
});
test('what a person has asked for goes on after a restart of the bridge, without its charge', () => {
  const w = waiting().asks('restore', RACK);
  tells(w, begins('lab/restore/a')).restart(1);
  expect(orders(w, () => w.says('ups', 'OL', LOW).runs(60))).toEqual(['restore']);
});
test('a restore that waits for its charge can be cancelled', () => {
  const w = waiting().asks('cancel', { ...RACK, restore: true });
  expect(orders(w, () => w.says('ups', 'OL', CHARGED).runs(60))).toEqual([]);
});
test('a cancel of a restore that is not understood cancels no shutdown', () => {
  const w = new Watch(unhalted())
    .says('ups', 'OL', CHARGED)
    .runs(20)
    .says('ups', 'OB', { 'battery.charge': 15 })
    .runs(15);
  tells(w, begins('lab/a')).asks('cancel', { ...RACK, restore: 'true' });
  expect([answer(w), phase(w)]).toMatchObject([{ code: 'wrong-value' }, 'running']);
});
test('why nothing is brought back, and why something is, is told as it is', () => {
  const w = tells(
    tells(running(unhalted()), ...through('lab/a'))
      .says('ups', 'OL', CHARGED)
      .runs(8),
    RE,
    begins('lab/restore/a'),
  );
  w.asks('cancel', { ...RACK, restore: true }).asks('restore', RACK);
  expect.soft(answer(w)).not.toMatchObject({ error: expect.stringContaining('its shutdown is going on') });
  const v = byHand().restart(1).says('ups', 'OL', CHARGED).runs(1).asks('restore', RACK);
  expect.soft(answer(v)).not.toMatchObject({ error: expect.stringContaining('its shutdown is going on') });
  const x = byHand().asks('cancel', RACK);
  expect.soft(told(x, 'restoring')?.text).not.toContain('the outage is over');
});
test('a run whose restore has failed was not brought back', () => {
  const w = tells(
    tells(running(unhalted()), ...through('lab/a'))
      .says('ups', 'OL', CHARGED)
      .runs(8),
    RE,
  );
  tells(w, begins('lab/restore/a'), ends('lab/restore/a', 'failed'), { kind: 'restore-ended' });
  expect(w.group().past?.[0]?.restored).toBeUndefined();
});
test('a dry run that is through does not stand in the way of an outage that began in it', () => {
  const w = new Watch({ ...unhalted(), dryRun: true }).says('ups', 'OL', CHARGED).runs(20).asks('shutdown', CONF);
  tells(
    tells(w.runs(1), ...through('lab/a'))
      .says('ups', 'OB LB', CHARGED)
      .runs(15),
    RE,
  ).runs(5);
  expect(w.run()?.kind).toBe('outage');
});
