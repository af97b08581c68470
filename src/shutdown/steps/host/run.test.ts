import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { attend } from '../../../../tests/kit/step-context.ts';
import { secret } from '../../../domain/secret.ts';
import { seconds } from '../../../domain/time.ts';
import { type HostPorts, hostRunner, thisHost } from './run.ts';
import type { HostConfig } from './schema.ts';

/** A machine whose programs write down how they were called; nothing of the real one is ever touched. */
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'host-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const PROGRAMS = ['wall', 'systemctl', 'busctl', 'shutdown', 'poweroff', 'reboot'] as const;

const machine = (...without: readonly string[]): HostPorts => {
  const at = (name: string) => join(folder, name);
  for (const name of PROGRAMS.filter((one) => !without.includes(one))) put(name, 'exit 0');
  if (!without.includes('systemd')) mkdirSync(at('systemd'));
  return {
    wall: at('wall'),
    systemctl: at('systemctl'),
    busctl: at('busctl'),
    shutdown: at('shutdown'),
    poweroff: at('poweroff'),
    reboot: at('reboot'),
    systemdRuns: at('systemd'),
    containerMarks: [at('container')],
  };
};

const put = (name: string, then: string) => {
  const file = join(folder, name);
  writeFileSync(
    file,
    `#!/bin/sh\nprintf '%s' ${name} >>${folder}/calls\nprintf ' [%s]' "$@" >>${folder}/calls\necho >>${folder}/calls\n${then}\n`,
  );
  chmodSync(file, 0o755);
};

const calls = () =>
  existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n') : [];

const CONFIG: HostConfig = { halt: true, deadline: seconds(120) };

const order = async (
  verb: 'run' | 'reboot',
  ports: HostPorts,
  own: Partial<HostConfig> = {},
  signal = AbortSignal.timeout(10_000),
) => {
  const { context, items: progress } = attend({ signal });
  const outcome = await hostRunner(ports)[verb]({ ...CONFIG, ...own }, context);
  return { outcome, progress };
};

const SYSTEMD = 'systemctl [poweroff] [-i] [--no-ask-password]';

describe('the halt', () => {
  test('is the one of systemd where that runs the machine', async () => {
    const { outcome } = await order('run', machine());
    expect(outcome).toMatchObject({ kind: 'done', text: expect.stringMatching(/systemctl ended with code 0/) });
    expect(calls()).toEqual([SYSTEMD]);
  });

  test.each([
    [['systemd'], ['shutdown [-h] [now]']],
    [['systemd', 'shutdown'], ['poweroff []']],
    [['systemctl'], ['shutdown [-h] [now]']],
  ])('without %s is the next of the usual ways', async (without, expected) => {
    const { outcome } = await order('run', machine(...without));
    expect(outcome.kind).toBe('done');
    expect(calls()).toEqual(expected);
  });

  test('tries every way before it fails, and tells them all', async () => {
    const ports = machine('poweroff');
    put('systemctl', 'echo no bus >&2; exit 1');
    put('shutdown', 'exit 2');
    const { outcome } = await order('run', ports);
    expect(outcome).toMatchObject({ kind: 'failed', output: expect.stringContaining('poweroff') });
    expect(outcome.text).toMatch(
      /systemctl ended with code 1 .*; .*shutdown ended with code 2 .*; .*poweroff is not there/,
    );
    expect(calls()).toEqual([SYSTEMD, 'shutdown [-h] [now]']);
  });

  test('is the command that the file gives, word for word, and nothing else when that fails', async () => {
    const ports = machine();
    put('own', 'exit 7');
    const { outcome } = await order('run', ports, { command: [join(folder, 'own'), '$(id)', 'a b'] });
    expect(outcome).toMatchObject({ kind: 'failed', text: expect.stringMatching(/own ended with code 7/) });
    expect(calls()).toEqual(['own [$(id)] [a b]']);
  });

  test('ends with its deadline', async () => {
    const ports = machine();
    put('systemctl', 'exec sleep 60');
    const { outcome } = await order('run', ports, {}, AbortSignal.timeout(1500));
    expect(outcome).toMatchObject({ kind: 'failed', text: expect.stringContaining('did not end within') });
    expect(calls()).toEqual([SYSTEMD]);
  });
});

