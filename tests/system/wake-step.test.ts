import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rememberingHosts } from '../../src/shutdown/reach.ts';
import type { Outcome } from '../../src/shutdown/step.ts';
import { wakeRunner } from '../../src/shutdown/steps/wake/run.ts';
import type { WakeConfig } from '../../src/shutdown/steps/wake/schema.ts';
import { freePort } from '../kit/ports.ts';
import { describeWith, IP_PROGRAM } from '../kit/presence.ts';
import { RunningProcess, run as runProgram } from '../kit/process.ts';
import { attend } from '../kit/step-context.ts';

const MAC = '00:11:22:33:44:5f';
const PACKET = `ffffffffffff${'00112233445f'.repeat(16)}`;

const hosts = rememberingHosts(() => Promise.reject(new Error('ENOTFOUND')));
const runner = wakeRunner(hosts);

async function run(config: WakeConfig, within = 10_000): Promise<Outcome & { readonly items: readonly string[] }> {
  const controller = new AbortController();
  const { context, items } = attend({ signal: controller.signal });
  const timer = setTimeout(() => controller.abort(), within);
  const outcome = await runner.run(config, context);
  clearTimeout(timer);
  return { ...outcome, items: items.map(({ item, state }) => `${item} ${state}`) };
}

const probe = (config: WakeConfig) => runner.probe(config, new AbortController().signal);

describe('on the loopback network', () => {
  /** Everything that comes to a port of it by broadcast. */
  async function listener() {
    const packets: { readonly hex: string; readonly at: number }[] = [];
    const socket = createSocket('udp4');
    socket.on('message', (message) => packets.push({ hex: message.toString('hex'), at: performance.now() }));
    socket.bind(0, '127.255.255.255');
    await once(socket, 'listening');
    return { packets, port: socket.address().port, close: () => socket.close() };
  }

  test('the packet comes three times, apart', async () => {
    const { packets, port, close } = await listener();
    const begun = performance.now();
    const outcome = await run({ mac: MAC, broadcast: '127.255.255.255', port });
    const took = performance.now() - begun;
    await delay(50);
    close();
    expect(outcome).toEqual({ kind: 'done', text: `the packet for ${MAC} was sent`, items: ['packet done'] });
    expect(packets.map(({ hex }) => hex)).toEqual([PACKET, PACKET, PACKET]);
    // Two pauses of 100 ms between them, as the sender sees it: when a packet is read is the listener's affair.
    expect(took).toBeGreaterThan(195);
  });

  test('a machine that wakes later is waited for, and called again', async () => {
    const { packets, port, close } = await listener();
    const sshPort = await freePort();
    const machine = createServer((socket) => socket.destroy());
    const waking = delay(11_000).then(() => machine.listen(sshPort, '127.0.0.1'));
    const until = { host: '127.0.0.1', port: sshPort };
    const outcome = await run({ mac: MAC, broadcast: '127.255.255.255', port, until }, 19_000);
    await waking;
    machine.close();
    close();
    expect(outcome).toEqual({
      kind: 'done',
      text: `127.0.0.1:${sshPort} answers`,
      items: ['packet done', `127.0.0.1:${sshPort} running`, `127.0.0.1:${sshPort} done`],
    });
    expect(packets).toHaveLength(6);
    expect((packets[3]?.at ?? 0) - (packets[2]?.at ?? 0)).toBeGreaterThan(5000);
  });

  test('a machine that does not wake is told when time is up', async () => {
    const { port, close } = await listener();
    const until = { host: '127.0.0.1', port: await freePort() };
    const before = performance.now();
    const outcome = await run({ mac: MAC, broadcast: '127.255.255.255', port, until }, 700);
    close();
    expect(performance.now() - before).toBeLessThan(5000);
    expect(outcome).toMatchObject({
      kind: 'failed',
      text: `the packet was sent, but 127.0.0.1:${until.port} does not answer: ECONNREFUSED`,
    });
  });

  test('a name that nobody knows', async () => {
    const outcome = await run(
      { mac: MAC, broadcast: '127.255.255.255', port: 9, until: { host: 'nas', port: 22 } },
      500,
    );
    expect(outcome.text).toBe('the packet was sent, but nas:22 does not answer: its name cannot be resolved');
  });

  test('a rehearsal sends nothing', async () => {
    const { packets, port, close } = await listener();
    const config: WakeConfig = { mac: MAC, broadcast: '127.255.255.255', port, until: { host: '127.0.0.1', port: 1 } };
    expect(await probe(config)).toEqual([
      { what: 'hardware address', ok: true, text: MAC },
      { what: 'broadcast to 127.255.255.255', ok: true, text: 'can be sent on 1 network' },
      { what: 'address of 127.0.0.1', ok: true, text: '127.0.0.1' },
    ]);
    const wrong = await probe({ ...config, mac: 'ff:ff:ff:ff:ff:ff', until: { host: 'nas', port: 22 } });
    expect(wrong.map(({ ok }) => ok)).toEqual([false, true, false]);
    await delay(50);
    close();
    expect(packets).toEqual([]);
  });
});

