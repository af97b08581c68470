import type { Plan, PlannedStep } from '../../src/domain/plan.ts';
import type { LastAct, ProgressEvent } from '../../src/domain/progress.ts';
import type { Json } from '../../src/domain/requests.ts';
import { asInstant, asMillis, type Millis, seconds } from '../../src/domain/time.ts';
import { Executor, type ExecutorOrder } from '../../src/shutdown/executor.ts';
import { pause } from '../../src/shutdown/pause.ts';
import type { StepConfig } from '../../src/shutdown/schema.ts';
import type { Outcome, StepContext } from '../../src/shutdown/step.ts';
import type { HostConfig } from '../../src/shutdown/steps/host/schema.ts';
import type { GroupWork } from '../../src/shutdown/work.ts';
import { rememberingLog } from './log.ts';

/** What a step or the halt does when it is carried out. */
export type Doing = (context: StepContext) => Promise<Outcome>;

/** One step of a test: its name is its key's last part. */
export interface Given {
  readonly after?: readonly string[];
  /** Seconds; 60 where absent. */
  readonly deadline?: number;
  readonly does?: Doing;
  /** What makes it the same as a step of another group; absent: the group and its key. */
  readonly what?: string;
  readonly kind?: StepConfig['kind'];
}

export type GivenSteps = Readonly<Record<string, Given>>;
/** Stages in their order, each with its steps; `restore` holds the steps that bring back, by stage. */
export interface GivenGroup {
  readonly stages: Readonly<Record<string, GivenSteps>>;
  readonly restore?: Readonly<Record<string, GivenSteps>>;
  readonly halt?: boolean;
  /** What makes the halt the same as that of another group. */
  readonly host?: HostConfig;
}

/** Ends well after so many seconds, or badly as soon as it is told to. */
export const takes =
  (count: number, outcome: Partial<Outcome> = {}): Doing =>
  async ({ signal }) => {
    await pause(seconds(count), signal);
    return signal.aborted ? { kind: 'failed', text: 'ended' } : { kind: 'done', text: 'done', ...outcome };
  };
export const fails: Doing = () => Promise.resolve({ kind: 'failed', text: 'refused', output: 'no' });
/** Ignores its signal. */
export const hangs: Doing = () => new Promise(() => undefined);
export const throwsAtOnce: Doing = () => {
  throw new Error('at once');
};
export const rejects: Doing = () => Promise.reject(new Error('later'));

export const HOST: HostConfig = { halt: true, deadline: seconds(60) };

const span = (count = 60): Millis => seconds(count);

function configOf(group: string, key: string, { after = [], deadline, what, kind = 'exec' }: Given): StepConfig {
  const prefix = key.slice(0, key.lastIndexOf('/') + 1);
  const step = {
    key,
    kind,
    text: `stop ${group} ${key}`,
    after: after.map((name) => `${prefix}${name}`),
    deadline: span(deadline),
    usual: seconds(1),
    carriesSource: false,
  };
  const config = { command: [what ?? `${group} ${key}`], env: {}, success: [0] };
  return { kind, step, config } as unknown as StepConfig; // the runners here look at nothing else
}

function planned({ step, kind }: StepConfig): PlannedStep {
  const { key, text, after, deadline } = step;
  return { key, kind, text, after, deadline, expected: deadline, worst: deadline, basis: 'default' };
}

interface Seen {
  /** Milliseconds since the beginning. */
  readonly ms: number;
  readonly text: string;
}

/** An executor with runners that do as they are told, in fake time, and everything that comes of it in its order. */
export class Hands {
  readonly seen: Seen[] = [];
  readonly told: { readonly group: string; readonly run: string; readonly event: ProgressEvent }[] = [];
  /** What each act was given, by group and key. */
  readonly undo = new Map<string, Json | undefined>();
  readonly executor: Executor;
  readonly log = rememberingLog();
  /** How long a line takes to be on disk; `Infinity`: for ever. */
  journalled = 0;
  /** Seconds that the rehearsal of a step takes. */
  looks = 0;
  lastAct: LastAct = 'halt';
  /** What ending the machine does. */
  ends: Doing = takes(1);
  /** Asked at every event, before anything else happens. */
  onEvent: (event: ProgressEvent, run: string) => void = () => undefined;
  readonly #groups = new Map<string, GivenGroup>();
  readonly #begun = Date.now();

