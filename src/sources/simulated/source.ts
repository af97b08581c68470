import { setTimeout as sleep } from 'node:timers/promises';
import type { Report } from '../../domain/inputs.ts';
import type { Clock, Log, Source } from '../../domain/ports.ts';
import { type Reading, readingOf, type Variables } from '../../domain/reading.ts';
import { asMillis, between, type Instant, type Millis } from '../../domain/time.ts';
import { INVENTORY, instructUnit } from './orders.ts';
import { advance, freshUnit, NOMINAL_WATTS, type Unit } from './physics.ts';
import type { SimulatedConfig } from './schema.ts';
import { variablesAt } from './variables.ts';

export interface SimulatedDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to below 1; asked once, for a seed, where the configuration has none. Absent: `Math.random`. */
  readonly random?: () => number;
}

const EVERY = asMillis(250);

/** After a suspend the day goes on where it was: simulating what was slept through would only delay what is awake. */
const LONGEST_GAP = asMillis(1000);

const LAG = 7 * 60_000;
const MOST_LAGS = 8;

interface Seat {
  unit: Unit;
  /** When `unit` was last brought up to date. */
  at: Instant;
  variables: Variables;
}

/**
 * UPSes that exist only here and live a whole day in minutes.
 *
 * Reports every 250 ms; where a unit's status changed more than once in between, one report for each change, so that
 * a 20 s outage is seen at any speed.
 */
export function createSimulatedSource(name: string, config: SimulatedConfig, deps: SimulatedDeps): Source {
  const { clock } = deps;
  const log = deps.log.room(`source ${name}`);
  const random = deps.random ?? Math.random;
  const seed = config.seed ?? Math.floor(random() * 4_294_967_296);
  const begun = clock.now();
  const seats = new Map(config.devices.map((device, index) => [device, seatOf(seed, index, config.startAt, begun)]));

  const look = (seat: Seat): readonly Reading[] => {
    const asked = clock.now();
    const elapsed = Math.min(LONGEST_GAP, between(seat.at, asked));
    const course = advance(seat.unit, elapsed * config.speed);
    seat.at = asked;
    return course.map((unit) => {
      seat.unit = unit;
      seat.variables = keep(seat.variables, variablesAt(unit));
      return readingOf(seat.variables, asked, clock.now());
    });
  };

  return {
    name,
    watch: async (report, signal) => {
      log.debug(
        `simulates ${seats.size === 1 ? 'one UPS' : `${seats.size} UPSes`} at ${config.speed} times the speed`,
        {
          seed,
        },
      );
      introduce(name, seats.keys(), report);
      while (!signal.aborted) {
        for (const readings of sweeps(seats, look)) report({ kind: 'readings', source: name, readings });
        await pause(EVERY, signal);
      }
    },
    instruct: async (device, order) => {
      const seat = seats.get(device);
      if (seat === undefined) return { kind: 'refused', code: 'UNKNOWN-UPS' };
      const { unit, outcome } = instructUnit(seat.unit, order);
      seat.unit = unit;
      return outcome;
    },
  };
}

function seatOf(seed: number, index: number, startAt: number, at: Instant): Seat {
  const own = (seed + Math.imul(index, 0x9e3779b1)) >>> 0;
  const share = 0.22 + ((own >>> 8) % 1000) / 10_000;
  const unit = freshUnit({ seed: own, baseWatts: NOMINAL_WATTS * share, lag: (index % MOST_LAGS) * LAG }, startAt);
  return { unit, at, variables: variablesAt(unit) };
}

function introduce(source: string, names: Iterable<string>, report: (report: Report) => void): void {
  const devices = [...names].map((name) => ({ name, description: 'Simulated UPS' }));
  report({ kind: 'listed', source, devices });
  for (const { name } of devices) report({ kind: 'inventory', address: { source, name }, inventory: INVENTORY });
}

/** The devices' readings as sweeps, each device at most once in one; later sweeps hold only whoever has more to tell. */
function sweeps(
  seats: ReadonlyMap<string, Seat>,
  look: (seat: Seat) => readonly Reading[],
): readonly ReadonlyMap<string, Reading>[] {
  const told: Map<string, Reading>[] = [];
  for (const [device, seat] of seats) {
    look(seat).forEach((reading, index) => {
      const sweep = told[index] ?? new Map<string, Reading>();
      told[index] = sweep.set(device, reading);
    });
  }
  return told;
}

/** The old object where it says the same, so that whoever compares needs one comparison. */
function keep(before: Variables, after: Variables): Variables {
  if (before.size !== after.size) return after;
  for (const [name, value] of after) if (before.get(name) !== value) return after;
  return before;
}

/** Ends early, without an error, when the signal aborts. */
async function pause(span: Millis, signal: AbortSignal): Promise<void> {
  await sleep(span, undefined, { signal }).catch(() => undefined);
}
