import { openBridge } from './ask.ts';

/** What `gridwarden arm` is given. */
export interface ArmOptions {
  readonly group: string;
  /** Path of the configuration; absent: looked for in the usual places. */
  readonly config?: string;
  readonly out: (line: string) => void;
}

/**
 * `gridwarden arm`: lifts a `disarm` in the running bridge. What the configuration does not arm stays as it is.
 *
 * @returns the exit code: 0 no longer disarmed, 1 not done, 2 the configuration cannot be read
 */
export async function arm({ group, config, out }: ArmOptions): Promise<number> {
  const bridge = await openBridge(config, out);
  if (bridge === undefined) return 2;
  const answer = await bridge.ask('arm', { group, confirm: group });
  out(answer.ok ? `${group}: no longer disarmed` : `not armed: ${answer.error.text}`);
  return answer.ok ? 0 : 1;
}
