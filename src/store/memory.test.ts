import { expect, test } from 'vitest';
import { GROUP_AT, memoryAt, POWER_AT, stateWith } from '../../tests/kit/memories.ts';
import type { Member } from '../domain/groups.ts';
import type { Power } from '../domain/power.ts';
import type { Progress } from '../domain/progress.ts';
import { type DeviceState, EMPTY_STATE, type GroupMemory, type Memory, UNHEARD } from '../domain/state.ts';
import { asInstant, asMillis } from '../domain/time.ts';
import { awaitingProof, deviceMemory, groupMemory, memoryOf, shifted } from './memory.ts';

const { tuning: _, ...HEARD_NOTHING } = UNHEARD;
const at = asInstant(5000);

test('what is there counts, what is not there yet is as it was kept', () => {
  const kept = { ...memoryAt(1000), boot: 'same' as const };
  const state = { ...stateWith('b', POWER_AT(3000)), memory: kept };
  const memory = memoryOf(state, at);
  expect([...memory.devices.keys()]).toEqual(['a', 'b']);
  expect(memory.devices.get('a')).toEqual(kept.devices.get('a'));
  expect(memory.devices.get('b')?.power).toEqual(POWER_AT(3000));
  expect(memory.groups).toEqual(kept.groups);
  expect(memory.durations).toEqual(kept.durations);
  expect(memory.at).toBe(at);
});

test('what another boot has left of what is not there yet still waits for proof', () => {
  const kept = memoryAt(1000);
  const { devices, groups } = memoryOf({ ...EMPTY_STATE, memory: { ...kept, boot: 'new' } }, at);
  expect(devices.get('a')).toMatchObject({ power: {}, earlier: POWER_AT(1000) });
  const { run, ...rest } = GROUP_AT(1000);
  expect(groups.get('rack')).toEqual({ ...rest, earlierRun: run });
  expect(awaitingProof(awaitingProof(kept))).toEqual(awaitingProof(kept));
  const nothing: Memory = {
    ...kept,
    devices: new Map([['a', HEARD_NOTHING]]),
    groups: new Map([['g', { members: new Map() }]]),
  };
  expect(awaitingProof(nothing)).toEqual(nothing);
});

test('every instant moves, and nothing else', () => {
  for (const by of [0, 500, -1000]) expect(shifted(memoryAt(1000), by)).toEqual(memoryAt(1000 + by));
});

test('only what has to be remembered of a device and a group', () => {
  const device = {
    ...UNHEARD,
    id: 'a',
    label: 'A',
    link: { kind: 'up' },
    derived: new Map(),
  } as unknown as DeviceState; // the rest is not looked at
  expect(deviceMemory(device)).toEqual(HEARD_NOTHING);
  const earlier: Power = POWER_AT(7);
  expect(deviceMemory({ ...device, earlier }).earlier).toBe(earlier);
  const member: Member = { device: 'a', class: 'healthy', verdicts: [], meets: ['x'], holds: {}, stageHolds: {} };
  const state = { ...GROUP_AT(1), members: new Map([['a', member]]), slack: asMillis(1) };
  expect(groupMemory(state as never)).toEqual({
    ...GROUP_AT(1),
    members: new Map([['a', { holds: {}, stageHolds: {} }]]),
  });
});

test('a run of another boot has nothing behind it, and what it has taken away is brought back whoever has ordered it', () => {
  const { run: _, ...calm } = GROUP_AT(1000);
  const shed = { stages: ['lab'], undo: new Map([['lab/a', ['vm']]]), held: 'by-hand' as const };
  const progress: Progress = {
    run: GROUP_AT(1000).run?.id ?? '',
    kind: 'request',
    dryRun: false,
    wall: 1,
    phase: 'running',
    steps: new Map([['lab/a', { state: 'running', since: at, wall: 1, items: [] }]]),
    hurried: 'no time',
    halt: { act: 'halt', at, wall: 1 },
  };
  const left = (group: GroupMemory) => {
    const waiting = awaitingProof({ ...memoryAt(1000), groups: new Map([['rack', group]]) });
    expect(awaitingProof(waiting)).toEqual(waiting);
    return waiting.groups.get('rack');
  };
  const kept = { stages: ['lab'], undo: shed.undo };
  expect(left({ ...GROUP_AT(1000), progress, shed })).toMatchObject({
    progress: { phase: 'interrupted', steps: new Map() },
  });
  expect(left({ ...GROUP_AT(1000), progress, shed })?.shed).toEqual(kept);
  expect(left({ ...calm, progress, shed })?.progress).toMatchObject({
    phase: 'ended',
    steps: new Map([['lab/a', expect.objectContaining({ state: 'failed' })]]),
  });
  expect(left({ ...GROUP_AT(1000), progress: { ...progress, run: 'an older one' } })?.progress?.phase).toBe('ended');
  for (const group of [GROUP_AT(1000), calm]) {
    expect(left({ ...group, progress })?.progress).not.toHaveProperty('halt');
    expect(left({ ...group, progress })?.progress).not.toHaveProperty('hurried');
  }
});
