import { describe, expect, test } from 'vitest';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import type { StepLook } from '../../domain/progress.ts';
import { asMillis } from '../../domain/time.ts';

const WELL: StepLook = { ok: true, text: 'there', took: asMillis(1234) };
const ILL: StepLook = { ok: false, text: 'no such host', took: asMillis(40) };

const STEP = 'lab/nas';
const looked = (watch: Watch, look: StepLook, group = 'rack') =>
  watch.tell({ kind: 'looked', groups: new Map([[group, new Map([[STEP, look]])]]) });
const calm = () => new Watch(rack()).says('ups', 'OL', { 'battery.charge': 100, 'battery.runtime': 3000 }).runs(20);
const unready = ({ told }: Watch) => told.filter((type) => type.startsWith('step_'));
const reasons = (watch: Watch) => watch.group().readiness.reasons;

describe('a step that is looked at', () => {
  test.each<[string, readonly StepLook[], readonly string[]]>([
    ['that would work', [WELL, WELL], []],
    ['that would not work at the first look', [ILL], ['step_unready']],
    ['that goes on not to work', [ILL, ILL, ILL], ['step_unready']],
    ['that failed once after it had worked', [WELL, ILL, WELL], []],
    ['that failed twice in a row', [WELL, ILL, ILL, ILL], ['step_unready']],
    ['that fails every other time', [WELL, ILL, WELL, ILL, WELL, ILL], []],
    ['that works again', [ILL, WELL, WELL], ['step_unready', 'step_ready']],
    ['that failed once after it had worked again', [ILL, WELL, ILL], ['step_unready', 'step_ready']],
  ])('%s', (_, looks, told) => {
    const watch = looks.reduce((all, look) => looked(all.runs(1), look), calm());
    expect([unready(watch), watch.intents]).toEqual([told, []]);
    const isUnready = told.at(-1) === 'step_unready';
    expect(reasons(watch)).toEqual(isUnready ? [`${STEP} would not work: no such host`] : []);
  });

  test('is told of with its group, its reason and how bad it is', () => {
    const watch = looked(looked(calm(), ILL), WELL);
    expect(watch.facts.filter(({ type }) => type.startsWith('step_'))).toMatchObject([
      { group: 'rack', level: 'warning', text: `rack: ${STEP} would not work, no such host`, details: { step: STEP } },
      { group: 'rack', level: 'notice', text: `rack: ${STEP} would work again`, details: { step: STEP } },
    ]);
    expect(watch.told.filter((type) => type === 'ready' || type === 'not_ready')).toEqual(['not_ready', 'ready']);
  });

  test('is remembered with the moment, what was seen, and how often it has failed', () => {
    const watch = looked(looked(calm(), ILL), ILL);
    expect(watch.group().looked?.get(STEP)).toEqual({
      ...ILL,
      wall: watch.stamp.wall,
      failures: 2,
      toldUnready: true,
    });
    expect(looked(watch, WELL).group().looked?.get(STEP)).toMatchObject({ failures: 0, toldUnready: false });
  });

  test('and is gone from the plan at the next look is forgotten', () => {
    const watch = looked(calm(), ILL).tell({ kind: 'looked', groups: new Map([['rack', new Map()]]) });
    expect([watch.group().looked?.size, reasons(watch)]).toEqual([0, []]);
  });

  test('for the first time beside others that are known is told as well', () => {
    const other = new Map([['lab/new', ILL]]);
    const watch = looked(calm(), WELL).tell({ kind: 'looked', groups: new Map([['rack', other]]) });
    expect(unready(watch)).toEqual(['step_unready']);
  });

  test('of a group that is no more says nothing', () => {
    const watch = calm();
    const { groups } = watch.state;
    expect([unready(looked(watch, ILL, 'gone')), watch.state.groups.get('rack')]).toEqual([[], groups.get('rack')]);
    expect(watch.state.groups.has('gone')).toBe(false);
  });
});

describe('a drill', () => {
  const drilled = () => calm().asks('drill', { group: 'rack' });
  const seen = (request?: string) =>
    ({
      kind: 'looked',
      groups: new Map([['rack', new Map([[STEP, WELL]])]]),
      ...(request === undefined ? {} : { request }),
    }) as const;
  const answers = ({ intents }: Watch) => intents.flatMap((one) => (one.kind === 'answer' ? [one.answer] : []));

  test('is answered with what was seen, once', () => {
    const watch = drilled();
    expect(watch.intents).toMatchObject([{ kind: 'look', request: 'r1', groups: ['rack'] }]);
    expect(answers(watch)).toEqual([]);
    watch.tell(seen('r1'));
    expect(answers(watch)).toEqual([
      { status: 'ok', data: { groups: { rack: { [STEP]: { ok: true, text: 'there', took: 1.234 } } } } },
    ]);
    expect([watch.state.pending.size, watch.group().looked?.size]).toEqual([0, 1]);
    expect(answers(watch.tell(seen('r1')))).toHaveLength(1);
  });

  test('goes on waiting while a look that nobody asked for comes in', () => {
    const watch = drilled().tell(seen());
    expect([answers(watch), watch.state.pending.size, watch.group().looked?.size]).toEqual([[], 1, 1]);
  });
});
