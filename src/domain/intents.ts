import type { GroupId } from './names.ts';
import type { Plan } from './plan.ts';
import type { DeviceAddress } from './reading.ts';
import type { Answer, Request } from './requests.ts';

/** What a device is told. */
export type Order =
  | { readonly kind: 'command'; readonly command: string; readonly value?: string }
  | { readonly kind: 'set'; readonly variable: string; readonly value: string };

/** An order from the policy to the one actor that can carry it out (the table in `app.ts`). */
export type Intent =
  /** Ends in one `instructed` input with the same request id. */
  | { readonly kind: 'instruct'; readonly request: string; readonly address: DeviceAddress; readonly order: Order }
  /** Ends in one `reloaded` input with the same request id. */
  | { readonly kind: 'reload'; readonly request: string }
  /**
   * Run these stages of a group's plan, then its halt where `halt` says so. Comes again with more of the same run; what
   * has begun is not begun twice.
   */
  | {
      readonly kind: 'run';
      readonly group: GroupId;
      readonly run: string;
      readonly plan: Plan;
      readonly stages: readonly string[];
      readonly halt: boolean;
      readonly dryRun: boolean;
      readonly reason: string;
    }
  /** Begin nothing more of this run. */
  | { readonly kind: 'call-off'; readonly group: GroupId; readonly run: string; readonly reason: string }
  | { readonly kind: 'answer'; readonly request: Request; readonly answer: Answer };
