import type { Progress } from '../../domain/progress.ts';
import { after, between, formatSpan, type Stamp, seconds } from '../../domain/time.ts';
import { type Pursued, type Pursuing, pursuitOf } from './pursuit.ts';
import { lastActOf } from './standing.ts';

/** A halt after which the machine still lives so long did not happen. */
const HALT_TAKES = seconds(120);

/**
 * The halt once more where the machine still lives long after it.
 *
 * @param kind what the run counts as: one that is over, whatever it was, leaves a machine that mains are to bring up again
 */
export function haltedAgain(
  { before, settings, devices }: Pursuing,
  progress: Progress,
  { at, wall }: Stamp,
  kind: Progress['kind'] = progress.kind,
): Pursued {
  const pursuit = pursuitOf(before);
  const { halt, run } = progress;
  if (halt === undefined || at < after(halt.at, HALT_TAKES)) return { pursuit, intents: [], facts: [] };
  const act = lastActOf(settings, { ...progress, kind }, devices);
  // An order that was refused will not end the machine later; then it is left to run on mains.
  if (act === 'reboot' && progress.steps.get('host')?.state !== 'done') return { pursuit, intents: [], facts: [] };
  const reason = `still alive ${formatSpan(between(halt.at, at))} after the ${halt.act}`;
  const text = `${before.label}: ${reason}: ${act === 'halt' ? 'halted again' : 'the mains have held, rebooted'}`;
  return {
    pursuit: { ...pursuit, progress: { ...progress, halt: { act, at, wall } } },
    intents: [{ kind: 'halt', group: before.id, run, act, reason }],
    facts: [{ type: 'halt_again', group: before.id, level: 'error', text, details: { run, act } }],
  };
}
