import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createReplay } from '../src/runtime/replay.ts';
import { openTrace } from '../src/store/trace-files.ts';
import { playScenario, shown } from './kit/scenario.ts';

/** What the scenarios expect is written anew instead of compared. Read what has changed before keeping it. */
const REWRITE = process.env['UPDATE_SCENARIOS'] === '1';
const FOLDER = join(import.meta.dirname, 'scenarios');
const names = readdirSync(FOLDER);

const EXPECTED = '.expected.txt';
const texts = names.filter((name) => name.endsWith('.txt') && !name.endsWith(EXPECTED));
const traces = names.filter((name) => /\.ndjson(\.gz)?$/.test(name));

/**
 * What each scenario is there for: the incidents of the field, with the numbers of their issues (NUT's unless said
 * otherwise), the rules of the decisions, and every trigger. Without the `.txt`.
 *
 * Not decisions, and so not here: what a UPS and a machine make of their orders (NUT 432, 625, 3229, 3364, 3481, app-nut
 * 263, 368), durations that were learned, and the failsafe, which has tests of its own.
 */
const COVERS: readonly (readonly [what: string, ...scenarios: readonly string[]])[] = [
  ['NUT 2104, PR 2108: OL OFF during a self-test', 'off-that-is-none'],
  ['NUT 2044, 303: a UPS that is OFF counted as feeding', 'redundancy-off'],
  ['NUT 2278, 2292: OB OFF OB shut down at once', 'off-that-is-none'],
  ['NUT 1422: a libusb error read as OL OFF', 'off-that-is-none'],
  ['NUT 2608, PR 61: OFF that is not true', 'off-that-is-none'],
  ['NUT 2168: CAL lingers, and a real OB LB is ignored', 'calibration-lingers'],
  ['NUT PR 817: a calibration runs the battery down to LB', 'calibration'],
  ['NUT 2794, 1970, 2347: OL DISCHRG on mains, then a USB error', 'discharging-on-mains'],
  ['NUT PR 811: mains gone, the status stays OL DISCHRG', 'never-says-battery'],
  ['NUT 2872: OL CHRG while unplugged, until death', 'never-says-battery'],
  ['NUT PR 1359: neither OL nor OB while the mains are there', 'status-that-proves-nothing'],
  ['NUT 1427, 2793, 2994: an empty status for good', 'status-that-proves-nothing'],
  ['NUT 3557: OB without valid data', 'battery-without-data'],
  ['NUT 2619, 2073: LB is never set', 'low-battery-never'],
  ['NUT 1993: override.* is ignored by the driver', 'low-battery-never'],
  ['NUT 3087, 1942, 3346, 2652, 321, app-nut 20: LB at once, at 95 %', 'low-battery-at-transfer'],
  ['NUT 1970, 2347: bursts of LB and RB', 'low-battery-at-transfer', 'discharging-on-mains'],
  ['NUT 2925, 1786, 2742: the USB link resets as the mains go', 'usb-reset-at-transfer'],
  ['NUT 2454: a blip of four seconds on battery', 'blip-on-battery'],
  ['NUT 598, 661, 1022, 2121: stale and alive in turns', 'blip-on-battery', 'blips-on-mains'],
  ['NUT 2494, 1201, 2657, PR 2658: ECO with ALARM, then a blip', 'blips-on-mains'],
  ['NUT 2254: ECO shown as BYPASS', 'eco-shown-as-bypass'],
  [
    'NUT 2126, PR 2127: an online device is critical when it cannot be read',
    'blips-on-mains',
    'redundancy-all-unknown',
  ],
  ['NUT 983, 784, 1740, 731, 257, pve-ups 32: runtimes that lie', 'runtime-that-lies'],
  ['NUT 1533: the outage began before the boot', 'starts-in-an-outage', 'redundancy-cold-start'],
  [
    'NUT 1992: shut down after a restart, the battery still empty',
    'power-cut-and-empty-battery',
    'starts-in-an-outage',
  ],
  ['NUT 1833, 2597, 3405, 3664: sleep and jumps of the clock', 'clocks-that-jump', 'late-ticks'],
  ['pve-ups 25: a counter of the first outage in the second', 'second-outage'],
  ['NUT 586, hassio 311, 512: guests, hosts and storage in their order', 'order-of-the-plan'],

  ['5.1: battery is OB, mains are OL, TRIM, BOOST, ECO, HE, ESS, BYPASS without it', 'words-of-mains'],
  ['5.1: words that prove nothing begin and end nothing', 'words-that-prove-nothing'],
  ['5.1: OL with OB', 'mains-and-battery-at-once', 'mains-and-battery-forced'],
  ['5.1: no input and a charge that falls for 60 s', 'never-says-battery', 'crash-before-battery-is-measured'],
  [
    '5.1: CAL quiets all but FSD, in the same reading, and not while nothing comes in',
    'calibration',
    'calibration-lingers',
  ],
  ['5.1: other evidence of a test delays by 60 s', 'self-test-delays', 'self-test-passes-by'],
  ['5.1: in an outage replies without proof are judged as on battery', 'replies-without-proof'],

  ['5.2: forced shutdown', 'forced-shutdown', 'forced-shutdown-told', 'forced-shutdown-of-two-feeds'],
  ['5.2: FSD beside OL in the first reading after a start', 'forced-shutdown', 'forced-shutdown-and-restart'],
  ['5.2: low battery', 'low-battery-at-transfer', 'low-battery-on-mains', 'low-battery-never'],
  ['5.2: a word that comes and goes', 'low-battery-flaps'],
  ['5.2: charge below', 'charge-threshold'],
  ['5.2: runtime below, auto: what the plan needs', 'runtime-of-the-plan'],
  ['5.2: depletion rate', 'depletion'],
  ['5.2: on battery for, and auto', 'time-on-battery', 'battery-without-data'],
  ['5.2: after a failed self-test', 'failed-self-test'],
  ['5.2: dead after 15 s, or 60 s with ten minutes to spare', 'dead'],
  ['5.2: settle and hold', 'charge-threshold', 'starts-in-an-outage'],
  ['5.2: two readings, as far apart as the driver polls', 'two-readings'],
  ['5.2: silence does not reset hold, a contrary reading does', 'silence-within-hold'],
  ['5.2: a late tick counts for nothing', 'late-ticks', 'silence', 'clocks-that-jump'],
  ['5.2: a doubted gauge', 'gauge-doubted', 'gauge-after-transfer', 'runtime-that-lies'],
  ['5.2: each with its margin and moment, the next one in sight', 'what-comes-next', 'what-comes-next-of-stages'],
  ['5.3: the need of a plan', 'runtime-of-the-plan', 'order-of-the-plan'],
  ['5.3: above 80 % of the full runtime it is not ready', 'runtime-of-the-plan', 'ready-or-not'],
  ['5.3: a running plan knows the time left, and skips for the halt', 'plan-in-a-hurry', 'plan-with-a-dead-feed'],
  ['5.3: stages in order, steps side by side, the halt last', 'plan-carried-out'],
  ['5.4: until the point of no return', 'plan-past-its-point-of-no-return'],
  ['5.4: OB stops a restore before its next step', 'plan-cancelled-by-mains'],
  [
    '5.4: the outage has really ended',
    'plan-cancelled-by-mains',
    'restore-with-a-dead-feed',
    'restore-without-a-gauge',
  ],
  [
    '5.4: what a person has asked for',
    'shut-down-by-a-person',
    'cancelled-after-the-halt',
    'outage-after-a-shutdown-by-hand',
  ],
  ['5.4: mains that have held call off', 'called-off-by-mains', 'mains-hold', 'outage-of-a-simulated-day'],
  [
    '5.4: mains never call off FSD or a lost quorum',
    'lost-quorum-called-off-by-a-person',
    'forced-shutdown',
    'redundancy-unknown',
  ],
  [
    '5.4: a person calls off, and silences what had fired for 5 min',
    'called-off-by-a-person',
    'called-off-while-shedding',
  ],
  ['5.4: no latch is left', 'called-off-by-mains', 'flapping-mains', 'second-outage'],

  ['5.5: members, and how many have to be healthy', 'redundancy-by-outage', 'redundancy-dead', 'capacity'],
  ['5.5: unknown or off counts while another is critical', 'redundancy-unknown', 'redundancy-off', 'redundancy-blip'],
  ['5.5: all unknown never fires', 'redundancy-all-unknown', 'silence'],
  ['5.5: cold start', 'redundancy-cold-start'],
  ['5.5: surviving capacity, told or enforced', 'capacity'],
  ['5.5: stage conditions, of one feed and of several', 'load-shedding', 'load-shedding-of-a-pair'],
  ['5.5: a UPS that no group names', 'no-group-names-it'],

  [
    '5.6: same boot, the clocks go on',
    'restart-crash-reboot',
    'restart-on-mains',
    'crash-while-holding',
    'crash-in-silence',
  ],
  [
    '5.6: same boot, what was decided goes on',
    'running-plan-crash',
    'crash-keeps-what-was-decided',
    'crash-tells-nothing-twice',
  ],
  [
    '5.6: same boot, feeds that are not listed again yet',
    'crash-of-feeds-without-entry',
    'crash-while-the-server-is-lost',
    'crash-while-the-server-hangs',
  ],
  ['5.6: same boot, an unfinished plan goes on at its first unfinished step', 'plan-and-crash'],
  [
    '5.6: new boot, battery: go on; mains: restore',
    'plan-and-power-cut',
    'power-cut-of-a-pair',
    'power-cut-of-a-pair-with-one-dead',
  ],
  ['5.6: a halt that did not happen', 'halt-that-did-not-happen', 'plan-in-a-hurry'],
  ['5.6: the last act', 'plan-past-its-point-of-no-return'],
  ['5.6: new boot, nothing before a proof', 'reboot-in-an-outage', 'power-cut-and-empty-battery'],

  ['4.1: not armed, disarmed, dry run: nothing is touched', 'not-armed', 'disarmed', 'dry-run'],
  ['4.2: never on mains with fresh data', 'low-battery-on-mains', 'blips-on-mains', 'restart-on-mains'],
];

