import type { Input } from '../domain/inputs.ts';
import { never } from '../domain/result.ts';
import type { Settings } from '../domain/settings.ts';
import type { SourceState, State } from '../domain/state.ts';
import type { Stamp } from '../domain/time.ts';
import type { Decision } from './decision.ts';
import { identified, onReport } from './on-report.ts';
import { expired, onInstructed, onReloaded, onRequest } from './on-request.ts';

/**
 * The whole decision of the program: old state and one input give new state, orders and facts.
 *
 * Same arguments, same answer, for ever: no clock, no chance, no memory of its own. Time comes with the input.
 */
export function decide(state: State, input: Input, stamp: Stamp): Decision {
  switch (input.kind) {
    case 'configured':
      return onConfigured(state, input.settings, stamp);
    case 'restored':
      return { state: { ...state, names: input.names }, intents: [], facts: [] };
    case 'tick':
      return expired(state, stamp);
    case 'report':
      return onReport(state, input.report, stamp);
    case 'request':
      return onRequest(state, input.request, stamp);
    case 'instructed':
      return onInstructed(state, input.request, input.outcome);
    case 'reloaded':
      return onReloaded(state, input.request, input.answer);
    case 'noticed': {
      const { type, text, details } = input;
      const fact = { type, text, level: 'warning' as const, ...(details === undefined ? {} : { details }) };
      return { state, intents: [], facts: [fact] };
    }
    default:
      return never(input);
  }
}

const UNHEARD: SourceState = { link: { kind: 'unknown' }, ids: new Map(), unnamed: new Map() };

function onConfigured(state: State, settings: Settings, stamp: Stamp): Decision {
  const sources = new Map(settings.sources.map((name) => [name, state.sources.get(name) ?? UNHEARD]));
  const { state: next, facts } = identified({ ...state, settings, sources }, stamp);
  return { state: next, intents: [], facts };
}
