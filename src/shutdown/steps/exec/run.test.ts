import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { attend } from '../../../../tests/kit/step-context.ts';
import { secret } from '../../../domain/secret.ts';
import { execRunner } from './run.ts';
import type { ExecConfig } from './schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'exec-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { run, probe } = execRunner();
const configOf = (script: string, own: Partial<ExecConfig> = {}): ExecConfig => ({
  command: ['/bin/sh', '-c', script],
  env: {},
  success: [0],
  ...own,
});
const ran = (config: ExecConfig, signal = AbortSignal.timeout(10_000)) => run(config, attend({ signal }).context);

describe('a program of this machine', () => {
  test.each([
    [
      'that does its work',
      'echo fine',
      {},
      { kind: 'done', text: /^\/bin\/sh ended with code 0 after /, output: 'fine' },
    ],
    ['that says nothing', 'true', {}, { kind: 'done', text: /code 0/ }],
    [
      'that fails',
      'echo no >&2; exit 4',
      {},
      { kind: 'failed', text: /^\/bin\/sh ended with code 4 after /, output: 'no' },
    ],
    ['whose other code means success', 'exit 4', { success: [0, 4] }, { kind: 'done', text: /code 4/ }],
    ['that does not end with 0 where only 4 is success', 'true', { success: [4] }, { kind: 'failed', text: /code 0/ }],
    ['that is killed', 'kill -9 $$', {}, { kind: 'failed', text: /was ended by SIGKILL/ }],
    ['that is not there', '', { command: ['/nowhere/x'] }, { kind: 'failed', text: /^\/nowhere\/x is not there/ }],
    ['whose folder is not there', 'true', { directory: '/nowhere' }, { kind: 'failed', text: /no folder \/nowhere/ }],
    ['in its folder', 'pwd', { directory: '/usr' }, { kind: 'done', text: /code 0/, output: '/usr' }],
  ] as const)('%s', async (_, script, own, { text, ...rest }) => {
    const outcome = await ran(configOf(script, own));
    expect(outcome).toMatchObject(rest);
    expect(outcome.text).toMatch(text);
    if (!('output' in rest) && !('command' in own)) expect(outcome).not.toHaveProperty('output');
  });

  test('gets its secrets and does not give them away', async () => {
    const env = { TOKEN: secret('hunter22-of-the-nas'), MODE: secret('1') };
    const outcome = await ran(configOf('set -x; echo "$TOKEN" "$MODE"; test "$TOKEN" = hunter22-of-the-nas', { env }));
    expect(outcome.kind).toBe('done');
    expect(outcome.output).toContain('*** 1');
    expect(JSON.stringify(outcome)).not.toContain('hunter22-of-the-nas');
  });

  test('is ended at its deadline, children and all', async () => {
    const child = join(folder, 'child');
    const script = `sh -c 'echo $$ >${child}; exec sleep 60' & while [ ! -s ${child} ]; do :; done; echo begun; sleep 60`;
    const outcome = await ran(configOf(script), AbortSignal.timeout(1500));
    expect(outcome).toMatchObject({
      kind: 'failed',
      text: expect.stringContaining('did not end within'),
      output: 'begun',
    });
    expect(existsSync(`/proc/${readFileSync(child, 'utf8').trim()}/exe`)).toBe(false);
  });
});

test('a rehearsal looks at the program and its folder and runs nothing', async () => {
  const mark = join(folder, 'probed');
  const signal = AbortSignal.timeout(5000);
  const good = configOf(`touch ${mark}`, { directory: folder });
  expect(await probe(good, signal)).toEqual([
    { what: '/bin/sh', ok: true, text: 'is there' },
    { what: folder, ok: true, text: 'is there' },
  ]);
  expect(existsSync(mark)).toBe(false);
  expect(await probe(configOf('', { command: ['/nowhere/x'] }), signal)).toEqual([
    { what: '/nowhere/x', ok: false, text: 'there is no such program' },
  ]);
});