test.each(texts)('%s', (name) => {
  const path = join(FOLDER, name);
  const text = readFileSync(path, 'utf8');
  const played = playScenario(text);
  if (REWRITE && played !== text) writeFileSync(path, played);
  else expect(played).toBe(text);
});

async function playTrace(path: string): Promise<string> {
  const lines: string[] = [];
  const trace = await openTrace([path], ({ message }) => lines.push(`# ${message}`));
  if (!trace.ok) throw new Error(trace.error.message);
  const replay = createReplay();
  let begun: number | undefined;
  for await (const event of trace.value.events()) {
    begun ??= event.stamp.wall;
    const transition = replay.take(event);
    if (transition !== undefined) lines.push(...shown(transition, (event.stamp.wall - begun) / 1000));
  }
  return `${lines.join('\n')}\n`;
}

test.each(traces)('%s', async (name) => {
  const path = join(FOLDER, name);
  const beside = path.replace(/\.ndjson(\.gz)?$/, EXPECTED);
  const played = await playTrace(path);
  if (REWRITE) writeFileSync(beside, played);
  else expect(played).toBe(readFileSync(beside, 'utf8'));
});

test('nothing lies there that is not played', () => {
  const played = new Set([...texts, ...traces, ...traces.map((name) => name.replace(/\.ndjson(\.gz)?$/, EXPECTED))]);
  expect(names.filter((name) => !played.has(name))).toEqual([]);
});

test('every scenario is there for something, and everything has its scenario', () => {
  const there = [...texts, ...traces].map((name) => name.replace(/\.(txt|ndjson(\.gz)?)$/, ''));
  const named = COVERS.flatMap(([, ...scenarios]) => scenarios);
  expect(named.filter((name) => !there.includes(name))).toEqual([]);
  expect(there.filter((name) => !named.includes(name))).toEqual([]);
  expect(COVERS.filter(([, ...scenarios]) => scenarios.length === 0)).toEqual([]);
});
