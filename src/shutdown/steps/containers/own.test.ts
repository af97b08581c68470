import { expect, test } from 'vitest';
import { isOwn, ownIds } from './own.ts';

const [OURS, OTHER] = ['a1'.repeat(32), 'b2'.repeat(32)];

test.each<[string, Parameters<typeof ownIds>[0], readonly string[]]>([
  [
    'Docker, from its mounts',
    { mountinfo: `1 2 8:1 /var/lib/docker/containers/${OURS}/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n` },
    [OURS],
  ],
  [
    'Podman with its run folder in memory',
    {
      mountinfo: `1 2 0:24 /containers/overlay-containers/${OURS}/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw\n2 2 0:24 /containers/overlay-containers/${OURS}/userdata/resolv.conf /etc/resolv.conf rw - tmpfs tmpfs rw`,
    },
    [OURS],
  ],
  [
    'the machine itself, that sees the mounts of every container',
    {
      mountinfo: `9 2 0:50 / /var/lib/docker/containers/${OTHER}/mounts/shm rw - tmpfs shm rw\n8 2 0:51 / /var/lib/docker/overlay2/${OTHER}/merged rw - overlay overlay rw,upperdir=/var/lib/docker/overlay2/${OTHER}/diff`,
      cgroup: '0::/system.slice/gridwarden.service\n',
      hostname: 'nas',
    },
    [],
  ],
  ['cgroup 1', { cgroup: `12:pids:/docker/${OURS}\n11:cpu:/docker/${OURS}\n` }, [OURS]],
  ['cgroup 2 with systemd', { cgroup: `0::/system.slice/docker-${OURS}.scope` }, [OURS]],
  ['Podman in its own cgroup', { cgroup: `0::/machine.slice/libpod-${OURS}.scope/container` }, [OURS]],
  ['a longer number is none', { cgroup: `0::/x-${OURS}0.scope` }, []],
  ['the host name', { cgroup: '0::/', hostname: OURS.slice(0, 12) }, [OURS.slice(0, 12)]],
  ['a host name of somebody', { hostname: 'gridwarden' }, []],
  ['nothing', {}, []],
])('who we are: %s', (_what, traces, ids) => {
  expect(ownIds(traces)).toEqual(ids);
});

test('a container is ours by its whole id', () => {
  expect(isOwn(OURS, [OURS])).toBe(true);
  expect(isOwn(OURS, [OURS.slice(0, 12)])).toBe(true);
  expect(isOwn(OTHER, [OURS, OURS.slice(0, 12)])).toBe(false);
  expect(isOwn(OURS, [`${OURS.slice(0, 63)}0`])).toBe(false);
  expect(isOwn(OURS, [])).toBe(false);
});
