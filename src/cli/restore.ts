import { openBridge } from './ask.ts';
import { followed } from './follow.ts';

/** What `gridwarden restore` is given. */
export interface RestoreOptions {
  readonly group: string;
  /** Whether the person vouches for the mains, where no feed is heard that says so. */
  readonly blind: boolean;
  /** Path of the configuration; absent: looked for in the usual places. */
  readonly config?: string;
  /** Whether to tell how it gets on, until it is through. */
  readonly follow: boolean;
  readonly out: (line: string) => void;
}

/**
 * `gridwarden restore`: lets the running bridge bring back what it has shut down: what waits for charge, what a person has
 * shut down, and what an earlier restore has not brought back.
 *
 * @returns the exit code: 0 brought back, or begun and left to itself, 1 not, 2 the configuration cannot be read
 */
export async function restore({ group, blind, config, follow, out }: RestoreOptions): Promise<number> {
  const bridge = await openBridge(config, out);
  if (bridge === undefined) return 2;
  const begun = await bridge.ask('restore', { group, ...(blind && { blind }) });
  const run = begun.ok ? begun.value['run'] : undefined;
  if (!begun.ok || typeof run !== 'string') {
    out(`not begun: ${begun.ok ? 'the answer of the bridge is not understood' : begun.error.text}`);
    return 1;
  }
  const { option } = bridge;
  out(`${group}: its restore has begun; to stop it: gridwarden cancel ${group} --restore${option}`);
  return follow ? await followed({ bridge, group, run, subject: 'restore', out }) : 0;
}
