import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { check } from './check.ts';
import { schema } from './schema.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gridwarden-check-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function checked(text: string) {
  const config = join(folder, 'gridwarden.yaml');
  writeFileSync(config, text);
  const lines: string[] = [];
  const code = await check({ config, out: (line) => lines.push(line.replaceAll(config, 'FILE')) });
  return { code, lines };
}

test('a good configuration is summed up', async () => {
  const { code, lines } = await checked(
    'node: rack\nmqtt: {url: mqtts://b, verify: false}\nsources: {a: {simulated: {}}, b: {nut: {host: x}}}\nups: {u: {source: a}}\n',
  );
  expect(code).toBe(0);
  expect(lines).toEqual([
    expect.stringMatching(/^warning: FILE: mqtt\.verify: the certificate of the broker is not checked/),
    expect.stringMatching(
      /^ok: node rack, 2 sources, 1 named device, broker mqtts:\/\/b, not armed, digest [0-9a-f]{12} \(FILE\)$/,
    ),
  ]);
});

test('groups are summed up, and what should be known of them is told', async () => {
  const { code, lines } = await checked(`armed: true
mqtt: {url: mqtt://b}
sources: {a: {simulated: {}}}
groups:
  desk: {feeds: [a]}
  rack: {feeds: [a, b], min_healthy: 2, stages: [{name: x, restore: [{vms: {action: start}}]}], host: {halt: false}}
`);
  expect(code).toBe(0);
  expect(lines).toEqual([
    'warning: FILE: armed: no group has anything to shut down: an outage is told, and nothing else is done (give a group stages or a host)',
    'warning: FILE: groups.rack.min_healthy: is the number of feeds: the first that is lost makes the group fire',
    expect.stringContaining(
      'group desk (1 feed, shuts nothing down), group rack (2 feeds, 0 steps in 1 stage), broker',
    ),
  ]);
  const plan = 'groups: {rack: {feeds: [a], stages: [{name: x, steps: [{vms: {}}]}], host: {halt: true}}}';
  const armed = await checked(`armed: true\nmqtt: {url: mqtt://b}\nsources: {a: {simulated: {}}}\n${plan}\n`);
  expect(armed.lines).toEqual([
    expect.stringContaining('group rack (1 feed, 1 step in 1 stage, halts this host), broker mqtt://b, armed,'),
  ]);
});

test('a faulty one is told with everything that is wrong', async () => {
  expect(await checked('nod: x\nmqtt: {}\nsources: {a: {simulated: {speed: 0}}}\n')).toEqual({
    code: 2,
    lines: [
      'FILE:1:1: nod: unknown key (did you mean node?)',
      'FILE:2:7: mqtt: needs url (a broker that is there) or embedded (our own)',
      'FILE:3:34: sources.a.simulated.speed: must be at least 1',
    ],
  });
});

test('a missing file is told', async () => {
  const lines: string[] = [];
  expect(await check({ config: '/not/there.yaml', out: (line) => lines.push(line) })).toBe(2);
  expect(lines).toEqual(['/not/there.yaml: is not there']);
});

test('the schema for editors is printed as JSON', async () => {
  const lines: string[] = [];
  expect(await schema({ out: (line) => lines.push(line) })).toBe(0);
  expect(JSON.parse(lines.join('\n'))).toMatchObject({ title: 'Gridwarden configuration', type: 'object' });
});
