import type { Outage, Power } from '../../domain/power.ts';
import { numberIn, type Reading } from '../../domain/reading.ts';
import type { TriggerSettings } from '../../domain/settings.ts';
import type { Instant, Millis } from '../../domain/time.ts';
import type { Trigger, Verdict } from '../../domain/triggers.ts';
import { isBelowTransfer } from '../power/evidence.ts';

/** Everything that triggers look at, for one device at one moment. */
export interface View {
  readonly now: Instant;
  readonly power: Power;
  /** The last usable reading, whether or not it proves anything; absent before the first of this process. */
  readonly reading?: Reading;
  /** Since when nothing has proved mains or battery; absent while the last reading does. */
  readonly silentSince?: Instant;
  /** When this process began to listen, or listened again after a stall. */
  readonly listeningFrom: Instant;
  /** Nothing is judged by silence or old readings before this: right after a start nobody can have answered yet. */
  readonly silenceFrom: Instant;
  readonly settings: TriggerSettings;
  /** What the plan of the group needs. */
  readonly need: Millis;
  readonly trustCharge: boolean;
  readonly failedTest: boolean;
  /** Whether something other than CAL says, in the last reading, that a test is going on. */
  readonly testing: boolean;
  readonly fsd: 'obey' | 'tell';
  /** A step that stops the machine of a source, on purpose, has begun before the silence did. */
  readonly carried?: true;
}

/** What a trigger sees, before it is asked how long that has lasted. `agrees` is "would fire". */
export type Opinion = Seen & Estimate;

/** Whoever says when it fires says what that comes from. */
type Estimate = Required<Pick<Verdict, 'firesAt' | 'basis'>> | { readonly firesAt?: never; readonly basis?: never };

interface Seen extends Pick<Verdict, 'value' | 'threshold' | 'unit' | 'why'> {
  readonly kind: 'quiet' | 'blind' | 'agrees';
  /** Whether the gauge behind it contradicts others. */
  readonly doubtful?: boolean;
  /** How long this opinion has to last, and what it fires no sooner than, where its trigger does not say so. */
  readonly holds?: { readonly span: Millis; readonly notBefore: Instant };
}

/** One trigger. What it looks at is its own; how long a condition has to last is the same for all. */
export interface TriggerRow {
  readonly trigger: Trigger;
  /** Undefined where the configuration switches it off. Asked only in an outage, but for `fsd`. */
  readonly look: (view: View, outage: Outage) => Opinion | undefined;
  /** Whether it waits for `settle` from the beginning of the outage, and for `hold` and a second reading. */
  readonly settles: boolean;
  readonly holds: boolean;
  /** Whether it looks at a word that may come and go: what has gone for less than `hold` has not gone. */
  readonly wavers?: true;
}

/** A gauge for judgement; undefined when absent or implausible. */
export const gauge = ({ reading }: View, variable: string): number | undefined =>
  reading === undefined ? undefined : numberIn(reading, variable);

export const chargeOf = (view: View): number | undefined =>
  view.trustCharge ? gauge(view, 'battery.charge') : undefined;

export const runtimeOf = (view: View): number | undefined => gauge(view, 'battery.runtime');

/**
 * Whether the outage shows itself in more than a status that says mains and battery at once: by OB alone, by
 * measurement, by a charge that falls, or by an input voltage below the transfer point.
 */
export function isShown(view: View, { proof, charges, chargeBefore, lowestCharge }: Outage): boolean {
  if (proof !== 'contradiction') return true;
  const from = chargeBefore ?? charges[0]?.charge;
  const falls = from !== undefined && lowestCharge !== undefined && from - lowestCharge >= FALLING;
  return falls || (view.reading !== undefined && isBelowTransfer(view.reading));
}

/** Points that a falling charge has lost: one is the jitter of a gauge. */
const FALLING = 2;