/** A listener in another network namespace: what it prints has crossed a wire. */
const LISTENER = `
  const socket = require('node:dgram').createSocket('udp4');
  let count = 0;
  socket.on('message', (message) => console.log('packet ' + ++count + ' ' + message.toString('hex')));
  socket.bind(9, () => console.log('listening'));
`;

describeWith(['network-namespace'], 'a packet to every network', () => {
  const NETWORKS = ['a', 'b'].map((letter, index) => ({
    space: `gw-${process.pid}-${letter}`,
    near: `gw${process.pid % 100_000}${letter}0`,
    far: `gw${process.pid % 100_000}${letter}1`,
    net: `10.213.${index}`,
  }));
  const ip = (...args: readonly string[]) => runProgram(IP_PROGRAM, args);
  const listeners: RunningProcess[] = [];

  beforeAll(async () => {
    for (const { space, near, far, net } of NETWORKS) {
      await ip('netns', 'add', space);
      await ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', space);
      await ip('addr', 'add', `${net}.1/24`, 'dev', near);
      await ip('link', 'set', near, 'up');
      await ip('-n', space, 'addr', 'add', `${net}.2/24`, 'dev', far);
      await ip('-n', space, 'link', 'set', far, 'up');
      const listener = new RunningProcess(IP_PROGRAM, ['netns', 'exec', space, process.execPath, '-e', LISTENER]);
      listeners.push(listener);
      await listener.waitForLine(/listening/, 5000);
    }
  });
  afterAll(async () => {
    for (const listener of listeners) await listener.kill();
    for (const { space } of NETWORKS) await ip('netns', 'delete', space).catch(() => undefined);
  });

  test('goes out on each of them', async () => {
    expect(await run({ mac: MAC, broadcast: '255.255.255.255', port: 9 })).toMatchObject({ kind: 'done' });
    for (const listener of listeners) {
      expect(await listener.waitForLine(/^packet 3 /, 5000)).toBe(`packet 3 ${PACKET}`);
    }
  });

  test('goes out on one where its broadcast address is given', async () => {
    const [first, second] = listeners.map((listener) => listener.mark());
    expect(await run({ mac: MAC, broadcast: '10.213.1.255', port: 9 })).toMatchObject({ kind: 'done' });
    await listeners[1]?.waitForLine(/^packet 6 /, 5000, second);
    expect(listeners[0]?.lines().slice(first)).toEqual([]);
  });

  test('a network that cannot be reached is told, by a rehearsal too', async () => {
    await ip('route', 'add', 'unreachable', '198.51.100.0/24');
    try {
      const config = { mac: MAC, broadcast: '198.51.100.255', port: 9 };
      expect(await run(config)).toEqual({
        kind: 'failed',
        text: `the packet for ${MAC} cannot be sent: EHOSTUNREACH`,
        items: [],
      });
      expect((await probe(config))[1]).toMatchObject({ ok: false, text: 'EHOSTUNREACH' });
    } finally {
      await ip('route', 'delete', 'unreachable', '198.51.100.0/24');
    }
  });

  test('a rehearsal counts the networks', async () => {
    const [, broadcast] = await probe({ mac: MAC, broadcast: '255.255.255.255', port: 9 });
    expect(broadcast).toMatchObject({ ok: true, text: expect.stringMatching(/^can be sent on \d+ networks$/) });
  });
});
