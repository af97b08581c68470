import type { ItemProgress } from '../../domain/progress.ts';
import type { Outcome } from '../step.ts';
import { listed } from './schema.ts';

/** What has become of the things of one step so far. */
export interface Tally {
  readonly begin: (item: string) => void;
  readonly end: (item: string, state: 'done' | 'failed' | 'skipped', text?: string) => void;
  /** What a program has said to a failure. */
  readonly heard: (output: string) => void;
  /**
   * How the step ended: failed where one thing has, or has not ended.
   *
   * @param told what was done, as `3 VMs shut down`, from the count of those that were done
   */
  readonly outcome: (told: (done: number) => string, most: number) => Outcome;
}

/** Counts, and tells the progress as it happens. */
export function tallyOf(progress: (item: ItemProgress) => void): Tally {
  const states = new Map<string, ItemProgress>();
  let output = '';
  const put = (item: ItemProgress): void => {
    states.set(item.item, item);
    progress(item);
  };
  return {
    begin: (item) => put({ item, state: 'running' }),
    end: (item, state, text) => put({ item, state, ...(text !== undefined && { text }) }),
    heard: (text) => {
      if (text !== '') output = `${output}${text}\n`;
    },
    outcome: (told, most) => {
      const all = [...states.values()];
      const of = (state: ItemProgress['state']) => all.filter((one) => one.state === state);
      const skipped = of('skipped');
      const [failed, unknown, worded] = [
        of('failed'),
        of('running'),
        of('done').filter(({ text }) => text !== undefined),
      ];
      const text = [
        told(of('done').length),
        ...(worded.length > 0 ? [listed(worded.map(reason))] : []),
        ...(skipped.length > 0 ? [`skipped: ${listed(skipped.map(reason))}`] : []),
        ...(failed.length > 0 ? [`failed: ${listed(failed.map(reason))}`] : []),
        ...(unknown.length > 0 ? [`abandoned: ${listed(unknown.map(({ item }) => item))}`] : []),
      ].join('; ');
      return {
        kind: failed.length + unknown.length > 0 ? 'failed' : 'done',
        text,
        ...(output !== '' && { output: output.slice(-most) }),
      };
    },
  };
}

const reason = ({ item, text }: ItemProgress): string => (text === undefined ? item : `${item} (${text})`);

/** `1 VM`, `3 VMs`. */
export const count = (number: number, one: string): string => `${number} ${one}${number === 1 ? '' : 's'}`;
