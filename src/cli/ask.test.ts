import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createPlainServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { asMillis, seconds } from '../domain/time.ts';
import { askAt, openBridge } from './ask.ts';

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'gridwarden-ask-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function listens(server: Server, path: string): Promise<string> {
  await new Promise<void>((bound) => server.listen(path, bound));
  onTestFinished(() => void server.close());
  return path;
}

const answering = (answer: RequestListener, path = join(folder(), 'control.sock')) =>
  listens(createServer(answer), path);

/** A bridge that says the same to everything. */
const saying = (text: string, status = 200) =>
  answering((_, response) => void response.writeHead(status, { 'content-type': 'application/json' }).end(text));

const ask = (path: string, within = seconds(10), signal?: AbortSignal) =>
  askAt({ path, within, signal }, 'plan', { group: 'rack' });

const around = (stateDirectory?: string) => ({
  env: stateDirectory === undefined ? {} : { STATE_DIRECTORY: stateDirectory },
  isRoot: false,
  home: '/home/nobody',
});

test('what the bridge answers is given back', async () => {
  const path = await saying('{"status":"ok","data":{"rack":{"need":75}}}');
  expect(await ask(path)).toEqual({ ok: true, value: { rack: { need: 75 } } });
});

test.each([
  [
    'a refusal',
    '{"status":"error","code":"not-now","error":"rack: it is not armed"}',
    'refused',
    /^rack: it is not armed$/,
  ],
  ['a verb that it does not know', '{"status":"error","code":"unknown-verb","error":""}', 'too-old', /start it anew$/],
  ['no JSON', 'moved', 'broken', /no bridge/],
  ['something else', '{"status":"ok"}', 'broken', /no bridge/],
  ['a list', '[]', 'broken', /no bridge/],
  ['more than can be', `{"status":"ok","data":{"a":"${'x'.repeat(17 * 1024 * 1024)}"}}`, 'broken', /more than 16 MiB/],
])('%s is told as what it is', async (_, said, kind, text) => {
  expect(await ask(await saying(said))).toEqual({ ok: false, error: { kind, text: expect.stringMatching(text) } });
});

test('where nobody listens, the path and what decides it are told', async () => {
  const path = join(folder(), 'state', 'control.sock');
  const { error } = (await ask(path)) as { error: { kind: string; text: string } };
  expect(error.kind).toBe('nobody');
  expect(error.text).toContain(`no bridge runs here: nobody listens at ${path} (state_dir of the configuration`);
});

test('a bridge that says nothing is given up', async () => {
  const path = await answering(() => undefined);
  expect(await ask(path, asMillis(50))).toEqual({
    ok: false,
    error: { kind: 'broken', text: 'the bridge has not answered within 50 ms' },
  });
});

test('a bridge that dies while it is asked is told', async () => {
  const server = createPlainServer((socket) => void socket.once('data', () => socket.destroy()));
  const path = await listens(server, join(folder(), 'control.sock'));
  expect(await ask(path)).toMatchObject({ error: { kind: 'broken', text: /^the bridge has not answered: / } });
});

test('who waits no longer gets an end at once', async () => {
  const waiting = new AbortController();
  const path = await answering(() => waiting.abort());
  expect(await ask(path, seconds(60), waiting.signal)).toMatchObject({ ok: false });
});

test('the configuration leads to the bridge, whatever else is wrong with it', async () => {
  const own = folder();
  const state = join(own, 'state');
  mkdirSync(state);
  await answering(
    (_, response) => void response.end('{"status":"ok","data":{"here":true}}'),
    join(state, 'control.sock'),
  );
  const file = join(own, 'gridwarden.yaml');
  writeFileSync(file, `state_dir: ${state}\nmqtt: !secret none\nnonsense: 1\ngroups: {rack: {feeds: 7}}\n`);
  const told: string[] = [];
  const bridge = await openBridge(file, (line) => told.push(line), around());
  expect(await bridge?.ask('plan')).toEqual({ ok: true, value: { here: true } });
  expect([bridge?.option, told]).toEqual([` --config ${file}`, []]);
});

test('without the key the folder of the service leads to it, without that the one of the user', async () => {
  const own = folder();
  const file = join(own, 'gridwarden.yaml');
  writeFileSync(file, 'armed: true\n');
  await answering((_, response) => void response.end('{"status":"ok","data":{}}'), join(own, 'control.sock'));
  expect(await (await openBridge(file, () => undefined, around(own)))?.ask('plan')).toMatchObject({ ok: true });
  const other = await openBridge(file, () => undefined, around());
  expect(await other?.ask('plan')).toMatchObject({
    error: { text: expect.stringContaining('/home/nobody/.local/state/gridwarden/control.sock') },
  });
});

test.each([
  ['is not there', undefined, /missing\.yaml: is not there$/],
  ['is no YAML', 'state_dir: [\n', /bad\.yaml:\d+:\d+: /],
])('a configuration that %s leads nowhere, and is told', async (_, text, expected) => {
  const file = join(folder(), text === undefined ? 'missing.yaml' : 'bad.yaml');
  if (text !== undefined) writeFileSync(file, text);
  const told: string[] = [];
  expect(await openBridge(file, (line) => told.push(line), around())).toBeUndefined();
  expect(told).toEqual([expect.stringMatching(expected)]);
});
