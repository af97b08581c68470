import type { Outage } from '../../domain/power.ts';
import { drainOf } from '../battery/drain.ts';
import { gauge, runtimeOf, type View } from './view.ts';

/** Percent of charge below which no doubt is worth the risk. */
export const BEYOND_DOUBT = 10;
/** So many points lost within a minute of the transfer are more than any battery gives that still has runtime. */
const PLUNGE = 20;
const PLUNGE_WITHIN = 60_000;
/** A runtime that outlasts the charge by this factor contradicts it. */
const OUTLASTS = 4;
/** The share of its runtime or voltage before the outage that a battery keeps which is not being emptied. */
const RUNTIME_KEPT = 0.7;
const VOLTS_KEPT = 0.97;

/**
 * Whether the charge gauge contradicts the others: it plunges, or runs out far sooner than the runtime says, while
 * runtime and battery voltage are nearly what they were. At least one of the two has to contradict it, and none may
 * agree with it; a device that gives neither is believed.
 */
export function isDoubtful(view: View, outage: Outage): boolean {
  const charge = gauge(view, 'battery.charge');
  const { chargeBefore, runtimeBefore, voltsBefore, since, charges } = outage;
  if (charge === undefined) return false;
  const [runtime, volts] = [runtimeOf(view), gauge(view, 'battery.voltage')];
  const drain = drainOf(charges, view.now);
  const chargeLasts = drain === undefined ? undefined : (charge / drain) * 60;
  const plunged = chargeBefore !== undefined && chargeBefore - charge >= PLUNGE && view.now - since < PLUNGE_WITHIN;
  const outlasted = runtime !== undefined && chargeLasts !== undefined && runtime > OUTLASTS * chargeLasts;
  if (!plunged && !outlasted) return false;
  const runtimeSays = outlasted || isKept(RUNTIME_KEPT, runtimeBefore, runtime);
  const voltsSay = isKept(VOLTS_KEPT, voltsBefore, volts);
  return (runtimeSays === true || voltsSay === true) && runtimeSays !== false && voltsSay !== false;
}

/** Whether a share of what was there before is left; undefined where either is not known. */
const isKept = (share: number, before: number | undefined, now: number | undefined): boolean | undefined =>
  before === undefined || now === undefined ? undefined : now >= share * before;
