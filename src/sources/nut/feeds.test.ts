import { expect, test } from 'vitest';
import { declared, group, settings } from '../../../tests/kit/settings.ts';
import type { GroupState } from '../../domain/groups.ts';
import type { Settings } from '../../domain/settings.ts';
import { type DeviceState, EMPTY_STATE, type State } from '../../domain/state.ts';
import type { Step } from '../../domain/steps.ts';
import { asInstant, seconds } from '../../domain/time.ts';
import { feedsToLogInTo } from './feeds.ts';

const HALT: Step = {
  key: 'host',
  kind: 'host',
  text: 'halt this host',
  after: [],
  deadline: seconds(30),
  usual: seconds(15),
  carriesSource: false,
};
const ARMED = { armed: true, groups: [group('rack', ['a', 'b', 'away', 'far'], { halt: HALT }), group('lab', ['c'])] };

/** A state with devices of the source `nas` and one of another; only what is looked at is there. */
function stateOf(more: Partial<Settings>, disarmed = false): State {
  const places = { a: ['nas', 'ups'], b: ['nas', 'b'], c: ['nas', 'c'], far: ['shed', 'ups'] } as const;
  const devices = Object.entries(places).map(([id, [source, name]]) => {
    const device = { id, address: { source, name } } as DeviceState; // the rest is not read
    return [id, device] as const;
  });
  const disarmedGroup = { disarmedUntil: asInstant(1) } as GroupState; // the rest is not read
  return {
    ...EMPTY_STATE,
    settings: settings({ devices: [declared('a', { name: 'ups' })], ...more }),
    devices: new Map(devices),
    groups: new Map(disarmed ? [['rack', disarmedGroup]] : []),
  };
}

test.each<[string, State, string, readonly string[]]>([
  ['feeds of a group with a halt, declared or not', stateOf(ARMED), 'nas', ['ups', 'b']],
  ['those of another source', stateOf(ARMED), 'shed', ['ups']],
  ['a source without any', stateOf(ARMED), 'barn', []],
  [
    'a feed of two groups',
    stateOf({ armed: true, groups: [...ARMED.groups, group('two', ['b'], { halt: HALT })] }),
    'nas',
    ['ups', 'b'],
  ],
  ['nothing armed', stateOf({ ...ARMED, armed: false }), 'nas', []],
  ['a rehearsal', stateOf({ ...ARMED, dryRun: true }), 'nas', []],
  ['a forced shutdown that is only told', stateOf({ ...ARMED, fsd: 'tell' }), 'nas', []],
  ['a group that is disarmed', stateOf(ARMED, true), 'nas', []],
  ['before any configuration', EMPTY_STATE, 'nas', []],
])('%s', (_name, state, source, names) => {
  expect(feedsToLogInTo(state, source)).toEqual(names);
});
