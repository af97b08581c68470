import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { GroupState } from '../../src/domain/groups.ts';
import { seconds } from '../../src/domain/time.ts';
import type { ExecutorOrder } from '../../src/shutdown/executor.ts';
import { type Doing, Hands } from '../kit/hands.ts';
import { stage } from '../kit/pursued.ts';
import { group } from '../kit/settings.ts';
import { rack, Watch } from '../kit/watch.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const STAGES = [stage('lab', { when: { onBatteryFor: seconds(20) } }), stage('vms')];
const ARMED = { ...rack(), groups: [group('rack', ['ups'], { stages: STAGES })] };
const CHARGE = { 'battery.charge': 90, 'battery.runtime': 3000 };
const ORDERS: readonly string[] = ['run', 'call-off', 'hurry', 'halt', 'restore', 'stop-restore'];
const isOrder = (one: { readonly kind?: string }): one is ExecutorOrder => ORDERS.includes(one.kind ?? '');

/** Policy and executor at work on two machines, with a person who meddles. Each step takes its seconds, and some fail. */
class House {
  readonly watch = new Watch(ARMED).says('ups', 'OL', CHARGE).runs(20);
  readonly off = new Set<string>();
  readonly wrong: string[] = [];
  #hands = this.#newHands();
  #obeyed = 0;
  #onBattery = 0;
  /** What a person has shut down and nobody has taken back. */
  #byHand = new Set<string>();
  #asks = false;
  readonly #takes: readonly number[];
  #acts = 0;

  /** @param takes seconds that steps take, one after the other and from the beginning again; 0: it fails */
  constructor(takes: readonly number[]) {
    this.#takes = takes;
  }

  get group(): GroupState {
    return this.watch.group();
  }

  power(status: string): void {
    this.watch.says('ups', status, CHARGE);
    if (status === 'OL') this.#onBattery = 0;
    this.#obey();
  }

  ask(verb: string, given: Parameters<Watch['asks']>[1] = {}): void {
    // A cancel of the decision that stands takes back what a person had ordered by it.
    const takesBack = verb === 'restore' || verb === 'cancel';
    this.#asks = takesBack;
    this.watch.asks(verb, given);
    this.#obey();
    this.#asks = false;
    const { shed } = this.group;
    if (takesBack && shed?.held !== 'by-hand') this.#byHand.clear();
  }

  restart(boot: 'same' | 'new'): void {
    this.#hands = this.#newHands();
    const status = this.#onBattery > 0 ? 'OB' : 'OL';
    if (boot === 'same') this.watch.restart(2);
    else this.watch.reboot();
    if (boot === 'new') this.#byHand.clear();
    this.watch.says('ups', status, CHARGE);
    this.#obey();
  }

  async pass(count: number): Promise<void> {
    for (let second = 0; second < count; second += 1) {
      if (this.watch.state.devices.get('ups')?.power.fed === 'battery') this.#onBattery += 1;
      this.watch.runs(1);
      this.#obey();
      await vi.advanceTimersByTimeAsync(1000);
      const { shed } = this.group;
      if (shed?.held === 'by-hand') for (const name of shed.stages) this.#byHand.add(name);
      if (shed === undefined) this.#byHand.clear();
    }
  }

  #obey(): void {
    for (let next = this.watch.intents[this.#obeyed]; next !== undefined; next = this.watch.intents[this.#obeyed]) {
      this.#obeyed += 1;
      if (!isOrder(next)) continue;
      if (next.kind === 'restore' && !this.#asks) {
        const back = next.stages.filter((name) => this.#byHand.has(name));
        if (back.length > 0) this.wrong.push(`${back.join()} was shut down by a person and comes back by itself`);
      }
      this.#hands.executor.order(next);
    }
  }

  #newHands(): Hands {
    const does =
      (name: string, becomes: 'off' | 'on'): Doing =>
      async ({ signal }) => {
        if (becomes === 'on' && this.#onBattery > 3) this.wrong.push(`${name} is brought back on battery`);
        const span = this.#takes[this.#acts % this.#takes.length] ?? 1;
        this.#acts += 1;
        await new Promise<void>((resolve) => {
          setTimeout(resolve, Math.max(1, span) * 1000);
          signal.addEventListener('abort', () => resolve());
        });
        if (this.#hands !== hands || signal.aborted || span === 0) return { kind: 'failed', text: 'no' };
        if (becomes === 'off') this.off.add(name);
        else this.off.delete(name);
        return { kind: 'done', text: 'done' };
      };
    const steps = (becomes: 'off' | 'on') => ({
      lab: { a: { does: does('lab', becomes) } },
      vms: { a: { does: does('vms', becomes) } },
    });
    const hands: Hands = new Hands({ rack: { stages: steps('off'), restore: steps('on'), halt: false } });
    hands.onEvent = (event, run) => {
      if (this.#hands !== hands) return;
      this.watch.tell({ kind: 'progressed', group: 'rack', run, event });
      this.#obey();
    };
    return hands;
  }
}

const WORDS = {
  ob: (house) => house.power('OB'),
  lb: (house) => house.power('OB LB'),
  ol: (house) => house.power('OL'),
  shutdown: (house) => house.ask('shutdown', { group: 'rack', confirm: 'rack' }),
  cancel: (house) => house.ask('cancel'),
  restore: (house) => house.ask('restore', { group: 'rack' }),
  'cancel a restore': (house) => house.ask('cancel', { restore: true }),
  disarm: (house) => house.ask('disarm', { group: 'rack', for: '20s' }),
  arm: (house) => house.ask('arm', { group: 'rack', confirm: 'rack' }),
  crash: (house) => house.restart('same'),
  reboot: (house) => house.restart('new'),
} as const satisfies Readonly<Record<string, (house: House) => void>>;

const word = fc.constantFrom(...(Object.keys(WORDS) as (keyof typeof WORDS)[])); // keys of the object itself
const happenings = fc.array(fc.tuple(word, fc.oneof(fc.nat(3), fc.nat(30))), { maxLength: 25 });
const takes = fc.array(fc.nat(6), { minLength: 1, maxLength: 7 });

test('whatever happens, nothing comes back on battery or against a person, and all of it comes back in the end', async () => {
  await fc.assert(
    fc.asyncProperty(happenings, takes, async (story, spans) => {
      const house = new House(spans);
      for (const [what, count] of story) {
        WORDS[what](house);
        await house.pass(count);
      }
      house.power('OL');
      house.ask('arm', { group: 'rack', confirm: 'rack' });
      await house.pass(120);
      const { progress, shed, run, resuming, earlierRun } = house.group;
      expect(['ended', 'restored', undefined]).toContain(progress?.phase);
      expect([resuming, earlierRun]).toEqual([undefined, undefined]);
      // Whatever is off is known to be, and either held back or still ordered.
      expect([...house.off].filter((name) => shed?.stages.includes(name) !== true)).toEqual([]);
      expect(shed === undefined || shed.held !== undefined || run !== undefined).toBe(true);
      for (let tries = 0; tries < 9 && house.group.shed !== undefined; tries += 1) {
        house.ask('restore', { group: 'rack' });
        await house.pass(60);
      }
      if (spans.some((span) => span > 0)) expect([house.group.shed, [...house.off]]).toEqual([undefined, []]);
      expect(house.wrong).toEqual([]);
    }),
    { numRuns: 150 },
  );
}, 120_000);
