import { describe, expect, test } from 'vitest';
import {
  begins,
  CHARGED,
  ends,
  halts,
  phase,
  running,
  STAGES,
  stage,
  staged,
  step,
  tells,
  through,
} from '../../tests/kit/pursued.ts';
import { group } from '../../tests/kit/settings.ts';
import { rack, Watch } from '../../tests/kit/watch.ts';

/** A group that an outage has shut down in part, and that waits for its charge. */
const shed = (more = staged()) =>
  tells(running(more), ...through('lab/a'))
    .says('ups', 'OL', { 'battery.charge': 30 })
    .runs(8);
const ended = (more = staged()) => tells(shed(more), { kind: 'run-ended' });
const answer = (watch: Watch, given: Parameters<Watch['asks']>[1] = { group: 'rack' }) => {
  watch.asks('restore', given);
  const last = watch.intents.at(-1);
  return last?.kind === 'answer' ? last.answer : undefined;
};

test('what an outage has shut down is brought back at once, without waiting for the charge', () => {
  const watch = ended();
  const run = watch.group().progress?.run;
  expect(answer(watch)).toEqual({ status: 'ok', data: { group: 'rack', run, stages: ['lab'] } });
  expect([phase(watch), watch.intents.at(-2)]).toMatchObject(['restoring', { kind: 'restore', stages: ['lab'] }]);
  expect(watch.runs(60).group().shed).toEqual({ stages: ['lab'], undo: new Map(), asked: true });
});

test('what has no way back is given up, and that is told', () => {
  const watch = ended(staged({ stages: [stage('lab', { restore: [] }), stage('vms')] }));
  watch.state = {
    ...watch.state,
    groups: new Map([['rack', { ...watch.group(), shed: { stages: ['lab'], undo: new Map(), held: 'failed' } }]]),
  };
  expect(answer(watch)).toMatchObject({ status: 'ok', data: { stages: [] } });
  expect([phase(watch), watch.group().shed, watch.facts.at(-2)?.text]).toEqual([
    'restored',
    undefined,
    'rack: a person has asked for it, and nothing is configured that brings back lab',
  ]);
});

test('it is stopped by an outage as any other', () => {
  const watch = ended();
  answer(watch);
  watch.says('ups', 'OB', CHARGED).runs(2);
  expect(watch.intents.at(-1)).toMatchObject({ kind: 'stop-restore', reason: 'ups is on battery' });
});

const CONFIRMED = { group: 'rack', confirm: 'rack' };
const EMPTIED = { ...rack(), groups: [group('rack', ['ups'])] };
const UNCLEAR = 'it is not clear yet what the restart has left';
const STOPPING = 'what was stopped is not through yet';
const CANCEL_FIRST = 'its shutdown is going on, cancel it first';
const ALL = [...through('lab/a'), ...through('vms/a'), ends('host', 'failed'), { kind: 'run-ended' } as const];

