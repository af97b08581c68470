import { openBridge } from './ask.ts';

/** What `gridwarden disarm` is given. */
export interface DisarmOptions {
  /** Absent: every group. */
  readonly group?: string;
  /** A duration as the configuration writes it; absent: an hour. */
  readonly for?: string;
  /** Path of the configuration; absent: looked for in the usual places. */
  readonly config?: string;
  readonly out: (line: string) => void;
}

/**
 * `gridwarden disarm`: lets the running bridge shut nothing down for a while, and calls off what it is at.
 *
 * @returns the exit code: 0 disarmed, 1 not, 2 the configuration cannot be read
 */
export async function disarm({ group, for: span, config, out }: DisarmOptions): Promise<number> {
  const bridge = await openBridge(config, out);
  if (bridge === undefined) return 2;
  const given = { ...(group !== undefined && { group }), ...(span !== undefined && { for: span }) };
  const answer = await bridge.ask('disarm', given);
  if (!answer.ok) {
    out(`not disarmed: ${answer.error.text}`);
    return 1;
  }
  const { groups, until } = answer.value;
  const names = Array.isArray(groups) ? groups : [];
  out(
    `disarmed until ${String(until)}: ${names.join(', ')}; to lift it: gridwarden arm ${group ?? 'GROUP'}${bridge.option}`,
  );
  return 0;
}
