import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gridwarden, startGridwarden } from '../kit/gridwarden.ts';
import { type Mosquitto, startMosquitto } from '../kit/mosquitto.ts';
import { type Observer, observe } from '../kit/observer.ts';
import { describeWith } from '../kit/presence.ts';
import { startUpsd, type Upsd } from '../kit/upsd.ts';
import { forceShutdown, PRIMARY_WITHOUT_FSD, startUpsmon, type Upsmon, upsmonVersion } from '../kit/upsmon.ts';
import {
  type Answer,
  isSame,
  oursCell,
  type Scenario,
  type Scene,
  tableRow,
  upsmonCell,
  upsOf,
} from './upsmon-scenario.ts';
import { SCENARIOS } from './upsmon-scenarios.ts';

/** All scenarios play at once; who has not decided by then will not for this fault. */
const WATCHED_MS = 55_000;
/** How much later than allowed a decision is still waited for, so that the failure can tell when it came. */
const GRACE_MS = 5_000;
const PASS_MS = 150_000;
const HEARD_MS = 30_000;
const USERS = `[admin]
  password = adm
  actions = SET
  actions = FSD
${PRIMARY_WITHOUT_FSD}`;

const PAGE = join(import.meta.dirname, '../../docs/upsmon.md');
const groupTopic = (id: string): string => `gridwarden/home/group/${id}`;

/** One scenario as it went. */
interface Played {
  readonly upsmon: Answer;
  readonly ours: Answer;
  /** For whoever reads a failure. */
  readonly log: string;
}

/** What is read of a fact on `bridge/event`. */
interface Happened {
  readonly event_type: string;
  readonly time: string;
  readonly group?: string;
  readonly device?: string;
  readonly trigger?: string;
  readonly effect?: string;
}

