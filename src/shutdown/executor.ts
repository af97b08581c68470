import type { Intent } from '../domain/intents.ts';
import { LIMITS } from '../domain/limits.ts';
import type { GroupId } from '../domain/names.ts';
import type { LastAct, ProgressEvent } from '../domain/progress.ts';
import type { Json } from '../domain/requests.ts';
import { never } from '../domain/result.ts';
import { between, type Instant, type Millis, seconds } from '../domain/time.ts';
import { type Acted, actWithin, contextOf, rehearsalWithin, rehearsed, type Told } from './act.ts';
import { Halt, type HaltPorts } from './halt.ts';
import { pause } from './pause.ts';
import type { Runners } from './runners.ts';
import type { StepConfig } from './schema.ts';
import { Shared } from './shared.ts';
import { runStage } from './stage.ts';
import { type GroupWork, isStillTold, newWork, nextStage, stop, stopReason, undoFor, type Work } from './work.ts';

export interface ExecutorPorts extends HaltPorts {
  readonly runners: Runners;
  /** Puts a line on record. May take for ever; never rejects. */
  readonly journal: (record: { readonly [key: string]: Json }) => Promise<void>;
  /** Tells how a run gets on. Taken in at once: what is decided of it comes back as an order before this returns. */
  readonly tell: (group: GroupId, run: string, event: ProgressEvent) => void;
  readonly now: () => Instant;
}

type Of<K extends Intent['kind']> = Extract<Intent, { readonly kind: K }>;
/** How a step has ended. */
type End = Omit<Extract<ProgressEvent, { readonly kind: 'ended' }>, 'kind' | 'step'>;

/** The orders that are carried out here. */
export type ExecutorOrder = Of<'run' | 'call-off' | 'hurry' | 'halt' | 'restore' | 'stop-restore'>;

/** The key of the halt of this host among the steps of a group. */
const HALT = 'host';
const DECIDED = 'a shutdown was decided';
/** Runners have a moment to end what they have begun. */
const ENDED_WITHIN = seconds(3);

/**
 * Carries out plans: the only hand of the program on machines.
 *
 * It depends on its ports alone, and each is bounded: whatever hangs, fails or throws, the steps of a run are passed over at
 * their deadlines and its halt is reached. What it tells is on record before it acts.
 */
export class Executor {
  readonly #ports: ExecutorPorts;
  #groups: ReadonlyMap<GroupId, GroupWork> = new Map();
  readonly #works = new Set<Work>();
  /** By group: the end of all that it has been ordered. */
  readonly #turns = new Map<GroupId, Promise<void>>();
  /** By group: the last run that came to its end here, and what is over of it. */
  readonly #finished = new Map<GroupId, { readonly run: string; readonly done: ReadonlySet<string> }>();
  readonly #shared: Shared;
  readonly #abandoning = new AbortController();
  readonly #waiting = new Set<() => void>();
  readonly #halt: Halt;

  constructor(ports: ExecutorPorts) {
    this.#ports = ports;
    this.#shared = new Shared(ports.now);
    this.#halt = new Halt(ports);
  }

  /** What there is to do from now on; runs under way go on with it. Resolves when nothing has to be loaded any more to act. */
  async configure(groups: ReadonlyMap<GroupId, GroupWork>): Promise<void> {
    this.#groups = groups;
    await this.#ports.runners.prepare([...groups.values()]);
  }

  /** Whether something is under way. */
  get isBusy(): boolean {
    return this.#works.size > 0;
  }

