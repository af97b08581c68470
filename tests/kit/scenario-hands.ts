import type { Input } from '../../src/domain/inputs.ts';
import type { Intent } from '../../src/domain/intents.ts';
import type { PlannedStep } from '../../src/domain/plan.ts';
import type { ProgressEvent } from '../../src/domain/progress.ts';
import type { State } from '../../src/domain/state.ts';
import { asMillis } from '../../src/domain/time.ts';
import { lastActOf } from '../../src/policy/pursuit/standing.ts';

/** A run or a restore that somebody carries out: stage after stage, the steps of each side by side. */
interface Job {
  readonly kind: 'run' | 'restore';
  readonly group: string;
  readonly run: string;
  stages: (readonly Doing[])[];
  /** Names of stages of a restore, as they come to an end. */
  readonly names: string[];
  halt: Doing | undefined;
  /** By step key: when it began and when it ends, in seconds. */
  readonly running: Map<string, { readonly since: number; readonly until: number }>;
  readonly done: Set<string>;
  isStopped: boolean;
}

interface Doing {
  readonly key: string;
  /** Seconds. */
  readonly span: number;
}

const doing = ({ key, expected }: Pick<PlannedStep, 'key' | 'expected'>): Doing => ({ key, span: expected / 1000 });

/**
 * Those who carry plans out in a scenario: every step takes what the plan expects of it, and succeeds. What is left of the
 * executor is what the decisions see of it; it has tests of its own.
 */
export class Hands {
  readonly #jobs = new Map<string, Job>();

  /** The process dies, and with it what it was at. */
  drop(): void {
    this.#jobs.clear();
  }

  order(intent: Intent, state: State, second: number): readonly Input[] {
    switch (intent.kind) {
      case 'run':
        return this.#run(intent, state, second);
      case 'restore':
        return this.#restore(intent, state, second);
      case 'call-off':
      case 'stop-restore': {
        const job = this.#jobs.get(intent.group);
        if (job === undefined) return [];
        job.isStopped = true;
        return this.#goOn(job, state, second);
      }
      case 'hurry': {
        const job = this.#jobs.get(intent.group);
        if (job === undefined) return [];
        const cut = [...job.running.keys()].map((step) => ended(job, step, 'timed-out', `abandoned: ${intent.reason}`));
        const left = job.stages.flat().filter(({ key }) => !job.done.has(key) && !job.running.has(key));
        const skipped = left.map(({ key }) => ended(job, key, 'skipped', intent.reason));
        for (const { key } of job.stages.flat()) job.done.add(key);
        job.running.clear();
        return [...cut, ...skipped, ...this.#goOn(job, state, second)];
      }
      default:
        return [];
    }
  }

  /** What has come to an end by this second, and what begins then. */
  due(state: State, second: number): readonly Input[] {
    return [...this.#jobs.values()].flatMap((job) => {
      const over = [...job.running].filter(([, { until }]) => until <= second);
      const told = over.map(([key, { since }]) => {
        job.running.delete(key);
        job.done.add(key);
        return ended(job, key, 'done', 'did it', second - since);
      });
      return over.length === 0 ? [] : [...told, ...this.#goOn(job, state, second)];
    });
  }

  #run({ group, run, plan, stages, halt, done }: Extract<Intent, { kind: 'run' }>, state: State, second: number) {
    const known = this.#jobs.get(group);
    const wanted = plan.stages.filter(({ name }) => stages.includes(name)).map(({ steps }) => steps.map(doing));
    const job: Job =
      known?.run === run && known.kind === 'run'
        ? known
        : { ...blank('run', group, run), done: new Set(done), stages: wanted };
    job.stages = wanted;
    job.halt = halt && plan.halt !== undefined ? doing(plan.halt) : undefined;
    this.#jobs.set(group, job);
    return job === known && job.running.size > 0 ? [] : this.#goOn(job, state, second);
  }

  #restore({ group, run, stages }: Extract<Intent, { kind: 'restore' }>, state: State, second: number) {
    const settings = state.settings?.groups.find(({ id }) => id === group);
    const lists = stages.map((name) => settings?.stages.find((stage) => stage.name === name)?.restore ?? []);
    const job = blank('restore', group, run);
    job.stages = lists.map((steps) => steps.map(({ key, usual }) => ({ key, span: usual / 1000 })));
    job.names.push(...stages);
    this.#jobs.set(group, job);
    return this.#goOn(job, state, second);
  }

  /** Begins what comes next, where nothing of the job is running. */
  #goOn(job: Job, state: State, second: number): readonly Input[] {
    if (job.running.size > 0) return [];
    const told: Input[] = [];
    while (job.stages.length > 0 && job.stages[0]?.every(({ key }) => job.done.has(key)) === true) {
      job.stages = job.stages.slice(1);
      const stage = job.names.shift();
      if (stage !== undefined) told.push(tells(job, { kind: 'stage-restored', stage }));
    }
    const [next] = job.stages;
    if (!job.isStopped && next !== undefined) {
      const open = next.filter(({ key }) => !job.done.has(key));
      return [...told, ...open.map(({ key, span }) => begun(job, key, span, second))];
    }
    const { halt } = job;
    if (!job.isStopped && halt !== undefined && !job.done.has(halt.key)) {
      const settings = state.settings?.groups.find(({ id }) => id === job.group);
      const progress = state.groups.get(job.group)?.progress;
      const act = settings === undefined ? 'halt' : lastActOf(settings, progress, state.devices);
      return [...told, begun(job, halt.key, halt.span, second, act)];
    }
    this.#jobs.delete(job.group);
    return [...told, tells(job, { kind: job.kind === 'run' ? 'run-ended' : 'restore-ended' })];
  }
}

const blank = (kind: Job['kind'], group: string, run: string): Job => ({
  kind,
  group,
  run,
  stages: [],
  names: [],
  halt: undefined,
  running: new Map(),
  done: new Set(),
  isStopped: false,
});

const tells = ({ group, run }: Job, event: ProgressEvent): Input => ({ kind: 'progressed', group, run, event });

function begun(job: Job, step: string, span: number, second: number, act?: 'halt' | 'reboot'): Input {
  job.running.set(step, { since: second, until: second + span });
  return tells(job, { kind: 'begun', step, ...(act === undefined ? {} : { act }) });
}

function ended(job: Job, step: string, state: 'done' | 'timed-out' | 'skipped', text: string, took?: number): Input {
  const measured = took === undefined ? {} : { took: asMillis(took * 1000) };
  return tells(job, { kind: 'ended', step, state, text, ...measured });
}
