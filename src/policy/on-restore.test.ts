import { describe, expect, test } from 'vitest';
import { begins, CHARGED, ends, phase, running, stage, staged, tells, through } from '../../tests/kit/pursued.ts';
import { Watch } from '../../tests/kit/watch.ts';

/** A group that an outage has shut down in part, and that waits for its charge. */
const shed = (more = staged()) =>
  tells(running(more), ...through('lab/a'))
    .says('ups', 'OL', { 'battery.charge': 30 })
    .runs(8);
const ended = (more = staged()) => tells(shed(more), { kind: 'run-ended' });
const answer = (watch: Watch, given = { group: 'rack' }) => {
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

const CANCEL_FIRST = 'its shutdown is going on, cancel it first';
const ALL = [...through('lab/a'), ...through('vms/a'), ends('host', 'failed'), { kind: 'run-ended' } as const];

describe('nothing is brought back', () => {
  const calm = (more = staged()) => new Watch(more).says('ups', 'OL', CHARGED).runs(20);
  const byHand = () => calm().asks('shutdown', { group: 'rack', confirm: 'rack' });
  const restoring = () => ended().asks('restore', { group: 'rack' });
  test.each<[string, () => Watch, string, string]>([
    ['where nothing is shut down', calm, 'nothing-to-restore', 'nothing of it is shut down'],
    ['while its shutdown is going on', running, 'nothing-to-restore', 'nothing of it is shut down'],
    ['while its shutdown is at work', () => tells(running(), begins('lab/a')), 'not-now', CANCEL_FIRST],
    ['while what was called off still runs', shed, 'not-now', 'what was stopped is not through yet'],
    ['while what a person has asked for runs', () => tells(byHand(), begins('lab/a')), 'not-now', CANCEL_FIRST],
    ['for an outage that is not over', () => tells(running(), ...ALL), 'not-now', CANCEL_FIRST],
    [
      'before it is clear what a restart has left',
      () => tells(running(), begins('lab/a')).restart(1),
      'not-now',
      CANCEL_FIRST,
    ],
    [
      'before it is clear what a reboot has left',
      () => tells(running(), begins('lab/a')).reboot(),
      'not-now',
      'it is not clear yet what the restart has left',
    ],
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

test('a restore is cancelled only by who says so, once', () => {
  const watch = ended();
  answer(watch);
  watch.asks('cancel');
  expect(watch.intents.at(-1)).toMatchObject({
    answer: { code: 'nothing-to-cancel', error: 'no shutdown is going on' },
  });
  watch.asks('cancel', { restore: true });
  expect(watch.intents.slice(-2)).toMatchObject([
    { kind: 'stop-restore' },
    { kind: 'answer', answer: { status: 'ok', data: { cancelled: ['rack'] } } },
  ]);
  watch.asks('cancel', { restore: true });
  expect(watch.intents.at(-1)).toMatchObject({
    answer: { code: 'nothing-to-cancel', error: 'no restore is going on' },
  });
});
