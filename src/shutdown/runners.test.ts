import { expect, test, vi } from 'vitest';
import { attend } from '../../tests/kit/step-context.ts';
import { seconds } from '../domain/time.ts';
import { createRunners, type RunnerTable } from './runners.ts';
import type { StepConfig } from './schema.ts';
import type { StepRunner } from './step.ts';
import type { HostConfig } from './steps/host/schema.ts';

const HOST: HostConfig = { halt: true, deadline: seconds(60) };
const stepOf = (kind: string) => ({ kind, step: {}, config: { of: kind } }) as unknown as StepConfig; // no runner here looks at more

/** Runners that say what they were asked for. */
const saying = (word: string): StepRunner<unknown> => ({
  run: (config) => Promise.resolve({ kind: 'done', text: `${word} ${JSON.stringify(config)}` }),
  probe: (config) => Promise.resolve([{ what: word, ok: true, text: JSON.stringify(config) }]),
});
const host = {
  ...saying('halt'),
  reboot: (config: HostConfig) => Promise.resolve({ kind: 'done' as const, text: `reboot ${JSON.stringify(config)}` }),
};
const tableOf = (some: Readonly<Record<string, () => unknown>>) => some as unknown as RunnerTable; // the other kinds are not asked for

test('runners are made once, when a step of their kind is there, and given its configuration', async () => {
  const [exec, ssh, wake] = [vi.fn(() => saying('exec')), vi.fn(async () => saying('ssh')), vi.fn()];
  const runners = createRunners(tableOf({ exec, ssh, wake }), host);
  const stage = { name: 'lab', steps: [stepOf('exec'), stepOf('exec')], restore: [stepOf('ssh')] };
  await runners.prepare([{ stages: [stage] }, { stages: [stage] }]);
  expect([exec, ssh, wake].map((made) => made.mock.calls.length)).toEqual([1, 1, 0]);
  const { context } = attend();
  expect(await runners.run(stepOf('exec'), context)).toEqual({ kind: 'done', text: 'exec {"of":"exec"}' });
  expect(await runners.probe(stepOf('ssh'), context.signal)).toEqual([{ what: 'ssh', ok: true, text: '{"of":"ssh"}' }]);
  expect([exec.mock.calls.length, ssh.mock.calls.length]).toEqual([1, 1]);
});

test('the machine is halted or started anew', async () => {
  const runners = createRunners(tableOf({}), host);
  const { context } = attend();
  expect((await runners.end('halt', HOST, context)).text).toMatch(/^halt/);
  expect((await runners.end('reboot', HOST, context)).text).toMatch(/^reboot/);
  expect(await runners.probeHost(HOST, context.signal)).toMatchObject([{ what: 'halt' }]);
});

test('a machine that is reached over SSH is ended by the runner of ssh, in its own words', async () => {
  const ssh = vi.fn(() => saying('ssh'));
  const runners = createRunners(tableOf({ ssh }), host);
  const login = { host: '172.17.0.1', port: 22, user: 'gw', agent: false, sudo: true, connectTimeout: seconds(10) };
  const away: HostConfig = { ...HOST, ssh: login };
  await runners.prepare([{ stages: [], host: away }]);
  expect(ssh).toHaveBeenCalledOnce();
  const { context } = attend();
  const told = async (act: 'halt' | 'reboot', config: HostConfig) => (await runners.end(act, config, context)).text;
  const step = { ...login, shell: 'auto', actions: [], shutdown: true, deadline: 60_000 };
  expect(await told('halt', away)).toBe(`ssh ${JSON.stringify(step)}`);
  expect(await told('reboot', away)).toContain('"shutdown":"shutdown -r now"');
  expect(await told('halt', { ...away, command: ['/sbin/halt', "a'b"] })).toContain(
    `"shutdown":"/sbin/halt 'a'\\\\''b'"`,
  );
  expect(await runners.probeHost(away, context.signal)).toMatchObject([{ what: 'ssh' }]);
});

test.each([
  [
    'throws',
    () => {
      throw new Error('no module');
    },
  ],
  ['rejects', () => Promise.reject(new Error('no module'))],
])('one that %s when it is made keeps no other, fails its own steps, and is made again', async (_, fails) => {
  const made = vi.fn<() => unknown>(fails);
  const exec = vi.fn(() => saying('exec'));
  const runners = createRunners(tableOf({ ssh: made, exec }), host);
  await runners.prepare([{ stages: [{ name: 'lab', steps: [stepOf('ssh'), stepOf('exec')], restore: [] }] }]);
  expect(exec).toHaveBeenCalledOnce();
  await expect(runners.run(stepOf('ssh'), attend().context)).rejects.toThrow('no module');
  made.mockReturnValue(saying('ssh'));
  expect((await runners.run(stepOf('ssh'), attend().context)).kind).toBe('done');
});
