import { expect, test } from 'vitest';
import { loadedFrom } from '../config/read.ts';
import { cutsOwnSource } from './own-source.ts';

const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  'nas.lan': ['192.0.2.5'],
  'storage.lan': ['192.0.2.9', '192.0.2.5'],
  'lab.lan': ['192.0.2.7'],
  localhost: ['127.0.0.1'],
  'this.lan': ['127.0.1.1'],
};
const resolve = async (host: string) => ADDRESSES[host] ?? [];

const ssh = (host: string, more: object = {}) => ({ ssh: { host, user: 'gw', shutdown: true, ...more } });

test.each([
  ['another name of the same machine', 'nas.lan', [[ssh('storage.lan')], [ssh('lab.lan')]], ['a/ssh']],
  ['meant', 'nas.lan', [[ssh('storage.lan', { carries_source: true })], [ssh('lab.lan')]], []],
  ['in the last stage', 'nas.lan', [[ssh('lab.lan')], [ssh('storage.lan')]], []],
  [
    'actions alone stop no machine',
    'nas.lan',
    [[{ ssh: { host: 'storage.lan', user: 'gw', actions: ['sync'] } }], []],
    [],
  ],
  ['another machine', 'nas.lan', [[ssh('lab.lan')], []], []],
  ['a name that nobody knows', 'nas.lan', [[ssh('gone.lan')], []], []],
  ['this machine by another of its names', 'localhost', [[ssh('this.lan')], []], ['a/ssh']],
  ['this machine by a program', 'this.lan', [[{ exec: { command: ['/sbin/poweroff'] } }], []], ['a/exec']],
  ['any other program', 'this.lan', [[{ exec: { command: ['/bin/true'] } }, { vms: {} }], []], []],
])('%s', async (_, host, [first, last], expected) => {
  const loaded = loadedFrom({
    mqtt: { url: 'mqtt://b' },
    sources: { nas: { nut: { host } }, sim: { simulated: {} } },
    groups: {
      g: {
        feeds: ['u'],
        stages: [
          { name: 'a', steps: first },
          { name: 'b', steps: last },
        ],
      },
    },
  });
  if (loaded === undefined) throw new Error('the configuration of the test is invalid');
  const found = await cutsOwnSource(loaded.configuration, resolve);
  expect(found.get('g')?.map(({ what }) => what)).toEqual(expected);
  for (const { ok, text } of found.get('g') ?? []) {
    expect([ok, text]).toEqual([false, expect.stringMatching(/^stops the machine that source nas is asked on/)]);
  }
});
