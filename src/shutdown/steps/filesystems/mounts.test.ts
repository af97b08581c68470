import { describe, expect, test } from 'vitest';
import { isWithin, mountedPath, parseMounts, readMounts } from './mounts.ts';

const TEXT = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
50 27 254:0 /data /srv/a\\040b\\134c rw shared:1 master:2 - ext4 /dev/vda rw
51 27 0:40 / /mnt/nas rw - nfs4 nas:/export\\040x rw
52 27 0:41 / /mnt/näs rw - tmpfs tmpfs rw
nonsense
`;

test('the list of mounts is read', () => {
  expect(parseMounts(TEXT)).toEqual([
    { path: '/proc', type: 'proc' },
    { path: '/', type: 'ext4' },
    { path: '/srv/a b\\c', type: 'ext4' },
    { path: '/mnt/nas', type: 'nfs4' },
    { path: '/mnt/näs', type: 'tmpfs' },
  ]);
  expect(parseMounts('')).toEqual([]);
});

test('the real one has /proc', async () => {
  expect(await readMounts(AbortSignal.timeout(5000))).toContainEqual({ path: '/proc', type: 'proc' });
  expect(await readMounts(AbortSignal.abort())).toBeUndefined();
});

describe('the path that is mounted', () => {
  test.each([
    ['as it is', '/mnt/nas', '/mnt/nas'],
    ['with a slash at its end', '/mnt/nas//', '/mnt/nas'],
    ['by a detour', '/mnt/./x/../nas', '/mnt/nas'],
    ['of the root', '/', '/'],
    ['through a link', '/proc/self/root/proc', '/proc'],
    ['of a folder in a mount', '/mnt/nas/folder', undefined],
    ['of nothing', '/nowhere', undefined],
  ])('%s', async (_, given, expected) => {
    expect(await mountedPath(given, parseMounts(TEXT), AbortSignal.timeout(5000))).toBe(expected);
  });
});

test.each([
  ['/mnt/a', '/mnt/a', true],
  ['/mnt/a/b', '/mnt/a', true],
  ['/mnt/ab', '/mnt/a', false],
  ['/mnt', '/mnt/a', false],
  ['/mnt/a', '/', true],
  ['', '/mnt/a', false],
])('%s in %s: %s', (path, mount, expected) => {
  expect(isWithin(path, mount)).toBe(expected);
});
