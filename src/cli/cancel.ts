import { openBridge } from './ask.ts';

/** What `gridwarden cancel` is given. */
export interface CancelOptions {
  /** Absent: every group. */
  readonly group?: string;
  /** Whether a restore is meant, and not a shutdown. */
  readonly restore: boolean;
  /** Path of the configuration; absent: looked for in the usual places. */
  readonly config?: string;
  readonly out: (line: string) => void;
}

/**
 * `gridwarden cancel`: calls off what the running bridge is at, as far as it can still be called off, or stops its restore.
 *
 * @returns the exit code: 0 called off, 1 not, 2 the configuration cannot be read
 */
export async function cancel({ group, restore, config, out }: CancelOptions): Promise<number> {
  const bridge = await openBridge(config, out);
  if (bridge === undefined) return 2;
  const answer = await bridge.ask('cancel', { ...(group !== undefined && { group }), ...(restore && { restore }) });
  if (!answer.ok) {
    out(`not called off: ${answer.error.text}`);
    return 1;
  }
  const { cancelled } = answer.value;
  out(`called off: ${Array.isArray(cancelled) ? cancelled.join(', ') : 'done'}; what has begun is let run`);
  return 0;
}
