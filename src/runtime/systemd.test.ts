import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { rememberingLog } from '../../tests/kit/log.ts';
import { RunningProcess } from '../../tests/kit/process.ts';
import { configured, TICK } from '../../tests/kit/story.ts';
import type { Input } from '../domain/inputs.ts';
import { asInstant, asMillis } from '../domain/time.ts';
import { createLoop } from './loop.ts';
import { createServiceManager, createWatchdog, type ServiceManager } from './systemd.ts';

/** A service manager as far as we can see of one: a Unix datagram socket. Prints every assignment as a line. */
const LISTENER = `
import socket, sys
listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listening.bind(sys.argv[1])
print('listening', flush=True)
while True:
    for line in listening.recv(4096).decode().splitlines():
        print(line, flush=True)
`;

/** Why the socket cannot be tried here; undefined: it can. */
function absence(): string | undefined {
  for (const program of ['python3', 'systemd-notify']) {
    try {
      execFileSync(program, ['--version'], { stdio: 'ignore' });
    } catch {
      return `${program} is not installed`;
    }
  }
  return undefined;
}

const reason = absence();
const name = 'the real socket of a service manager';
describe.skipIf(reason !== undefined)(reason === undefined ? name : `${name} [SKIPPED: ${reason}]`, () => {
  let folder = '';
  let listener: RunningProcess;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'notify-'));
    listener = new RunningProcess('python3', ['-c', LISTENER, join(folder, 'socket')], { name: 'listener' });
    await listener.waitForLine(/^listening$/, 10_000);
  });
  afterAll(async () => {
    await listener.kill();
    await rm(folder, { recursive: true, force: true });
  });

  const environment = () => ({ PATH: process.env['PATH'], NOTIFY_SOCKET: join(folder, 'socket') });
  const fed = () => listener.lines().filter((line) => line === 'WATCHDOG=1').length;

  test('hears that we are ready and what we do', async () => {
    const services = createServiceManager(environment(), rememberingLog().log);
    services.tell('READY=1', 'STATUS=watching nas, shed');
    await listener.waitForLine(/^READY=1$/, 5000);
    await listener.waitForLine(/^STATUS=watching nas, shed$/, 5000);
    services.tell('STOPPING=1');
    await listener.waitForLine(/^STOPPING=1$/, 5000);
  });

  test('is fed by ticks that have passed the loop, and by nothing else', async () => {
    const services = createServiceManager({ ...environment(), WATCHDOG_USEC: '3000000' }, rememberingLog().log);
    expect(services.watchdog).toBe(3000);
    let now = 0;
    const loop = createLoop({
      clock: { now: () => asInstant(now), wall: () => now },
      act: () => undefined,
      sinks: [createWatchdog(services)],
      blame: () => undefined,
    });
    loop.push(configured());
    loop.push({ kind: 'noticed', type: 'listener_failed', text: 'x' });
    const start = listener.mark();
    services.tell('STATUS=before');
    await listener.waitForLine(/^STATUS=before$/, 5000, start);
    expect(fed()).toBe(0);
    loop.push(TICK);
    await listener.waitForLine(/^WATCHDOG=1$/, 5000, start);
    const second = listener.mark();
    for (now of [500, 999, 1000]) loop.push(TICK);
    await listener.waitForLine(/^WATCHDOG=1$/, 5000, second);
    services.tell('STATUS=after');
    await listener.waitForLine(/^STATUS=after$/, 5000, second);
    expect(fed()).toBe(2);
  });
});

describe('the watchdog', () => {
  const limitIn = (environment: NodeJS.ProcessEnv) => createServiceManager(environment, rememberingLog().log).watchdog;
  const told = { NOTIFY_SOCKET: '/run/none', WATCHDOG_USEC: '30000000' };

  test.each([
    ['outside of a service manager', {}, undefined],
    ['without a socket', { WATCHDOG_USEC: '30000000' }, undefined],
    ['without a watchdog', { NOTIFY_SOCKET: '/run/none' }, undefined],
    ['of another process', { ...told, WATCHDOG_PID: '1' }, undefined],
    ['of nonsense', { ...told, WATCHDOG_USEC: 'soon' }, undefined],
    ['of zero', { ...told, WATCHDOG_USEC: '0' }, undefined],
    ['of this process', { ...told, WATCHDOG_PID: String(process.pid) }, 30_000],
    ['of whoever asks', told, 30_000],
  ])('%s', (_, environment, limit) => {
    expect(limitIn(environment)).toBe(limit);
  });

  const fedBy = (watchdog: ServiceManager['watchdog'], ...inputs: readonly Input[]) => {
    const fed: number[] = [];
    let now = 0;
    const loop = createLoop({
      clock: { now: () => asInstant(now), wall: () => now },
      act: () => undefined,
      sinks: [createWatchdog({ watchdog, tell: () => fed.push(now) })],
      blame: () => undefined,
    });
    for (const input of inputs) {
      loop.push(input);
      now += 1000;
    }
    return fed;
  };

  test('is fed three times within its limit, and not at all where there is none', () => {
    const ticks = Array.from({ length: 10 }, () => TICK);
    expect(fedBy(asMillis(9000), ...ticks)).toEqual([0, 3000, 6000, 9000]);
    expect(fedBy(undefined, ...ticks)).toEqual([]);
  });

  test('is not fed by a tick on which deciding failed', () => {
    const fed: string[] = [];
    const watchdog = createWatchdog({ watchdog: asMillis(3000), tell: (...told) => fed.push(...told) });
    const { state } = createLoop({ clock: CLOCK, act: () => undefined, sinks: [], blame: () => undefined });
    const transition = { stamp: STAMP, input: TICK, before: state(), after: state(), intents: [] };
    watchdog.accept({ ...transition, facts: [{ type: 'internal_error', level: 'error', text: 'x' }] });
    expect(fed).toEqual([]);
    watchdog.accept({ ...transition, facts: [] });
    expect(fed).toEqual(['WATCHDOG=1']);
  });
});

const STAMP = { at: asInstant(0), wall: 0 };
const CLOCK = { now: () => STAMP.at, wall: () => STAMP.wall };

test('a service manager that cannot be told is said once', async () => {
  const { log, lines } = rememberingLog();
  const services = createServiceManager({ PATH: '/nowhere', NOTIFY_SOCKET: '/nowhere/socket' }, log);
  services.tell('READY=1');
  await vi.waitFor(() => expect(lines).toEqual([expect.stringContaining('systemd-notify failed')]), 5000);
  services.tell('STATUS=x');
  const probe = createServiceManager({ PATH: '/nowhere', NOTIFY_SOCKET: '/nowhere/socket' }, log);
  probe.tell('READY=1');
  await vi.waitFor(() => expect(lines).toHaveLength(2), 5000);
});

test('outside of a service manager nothing is told', () => {
  const { log, lines } = rememberingLog();
  createServiceManager({ PATH: '/nowhere' }, log).tell('READY=1');
  expect(lines).toEqual([]);
});
