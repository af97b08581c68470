import { describe, expect, test } from 'vitest';
import { declared, group, TRIGGERS } from '../../tests/kit/settings.ts';
import { rack, Watch } from '../../tests/kit/watch.ts';
import type { Settings } from '../domain/settings.ts';
import { seconds } from '../domain/time.ts';

const charged = { 'battery.charge': 90, 'battery.runtime': 3000 };
const power = (watch: Watch) => watch.state.devices.get('ups')?.power;
/** How many seconds after its last answer a device is taken to be silent, and since when that is. */
function silentAfter(watch: Watch): readonly [after: number, since: number] {
  const from = watch.stamp.at;
  watch.hangs('ups');
  while (power(watch)?.silentSince === undefined) {
    if (watch.stamp.at - from > 60_000) throw new Error('never silent');
    watch.runs(1);
  }
  return [(watch.stamp.at - from) / 1000, ((power(watch)?.silentSince ?? 0) - from) / 1000];
}
const dead = (span: number) => ({ ...TRIGGERS, deadAfter: seconds(span) });
const calm = (more: Partial<Settings> = rack()) => new Watch(more).says('ups', 'OL', charged).runs(60);
const out = (more: Partial<Settings> = rack()) => calm(more).says('ups', 'OB', charged).runs(30);

describe('a device of which nothing comes any more is silent', () => {
  const own = rack(['ups'], { triggers: dead(5) });
  const two = {
    devices: [declared('ups')],
    groups: [group('a', ['ups'], { triggers: dead(8) }), group('b', ['ups'], { triggers: dead(6) })],
  };
  const either = {
    devices: [declared('ups')],
    groups: [group('a', ['ups']), group('b', ['ups'], { triggers: dead(6) }), group('c', ['ups'])],
  };
  test.each<[string, () => Watch, number]>([
    ['on mains after 13 s', () => calm(), 13],
    ['on mains after 13 s, however soon it would be dead', () => calm(own), 13],
    ['on battery after 13 s', () => out(), 13],
    ['on battery after 13 s, where it is dead only later', () => out(rack(['ups'], { triggers: dead(30) })), 13],
    ['on battery as soon as it is dead', () => out(own), 5],
    ['on battery as soon as it is dead for one of its groups', () => out(two), 6],
    [
      'on battery as soon as the default says, in no group',
      () => out({ devices: [declared('ups')], triggers: dead(7) }),
      7,
    ],
    ['on battery as soon as it is dead for the one of its groups that says when', () => out(either), 6],
    ['on battery no sooner than its next answer could have come', () => out(rack(['ups'], { triggers: dead(1) })), 3],
  ])('%s', (_, watched, after) => {
    expect(silentAfter(watched())).toEqual([after, 0]);
  });

  test('on battery no sooner than its next answer could have come, where it is asked every other second', () => {
    const watch = out(rack(['ups'], { triggers: dead(1) }));
    for (let asked = 0; asked < 30; asked += 1) watch.passes(2).says('ups', 'OB', charged);
    expect(silentAfter(watch)).toEqual([4, 0]);
  });

  test('which is judged at once, and over with its next answer', () => {
    const watch = calm().hangs('ups').runs(12);
    expect(watch.classOf()).toBe('healthy');
    expect(watch.runs(1).classOf()).toBe('degraded');
    expect(power(watch.says('ups', 'OL', charged))?.silentSince).toBeUndefined();
  });

  test('5 s after a start that has heard nothing of it, since that start', () => {
    const watch = calm().restart(1).hangs('ups');
    const from = watch.stamp.at;
    expect(power(watch.runs(4))?.silentSince).toBeUndefined();
    expect(power(watch.runs(1))?.silentSince).toBe(from);
  });

  test.each<[string, () => Watch]>([
    ['heard', () => new Watch().runs(60)],
    ['proved', () => new Watch().says('ups', '', { 'ups.load': 20 }).hangs('ups').runs(60)],
  ])('never where nothing was ever %s', (_, watched) => {
    const device = watched().state.devices.get('ups');
    expect([device?.power.silentSince, device?.quality.memory.paused]).toEqual([undefined, undefined]);
  });
});

