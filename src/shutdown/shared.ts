import type { GroupId } from '../domain/names.ts';
import { after, asMillis, between, formatSpan, type Instant, type Millis } from '../domain/time.ts';
import type { Acted } from './act.ts';
import { unlessAborted, within } from './pause.ts';
import type { StepConfig } from './schema.ts';

/** What groups that run at the same time have in common is done once: the first does it, and the others take its result. */
export class Shared {
  readonly #acts = new Map<string, { readonly group: GroupId; readonly acted: Promise<Acted> }>();
  readonly #now: () => Instant;

  constructor(now: () => Instant) {
    this.#now = now;
  }

  /**
   * Acts, unless another group does or has done the very same. What has failed there is tried again. Waiting and acting
   * together take no longer than the deadline of the step.
   *
   * @param abandon ends the waiting for another group's act
   * @param act is given what is left of the deadline
   */
  async once(
    group: GroupId,
    config: StepConfig,
    abandon: AbortSignal,
    act: (within: Millis) => Promise<Acted>,
  ): Promise<Acted> {
    const { deadline } = config.step;
    const ends = after(this.#now(), deadline);
    const left = () => asMillis(Math.max(0, between(this.#now(), ends)));
    const what = identityOf(config);
    let known = this.#acts.get(what);
    while (known !== undefined && known.group !== group) {
      const { group: by, acted: elsewhere } = known;
      const acted = await within(left(), abandon, (signal) => unlessAborted(elsewhere, signal));
      if (acted?.state === 'done') return { ...acted, text: `${acted.text} (by the run of ${by})`, elsewhere: true };
      if (acted === undefined || abandon.aborted) {
        const why = abandon.aborted ? `abandoned: ${abandon.reason}` : `not through after ${formatSpan(deadline)}`;
        return { state: 'timed-out', text: `${why}; the run of ${by} was at it`, elsewhere: true };
      }
      // Several may have waited: one of them tries, and the others wait for that.
      const now = this.#acts.get(what);
      known = now === known ? undefined : now;
    }
    const acted = act(left());
    this.#acts.set(what, { group, acted });
    return await acted;
  }

  /** What a group has done is brought back: it would have to be done again. */
  drop(group: GroupId): void {
    for (const [what, act] of this.#acts) if (act.group === group) this.#acts.delete(what);
  }

  /** No run is under way: the next one begins with nothing done. */
  forget(): void {
    this.#acts.clear();
  }
}

/**
 * Secrets print as `***`: two that differ in nothing else mean the same thing on the same host; so do two that are given
 * different times for it.
 */
const identityOf = ({ kind, config }: StepConfig): string =>
  `${kind} ${JSON.stringify({ ...config, deadline: undefined })}`;
