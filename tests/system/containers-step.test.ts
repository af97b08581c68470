import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Outcome, StepContext } from '../../src/shutdown/step.ts';
import { ownIds, type Traces } from '../../src/shutdown/steps/containers/own.ts';
import { containersRunner } from '../../src/shutdown/steps/containers/run.ts';
import { containersSchema } from '../../src/shutdown/steps/containers/schema.ts';
import { composeFile, DEAF, type Dockerd, OBEDIENT, startDockerd } from '../kit/dockerd.ts';
import { startPodman, type UsersPodman } from '../kit/podman.ts';
import { describeWith } from '../kit/presence.ts';
import { run } from '../kit/process.ts';
import { attend } from '../kit/step-context.ts';

const configOf = (block: object) => containersSchema.parse(block).config;

/** As the journal gives it back. */
const kept = ({ undo }: Pick<Outcome, 'undo'>): Partial<StepContext> =>
  undo === undefined ? {} : { undo: JSON.parse(JSON.stringify(undo)) };

const nowhere = async (): Promise<Traces> => ({});

describeWith(['docker'], 'containers, of a real Docker', () => {
  let docker: Dockerd;
  let folder: string;
  beforeAll(async () => {
    docker = await startDockerd();
    folder = await mkdtemp(join(tmpdir(), 'gridwarden-compose-'));
  });
  afterEach(async () => {
    const ids = (await docker.docker('ps', '-aq')).split('\n').filter((line) => line !== '');
    if (ids.length > 0) await docker.docker('rm', '-f', ...ids);
  });
  afterAll(async () => {
    await docker?.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  const runner = (traces: () => Promise<Traces> = nowhere, env: Readonly<Record<string, string>> = {}) =>
    containersRunner({
      env: { ...docker.env, HOME: folder, ...env },
      programs: { docker: '/usr/bin/docker', podman: '/nowhere/podman' },
      traces,
    });
  const up = async (file: string) =>
    await run('/usr/bin/docker-compose', ['-f', file, 'up', '-d'], { env: docker.env });
  const project = async (name: string, services: Readonly<Record<string, string>>) => {
    const file = await composeFile(join(folder, name), services);
    await up(file);
    return file;
  };

  test('projects in order, then the rest side by side, exceptions and the deaf; and back', async () => {
    const [app, media] = [await project('app', { db: OBEDIENT, web: OBEDIENT }), await project('media', { tv: DEAF })];
    for (const name of ['one', 'two', 'three', 'dns']) await docker.add(name, OBEDIENT, '--restart', 'always');
    for (const name of ['deaf', 'deaf too']) await docker.add(name.replace(' ', '-'), DEAF);
    await docker.add('idle', 'true');
    const before = await docker.running();
    const compose = [{ file: app }, { file: '/nowhere/compose.yml' }, { file: media, wait: '1s' }];
    const stop = configOf({ compose, except: ['dns'], wait: '2s' });
    const down = attend();
    const outcome = await runner().run(stop, down.context);
    expect(outcome).toMatchObject({
      kind: 'done',
      text: '8 of 8 containers stopped; skipped: /nowhere/compose.yml (there is no such file, or it cannot be read)',
    });
    expect(await docker.running()).toEqual(['dns']);
    const order = down.order();
    const place = (line: string) => {
      expect(order).toContain(line);
      return order.indexOf(line);
    };
    const stations = [
      `${app}: running`,
      `${app}: done`,
      `${media}: running`,
      `${media}: done`,
      'one: running',
      'deaf: done',
    ];
    expect(stations.map(place)).toEqual(stations.map(place).toSorted((one, other) => one - other));
    expect(place('one: done')).toBeLessThan(place('deaf: done'));
    // They are all still there, with what they were.
    expect(await docker.docker('inspect', '--format', '{{.HostConfig.RestartPolicy.Name}}', 'one')).toBe('always');

    const start = configOf({ action: 'start', compose: [{ file: app }] });
    const { context, items } = attend(kept(outcome));
    expect(await runner().run(start, context)).toEqual({ kind: 'done', text: '8 of 8 containers started' });
    expect(await docker.running()).toEqual(before);
    expect(
      items
        .slice(0, 2)
        .map(({ item }) => item)
        .toSorted(),
    ).toEqual(['app_db_1', 'app_web_1']);
  }, 120_000);

  test('never itself: by the traces of a real container, its project and its network included', async () => {
    const file = await project('house', { gridwarden: OBEDIENT, neighbour: OBEDIENT });
    await docker.add('sidecar', OBEDIENT, '--network', 'container:house_gridwarden_1');
    await docker.add('other', OBEDIENT);
    const [mountinfo, cgroup, hostname] = await Promise.all(
      ['/proc/self/mountinfo', '/proc/self/cgroup', '/etc/hostname'].map((path) =>
        docker.docker('exec', 'house_gridwarden_1', 'busybox', 'cat', path),
      ),
    );
    const id = (await docker.docker('inspect', '--format', '{{.Id}}', 'house_gridwarden_1')).trim();
    expect(ownIds({ mountinfo: mountinfo ?? '' })).toEqual([id]);
    expect(ownIds({ hostname: id.slice(0, 12) })).toEqual([id.slice(0, 12)]);
    expect(ownIds({ mountinfo: await readFile('/proc/self/mountinfo', 'utf8') })).toEqual([]);

    const traces = async () => ({ mountinfo: mountinfo ?? '', cgroup: cgroup ?? '', hostname: hostname ?? '' });
    const outcome = await runner(traces).run(configOf({ compose: [{ file }], wait: '1s' }), attend().context);
    const why = 'this process runs in it, or in its network';
    expect(outcome).toMatchObject({
      kind: 'done',
      text: `1 of 1 container stopped; skipped: ${file} (${why}), sidecar (${why})`,
    });
    expect(await docker.running()).toEqual(['house_gridwarden_1', 'house_neighbour_1', 'sidecar']);
    const findings = await runner(traces).probe(configOf({}), new AbortController().signal);
    expect(findings).toEqual([{ what: 'Docker', ok: true, text: 'answers; 3 containers running, ours among them' }]);
  });

  test('an exception within a project stays, and the others stop', async () => {
    const file = await project('shop', { db: OBEDIENT, web: OBEDIENT });
    const config = configOf({ compose: [{ file }], except: ['shop_db_1'], rest: false });
    const outcome = await runner().run(config, attend().context);
    expect(outcome).toMatchObject({ kind: 'done', text: '1 of 1 container stopped' });
    expect(await docker.running()).toEqual(['shop_db_1']);
  });

  test('a file that compose cannot read: its containers go with the rest, and without a rest it is a failure', async () => {
    const file = await project('broken', { app: OBEDIENT });
    await writeFile(file, 'services: [nonsense');
    const alone = await runner().run(configOf({ compose: [{ file }], rest: false }), attend().context);
    expect(alone).toMatchObject({
      kind: 'failed',
      text: expect.stringContaining(`no container to stop; failed: ${file}`),
    });
    const findings = await runner().probe(configOf({ compose: [{ file }] }), new AbortController().signal);
    expect(findings[1]).toMatchObject({ what: `compose file ${file}`, ok: false });
    const outcome = await runner().run(configOf({ compose: [{ file }] }), attend().context);
    expect(outcome).toMatchObject({
      kind: 'done',
      text: expect.stringMatching(/^1 of 1 container stopped; skipped: .*what runs of it goes with the rest/),
    });
    expect(await docker.running()).toEqual([]);
  });

  test('the plugin form of compose, here in front of the compose that Debian has', async () => {
    const plugins = join(folder, 'config/cli-plugins');
    await mkdir(plugins, { recursive: true });
    const metadata = JSON.stringify({ SchemaVersion: '0.1.0', Vendor: 'tests', Version: '1' });
    const text = `#!/bin/sh\n[ "$1" = docker-cli-plugin-metadata ] && echo '${metadata}' && exit\nshift\necho "$@" >> ${folder}/said\nexec docker-compose "$@"\n`;
    await writeFile(join(plugins, 'docker-compose'), text);
    await chmod(join(plugins, 'docker-compose'), 0o755);
    const file = await project('plugged', { app: OBEDIENT });
    const outcome = await runner(nowhere, { DOCKER_CONFIG: join(folder, 'config') }).run(
      configOf({ compose: [{ file, wait: '1500ms' }] }),
      attend().context,
    );
    expect(outcome).toMatchObject({ kind: 'done', text: '1 of 1 container stopped' });
    expect(await readFile(join(folder, 'said'), 'utf8')).toContain(`-f ${file} stop -t 2`);
  });

  test('a rehearsal reads only; without memory, projects can be started', async () => {
    const file = await project('quiet', { db: OBEDIENT, web: OBEDIENT });
    const config = configOf({ compose: [{ file }, { file: '/nowhere/c.yml' }] });
    expect(await runner().probe(config, new AbortController().signal)).toEqual([
      { what: 'Docker', ok: true, text: 'answers; 2 containers running' },
      { what: `compose file ${file}`, ok: true, text: 'is valid for Docker' },
      { what: 'compose file /nowhere/c.yml', ok: false, text: 'is not there, or cannot be read' },
    ]);
    expect(await docker.running()).toEqual(['quiet_db_1', 'quiet_web_1']);
    await docker.docker('stop', '-t', '1', 'quiet_db_1', 'quiet_web_1');
    const start = configOf({ action: 'start', compose: [{ file }] });
    expect(await runner().run(start, attend().context)).toEqual({
      kind: 'done',
      text: `1 project started; ${file} (all of it)`,
    });
    expect(await docker.running()).toEqual(['quiet_db_1', 'quiet_web_1']);
  });

  test('one that cannot be brought back is told by name', async () => {
    await docker.add('gone', OBEDIENT, '--rm');
    await docker.add('stays', OBEDIENT);
    const outcome = await runner().run(configOf({}), attend().context);
    expect(outcome).toMatchObject({ kind: 'done', text: '2 of 2 containers stopped' });
    const back = await runner().run(configOf({ action: 'start' }), attend(kept(outcome)).context);
    expect(back).toMatchObject({
      kind: 'failed',
      text: expect.stringMatching(/^1 of 2 containers started; failed: gone/),
    });
    expect(await docker.running()).toEqual(['stays']);
  });

  test('a try that is cut off, tried again: what both have stopped comes back', async () => {
    const [app, media] = [
      await project('cut', { db: OBEDIENT, web: OBEDIENT }),
      await project('late', { tv: OBEDIENT }),
    ];
    for (const name of ['one', 'two']) await docker.add(name, OBEDIENT);
    const before = await docker.running();
    const config = configOf({ compose: [{ file: app }, { file: media }], wait: '5s' });
    const killed = new AbortController();
    const first = attend({ signal: killed.signal });
    const isNoted: boolean[] = [];
    const progress: StepContext['progress'] = (item) => {
      if (item.item === 'cut_db_1') isNoted.push(first.notes.length > 0);
      if (item.item === app && item.state === 'done') killed.abort();
    };
    await runner().run(config, { ...first.context, progress });
    // Before anything was told.
    expect(isNoted[0]).toBe(true);
    expect(await docker.running()).toEqual(['late_tv_1', 'one', 'two']);

    // Of a process that was killed nothing but the notes is left.
    const noted = first.notes.at(-1);
    const again = attend(noted === undefined ? {} : { undo: noted });
    const outcome = await runner().run(config, again.context);
    expect(outcome).toMatchObject({ kind: 'done', text: expect.stringMatching(/^3 of 3 containers stopped/) });
    expect(await docker.running()).toEqual([]);
    expect(again.notes.at(-1)).toEqual(outcome.undo);
    const third = await runner().run(config, attend(kept(outcome)).context);
    expect(third).toMatchObject({ text: expect.stringMatching(/^no container to stop/), undo: outcome.undo });

    const start = configOf({ action: 'start', compose: [{ file: app }, { file: media }] });
    const back = await runner().run(start, attend(kept(third)).context);
    expect(back).toEqual({ kind: 'done', text: '5 of 5 containers started' });
    expect(await docker.running()).toEqual(before);
  }, 120_000);

  test('the abort ends the wait at once, and keeps what to bring back', async () => {
    await docker.add('deaf', DEAF);
    const controller = new AbortController();
    const { context, items } = attend({ signal: controller.signal });
    const ending = runner().run(configOf({ wait: '1m' }), context);
    await expect.poll(() => items).toEqual([{ item: 'deaf', state: 'running' }]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const began = performance.now();
    controller.abort();
    const outcome = await ending;
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(outcome).toMatchObject({
      kind: 'failed',
      text: '1 container told to stop; abandoned: deaf',
      undo: { containers: [{ engine: 'docker', name: 'deaf' }] },
    });
  });

  test('a Docker that hangs, one that is away, and none at all', async () => {
    docker.signal('SIGSTOP');
    const began = performance.now();
    const hung = await runner().run(configOf({}), attend({ signal: AbortSignal.timeout(500) }).context);
    docker.signal('SIGCONT');
    // A question may take 20 s.
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(hung).toMatchObject({ kind: 'failed', text: expect.stringMatching(/failed: Docker \(does not answer: /) });

    const away = runner(nowhere, { DOCKER_HOST: 'unix:///nowhere/docker.sock' });
    expect(await away.run(configOf({}), attend().context)).toMatchObject({
      kind: 'done',
      text: 'no container to stop; skipped: Docker (does not run)',
    });
    expect(await away.run(configOf({ engine: 'docker' }), attend().context)).toMatchObject({
      kind: 'failed',
      text: expect.stringMatching(/failed: Docker \(does not answer: Cannot connect/),
    });
    const none = containersRunner({ env: {}, programs: { docker: '/nowhere/a', podman: '/nowhere/b' } });
    expect(await none.run(configOf({}), attend().context)).toEqual({ kind: 'done', text: 'no container to stop' });
    expect(await none.probe(configOf({}), new AbortController().signal)).toEqual([
      { what: 'containers', ok: false, text: 'neither Docker nor Podman is here' },
    ]);
  });
});

describeWith(['podman'], 'containers, of a real Podman', () => {
  let podman: UsersPodman;
  afterEach(async () => await podman?.dispose());

  const context = (given: Partial<StepContext> = {}) => attend(given).context;

  test('of the machine, with a project of podman-compose', async () => {
    podman = await startPodman();
    const runner = containersRunner({ env: podman.env, programs: { docker: '/nowhere/docker' }, traces: nowhere });
    const file = await composeFile(join(podman.folder, 'app'), { db: OBEDIENT });
    await podman.addService('app', 'db', OBEDIENT);
    for (const name of ['one', 'dns']) await podman.add(name, OBEDIENT);
    await podman.add('deaf', DEAF);
    expect((await podman.running()).length).toBe(4);
    const config = configOf({ compose: [{ file, wait: '1s' }], except: ['dns'], wait: '1s' });
    expect(await runner.probe(config, new AbortController().signal)).toEqual([
      { what: 'Podman', ok: true, text: 'answers; 4 containers running' },
      { what: `compose file ${file}`, ok: true, text: 'is read by the compose of Podman' },
    ]);
    const outcome = await runner.run(config, context());
    expect(outcome).toMatchObject({ kind: 'done', text: '3 of 3 containers stopped' });
    expect(await podman.running()).toEqual(['dns']);
    const start = configOf({ action: 'start', compose: [{ file }] });
    const back = await runner.run(start, context(kept(outcome)));
    expect(back).toEqual({ kind: 'done', text: '3 of 3 containers started' });
    expect((await podman.running()).length).toBe(4);
  }, 120_000);

  test('of a user, by name and as one of all', async () => {
    podman = await startPodman('user');
    const { user } = podman;
    for (const name of ['mine', 'keep']) await podman.add(name, OBEDIENT);
    const programs = { docker: '/nowhere/docker', podman: '/usr/bin/podman' };
    const runner = containersRunner({ env: {}, programs, traces: nowhere });
    for (const rootless of [[user ?? ''], 'all']) {
      const config = configOf({ engine: 'docker', rootless, except: ['keep'], wait: '1s' });
      const { context: given, order } = attend();
      const outcome = await runner.run(config, given);
      expect(outcome).toMatchObject({
        // Docker is asked for by name and is not here.
        text: expect.stringMatching(/^1 of 1 container stopped; failed: Docker/),
        undo: { containers: [{ engine: 'podman', user, name: 'mine' }] },
      });
      expect(order().slice(-2)).toEqual([`mine of ${user}: running`, `mine of ${user}: done`]);
      expect(await podman.running()).toEqual(['keep']);
      const back = await runner.run(configOf({ action: 'start' }), context(kept(outcome)));
      expect(back).toEqual({ kind: 'done', text: '1 of 1 container started' });
      expect(await podman.running()).toEqual(['keep', 'mine']);
    }
    const strange = await runner.run(configOf({ engine: 'docker', rootless: ['no-such-user'] }), context());
    expect(strange.text).toContain('there is no user no-such-user');
  }, 120_000);
});
