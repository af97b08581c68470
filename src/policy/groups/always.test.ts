import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TRIGGERS } from '../../../tests/kit/settings.ts';
import { rack, Watch } from '../../../tests/kit/watch.ts';
import { FLAG_NAMES } from '../../domain/flags.ts';
import type { Settings } from '../../domain/settings.ts';
import { seconds } from '../../domain/time.ts';

const FIXED = { seed: 1, numRuns: 200 } as const;

/** A group that sheds early, and halts. */
const shedding = (feeds: readonly string[] = ['ups']): Partial<Settings> =>
  rack(feeds, {
    stages: [
      { name: 'shed', when: { onBatteryFor: seconds(20) }, steps: [], restore: [] },
      { name: 'halt', steps: [], restore: [] },
    ],
  });

const words = (...without: readonly string[]) =>
  fc.uniqueArray(fc.constantFrom(...FLAG_NAMES.filter((flag) => !without.includes(flag)), 'GIBBERISH'), {
    maxLength: 6,
  });
const gauges = fc.record(
  {
    'battery.charge': fc.integer({ min: 0, max: 100 }),
    'battery.runtime': fc.integer({ min: 0, max: 3000 }),
    'battery.voltage': fc.integer({ min: 20, max: 28 }),
    'ups.load': fc.integer({ min: 0, max: 120 }),
  },
  { requiredKeys: [] },
);

/** What a device does for a while: answers, or is lost. */
interface Chapter {
  readonly status: string;
  readonly vars: Readonly<Record<string, number>>;
  readonly lasts: number;
  readonly lost: boolean;
}

const chapter = (status: fc.Arbitrary<string>, lost: number): fc.Arbitrary<Chapter> =>
  fc.record({
    status,
    vars: gauges,
    lasts: fc.integer({ min: 1, max: 25 }),
    lost: fc.integer({ min: 0, max: 99 }).map((one) => one < lost),
  });
const anyStatus = fc.oneof(
  words('FSD').map((flags) => flags.join(' ')),
  fc.constantFrom('OL', 'OB', 'OB LB', 'OB DISCHRG', 'OL CHRG', 'OL OB', '', 'WAIT', 'LB'),
);
const story = (lost = 15) => fc.array(chapter(anyStatus, lost), { minLength: 1, maxLength: 6 });

function plays(watch: Watch, chapters: readonly Chapter[], each?: (second: number) => void): Watch {
  for (const { status, vars, lasts, lost } of chapters) {
    if (lost) watch.loses('ups');
    else watch.changes('ups', status, vars);
    watch.runs(lasts, each);
  }
  return watch;
}

test('on mains with fresh data nothing is ever shut down, whatever the words', () => {
  const mains = fc.tuple(fc.constantFrom('OL', 'TRIM', 'BOOST', 'ECO', 'HE', 'ESS', 'BYPASS'), words('OB', 'FSD'));
  const chapters = fc.array(
    chapter(
      mains.map(([proof, rest]) => [proof, ...rest].join(' ')),
      0,
    ),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(chapters, (given) => {
      expect(plays(new Watch(shedding()), given).runsOrdered).toEqual([]);
    }),
    FIXED,
  );
});

test('while one of two feeds is on mains, a group that needs one is never shut down', () => {
  const any = fc.oneof(anyStatus, fc.constantFrom('FSD OL', 'FSD OB', 'OB LB', 'OL OFF'));
  fc.assert(
    fc.property(fc.array(chapter(any, 30), { maxLength: 6 }), (given) => {
      const watch = new Watch(shedding(['ups', 'other'])).says('other', 'OL', { 'battery.charge': 100 });
      expect(plays(watch, given).runsOrdered).toEqual([]);
    }),
    FIXED,
  );
});

test('an outage has one plan at most, and its orders only grow', () => {
  fc.assert(
    fc.property(story(), (chapters) => {
      const watch = new Watch(shedding()).says('ups', 'OL');
      const plans = new Map<string, Set<string>>();
      let seen = 0;
      plays(watch, chapters, () => {
        const outage = watch.state.devices.get('ups')?.power.outage?.id ?? 'none';
        const runs = plans.get(outage) ?? new Set();
        for (const { run } of watch.runsOrdered.slice(seen)) runs.add(run);
        seen = watch.runsOrdered.length;
        plans.set(outage, runs);
      });
      for (const runs of plans.values()) expect(runs.size).toBeLessThanOrEqual(1);
      for (const [index, order] of watch.runsOrdered.entries()) {
        const before = watch.runsOrdered.slice(0, index).findLast(({ run }) => run === order.run);
        expect(before?.stages.every((stage) => order.stages.includes(stage)) ?? true).toBe(true);
        expect(before?.halt ?? false).toBe(before?.halt === true && order.halt);
      }
    }),
    FIXED,
  );
});

