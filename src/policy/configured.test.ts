import { describe, expect, test } from 'vitest';
import { group } from '../../tests/kit/settings.ts';
import { configured, listed, Story, says } from '../../tests/kit/story.ts';
import { HALT, rack, Watch } from '../../tests/kit/watch.ts';
import type { Settings } from '../domain/settings.ts';

const charged = { 'battery.charge': 90 };

const groups = (...ids: readonly string[]): Partial<Settings> => ({
  ...rack(),
  groups: ids.map((id) => group(id, ['ups'], { halt: HALT })),
});

describe('a configuration', () => {
  test('that still has a group calls nothing off', () => {
    const watch = new Watch().says('ups', 'OL', charged).says('ups', 'OB LB', charged).runs(8);
    const { run } = watch.group();
    expect(run).toBeDefined();
    watch.reloads({ ...rack(), dryRun: false, node: 'other' });
    expect(watch.run()?.id).toBe(run?.id);
    expect([watch.told.includes('called_off'), watch.intents.map(({ kind }) => kind)]).toEqual([false, ['run']]);
  });

  test('without a group for which nothing was decided tells nothing of it', () => {
    const story = new Story().tell(configured({ groups: [group('lab', ['ups'])] }), listed('nas', 'ups'));
    story.tell(says('nas', 'ups', 'OL'), configured());
    expect([story.facts, story.intents, story.state.groups.size]).toEqual([[], [], 0]);
  });

  test('takes up what an earlier process has left of its groups, once, and leaves the rest for later', () => {
    const watch = new Watch(groups('one', 'two')).says('ups', 'OL', charged).says('ups', 'OB LB', charged).runs(8);
    const [one, two] = [watch.group('one').run?.id, watch.group('two').run?.id];
    watch.settings = { ...watch.settings, ...groups('one') };
    watch.restart();
    expect([watch.group('one').run?.id, [...(watch.state.memory?.groups.keys() ?? [])]]).toEqual([one, ['two']]);
    watch.reloads(groups('two'));
    expect([watch.group('two').run?.id, watch.state.memory?.groups.size]).toEqual([two, 0]);
    watch.reloads(groups('one', 'two'));
    expect(watch.group('one').progress).toBeUndefined();
  });
});

describe('time', () => {
  test('that has gone by is known from ticks alone', () => {
    const watch = new Watch().tick();
    const { ticked } = watch.state.listening ?? {};
    expect(ticked).toBe(watch.stamp.at);
    watch.passes(2).says('ups', 'OL', charged);
    expect(watch.state.listening).toMatchObject({ ticked, last: watch.stamp.at });
  });

  test('in which we stalled counts again two minutes after the last stall', () => {
    const watch = new Watch().says('ups', 'OL', charged).passes(10).tick().passes(3).runs(111).passes(6).tick();
    expect(watch.state.listening?.gap).toBe(watch.stamp.at);
  });
});