describeWith(['upsd', 'upsmon', 'mosquitto'], 'the program and upsmon on the same upsd', () => {
  const servers = new Map<Scenario, Upsd>();
  const upsmons = new Map<Scenario, Upsmon>();
  const played = new Map<Scenario, Played>();
  let broker: Mosquitto;
  let house: Observer;
  let program: Gridwarden;

  beforeAll(async () => {
    const lone = SCENARIOS.filter(({ ownServer }) => ownServer);
    const [shared, mosquitto, ...own] = await Promise.all([
      serve(SCENARIOS.filter(({ ownServer }) => !ownServer)),
      startMosquitto(),
      ...lone.map((scenario) => serve([scenario])),
    ]);
    broker = mosquitto;
    for (const scenario of SCENARIOS) servers.set(scenario, own[lone.indexOf(scenario)] ?? shared);
    house = await observe(broker.port);
    const startedAt = Date.now();
    await Promise.all([
      startGridwarden({ config: configuration(broker.url, servers) }).then((started) => {
        program = started;
      }),
      ...SCENARIOS.map(async (scenario) => void upsmons.set(scenario, await startUpsmon(hostOf(scenario)))),
    ]);
    await Promise.all(SCENARIOS.map(heard));
    const watched = delay(WATCHED_MS);
    const faults = await Promise.all(SCENARIOS.map((scenario) => play(scenario, startedAt)));
    await watched;
    for (const [index, scenario] of SCENARIOS.entries()) {
      played.set(scenario, await outcome(scenario, faults[index] ?? startedAt));
    }
  }, PASS_MS);

  afterAll(async () => {
    await house?.close();
    await program?.dispose();
    await Promise.all([...upsmons.values()].map((upsmon) => upsmon.dispose()));
    await Promise.all([...new Set(servers.values())].map((upsd) => upsd.stop()));
    await broker?.dispose();
  });

  const serverOf = (scenario: Scenario): Upsd => known(servers, scenario);
  const upsmonOf = (scenario: Scenario): Upsmon => known(upsmons, scenario);

  const hostOf = (scenario: Scenario) => ({
    monitors: upsOf(scenario).map((ups) => ({ ups, port: serverOf(scenario).port })),
    ...(scenario.watchOnly ? { power: 0, minSupplies: 0 } : {}),
  });

  /** The program knows what the UPSes of a scenario say. */
  async function heard(scenario: Scenario): Promise<void> {
    if (scenario.watchOnly) await house.until(`gridwarden/home/ups/${scenario.id}`, () => true, HEARD_MS);
    else await house.until<{ state: string }>(groupTopic(scenario.id), ({ state }) => state !== 'blind', HEARD_MS);
  }

  /** Plays one scenario and waits for what it should lead to, within bounds. Gives the wall time of the fault. */
  async function play(scenario: Scenario, startedAt: number): Promise<number> {
    let faultAt = startedAt;
    await scenario.play(
      sceneOf(scenario, () => {
        faultAt = Date.now();
      }),
    );
    const left = (seconds: number) => Math.max(0, faultAt + seconds * 1000 + GRACE_MS - Date.now());
    const { upsmon, ours } = scenario;
    await Promise.all([
      upsmon === 'never' ? undefined : Promise.race([upsmonOf(scenario).shutDown, delay(left(upsmon[1]))]),
      ours === 'never' || ours.inSight ? undefined : told(scenario, 'shutdown', left(ours.within[1])),
      ours === 'never' || !ours.calledOff ? undefined : told(scenario, 'called_off', left(ours.within[1] + 30)),
    ]);
    return faultAt;
  }

  async function told({ id }: Scenario, type: string, within: number): Promise<void> {
    const isIt = ({ event_type, group }: Happened) => event_type === type && group === id;
    await house.client.messages
      .find(({ topic, text }) => topic.endsWith('bridge/event') && isIt(JSON.parse(text)), within)
      .catch(() => undefined); // the test of this scenario says what came instead
  }

  function sceneOf(scenario: Scenario, fault: () => void): Scene {
    const upsd = serverOf(scenario);
    const upsmon = upsmonOf(scenario);
    const named = (feed?: 'a' | 'b') => (feed === undefined ? scenario.id : `${scenario.id}_${feed}`);
    return {
      fault,
      set: (variables, feed) => upsd.set(named(feed), variables),
      killDriver: (feed) => upsd.killDriver(named(feed)),
      startDriver: (variables) => upsd.startDriver(named(), variables),
      freezeDriver: () => upsd.freezeDriver(named()),
      killServer: () => upsd.killServer(),
      startServer: () => upsd.startServer(),
      forceShutdown: () => forceShutdown({ ups: named(), port: upsd.port }, 'adm'),
      upsmonHasLooked: () => upsmon.nextPoll(),
      wait: (seconds) => delay(seconds * 1000),
    };
  }

  async function outcome(scenario: Scenario, faultAt: number): Promise<Played> {
    const upsmon = upsmonOf(scenario);
    const since = (wall: number) => (wall - faultAt) / 1000;
    const log = upsmon.lines().slice(-30).join('\n');
    if (upsmon.running) return { upsmon: {}, ours: ourAnswer(scenario, since), log };
    const at = await upsmon.shutDown;
    if (at === undefined) throw new Error(`upsmon of ${scenario.id} ended by itself:\n${log}`);
    return { upsmon: { after: since(at) }, ours: ourAnswer(scenario, since), log };
  }

  function ourAnswer(scenario: Scenario, since: (wall: number) => number): Answer {
    const events = house.messages
      .filter(({ topic }) => topic === 'gridwarden/home/bridge/event')
      .map(({ text }): Happened => JSON.parse(text));
    const own = events.filter(({ group }) => group === scenario.id);
    const decided = own.find(({ event_type }) => event_type === 'shutdown');
    if (decided !== undefined) {
      const fired = events.filter(
        ({ event_type, device = '', time }) =>
          event_type === 'trigger_fired' && upsOf(scenario).includes(device) && time <= decided.time,
      );
      return {
        after: since(Date.parse(decided.time)),
        by: [...new Set(fired.map(({ trigger }) => trigger))].join(' '),
        calledOff: own.some(({ event_type }) => event_type === 'called_off'),
      };
    }
    if (scenario.watchOnly || scenario.ours === 'never' || !scenario.ours.inSight) return {};
    const shown = house.latest(groupTopic(scenario.id)) as { next?: { trigger: string; at: string } }; // see docs/mqtt.md
    if (shown.next === undefined) return {};
    return { after: since(Date.parse(shown.next.at)), by: shown.next.trigger, inSight: true };
  }

  test('the page is about the upsmon that is installed', async () => {
    expect(readFileSync(PAGE, 'utf8')).toContain(`| upsmon ${await upsmonVersion()} |`);
  });

  test.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))('%s', (_, scenario) => {
    const went = known(played, scenario);
    const cells = [upsmonCell(went.upsmon, scenario), oursCell(went.ours, scenario)];
    expect(cells, went.log).toEqual([upsmonCell(undefined, scenario), oursCell(undefined, scenario)]);
  });

  test('nothing was acted on', () => {
    const effects = house.messages
      .filter(({ topic }) => topic === 'gridwarden/home/bridge/event')
      .map(({ text }): Happened => JSON.parse(text))
      .filter(({ event_type }) => event_type === 'shutdown');
    expect(new Set(effects.map(({ effect }) => effect))).toEqual(new Set(['dry-run']));
  });
});

test('every answer that is another one has its reason, and no other', () => {
  const wrong = SCENARIOS.filter((scenario) => isSame(scenario) !== (scenario.choice === 'same'));
  expect(wrong.map(({ id }) => id)).toEqual([]);
});

test('docs/upsmon.md says what is expected here', () => {
  const rows = readFileSync(PAGE, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (?:-|fault )/.test(line))
    .map((line) => line.slice(2, -2).split(' | '));
  expect(rows).toEqual(SCENARIOS.map(tableRow));
});

function known<T>(map: ReadonlyMap<Scenario, T>, scenario: Scenario): T {
  const there = map.get(scenario);
  if (there === undefined) throw new Error(`${scenario.id} was not played`);
  return there;
}

const serve = (scenarios: readonly Scenario[]): Promise<Upsd> =>
  startUpsd({
    users: USERS,
    ups: Object.fromEntries(
      scenarios.flatMap((scenario) =>
        upsOf(scenario).map((ups) => [ups, { dev: scenario.start ?? { 'ups.status': 'OL' } }]),
      ),
    ),
  });

/** Every scenario is a group that halts this host; nothing but that and the defaults. */
const configuration = (url: string, servers: ReadonlyMap<Scenario, Upsd>): object => ({
  armed: true,
  dry_run: true,
  mqtt: { url },
  sources: Object.fromEntries(
    [...new Set(servers.values())].map(({ port }) => [`upsd_${port}`, { nut: { host: '127.0.0.1', port } }]),
  ),
  groups: Object.fromEntries(
    SCENARIOS.filter(({ watchOnly }) => !watchOnly).map((scenario) => [
      scenario.id,
      { feeds: upsOf(scenario), host: { halt: true } },
    ]),
  ),
});