  /** Whether machines are being shut down. */
  get isRunning(): boolean {
    return [...this.#works].some(({ kind, over }) => kind === 'run' && !over);
  }

  /** Resolves when none is being shut down any more: a restore can be taken up by the next process as well. */
  async runsOver(): Promise<void> {
    while (this.isRunning) await this.#stirredOr(this.#abandoning.signal);
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#turns.size > 0) await Promise.all(this.#turns.values());
  }

  /**
   * Ends what is under way, at once, and takes no more orders. What was cut short is not told as over: it is taken up again
   * by the next process. Resolves when the runners have ended, or had the time to.
   */
  async abandon(why: string): Promise<void> {
    this.#abandoning.abort(why);
    for (const work of this.#works) {
      stop(work, why);
      work.hurry.abort(why);
    }
    const enough = new AbortController();
    await Promise.race([this.idle(), pause(ENDED_WITHIN, enough.signal)]);
    enough.abort();
  }

  order(given: ExecutorOrder): void {
    if (this.#abandoning.signal.aborted) return;
    switch (given.kind) {
      case 'run':
        this.#onRun(given);
        return;
      case 'restore': {
        const { group, run, stages, undo } = given;
        this.#shared.drop(group);
        const work = newWork({ kind: 'restore', group, run, stages, undo });
        this.#queue(work, () => this.#restore(work));
        return;
      }
      case 'call-off':
      case 'stop-restore':
        this.#onStop(given);
        return;
      case 'hurry':
        // What an earlier run of the group is still at would keep this one waiting.
        for (const work of this.#worksOf(given.group)) {
          work.hurry.abort(given.reason);
          work.stirred.abort();
        }
        return;
      case 'halt': {
        const work = newWork({ kind: 'run', group: given.group, run: given.run, stages: [] });
        // Nobody has to wait for it, and what was taken before has come to nothing.
        work.atHalt = true;
        this.#halt.forget();
        this.#queue(work, () => this.#end(work, given.act));
        return;
      }
      default:
        never(given);
    }
  }

  #worksOf(group: GroupId): readonly Work[] {
    return [...this.#works].filter((work) => work.group === group && !work.over);
  }

  #onRun({ group, run, plan, stages, halt, dryRun, undo, done }: Of<'run'>): void {
    for (const work of this.#worksOf(group)) {
      if (work.kind !== 'restore') continue;
      // Bringing back may take minutes, which a shutdown does not have.
      stop(work, DECIDED);
      work.hurry.abort(DECIDED);
    }
    const known = this.#worksOf(group).find((work) => work.kind === 'run' && work.run === run);
    if (known !== undefined) {
      Object.assign(known, { plan, stages, halt });
      return;
    }
    const last = this.#finished.get(group);
    const over = [...done, ...(last?.run === run ? last.done : [])];
    const work = newWork({ kind: 'run', group, run, plan, stages, halt, dryRun, undo, done: over });
    this.#queue(work, () => this.#run(work));
  }

  #onStop({ kind, group, run, reason }: Of<'call-off' | 'stop-restore'>): void {
    const wanted = kind === 'call-off' ? 'run' : 'restore';
    const meant = this.#worksOf(group).filter((work) => work.kind === wanted && work.run === run);
    for (const work of meant) stop(work, reason);
    // Nobody here knows of it: it is over.
    if (meant.length === 0) this.#tell({ group, run }, { kind: `${wanted}-ended` });
  }

  /** The works of a group follow one another; a failure within never keeps the next one waiting. */
  #queue(work: Work, carryOut: () => Promise<void>): void {
    this.#works.add(work);
    const before = this.#turns.get(work.group) ?? Promise.resolve();
    const turn: Promise<void> = before
      .then(carryOut)
      .catch((thrown: unknown) => this.#ports.log.error(`the run of ${work.group} failed within`, { err: thrown }))
      .then(() => {
        work.over = true;
        this.#works.delete(work);
        this.#stir();
        if (this.#works.size === 0) {
          this.#shared.forget();
          this.#halt.forget();
        }
        if (this.#turns.get(work.group) === turn) this.#turns.delete(work.group);
      });
    this.#turns.set(work.group, turn);
  }

  /** Those who wait for other groups look again. */
  #stir(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #tell({ group, run }: Pick<Work, 'group' | 'run'>, event: ProgressEvent): void {
    if (this.#abandoning.signal.aborted && !isStillTold(event)) return;
    try {
      this.#ports.tell(group, run, event);
    } catch (thrown) {
      this.#ports.log.error(`what the run of ${group} told was not taken in`, { err: thrown });
    }
  }

  async #run(work: Work): Promise<void> {
    for (let stage = nextStage(work); stage !== undefined && work.calledOff === undefined; stage = nextStage(work)) {
      // The slowest is begun first: the stage takes as long as it does.
      const open = stage.steps
        .filter(({ key }) => !work.done.has(key))
        .toSorted((one, other) => other.worst - one.worst);
      const left = await runStage(
        open,
        ({ key }) => this.#step(work, key),
        () => stopReason(work) === undefined,
      );
      if (work.calledOff !== undefined) break;
      for (const { key } of left) this.#skipped(work, key, stopReason(work) ?? 'not begun');
    }
    if (work.calledOff === undefined && work.halt && !work.done.has(HALT)) await this.#haltLast(work);
    work.over = true;
    this.#finished.set(work.group, { run: work.run, done: work.done });
    this.#tell(work, { kind: 'run-ended' });
  }

