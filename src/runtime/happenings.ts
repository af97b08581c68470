import type { Fact } from '../domain/facts.ts';
import type { Intent } from '../domain/intents.ts';
import type { Transition } from '../domain/ports.ts';
import type { Ask } from '../domain/requests.ts';
import { never } from '../domain/result.ts';
import type { State } from '../domain/state.ts';
import type { Stamp } from '../domain/time.ts';

/** One thing that a transition told or ordered, in words. Replays and scenarios show these. */
export interface Happening {
  readonly stamp: Stamp;
  /** The type of the fact, or what is ordered. */
  readonly what: string;
  /** Device, group or source; absent where the bridge itself is meant. */
  readonly about?: string;
  /** One line for people. */
  readonly text: string;
  /** Whether something was decided: to shut down, to call off, to tell a device something. */
  readonly isDecision: boolean;
}

/** Facts of groups that say what was decided. */
const DECISIONS = new Set(['shed', 'shutdown', 'called_off', 'finished', 'restored']);

/** Facts first, in their order, then orders. */
export const happenings = ({ stamp, facts, intents, before }: Transition): readonly Happening[] => [
  ...facts.map((fact) => told(fact, stamp)),
  ...intents.map((intent) => ({ stamp, ...ordered(intent, before) })),
];

function told({ type, device, group, source, text }: Fact, stamp: Stamp): Happening {
  const about = device ?? group ?? source;
  const isDecision = group !== undefined && DECISIONS.has(type);
  return { stamp, what: type, ...(about === undefined ? {} : { about }), text, isDecision };
}

function ordered(intent: Intent, { devices }: State): Omit<Happening, 'stamp'> {
  switch (intent.kind) {
    case 'run': {
      const { group, stages, halt, dryRun, reason } = intent;
      const parts = [...stages, ...(halt ? ['the halt of this host'] : [])].join(', ') || 'nothing';
      return { what: dryRun ? 'would run' : 'run', about: group, text: `${parts} (${reason})`, isDecision: true };
    }
    case 'call-off':
      return { what: 'call off', about: intent.group, text: intent.reason, isDecision: true };
    case 'look':
      return { what: 'look', text: `at the steps of ${intent.groups.join(', ')}`, isDecision: false };
    case 'hurry':
      return { what: 'hurry', about: intent.group, text: intent.reason, isDecision: true };
    case 'halt':
      return { what: intent.act, about: intent.group, text: intent.reason, isDecision: true };
    case 'restore':
      return { what: 'restore', about: intent.group, text: intent.stages.join(', '), isDecision: true };
    case 'stop-restore':
      return { what: 'stop restore', about: intent.group, text: intent.reason, isDecision: true };
    case 'instruct': {
      const { address, order } = intent;
      const device = [...devices.values()].find(
        (one) => one.address.source === address.source && one.address.name === address.name,
      );
      const value = order.value === undefined ? '' : ` ${order.value}`;
      const text = `${order.kind === 'command' ? order.command : `set ${order.variable}`}${value}`;
      return { what: 'order', about: device?.id ?? address.name, text, isDecision: true };
    }
    case 'reload':
      return { what: 'reload', text: 'read the configuration again', isDecision: false };
    case 'answer': {
      const { request, answer } = intent;
      const text = answer.status === 'ok' ? 'ok' : `${answer.code}, ${answer.error}`;
      return { what: 'answer', about: subjectOf(request.ask), text, isDecision: false };
    }
    default:
      return never(intent);
  }
}

const subjectOf = (ask: Ask): string =>
  ask.kind === 'verb' ? ask.verb : ask.kind === 'unreadable' ? 'request' : ask.device;