describe('the reboot', () => {
  test.each([
    [[], ['systemctl [reboot] [-i] [--no-ask-password]']],
    [['systemd'], ['shutdown [-r] [now]']],
    [['systemd', 'shutdown'], ['reboot []']],
  ])('without %s', async (without, expected) => {
    expect((await order('reboot', machine(...without), { command: ['/nowhere/halt'] })).outcome.kind).toBe('done');
    expect(calls()).toEqual(expected);
  });
});

describe('the message', () => {
  test('comes first', async () => {
    const { outcome, progress } = await order('run', machine(), { message: '-n Power is out; $(id)' });
    expect(outcome.kind).toBe('done');
    expect(calls()).toEqual(['wall [--] [-n Power is out; $(id)]', SYSTEMD]);
    expect(progress.map(({ state }) => state)).toEqual(['running', 'done']);
  });

  test.each([
    ['without wall', () => undefined],
    ['with a wall that fails', () => put('wall', 'exit 1')],
    ['with a wall that hangs', () => put('wall', 'trap "" TERM; sleep 60')],
  ])('%s delays the halt by a few seconds at most', async (_, prepare) => {
    const ports = machine('wall');
    prepare();
    const began = performance.now();
    const { outcome, progress } = await order('run', ports, { message: 'x' }, AbortSignal.timeout(15_000));
    // Without a bound of its own it would take the whole deadline.
    expect(performance.now() - began).toBeLessThan(12_000);
    expect(outcome.kind).toBe('done');
    expect(progress.at(-1)).toMatchObject({ item: 'message', state: 'failed', text: expect.stringMatching(/^wall /) });
    expect(calls().at(-1)).toBe(SYSTEMD);
  });
});

describe('in the add-on', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });
  const asked: string[] = [];

  const addOn = async (answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<HostPorts> => {
    asked.length = 0;
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        asked.push(`${request.method} ${request.url} ${request.headers.authorization} ${body}`.trim());
        answer(request, response);
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const supervisor = { url: `http://127.0.0.1:${port}`, token: secret('token-of-the-add-on'), fetch };
    return { ...machine(), supervisor };
  };
  const accepts = (_: IncomingMessage, response: ServerResponse) => response.end('{"result":"ok","data":{}}');

  test.each([
    ['run', 'POST /host/shutdown Bearer token-of-the-add-on {"force":true}'],
    ['reboot', 'POST /host/reboot Bearer token-of-the-add-on {"force":true}'],
  ] as const)('%s is an order to the Supervisor', async (verb, expected) => {
    const { outcome } = await order(verb, await addOn(accepts));
    expect(outcome).toEqual({ kind: 'done', text: 'the Supervisor has accepted it' });
    expect(asked).toEqual([expected]);
    expect(calls()).toEqual([]);
  });

  test('a command of the file goes before it', async () => {
    const ports = await addOn(accepts);
    put('own', 'exit 0');
    expect((await order('run', ports, { command: [join(folder, 'own')] })).outcome.kind).toBe('done');
    expect(asked).toEqual([]);
  });

  test('a refusal is told, without our token', async () => {
    const ports = await addOn((request, response) => {
      response.writeHead(403).end(`{"message":"no\u0007 for ${request.headers.authorization}"}${'x'.repeat(100_000)}`);
    });
    const { outcome } = await order('run', ports);
    expect(outcome.kind).toBe('failed');
    expect(outcome.text).toMatch(/^the Supervisor refuses \(403\): \{"message":"no\ufffd for Bearer \*\*\*"\}x/);
    expect(outcome.text.length).toBeLessThan(250);
  });

  test.each([
    [
      'is sent elsewhere',
      (_: IncomingMessage, response: ServerResponse) =>
        response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end(),
    ],
    ['is cut off', (request: IncomingMessage) => request.socket.destroy()],
  ])('one that %s cannot be reached', async (_, answer) => {
    const { outcome } = await order('run', await addOn(answer));
    expect(outcome).toMatchObject({
      kind: 'failed',
      text: expect.stringMatching(/^the Supervisor cannot be reached \(/),
    });
  });

  test('silence ends with the deadline', async () => {
    const { outcome } = await order('run', await addOn(() => undefined), {}, AbortSignal.timeout(300));
    expect(outcome).toEqual({ kind: 'failed', text: 'the Supervisor did not answer in time' });
  });

  test('a rehearsal only reads', async () => {
    const findings = await hostRunner(await addOn(accepts)).probe(CONFIG, AbortSignal.timeout(5000));
    expect(findings).toEqual([{ what: 'Supervisor', ok: true, text: 'the Supervisor has accepted it' }]);
    expect(asked).toEqual(['GET /host/info Bearer token-of-the-add-on']);
  });
});

