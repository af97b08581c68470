import type { DeviceId, GroupId } from './names.ts';
import type { PastRun } from './past-run.ts';
import type { Plan } from './plan.ts';
import type { Progress, Shed, StepReadiness } from './progress.ts';
import type { Instant, Millis } from './time.ts';
import type { Cause, Holds, Trigger, Verdict } from './triggers.ts';

/** What a feed is worth to its group. `degraded` still counts as healthy. */
export const MEMBER_CLASSES = ['healthy', 'degraded', 'critical', 'unknown', 'off'] as const;
export type MemberClass = (typeof MEMBER_CLASSES)[number];

/** One feed of a group as the group's own triggers see it; also a device that no group names, by the default triggers. */
export interface Member {
  readonly device: DeviceId;
  readonly class: MemberClass;
  /** Why it is not healthy, one line for people; absent while it is. */
  readonly why?: string;
  /** In the order of `TRIGGERS`, without those that are switched off. */
  readonly verdicts: readonly Verdict[];
  readonly holds: Holds;
  /** Stages whose condition this feed meets, by name. */
  readonly meets: readonly string[];
  /**
   * Triggers that have fired in this outage, or before the device fell silent: each is told once. Absent: none.
   */
  readonly fired?: readonly Trigger[];
  /** Conditions of stages that have begun to hold, by `<stage>`: charge and runtime have to last like a trigger. */
  readonly stageHolds: Readonly<Record<string, Holds>>;
}

/** Whether enough of the feeds are left. */
export interface Quorum {
  /** Feeds that count as healthy now. */
  readonly healthy: number;
  readonly needed: number;
  /** How many more may be lost before it is. 0 while it is lost. */
  readonly spare: number;
  readonly lost: boolean;
}

/** Whether what is left can carry the load. Absent where nominal power or load of a feed is not known. */
export interface Capacity {
  /** Watts that the healthy feeds can deliver. */
  readonly watts: number;
  /** Watts that all feeds together are asked for. */
  readonly load: number;
  readonly enough: boolean;
  /** Whether it would still be enough with the strongest of the healthy feeds lost; absent where that would lose the quorum. */
  readonly enoughWithOneLess?: boolean;
}

/** A plan that has been decided on. One an outage. */
export interface Run {
  /** Unique: group and wall time. */
  readonly id: string;
  /** What may call it off: mains cancel only what an outage has caused. */
  readonly kind: 'outage' | 'fsd' | 'quorum' | 'request';
  readonly cause: readonly Cause[];
  readonly since: Instant;
  readonly wall: number;
  /** Stages that were ordered, in their order. */
  readonly stages: readonly string[];
  /** Whether the group as a whole has fired: every stage and the halt. */
  readonly whole: boolean;
  /** When it did; absent while it has not. */
  readonly wholeSince?: Instant;
  /** What the decision does here: acts, only says what it would do, or has nothing it could or may do. */
  readonly effect: 'act' | 'dry-run' | 'none';
}

/** What fired when a person cancelled: it is not listened to again for a while. */
export interface Silenced {
  readonly until: Instant;
  readonly causes: readonly { readonly device: DeviceId; readonly trigger: Trigger }[];
  /** Stages that had been ordered. */
  readonly stages: readonly string[];
}

/** What a group holds, what would fire next, when, and what it would do here. Made by the code that decides. */
export interface Outlook {
  /** `calm`: mains. `outage`: a feed is on battery. `running`: a plan was decided on. `blind`: nothing is known of any feed. */
  readonly state: 'calm' | 'outage' | 'running' | 'blind';
  /** The trigger that comes first, with its moment; absent while none is in sight. */
  readonly next?: Cause & { readonly at?: Instant; readonly basis?: Verdict['basis'] };
  /** What firing would do. */
  readonly effect: Run['effect'];
  /** One line for people. */
  readonly text: string;
}

/** Whether the group could do its work if the mains went now. */
export interface Readiness {
  readonly ready: boolean;
  /** One line each; empty when ready. */
  readonly reasons: readonly string[];
}

export interface GroupState {
  readonly id: GroupId;
  readonly label: string;
  /** In the order of the feeds. */
  readonly members: ReadonlyMap<DeviceId, Member>;
  readonly quorum: Quorum;
  readonly capacity?: Capacity;
  /** Since when the capacity is too little; absent while it is enough or unknown. */
  readonly shortSince?: Instant;
  readonly plan: Plan;
  /** The smallest runtime that counts, less what the plan needs; absent where no feed tells its runtime. */
  readonly slack?: Millis;
  readonly readiness: Readiness;
  /** What was told last of things that take a while before they are told, or that nobody knows right after a start. */
  readonly told: {
    readonly ready: boolean;
    /** That what is left cannot carry the load. */
    readonly short: boolean;
    /** That too few feeds are left. */
    readonly lost: boolean;
  };
  readonly outlook: Outlook;
  readonly run?: Run;
  /** What was decided before this machine was started anew: it waits for this boot's first proof of mains or battery. */
  readonly earlierRun?: Run;
  /** The last run, step by step; absent where none has ever acted. */
  readonly progress?: Progress;
  /** The last runs, newest first, the one that goes on among them; absent where none has ever acted. */
  readonly past?: readonly PastRun[];
  /** What has to be brought back; absent where there is nothing. */
  readonly shed?: Shed;
  /** By step key, what looking at the steps has shown; absent before the first look. */
  readonly looked?: ReadonlyMap<string, StepReadiness>;
  /** An earlier process has begun the run: it goes on once it is clear that the outage does. */
  readonly resuming?: true;
  readonly silenced?: Silenced;
  /** While a person has disarmed it: nothing is begun until then. */
  readonly disarmedUntil?: Instant;
}