describe('nothing is brought back', () => {
  const calm = (more = staged()) => new Watch(more).says('ups', 'OL', CHARGED).runs(20);
  const byHand = () => calm().asks('shutdown', CONFIRMED);
  const restoring = () => ended().asks('restore', { group: 'rack' });
  const ownDone = () => tells(byHand(), ...through('lab/a'), ...through('vms/a'), { kind: 'run-ended' });
  const going = () => tells(byHand(), ...through('lab/a'), halts(), ends('host'), { kind: 'run-ended' });
  const cutting = staged({ stages: [stage('lab'), stage('vms', { steps: [step('vms/a', 'ups')] })] });
  const toldToCut = () => tells(calm(cutting).asks('shutdown', CONFIRMED), ...through('vms/a'), { kind: 'run-ended' });
  const unheard = () => {
    const watch = new Watch(staged({}, ['a', 'b'])).says('a', 'OL', CHARGED).says('b', 'OL', CHARGED).runs(20);
    tells(watch.asks('shutdown', CONFIRMED), ...through('lab/a'), { kind: 'run-ended' });
    return watch.loses('a').loses('b').runs(1);
  };
  const BLIND = 'a, b does not say that the mains are there; if you have seen it, send "blind": true';
  const CUTTING = 'a UPS was told to switch off and may be about to';
  test.each<[string, () => Watch, string, string]>([
    ['where nothing is shut down', calm, 'nothing-to-restore', 'nothing of it is shut down'],
    ['while its shutdown is going on', running, 'nothing-to-restore', 'nothing of it is shut down'],
    ['while its shutdown is at work', () => tells(running(), begins('lab/a')), 'not-now', CANCEL_FIRST],
    ['while what was called off still runs', shed, 'not-now', STOPPING],
    ['while what a person has asked for runs', () => tells(byHand(), begins('lab/a')), 'not-now', CANCEL_FIRST],
    ['for an outage that is not over', () => tells(running(), ...ALL), 'not-now', CANCEL_FIRST],
    [
      'before it is clear what a restart has left',
      () => tells(running(), begins('lab/a')).restart(1),
      'not-now',
      CANCEL_FIRST,
    ],
    ['before it is clear what a reboot has left', () => tells(running(), begins('lab/a')).reboot(), 'not-now', UNCLEAR],
    ['while a restart has left it open', () => ownDone().restart(1).says('ups', 'OL', CHARGED), 'not-now', UNCLEAR],
    ['while this machine goes down', going, 'not-now', 'this machine is going down'],
    ['while a UPS is about to switch off', () => toldToCut().runs(299), 'not-now', CUTTING],
    ['where no feed is heard', unheard, 'not-now', BLIND],
    [
      'that would be shut down again',
      () => ownDone().says('ups', 'OL FSD').runs(2),
      'not-now',
      'its feeds call for a shutdown',
    ],
    [
      'of a plan that is gone',
      () => ended().reloads(EMPTIED),
      'not-now',
      'the configuration has nothing to shut down any more',
    ],
    ['while it is being stopped', () => restoring().asks('cancel', { restore: true }), 'not-now', STOPPING],
    ['twice', restoring, 'not-now', 'it is being brought back already'],
    ['on battery', () => ended().says('ups', 'OB', CHARGED).runs(1), 'not-now', 'ups is on battery'],
    ['while it is disarmed', () => ended().asks('disarm', { group: 'rack' }), 'not-now', 'it is not armed'],
    ['unarmed', () => ended().reloads({ ...staged(), armed: false }), 'not-now', 'it is not armed'],
    ['in a dry run', () => ended().reloads({ ...staged(), dryRun: true }), 'not-now', 'the configuration says dry_run'],
  ])('%s', (_, prepared, code, why) => {
    const watch = prepared();
    const before = [phase(watch), watch.group().shed];
    expect(answer(watch)).toMatchObject({ status: 'error', code, error: `rack: ${why}` });
    expect([phase(watch), watch.group().shed]).toEqual(before);
  });

  test.each([{}, { group: 'attic' }, { group: 7 }])('of %j, which is no group', (given) => {
    const watch = ended();
    watch.asks('restore', given);
    expect(watch.intents.at(-1)).toMatchObject({ kind: 'answer', answer: { code: 'unknown-group' } });
  });
});

test('it is brought back although a UPS was told to switch off, once that has had its time', () => {
  const cutting = staged({ stages: [stage('lab'), stage('vms', { steps: [step('vms/a', 'ups')] })] });
  const watch = new Watch(cutting).says('ups', 'OL', CHARGED).runs(20).asks('shutdown', CONFIRMED);
  tells(watch, ...through('vms/a'), { kind: 'run-ended' }).runs(300);
  expect(answer(watch)).toMatchObject({ status: 'ok' });
});

test('it is brought back where the halt of this machine was taken and a person has cancelled it', () => {
  const watch = new Watch(staged()).says('ups', 'OL', CHARGED).runs(20).asks('shutdown', CONFIRMED);
  tells(watch, ...through('lab/a'), halts(), ends('host'), { kind: 'run-ended' });
  watch.says('ups', 'OL', { 'battery.charge': 10 }).runs(1).asks('cancel');
  expect(answer(watch)).toMatchObject({ status: 'ok' });
});

test('it is brought back where this machine was to go down and has not', () => {
  const watch = new Watch(staged()).says('ups', 'OL', CHARGED).runs(20).asks('shutdown', CONFIRMED);
  tells(watch, ...through('lab/a'), halts(), ends('host', 'failed'), { kind: 'run-ended' });
  expect(answer(watch)).toMatchObject({ status: 'ok' });
  expect([watch.run(), watch.runs(200).run(), phase(watch)]).toEqual([undefined, undefined, 'restoring']);
});

test('it is brought back where no feed is heard once a person vouches for the mains, in words that are understood', () => {
  const watch = new Watch(staged()).says('ups', 'OL', CHARGED).runs(20).asks('shutdown', CONFIRMED);
  tells(watch, ...through('lab/a'), { kind: 'run-ended' })
    .loses('ups')
    .runs(1);
  expect(answer(watch, { group: 'rack', blind: 'yes' })).toMatchObject({
    code: 'wrong-value',
    error: 'rack: write "blind" as true or false',
  });
  expect(answer(watch, { group: 'rack', blind: true })).toMatchObject({ status: 'ok' });
});