  /** By its name, or by the key of one of its steps. */
  #stage(group: GroupId, name: string): GroupWork['stages'][number] | undefined {
    return this.#groups.get(group)?.stages.find((stage) => stage.name === name.split('/')[0]);
  }

  #configOf(group: GroupId, key: string): StepConfig | undefined {
    const stage = this.#stage(group, key);
    return [...(stage?.steps ?? []), ...(stage?.restore ?? [])].find(({ step }) => step.key === key);
  }

  #skipped(work: Work, step: string, text: string): void {
    this.#ended(work, step, { state: 'skipped', text });
  }

  #ended(work: Work, step: string, end: End): void {
    work.done.add(step);
    if (end.state !== 'done') work.undone.add(step);
    this.#tell(work, { kind: 'ended', step, ...end });
  }

  /** Never rejects: what fails within is the failure of the step. */
  async #step(work: Work, key: string): Promise<void> {
    try {
      await this.#begun(work, key);
    } catch (thrown) {
      this.#ports.log.error(`${work.group}: ${key} failed within`, { err: thrown });
      this.#ended(work, key, { state: 'failed', text: `internal error: ${String(thrown)}` });
    }
  }

  async #begun(work: Work, key: string): Promise<void> {
    const config = this.#configOf(work.group, key);
    if (config === undefined) {
      this.#skipped(work, key, 'the configuration no longer has it');
      return;
    }
    this.#tell(work, { kind: 'begun', step: key });
    await this.#onRecord({ act: key, group: work.group, run: work.run });
    const stopped = stopReason(work);
    if (stopped !== undefined) this.#skipped(work, key, stopped);
    else this.#over(work, key, await this.#timed(() => this.#carriedOut(work, config)));
  }

  /** Waits until a line is on disk, or for long enough. */
  async #onRecord(record: { readonly [key: string]: Json }): Promise<void> {
    const enough = new AbortController();
    await Promise.race([this.#ports.journal(record), pause(LIMITS.journalled, enough.signal)]).catch(
      (thrown: unknown) => this.#ports.log.error('a step is not on record', { err: thrown }),
    );
    enough.abort();
  }

  async #timed(act: () => Promise<Acted>): Promise<Timed> {
    const since = this.#ports.now();
    const acted = await act();
    // How long it took elsewhere says nothing of how long it takes here.
    return acted.elsewhere === true ? acted : { ...acted, took: between(since, this.#ports.now()) };
  }

  #over(work: Work, step: string, { undo, elsewhere: _, ...end }: Timed): void {
    if (undo !== undefined) this.#note(work, step, undo);
    this.#ended(work, step, end);
  }

  #note(work: Work, step: string, undo: Json): void {
    if (work.kind === 'restore') return;
    if (JSON.stringify(undo).length <= LIMITS.stepUndo) this.#tell(work, { kind: 'undo', step, undo });
    else this.#ports.log.error(`${work.group}: ${step} would leave more for its restore than is kept`);
  }

  #carriedOut(work: Work, config: StepConfig): Promise<Acted> {
    const { runners } = this.#ports;
    const { key, text, deadline } = config.step;
    const abandon = work.hurry.signal;
    if (work.dryRun) {
      const bounds = { deadline: rehearsalWithin(deadline), abandon };
      return actWithin(bounds, async (signal) => rehearsed(text, await runners.probe(config, signal)));
    }
    const isRestore = work.kind === 'restore';
    const steps = this.#stage(work.group, key)?.steps ?? [];
    const undo = isRestore ? undoFor(config, steps, work.undo) : work.undo.get(key);
    const told = this.#told(work, key);
    const act = (within: Millis) =>
      actWithin({ deadline: within, abandon }, (signal) => runners.run(config, contextOf(signal, told, undo)));
    return isRestore ? act(deadline) : this.#shared.once(work.group, config, abandon, act);
  }

  #told(work: Work, step: string): Told {
    const isOpen = () => !work.done.has(step);
    return {
      item: (item) => isOpen() && this.#tell(work, { kind: 'item', step, ...item }),
      undo: (undo) => isOpen() && this.#note(work, step, undo),
    };
  }

  /** This machine may be needed by the steps of other groups: they are waited for, while there is time. */
  async #haltLast(work: Work): Promise<void> {
    work.atHalt = true;
    this.#stir();
    // What follows in the same group comes after this, and cannot be waited for.
    const needsUs = ({ kind, group, dryRun, atHalt, over }: Work) =>
      kind === 'run' && group !== work.group && !dryRun && !atHalt && !over;
    while (!work.dryRun && stopReason(work) === undefined && [...this.#works].some(needsUs)) {
      await this.#stirredOr(work.stirred.signal);
    }
    if (work.calledOff === undefined) await this.#end(work, this.#halt.actFor(work.group));
  }

  #stirredOr(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  async #end(work: Work, act: LastAct): Promise<void> {
    const host = this.#groups.get(work.group)?.host;
    if (host === undefined) {
      this.#skipped(work, HALT, 'the configuration no longer has it');
      return;
    }
    this.#tell(work, { kind: 'begun', step: HALT, act });
    await this.#onRecord({ act: HALT, as: act, group: work.group, run: work.run });
    // Time that runs out does not end the halt itself.
    const abandon = this.#abandoning.signal;
    const told = this.#told(work, HALT);
    const acted = () =>
      work.dryRun ? this.#halt.rehearse(act, host, abandon) : this.#halt.carryOut(act, host, abandon, told);
    this.#over(work, HALT, await this.#timed(acted));
  }

  async #restore(work: Work): Promise<void> {
    for (const name of work.stages) {
      if (stopReason(work) !== undefined) break;
      const stage = this.#stage(work.group, name);
      if (stage === undefined) continue;
      const left = await runStage(
        stage.restore.map(({ step }) => step),
        ({ key }) => this.#step(work, key),
        () => stopReason(work) === undefined,
      );
      const isBack = left.length === 0 && !stage.restore.some(({ step }) => work.undone.has(step.key));
      if (isBack) this.#tell(work, { kind: 'stage-restored', stage: name });
    }
    work.over = true;
    this.#tell(work, { kind: 'restore-ended' });
  }
}

/** Without `took`: it was carried out elsewhere. */
type Timed = Acted & { readonly took?: Millis };
