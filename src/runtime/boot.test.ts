import { expect, test } from 'vitest';
import { bootIdentity } from './boot.ts';

const none = (): string => {
  throw new Error('ENOENT');
};

test.each([
  { read: () => '6f1c1c7e-2a0e-4c1f-9e57-0b6f0c9e1f11\n', id: '6f1c1c7e-2a0e-4c1f-9e57-0b6f0c9e1f11' },
  { read: none, id: 'started-999' },
  { read: () => '', id: 'started-999' },
  { read: () => '../../etc/passwd', id: 'started-999' },
])('$id', ({ read, id }) => {
  expect(bootIdentity({ read, wall: () => 60_000_000, uptime: () => 60 })).toEqual({ id });
});

test('the derived identity stays while the machine is up', () => {
  const at = (up: number) => bootIdentity({ read: none, wall: () => 60_000_000 + up * 1000, uptime: () => up });
  expect(at(3)).toEqual(at(86_400));
});

test('this machine has one', () => {
  expect(bootIdentity()).toEqual(bootIdentity());
});
