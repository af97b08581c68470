import type { ItemProgress } from '../../src/domain/progress.ts';
import type { Json } from '../../src/domain/requests.ts';
import type { StepContext } from '../../src/shutdown/step.ts';

/** A context for a runner, and what the runner has told it. */
export interface Attended {
  readonly context: StepContext;
  readonly items: readonly ItemProgress[];
  /** As the journal gives them back, the newest last. */
  readonly notes: readonly Json[];
  /** The items in their order, each as `name: state`. */
  readonly order: () => readonly string[];
}

/** Attends one step. Its signal never aborts, unless one is given. */
export function attend(given: Partial<StepContext> = {}): Attended {
  const items: ItemProgress[] = [];
  const notes: Json[] = [];
  const context: StepContext = {
    signal: new AbortController().signal,
    progress: (item) => items.push(item),
    note: (undo) => notes.push(JSON.parse(JSON.stringify(undo))),
    ...given,
  };
  return { context, items, notes, order: () => items.map(({ item, state }) => `${item}: ${state}`) };
}
