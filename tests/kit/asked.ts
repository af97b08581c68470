import type { Answer, Ask } from '../../src/domain/requests.ts';
import type { Settings } from '../../src/domain/settings.ts';
import { declared } from './settings.ts';
import { rack, Watch } from './watch.ts';

export type Given = Extract<Ask, { kind: 'verb' }>['given'];

export const CHARGED = { 'battery.charge': 100, 'battery.runtime': 3000 };
/** Two groups of a UPS each, both on mains. */
export const TWO: Partial<Settings> = {
  ...rack(['a']),
  devices: [declared('a'), declared('b')],
  groups: [...(rack(['a']).groups ?? []), ...(rack(['b']).groups ?? []).map((group) => ({ ...group, id: 'desk' }))],
};
export const calm = (more: Partial<Settings> = TWO) =>
  new Watch(more).says('a', 'OL', CHARGED).says('b', 'OL', CHARGED).runs(20);
/** A charge that a person may wait out, unlike a low battery. */
export const LOW = { 'battery.charge': 15 };
/** The first of them, on battery for long enough. */
export const fired = (more: Partial<Settings> = TWO) => calm(more).says('a', 'OB', LOW).runs(15);
/** A run that has begun what nobody can take back. */
export const halting = (watch: Watch) =>
  watch.tell({
    kind: 'progressed',
    group: 'rack',
    run: watch.run()?.id ?? '',
    event: { kind: 'begun', step: 'host', act: 'halt' },
  });

/** The last answer. */
export const last = (watch: Watch): Answer | undefined =>
  watch.intents.flatMap((intent) => (intent.kind === 'answer' ? [intent.answer] : [])).at(-1);
/** What was ordered beside answers. */
export const orders = (watch: Watch) => watch.intents.flatMap(({ kind }) => (kind === 'answer' ? [] : [kind]));
/** Asks as the machine itself does. */
export const askedHere = (watch: Watch, verb: string, given: Given) =>
  watch.tell({ kind: 'request', request: { id: '1', from: 'console', ask: { kind: 'verb', verb, given } } });
/** Whether nobody has disarmed a group. */
export const armed = ({ state }: Watch, id: string) => state.groups.get(id)?.disarmedUntil === undefined;
/** Facts of one type. */
export const told = (watch: Watch, type: string) => watch.facts.filter((fact) => fact.type === type);
