import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Json } from '../../src/domain/requests.ts';
import type { StepContext } from '../../src/shutdown/step.ts';
import { vmsRunner } from '../../src/shutdown/steps/vms/run.ts';
import { vmsSchema } from '../../src/shutdown/steps/vms/schema.ts';
import { type Libvirtd, startLibvirtd } from '../kit/libvirtd.ts';
import { describeWith } from '../kit/presence.ts';
import { attend } from '../kit/step-context.ts';

const runner = vmsRunner({ env: process.env });

const configOf = (block: object) => vmsSchema.parse(block).config;

/** As the journal gives it back. */
const kept = (undo: Json | undefined): Partial<StepContext> =>
  undo === undefined ? {} : { undo: JSON.parse(JSON.stringify(undo)) };

const ODD = `web server "it's" <1> & 50%`;
/** libvirt's test driver numbers its VMs from 1. */
const NUMBER = '2';

describeWith(['libvirt'], 'vms, with the test driver of libvirt', () => {
  let libvirt: Libvirtd;
  beforeEach(async () => {
    libvirt = await startLibvirtd('test');
    // "test" runs from the start.
    for (const name of ['db', NUMBER, ODD, '-dash', 'proxy']) await libvirt.add(name);
  });
  afterEach(async () => await libvirt?.dispose());

  test('shuts down in order, by whatever name, but for exceptions, and brings back what ran', async () => {
    await libvirt.add('idle');
    await libvirt.virsh('destroy', 'idle');
    const before = await libvirt.running();
    const order = { first: ['db', 'not there'], last: ['proxy', NUMBER] };
    const stop = configOf({ uri: libvirt.uri, except: ['test'], ...order });
    const down = attend();
    const outcome = await runner.run(stop, down.context);
    expect(outcome).toMatchObject({ kind: 'done', text: '5 of 5 VMs shut down' });
    expect(await libvirt.running()).toEqual(['test']);
    expect(down.order().slice(0, 2)).toEqual(['db: running', 'db: done']);
    expect(down.order().slice(-4)).toEqual(['proxy: running', 'proxy: done', `${NUMBER}: running`, `${NUMBER}: done`]);
    expect(down.order().slice(2, -4).sort()).toEqual(
      [`${ODD}: running`, `${ODD}: done`, '-dash: running', '-dash: done'].sort(),
    );

    await libvirt.virsh('start', 'proxy');
    const up = attend(kept(outcome.undo));
    const started = await runner.run(configOf({ uri: libvirt.uri, action: 'start', first: ['db'] }), up.context);
    expect(started).toEqual({ kind: 'done', text: '5 of 5 VMs started; proxy (runs already)' });
    expect(up.order().slice(0, 2)).toEqual(['db: running', 'db: done']);
    expect(await libvirt.running()).toEqual(before);
    expect(await libvirt.state('idle')).toBe('shut off');
  });

  test.each([
    ['suspend', 'suspended', 'paused'],
    ['save', 'saved', 'shut off'],
  ] as const)('%s, and back', async (action, done, state) => {
    const before = await libvirt.running();
    const outcome = await runner.run(configOf({ uri: libvirt.uri, action }), attend().context);
    expect(outcome).toMatchObject({ kind: 'done', text: `6 of 6 VMs ${done}` });
    for (const name of before) expect(await libvirt.state(name)).toBe(state);
    const { context } = attend(kept(outcome.undo));
    const back = await runner.run(configOf({ uri: libvirt.uri, action: 'start' }), context);
    expect(back).toEqual({ kind: 'done', text: '6 of 6 VMs started' });
    expect(await libvirt.running()).toEqual(before);
  });

  test('a try that is cut off, tried again: what both have taken comes back', async () => {
    const before = await libvirt.running();
    const config = configOf({ uri: libvirt.uri, first: ['db', 'proxy'] });
    const start = configOf({ uri: libvirt.uri, action: 'start' });
    const killed = new AbortController();
    const first = attend({ signal: killed.signal });
    const isNoted: boolean[] = [];
    const progress: StepContext['progress'] = (item) => {
      isNoted.push(first.notes.length > 0);
      if (item.item === 'db' && item.state === 'done') killed.abort();
    };
    await runner.run(config, { ...first.context, progress });
    // Before anything was told.
    expect(isNoted[0]).toBe(true);
    const between = await libvirt.running();
    expect(between).not.toContain('db');
    expect(between.length).toBeGreaterThan(1);

    // Of a process that was killed nothing but the notes is left.
    const again = attend(kept(first.notes.at(-1)));
    const outcome = await runner.run(config, again.context);
    expect(outcome).toMatchObject({ kind: 'done' });
    expect(await libvirt.running()).toEqual([]);
    const nothing = await runner.run(config, attend(kept(outcome.undo)).context);
    expect(nothing).toEqual({ kind: 'done', text: 'none of 0 running VMs is meant', undo: outcome.undo });
    for (const undo of [again.notes.at(-1), outcome.undo]) {
      expect(await runner.run(start, attend(kept(undo)).context)).toMatchObject({
        kind: 'done',
        text: expect.stringMatching(/^6 of 6 VMs started/),
      });
      expect(await libvirt.running()).toEqual(before);
    }
    const away = configOf({ uri: 'test+unix:///default?socket=/nowhere/sock' });
    expect(await runner.run(away, attend(kept(outcome.undo)).context)).toMatchObject({
      kind: 'failed',
      undo: outcome.undo,
    });
  });

  test('only those that are named, and what is kept of others starts nothing', async () => {
    const stop = await runner.run(configOf({ uri: libvirt.uri, only: [ODD, 'proxy'] }), attend().context);
    expect(stop).toMatchObject({ kind: 'done', text: '2 of 2 VMs shut down' });
    expect(await libvirt.running()).toEqual(['-dash', NUMBER, 'db', 'test']);
    const start = configOf({ uri: libvirt.uri, action: 'start', only: [ODD] });
    const { context } = attend(kept(stop.undo));
    expect(await runner.run(start, context)).toEqual({ kind: 'done', text: '1 of 1 VM started' });
    const bare = configOf({ uri: libvirt.uri, action: 'start' });
    expect(await runner.run(bare, attend().context)).toEqual({ kind: 'done', text: 'there is no VM to start' });
    const named = configOf({ uri: libvirt.uri, action: 'start', only: ['proxy', 'nowhere'] });
    expect(await runner.run(named, attend().context)).toMatchObject({
      kind: 'failed',
      text: '1 of 2 VMs started; failed: nowhere (there is no such VM)',
    });
    expect(await runner.run(configOf({ uri: libvirt.uri, only: ['nowhere'] }), attend().context)).toEqual({
      kind: 'done',
      text: 'none of 6 running VMs is meant',
    });
  });

  test('a libvirt that hangs: comes back soon after the abort', async () => {
    libvirt.signal('SIGSTOP');
    const began = performance.now();
    const { context } = attend({ signal: AbortSignal.timeout(500) });
    const outcome = await runner.run(configOf({ uri: libvirt.uri }), context);
    // A question may take 20 s.
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(outcome).toMatchObject({
      kind: 'failed',
      text: expect.stringMatching(/^the VMs cannot be listed: did not end within/),
    });
  });

  test('a rehearsal counts and touches nothing', async () => {
    const before = await libvirt.running();
    const config = configOf({ uri: libvirt.uri, except: ['test'], last: ['db', 'nowhere'] });
    const { signal } = new AbortController();
    const what = `libvirt ${libvirt.uri}`;
    expect(await runner.probe(config, signal)).toEqual([
      { what, ok: true, text: 'answers; 6 VMs of 6 running, 5 meant' },
      { what: 'names of VMs', ok: false, text: 'libvirt knows no nowhere' },
    ]);
    expect(await libvirt.running()).toEqual(before);
    const away = configOf({ uri: 'test+unix:///default?socket=/nowhere/sock' });
    expect(await runner.probe(away, signal)).toMatchObject([
      { ok: false, text: expect.stringMatching(/No such file/) },
    ]);
    expect(await runner.run(away, attend().context)).toMatchObject({
      kind: 'failed',
      text: expect.stringMatching(/cannot be listed/),
    });
    const bare = vmsRunner({ env: {}, virsh: '/nowhere/virsh' });
    expect(await bare.probe(config, signal)).toEqual([{ what: 'virsh', ok: false, text: 'is not installed' }]);
  });

  test('forty at once', async () => {
    for (let count = 0; count < 40; count += 1) await libvirt.add(`many ${count}`);
    const outcome = await runner.run(configOf({ uri: libvirt.uri }), attend().context);
    expect(outcome).toMatchObject({ kind: 'done', text: '46 of 46 VMs shut down' });
  });
});

