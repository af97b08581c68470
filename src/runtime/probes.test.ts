import { expect, test } from 'vitest';
import { rack, Watch } from '../../tests/kit/watch.ts';
import { seconds } from '../domain/time.ts';
import { readiness } from './probes.ts';

test('/ready names every step that was looked at, and is not ready where one would not work', () => {
  const watch = new Watch(rack()).says('ups', 'OL', { 'battery.charge': 100, 'battery.runtime': 3600 }).runs(20);
  const looks = (ok: boolean) => {
    const look = { ok, text: ok ? 'reached' : 'ssh: no route', took: seconds(1) };
    watch.tell({ kind: 'looked', groups: new Map([['rack', new Map([['lab/ssh', look]])]]) });
    const { ok: ready, capabilities } = readiness(watch.state, { connected: true });
    return [ready, capabilities['step rack/lab/ssh']];
  };
  expect(looks(false)).toEqual([false, { ok: false, detail: 'ssh: no route' }]);
  expect(looks(true)).toEqual([true, { ok: true, detail: 'reached' }]);
});

test('/ready says why the broker is not reached', () => {
  const { ok, capabilities } = readiness(undefined, { connected: false, trouble: 'refused' });
  expect([ok, capabilities]).toEqual([false, { broker: { ok: false, detail: 'refused' } }]);
});
