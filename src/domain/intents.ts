import type { GroupId } from './names.ts';
import type { Plan } from './plan.ts';
import type { LastAct } from './progress.ts';
import type { DeviceAddress } from './reading.ts';
import type { Answer, Json, Request } from './requests.ts';

/** What a device is told. */
export type Order =
  | { readonly kind: 'command'; readonly command: string; readonly value?: string }
  | { readonly kind: 'set'; readonly variable: string; readonly value: string };

/** An order from the policy to the one actor that can carry it out (the table in `app.ts`). */
export type Intent =
  /** Ends in one `instructed` input with the same request id. */
  | { readonly kind: 'instruct'; readonly request: string; readonly address: DeviceAddress; readonly order: Order }
  /** Look at every step of these groups. Ends in one `looked` input with the same request id. */
  | { readonly kind: 'look'; readonly request: string; readonly groups: readonly GroupId[] }
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
      /** Keys of steps that an earlier process has ended: they are not begun again. */
      readonly done: readonly string[];
      /** What earlier tries of the steps have left for their restore, by step key. */
      readonly undo: ReadonlyMap<string, Json>;
    }
  /** Begin nothing more of this run. Ends in `run-ended`, once what has begun is over. */
  | { readonly kind: 'call-off'; readonly group: GroupId; readonly run: string; readonly reason: string }
  /** Time is running out: begin no more steps, abandon those that run, and halt. */
  | { readonly kind: 'hurry'; readonly group: GroupId; readonly run: string; readonly reason: string }
  /** The halt that was issued did not happen: do this now. */
  | {
      readonly kind: 'halt';
      readonly group: GroupId;
      readonly run: string;
      readonly act: LastAct;
      readonly reason: string;
    }
  /** Bring back what these stages have taken away, in this order. Ends in `restore-ended`. */
  | {
      readonly kind: 'restore';
      readonly group: GroupId;
      readonly run: string;
      readonly stages: readonly string[];
      readonly undo: ReadonlyMap<string, Json>;
    }
  /** Begin nothing more of a restore. Ends in `restore-ended`. */
  | { readonly kind: 'stop-restore'; readonly group: GroupId; readonly run: string; readonly reason: string }
  | { readonly kind: 'answer'; readonly request: Request; readonly answer: Answer };