describe('time that goes by', () => {
  const grid = (watch: Watch) => Object.keys(watch.state.devices.get('ups')?.quality.grid ?? {});
  const hours = (watch: Watch, count: number) => {
    for (let hour = 0; hour < count; hour += 1) watch.passes(3600).tick();
    return watch;
  };

  test('moves the grade of the grid, while a device answers and while it does not', () => {
    const watch = new Watch().says('ups', 'OL', { ...charged, 'input.voltage': 230, 'input.voltage.nominal': 230 });
    expect(grid(watch.runs(3500))).toEqual([]);
    expect(grid(watch.runs(101))).toEqual(['day', 'week']);
    expect(grid(hours(watch.hangs('ups').runs(20), 25))).toEqual(['week']);
  });

  test('leaves a device alone of which nothing is due', () => {
    const watch = calm();
    const { devices } = watch.state;
    expect(watch.passes(1).tick().state.devices).toBe(devices);
  });
});

describe('a silence is told', () => {
  const told = (watch: Watch) =>
    watch.facts.filter(({ type }) => type === 'silent').map(({ second, text }) => [second, text]);
  const text = (span: string) => `ups has proved neither mains nor battery for ${span}: what it is fed by is unknown`;

  test.each<[string, () => Watch]>([
    ['that nobody has noticed', () => calm().hangs('ups')],
    ['of a device that is lost', () => calm().loses('ups')],
    ['of one that is lost and has never proved anything', () => new Watch().runs(60).loses('ups')],
  ])('%s, after five minutes and then every hour', (_, silent) => {
    const watch = silent();
    const from = watch.second;
    watch.runs(2 * 3600 + 400);
    expect(told(watch)).toEqual([
      [from + 300, text('5 min')],
      [from + 3900, text('1 h 5 min')],
      [from + 7500, text('2 h 5 min')],
    ]);
    expect(watch.facts.find(({ type }) => type === 'silent')).toMatchObject({ device: 'ups', level: 'warning' });
  });

  test.each<[string, () => Watch]>([
    ['ticks were missed', () => calm().loses('ups').runs(200)],
    ['not one tick has come before', () => new Watch().loses('ups')],
  ])('once, though %s', (_, lost) => {
    const watch = lost().passes(3 * 3600);
    expect(told(watch.tick().runs(10)).map(([second]) => second)).toEqual([watch.second - 10]);
  });

  test('no sooner, though ticks were missed before it began', () => {
    const watch = calm().passes(7200).says('ups', 'OL', charged).loses('ups');
    const from = watch.second;
    expect(told(watch.tick().runs(310))).toEqual([[from + 300, text('5 min')]]);
  });

  test('not of one that answers', () => {
    expect(told(calm().runs(400))).toEqual([]);
  });
});

describe('a stall of ours', () => {
  const gap = ({ state, stamp }: Watch) =>
    state.listening?.gap !== undefined && (state.listening.gap - stamp.at) / 1000;

  test.each([
    [4, false],
    [5, 0],
  ])('of %i s without an input: %s', (span, is) => {
    expect(gap(calm().passes(span).tick())).toBe(is);
  });

  test('counts once in two minutes: a machine that is always late comes to an end', () => {
    const watch = calm().passes(10).tick();
    expect(gap(watch.passes(119).tick())).toBe(-119);
    expect(gap(watch.passes(1).tick().passes(5).tick())).toBe(0);
  });

  test('is no silence of the devices', () => {
    const watch = out(rack(['ups'], { triggers: dead(10) }))
      .hangs('ups')
      .runs(3)
      .passes(30);
    expect(watch.tick().runs(3).fired).toEqual([]);
    expect(watch.runs(12).fired).toEqual(['ups:dead']);
  });
});