describeWith(['libvirt', 'qemu'], 'vms, with real QEMUs that are deaf to the power button', () => {
  let libvirt: Libvirtd;
  beforeAll(async () => {
    libvirt = await startLibvirtd('qemu');
  });
  afterAll(async () => await libvirt?.dispose());
  beforeEach(async () => {
    for (const name of ['deaf one', 'deaf two', 'deaf three']) {
      const state = await libvirt.state(name).catch(() => 'none');
      if (state === 'none') await libvirt.add(name);
      if (state === 'shut off') await libvirt.virsh('start', name);
    }
  });

  test('each turn has its share of the wait, and then they are switched off', async () => {
    const { context, order } = attend();
    const config = configOf({ uri: libvirt.uri, first: ['deaf two'], last: ['deaf one'], wait: '6s' });
    const outcome = await runner.run(config, context);
    const why = 'did not stop within 2 s, was switched off';
    expect(outcome.kind).toBe('done');
    expect(outcome.text).toBe(`3 of 3 VMs shut down; deaf two (${why}), deaf three (${why}), deaf one (${why})`);
    expect(order()).toEqual(
      ['deaf two', 'deaf three', 'deaf one'].flatMap((name) => [`${name}: running`, `${name}: done`]),
    );
    expect(await libvirt.running()).toEqual([]);
  });

  test('without destroy they run on, and that is a failure', async () => {
    const config = configOf({ uri: libvirt.uri, only: ['deaf one'], wait: '1s', destroy: false });
    expect(await runner.run(config, attend().context)).toMatchObject({
      kind: 'failed',
      text: '0 of 1 VM shut down; failed: deaf one (did not stop within 1 s)',
      undo: { vms: [{ name: 'deaf one', how: 'shutdown' }] },
    });
    expect(await libvirt.running()).toHaveLength(3);
  });

  test('the abort ends the wait at once, says what is not known, and keeps what to bring back', async () => {
    const controller = new AbortController();
    const { context, items } = attend({ signal: controller.signal });
    const ending = runner.run(configOf({ uri: libvirt.uri, first: ['deaf one'], wait: '1m' }), context);
    await expect.poll(() => items.length).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    controller.abort();
    const began = performance.now();
    const outcome = await ending;
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(outcome).toMatchObject({
      kind: 'failed',
      text: expect.stringMatching(/^0 of 3 VMs shut down; failed: .*its turn did not come.*; abandoned: deaf one$/),
      undo: { vms: [{ name: 'deaf one' }] },
    });
    expect(await libvirt.running()).toHaveLength(3);
  });

  test('saved to the disk, and back to where they were', async () => {
    const outcome = await runner.run(configOf({ uri: libvirt.uri, action: 'save' }), attend().context);
    expect(outcome).toMatchObject({ kind: 'done', text: '3 of 3 VMs saved' });
    expect(await libvirt.virsh('list', '--all', '--managed-save')).toMatch(/deaf one +saved/);
    const { context } = attend(kept(outcome.undo));
    const back = await runner.run(configOf({ uri: libvirt.uri, action: 'start' }), context);
    expect(back).toEqual({ kind: 'done', text: '3 of 3 VMs started' });
  });

  test('suspended in memory, and back; one that somebody else has suspended is let be', async () => {
    await libvirt.virsh('suspend', 'deaf two');
    const outcome = await runner.run(configOf({ uri: libvirt.uri, action: 'suspend' }), attend().context);
    expect(outcome).toMatchObject({ kind: 'done', text: '2 of 2 VMs suspended' });
    const { context } = attend(kept(outcome.undo));
    await runner.run(configOf({ uri: libvirt.uri, action: 'start' }), context);
    expect(await libvirt.state('deaf one')).toBe('running');
    expect(await libvirt.state('deaf two')).toBe('paused');
    await libvirt.virsh('resume', 'deaf two');
  });

  test('one that cannot be saved is switched off in the end, and told', async () => {
    await libvirt.virsh('managedsave', 'deaf one');
    await libvirt.virsh('start', 'deaf one');
    // A folder that only root may write to.
    await chmod(libvirt.saves, 0o555);
    try {
      const config = { uri: libvirt.uri, action: 'save', only: ['deaf one'], wait: '2s' };
      const kept = await runner.run(configOf({ ...config, destroy: false }), attend().context);
      expect(kept).toMatchObject({
        kind: 'failed',
        text: expect.stringMatching(/failed: deaf one \(cannot be saved: .*Permission denied/),
      });
      expect(await libvirt.state('deaf one')).toBe('running');
      const outcome = await runner.run(configOf(config), attend().context);
      expect(outcome).toMatchObject({
        kind: 'done',
        text: expect.stringMatching(/cannot be saved: .*, did not stop within .*, was switched off/),
      });
      expect(await libvirt.state('deaf one')).toBe('shut off');
    } finally {
      await chmod(libvirt.saves, 0o755);
    }
  });

  test('secrets and orders for terminals in what virsh says are not passed on', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gridwarden-virsh-'));
    try {
      const virsh = join(folder, 'virsh');
      await writeFile(virsh, '#!/bin/sh\nprintf "error: \\033[31mred\\007 %s\\n" "$UNRELATED_SECRET" >&2; exit 1\n', {
        mode: 0o755,
      });
      const own = vmsRunner({ env: { UNRELATED_SECRET: 'hush' }, virsh });
      expect(await own.run(configOf({}), attend().context)).toEqual({
        kind: 'failed',
        text: 'the VMs cannot be listed: red\ufffd',
        output: 'error: red\ufffd',
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
