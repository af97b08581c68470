import { beforeEach, expect, test } from 'vitest';
import { rememberingLog } from '../../tests/kit/log.ts';
import { createRooms, type Room, type Rooms } from './rooms.ts';

let events: string[];
let lines: string[];
let rooms: Rooms;
beforeEach(() => {
  events = [];
  const remembering = rememberingLog();
  lines = remembering.lines;
  rooms = createRooms((one, other) => one === other, remembering.log);
});

const room = (name: string, from: unknown, stop: () => Promise<void> = async () => undefined): Room => ({
  name,
  from,
  start: async () => {
    events.push(`start ${name} ${from}`);
    return () => {
      events.push(`stop ${name} ${from}`);
      return stop();
    };
  },
});
const happened = () => events.splice(0);

test('rooms start in their order and stop in the reverse one', async () => {
  await rooms.apply([room('mqtt', 1), room('nas', 1), room('http', 1)]);
  expect(happened()).toEqual(['start mqtt 1', 'start nas 1', 'start http 1']);
  await rooms.stop();
  expect(happened()).toEqual(['stop http 1', 'stop nas 1', 'stop mqtt 1']);
  await rooms.stop();
  expect(happened()).toEqual([]);
});

test('only what has changed, gone or come is touched', async () => {
  await rooms.apply([room('mqtt', 1), room('nas', 1), room('shed', 1), room('http', 1)]);
  happened();
  await rooms.apply([room('mqtt', 1), room('nas', 2), room('attic', 1), room('http', 1)]);
  expect(happened()).toEqual(['stop shed 1', 'stop nas 1', 'start nas 2', 'start attic 1']);
  await rooms.apply([room('mqtt', 1), room('nas', 2), room('attic', 1), room('http', 1)]);
  expect(happened()).toEqual([]);
});

test('a room that does not stop well is told, and the others stop and start', async () => {
  const throwing = () => {
    throw new Error('bug');
  };
  await rooms.apply([room('a', 1), room('b', 1, () => Promise.reject(new Error('busy'))), room('c', 1, throwing)]);
  happened();
  await rooms.apply([room('a', 2)]);
  expect(happened()).toEqual(['stop c 1', 'stop b 1', 'stop a 1', 'start a 2']);
  expect(lines).toEqual(['warn c did not stop: bug', 'warn b did not stop: busy']);
});

test('a room that cannot start is said to the caller; those before it run and stop, and it may be tried again', async () => {
  const failing: Room = { name: 'b', from: 1, start: () => Promise.reject(new Error('no')) };
  await expect(rooms.apply([room('a', 1), failing, room('c', 1)])).rejects.toThrow('no');
  expect(happened()).toEqual(['start a 1']);
  await rooms.apply([room('a', 1), room('b', 1), room('c', 1)]);
  expect(happened()).toEqual(['start b 1', 'start c 1']);
  await rooms.stop();
  expect(happened()).toEqual(['stop c 1', 'stop b 1', 'stop a 1']);
});