describe('on battery a decision always comes in time', () => {
  /** How often something can be seen: always, never, or so many seconds of every few. */
  const seen = fc.oneof(
    fc.constantFrom<readonly [number, number]>([1, 1], [0, 1]),
    fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 3, max: 6 })),
  );
  const scene = fc.record({
    lasts: fc.integer({ min: 180, max: 400 }),
    charge: seen,
    runtime: seen,
    heard: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 4, max: 8 })),
    limit: fc.option(fc.integer({ min: 30, max: 300 }), { nil: undefined }),
    status: fc.constantFrom('OB', 'OB DISCHRG', 'OB RB', 'OB OVER', 'OB BYPASS', 'OB TEST'),
  });
  const isSeen = ([of, every]: readonly [number, number], second: number) => second % every < of;

  test('whatever is missing', () => {
    fc.assert(
      fc.property(scene, ({ lasts, charge, runtime, heard, limit, status }) => {
        const onBatteryFor = limit === undefined ? ('auto' as const) : seconds(limit);
        const watch = new Watch(rack(['ups'], { triggers: { ...TRIGGERS, onBatteryFor } })).says('ups', 'OL');
        const end = Math.min(limit ?? 900, charge[0] + runtime[0] > 0 ? lasts : 900);
        for (let second = 1; second <= end + 60 && watch.decidedAt === undefined; second += 1) {
          const left = Math.max(0, 1 - second / lasts);
          const vars = {
            ...(isSeen(charge, second) ? { 'battery.charge': Math.ceil(left * 100) } : {}),
            ...(isSeen(runtime, second) ? { 'battery.runtime': Math.round(left * lasts) } : {}),
          };
          if (isSeen(heard, second) || second === 1) watch.changes('ups', status, vars);
          else watch.loses('ups');
          watch.runs(1);
        }
        expect(watch.decidedAt).toBeLessThanOrEqual(end + (limit === end && status.includes('TEST') ? 60 : 1));
      }),
      FIXED,
    );
  });

  test('also when it falls silent for good at any moment', () => {
    const silent = fc.record({ at: fc.integer({ min: 1, max: 120 }), vars: gauges, told: fc.boolean() });
    fc.assert(
      fc.property(silent, ({ at, vars, told }) => {
        const watch = new Watch().says('ups', 'OL').says('ups', 'OB', vars).runs(at);
        if (told) watch.loses('ups');
        else watch.changes('ups', 'WAIT', {});
        watch.runs(62);
        expect(watch.decidedAt).toBeLessThanOrEqual(at + 60);
      }),
      FIXED,
    );
  });
});

describe('less charge and less runtime at every moment never decide later', () => {
  const steps = fc.array(fc.record({ falls: fc.integer({ min: 0, max: 9 }), less: fc.nat(40), less2: fc.nat(40) }), {
    minLength: 10,
    maxLength: 22,
  });
  /** When it is decided, with a step of the gauges every six seconds. */
  function decidedWith(charges: readonly number[], runtimes: readonly number[], tells: string): number {
    const watch = new Watch(rack(['ups'], { triggers: { ...TRIGGERS, depletion: 'off' } })).says('ups', 'OL');
    for (const [index, charge] of charges.entries()) {
      if (watch.decidedAt !== undefined) break;
      const vars = {
        ...(tells.includes('charge') ? { 'battery.charge': charge } : {}),
        ...(tells.includes('runtime') ? { 'battery.runtime': runtimes[index] ?? 0 } : {}),
      };
      watch.changes('ups', 'OB', vars).runs(6);
    }
    return watch.decidedAt ?? Number.POSITIVE_INFINITY;
  }

  test.each(['charge', 'runtime', 'charge and runtime'])('of a device that tells its %s', (tells) => {
    fc.assert(
      fc.property(steps, (given) => {
        let left = 100;
        const charges = given.map(({ falls }) => {
          left = Math.max(0, left - falls);
          return left;
        });
        const runtimes = charges.map((charge) => charge * 2);
        const lower = charges.map((charge, index) => Math.max(0, charge - (given[index]?.less ?? 0)));
        const shorter = runtimes.map((runtime, index) => Math.max(0, runtime - (given[index]?.less2 ?? 0)));
        const later = decidedWith(charges, runtimes, tells);
        expect(decidedWith(lower, shorter, tells)).toBeLessThanOrEqual(later);
      }),
      FIXED,
    );
  });
});

/** Decisions: an order that comes again, for a run that is taken up after a restart, is none. */
const ordered = (watch: Watch) => {
  const orders = watch.runsOrdered.map(({ second, run, stages, halt }) => ({ second, run, stages, halt }));
  const first = ({ run, stages, halt }: (typeof orders)[number]) =>
    orders.find((one) => one.run === run && one.halt === halt && `${one.stages}` === `${stages}`);
  return orders.filter((order) => first(order) === order);
};
const calledOff = (watch: Watch) =>
  watch.intents.flatMap((one) => (one.kind === 'call-off' ? [[one.second, one.run]] : []));

