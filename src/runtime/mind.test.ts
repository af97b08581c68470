import { describe, expect, test } from 'vitest';
import { settings } from '../../tests/kit/settings.ts';
import { listed, WALL } from '../../tests/kit/story.ts';
import { rack } from '../../tests/kit/watch.ts';
import type { Fact } from '../domain/facts.ts';
import type { Input } from '../domain/inputs.ts';
import type { Intent } from '../domain/intents.ts';
import { readingOf } from '../domain/reading.ts';
import type { Settings } from '../domain/settings.ts';
import { asInstant } from '../domain/time.ts';
import { decide } from '../policy/decide.ts';
import { BLANK, type Mind, think } from './mind.ts';

/** A mind to which inputs are told a second apart, and whose deciding can be made to fail. */
class Thinker {
  mind: Mind = BLANK;
  readonly intents: Intent[] = [];
  readonly facts: Fact[] = [];
  readonly thrown: unknown[] = [];
  fails: (input: Input) => boolean = () => false;
  #second = 0;

  constructor(more: Partial<Settings> = rack()) {
    const all = settings(more);
    this.tell({ kind: 'configured', settings: all });
    this.tell(listed('nas', ...all.devices.map(({ name }) => name)));
  }

  tell(input: Input): this {
    const stamp = { at: asInstant(this.#second * 1000), wall: WALL + this.#second * 1000 };
    const thought = think(this.mind, input, stamp, (state, given, when) => {
      if (this.fails(given)) throw new Error('a bug');
      return decide(state, given, when);
    });
    this.mind = thought.mind;
    this.intents.push(...thought.transition.intents);
    this.facts.push(...thought.transition.facts);
    if (thought.thrown !== undefined) this.thrown.push(thought.thrown.value);
    return this;
  }

  /** A second later each of the devices says this; then a tick. */
  says(statuses: Readonly<Record<string, string>>, times = 1): this {
    for (let time = 0; time < times; time += 1) {
      this.#second += 1;
      const at = asInstant(this.#second * 1000);
      const readings = new Map(
        Object.entries(statuses).map(([name, words]) => [name, readingOf(new Map([['ups.status', words]]), at, at)]),
      );
      this.tell({ kind: 'report', report: { kind: 'readings', source: 'nas', readings } }).tell({ kind: 'tick' });
    }
    return this;
  }

  get runs() {
    return this.intents.flatMap((intent) => (intent.kind === 'run' ? [intent] : []));
  }

  get callOffs() {
    return this.intents.filter(({ kind }) => kind === 'call-off');
  }
}

const always = () => true;
const onReports = ({ kind }: Input) => kind === 'report';

describe('where deciding fails', () => {
  test('the state is kept, and the failure is told and given to be blamed', () => {
    const thinker = new Thinker().says({ ups: 'OL' }, 3);
    const { state } = thinker.mind;
    thinker.fails = always;
    thinker.says({ ups: 'OB' });
    expect(thinker.mind.state).toBe(state);
    expect(thinker.thrown).toEqual([new Error('a bug'), new Error('a bug')]);
    expect(thinker.facts.at(-1)).toMatchObject({ type: 'internal_error', level: 'error' });
    thinker.fails = () => false;
    thinker.says({ ups: 'OB' });
    expect(thinker.mind.state.devices.get('ups')?.power.fed).toBe('battery');
  });

  test('two readings of a low battery run the standing plan, once', () => {
    const thinker = new Thinker().says({ ups: 'OL' }, 3);
    thinker.fails = always;
    thinker.says({ ups: 'OB LB' });
    expect(thinker.runs).toEqual([]);
    thinker.says({ ups: 'OB LB' }, 60);
    expect(thinker.runs).toMatchObject([{ group: 'rack', halt: true, dryRun: false }]);
    expect(thinker.mind.state.groups.get('rack')?.run).toMatchObject({ whole: true, effect: 'act' });
  });

  test('readings from before the failure count', () => {
    const thinker = new Thinker().says({ ups: 'OL' }, 3).says({ ups: 'OB LB' }, 2);
    expect(thinker.runs).toEqual([]);
    thinker.fails = always;
    thinker.tell({ kind: 'tick' });
    expect(thinker.runs).toHaveLength(1);
  });

  test.each(['OL', 'OB', 'OL LB', 'LB', '', 'OB LB CAL', 'WAIT'])('%j runs nothing', (words) => {
    const thinker = new Thinker().says({ ups: 'OL' }, 3);
    thinker.fails = always;
    thinker.says({ ups: words }, 20);
    expect(thinker.runs).toEqual([]);
  });

  test.each([
    ['obey', 1],
    ['tell', 0],
  ] as const)('a forced shutdown is a matter of fsd: %s', (fsd, count) => {
    const thinker = new Thinker({ ...rack(), fsd }).says({ ups: 'OL' }, 3);
    thinker.fails = always;
    expect(thinker.says({ ups: 'FSD OL' }, 5).runs).toHaveLength(count);
  });

  test.each([
    ['that is not armed', { ...rack(), armed: false }],
    ['without stages and halt', { ...rack(), groups: rack().groups?.map(({ halt: _, ...rest }) => rest) ?? [] }],
  ])('a group %s runs nothing', (_, more) => {
    const thinker = new Thinker(more).says({ ups: 'OL' }, 3);
    thinker.fails = always;
    expect(thinker.says({ ups: 'OB LB' }, 5).runs).toEqual([]);
  });

  test('a dry run is one', () => {
    const thinker = new Thinker({ ...rack(), dryRun: true }).says({ ups: 'OL' }, 3);
    thinker.fails = always;
    expect(thinker.says({ ups: 'OB LB' }, 5).runs).toMatchObject([{ dryRun: true }]);
  });

  test('a group that a person has disarmed runs nothing', () => {
    const thinker = new Thinker().says({ ups: 'OL' }, 3);
    const ask = { kind: 'verb', verb: 'disarm', given: { group: 'rack' } } as const;
    thinker.tell({ kind: 'request', request: { id: 'r1', from: 'http', ask } });
    thinker.fails = always;
    expect(thinker.says({ ups: 'OB LB' }, 5).runs).toEqual([]);
  });

  test('the quorum counts', () => {
    const thinker = new Thinker(rack(['a', 'b'])).says({ a: 'OL', b: 'OL' }, 3);
    thinker.fails = always;
    thinker.says({ a: 'OB LB', b: 'OL' }, 5);
    expect(thinker.runs).toEqual([]);
    thinker.says({ b: 'OB LB' }, 2);
    expect(thinker.runs).toHaveLength(1);
  });

  test('silence is no news', () => {
    const thinker = new Thinker().says({ ups: 'OL' }, 3);
    thinker.fails = always;
    thinker.says({ ups: 'OB LB' }).says({}, 60);
    expect(thinker.runs).toEqual([]);
  });

  test('a plan that runs already is not begun a second time', () => {
    const thinker = new Thinker().says({ ups: 'OL' }, 3).says({ ups: 'OB LB' }, 10);
    expect(thinker.runs).toHaveLength(1);
    thinker.fails = always;
    thinker.says({ ups: 'OB LB' }, 10);
    expect(thinker.runs).toHaveLength(1);
  });

  test('before any configuration nothing runs', () => {
    const thought = think(BLANK, { kind: 'tick' }, { at: asInstant(0), wall: WALL }, () => {
      throw new Error('a bug');
    });
    expect([thought.transition.intents, thought.mind.state]).toEqual([[], BLANK.state]);
  });

  test('a forced shutdown that stood there at the start and was only told is not obeyed by a bug', () => {
    const thinker = new Thinker().says({ ups: 'FSD OL' }, 10);
    expect(thinker.runs).toEqual([]);
    thinker.fails = ({ kind }) => kind === 'noticed';
    thinker.tell({ kind: 'noticed', type: 'listener_failed', text: 'a port' }).says({ ups: 'FSD OL' }, 3);
    expect(thinker.runs).toEqual([]);
  });
});

describe('what the failsafe has begun', () => {
  test('is not begun again by deciding that works again', () => {
    const thinker = new Thinker().says({ ups: 'OL' }, 3);
    thinker.fails = always;
    thinker.says({ ups: 'OB LB' }, 3);
    thinker.fails = () => false;
    thinker.says({ ups: 'OB LB' }, 60);
    expect([new Set(thinker.runs.map(({ run }) => run)).size, thinker.callOffs]).toEqual([1, []]);
  });

  test('is not called off by ticks that still see the mains of before, and runs once', () => {
    const thinker = new Thinker().says({ ups: 'OL' }, 3);
    thinker.fails = onReports;
    thinker.says({ ups: 'OB LB' }, 60);
    expect([thinker.runs.length, thinker.callOffs]).toEqual([1, []]);
    expect(thinker.mind.state.groups.get('rack')?.run?.whole).toBe(true);
  });

  test('because of a forced shutdown is not called off by mains', () => {
    const thinker = new Thinker().says({ ups: 'OL' }, 3);
    thinker.fails = onReports;
    thinker.says({ ups: 'FSD OL' }, 10);
    thinker.fails = () => false;
    thinker.says({ ups: 'FSD OL' }, 10);
    expect([new Set(thinker.runs.map(({ run }) => run)).size, thinker.callOffs]).toEqual([1, []]);
  });

  test('is called off by mains that are really back', () => {
    const thinker = new Thinker().says({ ups: 'OL' }, 3);
    thinker.fails = always;
    thinker.says({ ups: 'OB LB' }, 3);
    thinker.fails = () => false;
    thinker.says({ ups: 'OB LB' }, 3).says({ ups: 'OL' }, 10);
    expect([thinker.runs.length, thinker.callOffs.length]).toEqual([1, 1]);
  });

  test('of a group with spare feeds is not called off while too many are in danger', () => {
    const thinker = new Thinker(rack(['a', 'b'])).says({ a: 'OL', b: 'OL' }, 3);
    thinker.fails = onReports;
    thinker.says({ a: 'OB LB', b: 'OB LB' }, 30);
    expect([thinker.runs.length, thinker.callOffs]).toEqual([1, []]);
  });
});
