import type { Instructed } from '../../../domain/inputs.ts';
import type { Order } from '../../../domain/intents.ts';
import type { DeviceId } from '../../../domain/names.ts';
import type { Inventory, Variables } from '../../../domain/reading.ts';
import type { Result } from '../../../domain/result.ts';
import type { Millis } from '../../../domain/time.ts';

/** What is known of a UPS at this moment. */
export interface SeenUps {
  /** Of its last reading; empty before the first. */
  readonly variables: Variables;
  /** What it can be told; absent until its source has read it. */
  readonly inventory?: Inventory;
  /** Why its readings are old, as a sentence part for people; absent: they are not. */
  readonly trouble?: string;
  /** Whether its source has a login to give it orders with. */
  readonly login: boolean;
}

/** What became of telling the secondaries to shut down. */
export type ForcedShutdown =
  | Exclude<Instructed, { readonly kind: 'done' }>
  | {
      readonly kind: 'done';
      /** Others still logged in when that was last seen; absent: never seen. */
      readonly left?: number;
      /** Their addresses, as far as they are known. */
      readonly who: readonly string[];
      /** Why nobody could see to the end whether they have logged out; absent: it was seen. */
      readonly lost?: string;
    };

/** What the steps of a UPS need of the rest of the program. Nothing rejects, and every wait ends with the signal. */
export interface UpsPorts {
  /** Tells a device one thing, once. */
  readonly instruct: (device: DeviceId, order: Order, signal: AbortSignal) => Promise<Instructed>;
  /** Undefined: no source lists such a device. */
  readonly read: (device: DeviceId) => SeenUps | undefined;
  /** How long this machine still needs power from now on: the rest of the plan and the halt. */
  readonly restOfPlan: (device: DeviceId) => Millis;
  /**
   * Sets FSD at the NUT server of a device, and waits at most `wait` until its secondaries have logged out.
   *
   * @param onLogins told how many are logged in, whenever that changes
   */
  readonly forceShutdown: (
    device: DeviceId,
    options: { readonly wait: Millis; readonly signal: AbortSignal; readonly onLogins: (left: number) => void },
  ) => Promise<ForcedShutdown>;
  /** Whether the login may set FSD, as far as the server tells without doing it; an error is a sentence part for people. */
  readonly mayForceShutdown: (device: DeviceId, signal: AbortSignal) => Promise<Result<boolean, string>>;
}

/** Why an order was not carried out, as far as is known, for people; undefined when it was. */
export function refusal(outcome: Instructed | ForcedShutdown): string | undefined {
  switch (outcome.kind) {
    case 'done':
      return undefined;
    case 'refused':
      return `refused with ${outcome.code}`;
    case 'no-credentials':
      return 'its source has no login to give it orders';
    case 'no-answer':
      return `not known whether it was done: ${outcome.why}`;
  }
}