describe('a rehearsal', () => {
  const looked = async (ports: HostPorts, own: Partial<HostConfig> = {}) => {
    const findings = await hostRunner(ports).probe({ ...CONFIG, ...own }, AbortSignal.timeout(5000));
    return findings.map(({ what, ok }) => `${ok ? 'good' : 'bad'}: ${what.replace(`${folder}/`, '')}`);
  };
  const right = `${process.getuid?.() === 0 ? 'good' : 'bad'}: right to halt`;

  test.each([
    ['of systemd', [], {}, ['good: systemctl', right]],
    ['of systemd without its program', ['systemctl'], {}, ['bad: systemctl', right]],
    ['without systemd', ['systemd'], {}, ['good: shutdown', right]],
    ['without shutdown', ['systemd', 'shutdown'], {}, ['good: poweroff', right]],
    ['with a message', [], { message: 'x' }, ['good: wall', 'good: systemctl', right]],
    ['with a message and no wall', ['wall'], { message: 'x' }, ['bad: wall', 'good: systemctl', right]],
    ['with a command', [], { command: ['/bin/true'] }, ['good: /bin/true']],
    ['with a command that is not there', [], { command: ['/nowhere/x'] }, ['bad: /nowhere/x']],
  ])('%s', async (_, without, own, expected) => {
    expect(await looked(machine(...without), own)).toEqual(expected);
    expect(calls().filter((call) => !call.startsWith('busctl'))).toEqual([]);
  });

  describe('without being root', () => {
    beforeEach(() => {
      vi.spyOn(process, 'getuid').mockReturnValue(1000);
    });
    afterEach(() => vi.restoreAllMocks());

    test.each([
      ['may halt where logind says so', `echo 's "yes"'`, 'good: right to halt'],
      ['may not where a password is asked for', `echo 's "challenge"'`, 'bad: right to halt'],
      ['may not where logind does not answer', 'exit 1', 'bad: right to halt'],
    ])('%s', async (_, answer, expected) => {
      const ports = machine();
      put('busctl', answer);
      expect(await looked(ports)).toEqual(['good: systemctl', expected]);
      expect(calls()).toEqual([expect.stringMatching(/^busctl \[--timeout=5\] \[call\] .*\[CanPowerOff\]$/)]);
    });

    test('may not where there is no logind to ask', async () => {
      expect(await looked(machine('systemd'))).toEqual(['good: shutdown', 'bad: right to halt']);
      expect(calls()).toEqual([]);
    });
  });

  test('finds nothing to halt with, and that a container is not the machine', async () => {
    const ports = machine('systemd', 'shutdown', 'poweroff');
    writeFileSync(join(folder, 'container'), '');
    expect((await looked(ports)).map((line) => line.replaceAll(`${folder}/`, ''))).toEqual([
      'bad: shutdown, poweroff',
      right,
      'bad: machine',
    ]);
  });
});

test('this machine is known by its environment', () => {
  expect(thisHost({})).not.toHaveProperty('supervisor');
  expect(thisHost({ SUPERVISOR_TOKEN: '' })).not.toHaveProperty('supervisor');
  const { supervisor } = thisHost({ SUPERVISOR_TOKEN: 'abc' });
  expect(supervisor?.url).toBe('http://supervisor');
  expect(supervisor?.token.reveal()).toBe('abc');
});
