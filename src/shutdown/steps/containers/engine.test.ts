import { expect, test } from 'vitest';
import { containersOf, isNobodyThere } from './engine.ts';

const OURS = 'a1'.repeat(32);

test.each([
  [`${OURS}|web|`, [{ id: OURS, name: 'web', names: ['web'] }]],
  [`${OURS}|app_db_1|db\n`, [{ id: OURS, name: 'app_db_1', names: ['app_db_1'], service: 'db' }]],
  [`${OURS}|web/db,db,old|`, [{ id: OURS, name: 'db', names: ['db', 'old'] }]],
  [`${OURS}||`, [{ id: OURS, name: OURS.slice(0, 12), names: [] }]],
  [`${OURS}|x|--all`, [{ id: OURS, name: 'x', names: ['x'] }]],
  [`${OURS}|x|a b`, [{ id: OURS, name: 'x', names: ['x'] }]],
  [`${OURS}|x|<no value>`, [{ id: OURS, name: 'x', names: ['x'] }]],
  [`--all|x|\nEmulate Docker CLI using podman.\n${OURS.slice(0, 12)}|y|`, []],
  ['', []],
])('a list: %j', (text, containers) => {
  expect(containersOf(text)).toEqual(containers);
});

test.each([
  ['Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?', true],
  [
    'failed to connect to the docker API at unix:///x; check if the path is correct: dial unix: no such file or directory',
    true,
  ],
  ['permission denied while trying to connect to the docker API at unix:///var/run/docker.sock', false],
  ['Got permission denied while trying to connect to the Docker daemon socket', false],
  ['Error response from daemon: something is wrong', false],
])('%s: nobody there is %s', (output, nobody) => {
  expect(isNobodyThere({ kind: 'refused', text: output, output })).toBe(nobody);
  expect(isNobodyThere({ kind: 'late', text: output, output })).toBe(false);
});