describe('a crash at any second', () => {
  test('changes no decision of a device that goes on answering', () => {
    const given = fc.record({ chapters: story(0), crash: fc.integer({ min: 1, max: 100 }) });
    fc.assert(
      fc.property(given, ({ chapters, crash }) => {
        const calm = plays(new Watch(shedding()).says('ups', 'OL'), chapters);
        const crashed = new Watch(shedding()).says('ups', 'OL');
        plays(crashed, chapters, (second) => second === crash && crashed.restart());
        // A silence may be judged later, by the five seconds that everybody has to answer after a start.
        const died = calm.fired.includes('ups:dead') || crashed.fired.includes('ups:dead');
        fc.pre(!died);
        expect([ordered(crashed), calledOff(crashed)]).toEqual([ordered(calm), calledOff(calm)]);
      }),
      FIXED,
    );
  });

  test('delays a death by five seconds at most', () => {
    const given = fc.record({
      lost: fc.integer({ min: 1, max: 30 }),
      crash: fc.integer({ min: 1, max: 60 }),
      vars: fc.record({ 'battery.charge': fc.constant(80), 'battery.runtime': fc.integer({ min: 100, max: 3000 }) }),
    });
    fc.assert(
      fc.property(given, ({ lost, crash, vars }) => {
        const tells = (crashes: boolean) => {
          const watch = new Watch().says('ups', 'OL').changes('ups', 'OB', vars);
          return watch.runs(100, (second) => {
            if (crashes && second === crash) watch.restart();
            if (second >= lost + 1) watch.loses('ups');
          });
        };
        const [calm, crashed] = [tells(false).decidedAt, tells(true).decidedAt];
        expect(crashed).toBeGreaterThanOrEqual(calm ?? Number.NaN);
        expect(crashed).toBeLessThanOrEqual((calm ?? Number.NaN) + 5);
      }),
      FIXED,
    );
  });
});

test('a reboot at any second decides nothing before the first proof of battery', () => {
  const unproved = fc.array(
    chapter(fc.constantFrom('', 'WAIT', 'LB', 'ALARM', 'CHRG', 'OFF', 'TEST', 'CAL', 'RB LB'), 30),
    {
      minLength: 1,
      maxLength: 5,
    },
  );
  fc.assert(
    fc.property(story(), unproved, (chapters, after) => {
      const watch = plays(new Watch(shedding()).says('ups', 'OL'), chapters);
      const before = watch.runsOrdered.length;
      watch.reboot();
      plays(watch, after).runs(20);
      expect(watch.runsOrdered.length).toBe(before);
      expect(watch.run()).toBeUndefined();
    }),
    FIXED,
  );
});

describe('arbitrary words and texts', () => {
  const names = [
    ...['battery.charge', 'battery.runtime', 'battery.voltage', 'input.voltage', 'input.voltage.nominal', 'ups.load'],
    ...[
      'input.transfer.low',
      'driver.parameter.pollinterval',
      'ups.test.result',
      'ups.realpower.nominal',
      'ups.realpower',
    ],
  ];
  const text = fc.oneof(
    fc.string({ maxLength: 40, unit: 'binary' }),
    fc.constantFrom('-0', '1e999', '9'.repeat(300), 'NaN', 'Infinity', '-1', '0', '.', '0x10', '١٢', ' 12 ', '1,5'),
    fc.double().map(String),
    fc.integer({ min: -5, max: 105 }).map(String),
  );
  const status = fc.oneof(
    anyStatus,
    text,
    fc.tuple(anyStatus, text).map((both) => both.join(' ')),
  );
  const hostile = fc.record({
    status,
    vars: fc.dictionary(fc.oneof(fc.constantFrom(...names), text), text, { maxKeys: 8 }),
  });

  test('throw nothing, and leave no number that is none', () => {
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 10 }), (given) => {
        const watch = new Watch(shedding(['ups', 'other'])).says('other', 'OB LB');
        for (const { status: said, vars } of given) watch.changes('ups', said, vars).runs(4);
        const all = [watch.state.groups, watch.state.devices.get('ups')?.power, watch.facts, watch.intents];
        for (const one of all) expect(numbersIn(one).every(Number.isFinite)).toBe(true);
      }),
      { ...FIXED, numRuns: 400 },
    );
  });
});

/** Every number in plain data with maps. */
function numbersIn(value: unknown): readonly number[] {
  if (typeof value === 'number') return [value];
  if (typeof value !== 'object' || value === null) return [];
  const inside = value instanceof Map ? [...value.values()] : Object.values(value);
  return inside.flatMap(numbersIn);
}
