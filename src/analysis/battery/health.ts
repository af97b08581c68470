import {
  type Battery,
  type BatteryHealth,
  type DailyScore,
  HEALTH_TERMS,
  type HealthTerm,
  type Replacement,
} from '../../domain/battery.ts';
import type { Reading } from '../../domain/reading.ts';
import { anomalyTerm } from './anomaly.ts';
import { capacityTerm } from './capacity.ts';
import { ageTerm, type Installed, installedAt } from './installed.ts';
import { replacementOf } from './replacement.ts';
import { runtimeTerm, withRuntime } from './runtime.ts';
import { type BatteryFact, type BatteryInput, type BatteryStep, DAY, HOUR, without } from './step.ts';

/** What each term counts for. They add up to 1. */
export const HEALTH_WEIGHTS: Readonly<Record<HealthTerm, number>> = {
  capacity: 0.3,
  runtime: 0.25,
  self_test: 0.2,
  anomaly: 0.15,
  age: 0.1,
};

/** Less known weight than this says nothing of a battery. */
const LEAST_WEIGHT = 0.3;
/** A tier that was told is told again only after the score has been this far above it. */
const REARM = 5;
/** How long before its moment a replacement is told, and how often. */
const REPLACE_WITHIN = 90 * DAY;
const REPLACE_AGAIN = 7 * DAY;
/** Scores of every day for a month, of one day a week for as long as any are kept. */
const DAILY = 30;
const KEPT_DAYS = 400;

/**
 * The health worked out anew where it is due: never yet, an hour ago, or now that an outage or test has ended.
 *
 * @param resting mains are proven, and neither an outage nor a test goes on: only then is a runtime that of a rested battery
 * @param ended an outage or test has ended with this reading
 */
export function followHealth(
  before: Battery,
  { reading, batteryInstalled }: BatteryInput,
  { resting, ended, wall }: { readonly resting: boolean; readonly ended: boolean; readonly wall: number },
): BatteryStep {
  if (!ended && !isDue(before.health, wall)) return { battery: before, facts: [] };
  const installed = installedAt(reading, batteryInstalled, wall);
  const battery = resting ? withRuntime(before, reading) : before;
  const terms = termsOf(battery, reading, installed, wall);
  const score = scoreOf(terms);
  const { scores: earlier = [] } = battery;
  const scores = score === undefined ? earlier : withScore(earlier, Math.floor(wall / DAY), score);
  const replacement = replacementOf(scores, installed, wall);
  const health = {
    wall,
    ...(score === undefined ? {} : { score }),
    terms,
    ...(replacement === undefined ? {} : { replacement }),
  };
  const worked = { ...battery, health, ...(scores.length === 0 ? {} : { scores }) };
  const told = tellHealth(worked, health);
  const due = tellReplacement(told.battery, replacement, wall);
  return { battery: due.battery, facts: [...told.facts, ...due.facts] };
}

/** A wall clock that was put back must not stop it. */
const isDue = (health: BatteryHealth | undefined, wall: number): boolean =>
  health === undefined || wall >= health.wall + HOUR || wall < health.wall;

const TEST_TERM = { passed: 100, warning: 50, failed: 0 } as const;

function termsOf(battery: Battery, reading: Reading, installed: Installed | undefined, wall: number) {
  const known: Readonly<Record<HealthTerm, number | undefined>> = {
    capacity: capacityTerm(battery),
    runtime: runtimeTerm(battery),
    self_test: battery.lastTest && TEST_TERM[battery.lastTest.result],
    anomaly: anomalyTerm(battery, reading, wall),
    age: installed && ageTerm(installed.wall, wall),
  };
  const terms: Partial<Record<HealthTerm, number>> = {};
  for (const term of HEALTH_TERMS) {
    const value = known[term];
    if (value !== undefined) terms[term] = value;
  }
  return terms;
}

/** The mean of the known terms by their weights, 0 to 100; undefined where too little is known. */
export function scoreOf(terms: BatteryHealth['terms']): number | undefined {
  let [weight, total] = [0, 0];
  for (const term of HEALTH_TERMS) {
    const value = terms[term];
    if (value === undefined) continue;
    weight += HEALTH_WEIGHTS[term];
    total += HEALTH_WEIGHTS[term] * value;
  }
  // A sum of such weights may miss the bound by a rounding.
  return weight < LEAST_WEIGHT - 1e-9 ? undefined : Math.round(total / weight);
}

function withScore(scores: readonly DailyScore[], today: number, score: number): readonly DailyScore[] {
  const kept = scores.filter(([day]) => day < today && isKept(day, today));
  return [...kept, [today, score]];
}

const isKept = (day: number, today: number): boolean =>
  day > today - DAILY || (day % 7 === 0 && day > today - KEPT_DAYS);

function tellHealth(battery: Battery, { score, terms }: BatteryHealth): BatteryStep {
  if (score === undefined) return { battery, facts: [] };
  const was = battery.toldBelow;
  const tier = tierOf(score);
  if (tier !== undefined && (was === undefined || tier < was)) {
    return { battery: { ...battery, toldBelow: tier }, facts: [healthFact(tier, score, terms)] };
  }
  if (was === undefined) return { battery, facts: [] };
  const held = tierOf(score - REARM - 1);
  if (held === undefined) return { battery: without(battery, 'toldBelow'), facts: [] };
  return { battery: held > was ? { ...battery, toldBelow: held } : battery, facts: [] };
}

function tierOf(score: number): 50 | 25 | undefined {
  if (score >= 50) return undefined;
  return score < 25 ? 25 : 50;
}

const TERM_TEXT: Readonly<Record<HealthTerm, string>> = {
  capacity: 'capacity',
  runtime: 'runtime',
  self_test: 'self-test',
  anomaly: 'steadiness',
  age: 'age',
};

function healthFact(tier: 50 | 25, score: number, terms: BatteryHealth['terms']): BatteryFact {
  const shown = HEALTH_TERMS.filter((term) => terms[term] !== undefined);
  const text = shown.map((term) => `${TERM_TEXT[term]} ${terms[term]}`).join(', ');
  return {
    type: 'battery_health',
    level: tier === 25 ? 'error' : 'warning',
    text: `the health of the battery has come down to ${score} of 100 (${text})`,
    details: { score, below: tier, ...terms },
  };
}

function tellReplacement(battery: Battery, replacement: Replacement | undefined, wall: number): BatteryStep {
  if (replacement === undefined || replacement.wall > wall + REPLACE_WITHIN) return { battery, facts: [] };
  const { toldReplaceAt: told } = battery;
  if (told !== undefined && told <= wall && wall < told + REPLACE_AGAIN) return { battery, facts: [] };
  const { basis, confidence } = replacement;
  const date = new Date(replacement.wall).toISOString().slice(0, 10);
  const why = basis === 'age' ? 'the end of its expected life' : 'the way its health falls';
  const when = replacement.wall <= wall ? 'is due for replacement' : `should be replaced by ${date}`;
  const fact: BatteryFact = {
    type: 'battery_replace',
    level: 'warning',
    text: `the battery ${when}, judged by ${why} (confidence ${confidence})`,
    details: { date, basis, confidence },
  };
  return { battery: { ...battery, toldReplaceAt: wall }, facts: [fact] };
}