  constructor(groups: Readonly<Record<string, GivenGroup>>) {
    this.executor = new Executor({
      now: () => asInstant(Date.now()),
      log: this.log.log,
      lastAct: () => this.lastAct,
      journal: async ({ act, group }) => {
        this.#see(`journal ${group} ${act}`);
        if (this.journalled === Number.POSITIVE_INFINITY) await new Promise(() => undefined);
        if (this.journalled > 0) await pause(asMillis(this.journalled), new AbortController().signal);
      },
      tell: (group, run, event) => {
        this.told.push({ group, run, event });
        const step = 'step' in event ? ` ${event.step}` : 'stage' in event ? ` ${event.stage}` : '';
        const state = 'state' in event ? ` ${event.state}` : '';
        this.#see(`${event.kind} ${group}${step}${state}`);
        this.onEvent(event, run);
      },
      runners: {
        prepare: () => Promise.resolve(),
        run: (config, context) => this.#acts(config, context),
        probe: async ({ step }, signal) => {
          this.#see(`probe ${step.key}`);
          if (this.looks > 0) await pause(seconds(this.looks), signal);
          return [{ what: 'it', ok: true, text: 'there' }];
        },
        end: (act, { command = [''] }, context) => {
          this.#see([act, ...command].join(' ').trim());
          return this.ends(context);
        },
        probeHost: () => {
          this.#see('probe host');
          return Promise.resolve([{ what: 'it', ok: false, text: 'not there' }]);
        },
      },
    });
    this.configure(groups);
  }

  configure(groups: Readonly<Record<string, GivenGroup>>): void {
    this.#groups.clear();
    for (const [id, group] of Object.entries(groups)) this.#groups.set(id, group);
    void this.executor.configure(new Map(Object.entries(groups).map(([id, group]) => [id, workOf(id, group)])));
  }

  /** Orders a run of a group, whole unless stages are named. */
  run(group = 'rack', more: Partial<Extract<ExecutorOrder, { kind: 'run' }>> = {}): this {
    const given = this.#groups.get(group);
    if (given === undefined) throw new Error(`no group ${group}`);
    const plan = planFor(group, given);
    this.executor.order({
      kind: 'run',
      group,
      run: 'r1',
      plan,
      stages: Object.keys(given.stages),
      halt: given.halt !== false,
      dryRun: false,
      reason: 'a test',
      done: [],
      undo: new Map(),
      ...more,
    });
    return this;
  }

  restore(stages: readonly string[], undo: Readonly<Record<string, Json>> = {}, group = 'rack'): this {
    this.executor.order({ kind: 'restore', group, run: 'r1', stages, undo: new Map(Object.entries(undo)) });
    return this;
  }

  tells(kind: 'call-off' | 'hurry' | 'stop-restore', group = 'rack', run = 'r1'): this {
    this.executor.order({ kind, group, run, reason: `${kind} was told` });
    return this;
  }

  /** What has been seen, in its order, as far as it begins with one of these words. */
  of(...words: readonly string[]): readonly string[] {
    return this.seen.filter(({ text }) => words.some((word) => text.startsWith(word))).map(({ text }) => text);
  }

  /** The second in which something was seen first. */
  at(text: string): number {
    const found = this.seen.find((one) => one.text === text);
    if (found === undefined)
      throw new Error(`nobody has seen ${text}; but: ${this.seen.map((one) => one.text).join('\n')}`);
    return found.ms / 1000;
  }

  #see(text: string): void {
    this.seen.push({ ms: Date.now() - this.#begun, text });
  }

  #acts({ step, config }: StepConfig, context: StepContext): Promise<Outcome> {
    const [what = ''] = (config as { command: readonly string[] }).command; // as `configOf` made it
    this.#see(`act ${what}`);
    this.undo.set(what, context.undo);
    const given = [...this.#groups].flatMap(([id, { stages, restore = {} }]) => [
      ...Object.entries(stages).flatMap(([stage, steps]) => keyed(`stop ${id} ${stage}/`, steps)),
      ...Object.entries(restore).flatMap(([stage, steps]) => keyed(`stop ${id} ${stage}/restore/`, steps)),
    ]);
    const does = given.find(([text]) => text === step.text)?.[1].does;
    return (does ?? takes(1))(context);
  }
}

const keyed = (prefix: string, steps: GivenSteps) =>
  Object.entries(steps).map(([name, step]) => [`${prefix}${name}`, step] as const);

function workOf(id: string, { stages, restore = {}, halt, host }: GivenGroup): GroupWork {
  const own = (prefix: string, steps: GivenSteps = {}) =>
    keyed(prefix, steps).map(([key, step]) => configOf(id, key, step));
  return {
    stages: Object.entries(stages).map(([name, steps]) => ({
      name,
      steps: own(`${name}/`, steps),
      restore: own(`${name}/restore/`, restore[name]),
    })),
    ...(halt === false ? {} : { host: host ?? HOST }),
  };
}

function planFor(id: string, given: GivenGroup): Plan {
  const { stages, host } = workOf(id, given);
  const none = seconds(0);
  const halt: PlannedStep | undefined = host && {
    key: 'host',
    kind: 'host',
    text: 'halt this host',
    after: [],
    deadline: host.deadline,
    expected: seconds(15),
    worst: seconds(15),
    basis: 'default',
  };
  return {
    group: id,
    stages: stages.map(({ name, steps }) => ({ name, steps: steps.map(planned), expected: none, worst: none })),
    ...(halt === undefined ? {} : { halt }),
    expected: none,
    need: none,
  };
}
