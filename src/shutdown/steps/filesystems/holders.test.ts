import { expect, test } from 'vitest';
import { whoHolds } from './holders.ts';

const holder = (pid: number, name = 'smbd') => ({ pid, name });

test.each([
  ['nobody', [], [], 'by nothing that can be seen from here'],
  ['one', [holder(12)], [], 'used by smbd (12)'],
  ['ourselves', [holder(process.pid, 'node')], [], `used by this program (${process.pid})`],
  ['many', [1, 2, 3, 4, 5].map((pid) => holder(pid)), [], 'used by smbd (1), smbd (2), smbd (3) and 2 more'],
  ['another mount', [], ['/mnt/a/b'], 'with /mnt/a/b mounted in it'],
  ['both', [holder(12)], ['/mnt/a/b'], 'used by smbd (12), with /mnt/a/b mounted in it'],
])('held by %s', (_, holders, below, expected) => {
  expect(whoHolds(holders, below)).toBe(expected);
});