test('a restore that is held back, or that an outage still stands before, is not there to be cancelled', () => {
  const held = tells(ended().asks('cancel', { restore: true }));
  const before = held.group();
  expect(held.asks('cancel', { restore: true }).intents.at(-1)).toMatchObject({
    answer: { code: 'nothing-to-cancel' },
  });
  expect(held.group()).toBe(before);
  const out = tells(running(), ...ALL).asks('cancel', { restore: true });
  expect([out.intents.at(-1), out.group().shed?.held]).toMatchObject([
    { answer: { code: 'nothing-to-cancel' } },
    undefined,
  ]);
});

test('a feed that nobody lists any more is named by its id', () => {
  const watch = new Watch(staged({}, ['ups', 'ghost'])).says('ups', 'OL', CHARGED).runs(20).asks('shutdown', CONFIRMED);
  tells(watch, ...through('lab/a'), { kind: 'run-ended' })
    .loses('ups')
    .runs(1);
  const devices = new Map([...watch.state.devices].filter(([id]) => id !== 'ghost'));
  watch.state = { ...watch.state, devices };
  expect(answer(watch)).toMatchObject({ error: expect.stringMatching(/^rack: ups, ghost does not say/) });
});

test('each group is brought back by its own configuration', () => {
  const groups = [group('rack', ['ups'], { stages: [stage('nas')] }), group('desk', ['ups'], { stages: STAGES })];
  const watch = new Watch({ ...rack(), groups }).says('ups', 'OL', CHARGED).runs(20);
  watch.asks('shutdown', { group: 'desk', confirm: 'desk' });
  const run = watch.group('desk').progress?.run ?? '';
  for (const event of [...through('lab/a'), { kind: 'run-ended' } as const]) {
    watch.tell({ kind: 'progressed', group: 'desk', run, event });
  }
  expect(answer(watch, { group: 'desk' })).toEqual({ status: 'ok', data: { group: 'desk', run, stages: ['lab'] } });
});

test('a cancel of all restores names those that there were', () => {
  const groups = ['rack', 'desk'].map((id) => ({ ...group(id, ['ups'], { stages: STAGES }) }));
  const watch = new Watch({ ...rack(), groups }).says('ups', 'OL', CHARGED).runs(20).asks('shutdown', CONFIRMED);
  tells(watch, ...through('lab/a'), { kind: 'run-ended' }).asks('restore', { group: 'rack' });
  watch.asks('cancel', { restore: true });
  expect(watch.intents.at(-1)).toMatchObject({ answer: { status: 'ok', data: { cancelled: ['rack'] } } });
});

describe('who may restore', () => {
  const asked = (allow: readonly string[], verb: string, given: Parameters<Watch['asks']>[1]) => {
    const watch = ended().asks('restore', { group: 'rack' });
    watch.reloads({ ...staged(), allow });
    const last = watch.asks(verb, given).intents.at(-1);
    return last?.kind === 'answer' && last.answer.status === 'error' ? last.answer.error : 'done';
  };

  test.each([
    [['bridge.cancel'], { restore: true }, 'bridge.restore is not in commands.allow'],
    [['bridge.restore'], { restore: true }, 'done'],
    [['bridge.restore'], {}, 'bridge.cancel is not in commands.allow'],
    [['bridge.restore'], { restore: false }, 'bridge.cancel is not in commands.allow'],
    [['bridge.cancel'], {}, 'no shutdown is going on'],
    [['bridge.cancel'], { restore: 'true' }, 'write "restore" as true or false'],
  ])('may stop one as well: allowed %j, cancel %j: %s', (allow, given, says) => {
    expect(asked(allow, 'cancel', given)).toBe(says);
  });

  test('stands for no other verb', () => {
    expect(asked(['bridge.restore'], 'disarm', { restore: true })).toBe('bridge.disarm is not in commands.allow');
  });
});

test('a restore is cancelled only by who says so, once', () => {
  const watch = ended();
  answer(watch);
  watch.asks('cancel');
  expect(watch.intents.at(-1)).toMatchObject({
    answer: { code: 'nothing-to-cancel', error: 'no shutdown is going on' },
  });
  watch.asks('cancel', { restore: true });
  expect(watch.intents.slice(-2)).toMatchObject([
    { kind: 'stop-restore', reason: 'a person has cancelled it' },
    { kind: 'answer', answer: { status: 'ok', data: { cancelled: ['rack'] } } },
  ]);
  expect(watch.group().shed).toEqual({ stages: ['lab'], undo: new Map(), held: 'cancelled' });
  watch.asks('cancel', { restore: true });
  expect(watch.intents.at(-1)).toMatchObject({
    answer: { code: 'nothing-to-cancel', error: 'no restore is going on' },
  });
});
