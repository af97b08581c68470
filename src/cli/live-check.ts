import type { Loaded } from '../config/read.ts';
import type { Configuration } from '../config/schema.ts';
import { isIdle } from '../domain/plan.ts';
import { numberIn } from '../domain/reading.ts';
import type { GroupSettings } from '../domain/settings.ts';
import type { DeviceState, State } from '../domain/state.ts';
import { formatSpan, type Millis, seconds } from '../domain/time.ts';
import { TROUBLE_TEXT } from '../domain/trouble.ts';
import { systemClock } from '../runtime/clock.ts';
import { type Rehearsable, rehearse } from '../shutdown/rehearsal.ts';
import type { Finding } from '../shutdown/step.ts';
import { createResolver } from '../sources/nut/address.ts';
import { explainLogin, mayLogIn } from '../sources/nut/login.ts';
import type { NutConfig } from '../sources/nut/schema.ts';
import { findingLine, rehearsedLines } from './found.ts';
import { learnedDurations } from './learned.ts';
import { type Look, needsOf, openLook, stepsIn } from './look.ts';
import { cutsOwnSource } from './own-source.ts';
import { lookAtThisMachine, type Machine } from './this-machine.ts';
import { timelineLines } from './timeline.ts';

/** For one question to a server. */
const PATIENCE = seconds(10);

/**
 * Tries everything that a configuration counts on, read-only: the sources and their logins, what the feeds tell, every
 * step, the plan against the runtime, and this machine itself; then draws what each plan would look like.
 *
 * @returns whether all of it would work
 */
export async function checkLive(loaded: Loaded, machine: Machine, out: (line: string) => void): Promise<boolean> {
  const { configuration, settings } = loaded;
  const durations = await learnedDurations(configuration.stateDir);
  const groups = Object.entries(configuration.groups);
  const { broker } = needsOf(stepsIn(groups.map(([, group]) => group)));
  const look = await openLook(loaded, { sources: true, broker, durations });
  let bad = 0;
  const tell = (title: string, findings: readonly Finding[]): void => {
    if (findings.length === 0) return;
    out(title);
    for (const finding of findings) out(`  ${findingLine(finding)}`);
    bad += findings.filter(({ ok }) => !ok).length;
  };
  try {
    const state = look.state();
    const { signal } = new AbortController();
    const [logins, rehearsed, cuts, own] = await Promise.all([
      loginsOf(configuration, state),
      rehearse(new Map<string, Rehearsable>(groups), look.runners, { now: systemClock.now, signal }),
      cutsOwnSource(configuration, look.resolve),
      lookAtThisMachine(configuration, machine),
    ]);
    tell('sources', [...sourcesOf(state), ...logins]);
    for (const group of settings.groups) {
      tell(`group ${group.id}: feeds`, feedsOf(group, state));
      const steps = rehearsed.filter(({ part }) => part.group === group.id);
      if (steps.length > 0) out(`group ${group.id}: steps`);
      for (const line of steps.flatMap(rehearsedLines)) out(line);
      bad += steps.filter(({ ok }) => !ok).length;
      tell(`group ${group.id}: plan`, [...planFindings(group, state), ...(cuts.get(group.id) ?? [])]);
    }
    tell('this machine', own);
    for (const group of settings.groups) draw(group, look, out);
  } finally {
    await look.close();
  }
  out('');
  out(
    bad === 0
      ? 'ok: everything would work'
      : `not ok: ${bad} thing${bad === 1 ? '' : 's'} would not work, see NOT OK above`,
  );
  return bad === 0;
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

function sourcesOf({ sources, devices }: State): readonly Finding[] {
  return [...sources].map(([name, { link, listed }]): Finding => {
    const what = `source ${name}`;
    if (link.kind === 'lost')
      return { what, ok: false, text: `${TROUBLE_TEXT[link.trouble.kind]} (${link.trouble.detail})` };
    if (listed === undefined) return { what, ok: false, text: 'has not answered in time' };
    const own = [...devices.values()].filter(({ address }) => address.source === name).map(({ id }) => id);
    return {
      what,
      ok: listed.length > 0,
      text: own.length === 0 ? 'answers, but lists no UPS' : `answers, and lists ${own.join(', ')}`,
    };
  });
}

/** Whether the users of the sources are accepted, as a secondary where a group that halts this machine needs that. */
async function loginsOf({ sources, groups }: Configuration, { devices }: State): Promise<readonly Finding[]> {
  const halting = new Set(Object.values(groups).flatMap(({ feeds, host }) => (host?.halt === true ? feeds : [])));
  const heard = [...devices.values()].filter(({ link }) => link.kind !== 'lost');
  const asked = Object.entries(sources).flatMap(([name, source]) => {
    if (!('nut' in source)) return [];
    const { nut } = source;
    const own = heard.filter(({ address }) => address.source === name);
    const needed = nut.login === 'auto' ? own.filter(({ id }) => halting.has(id)) : [];
    if (needed.length > 0) return needed.map(({ id, address }) => secondary(nut, id, address.name));
    return nut.user === undefined ? [] : own.slice(0, 1).map(({ address }) => accepted(nut, name, address.name));
  });
  return await Promise.all(asked);
}

const tryLogin = (nut: NutConfig, ups: string) =>
  mayLogIn({ ...nut, login: 'auto' }, ups, {
    resolver: createResolver(nut.host),
    signal: AbortSignal.timeout(PATIENCE),
  });

async function secondary(nut: NutConfig, id: string, ups: string): Promise<Finding> {
  const what = `login to ${id}`;
  if (nut.user === undefined) return { what, ok: true, text: 'none is configured: no primary waits for this machine' };
  const state = await tryLogin(nut, ups);
  const ok = state.kind === 'logged-in';
  const text = ok ? 'is accepted as a secondary: its primary waits for this machine' : explainLogin(state);
  return { what, ok, text };
}

/** Of a user for orders alone a server tells nothing without one; a password that lets it log in is right. */
async function accepted(nut: NutConfig, source: string, ups: string): Promise<Finding> {
  const state = await tryLogin(nut, ups);
  const what = `login of ${source}`;
  if (state.kind === 'logged-in') return { what, ok: true, text: 'is accepted' };
  const isOpen = state.kind === 'refused' && state.code === 'ACCESS-DENIED';
  const text = isOpen
    ? 'cannot be seen to be right: the user is no upsmon user in upsd.users, or the password is wrong'
    : explainLogin(state);
  return { what, ok: isOpen, text };
}

function feedsOf({ feeds }: GroupSettings, { devices }: State): readonly Finding[] {
  return feeds.flatMap((id): readonly Finding[] => {
    const device = devices.get(id);
    if (device === undefined) return [{ what: `UPS ${id}`, ok: false, text: 'no source lists it' }];
    const { link, reading, inventory } = device;
    const what = `UPS ${id}`;
    if (link.kind === 'lost')
      return [{ what, ok: false, text: `${TROUBLE_TEXT[link.trouble.kind]} (${link.trouble.detail})` }];
    if (reading === undefined) return [{ what, ok: false, text: 'has not been read in time' }];
    const status = reading.flags.join(' ');
    const commands = inventory === undefined ? '' : `, knows ${counted(inventory.commands.length, 'command')}`;
    return [
      { what, ok: status !== '', text: status === '' ? 'tells no status' : `is heard (${status})${commands}` },
      ...gauges(device),
    ];
  });
}

function gauges({ id, reading, tuning }: DeviceState): readonly Finding[] {
  if (reading === undefined) return [];
  const charge = tuning.trustCharge ? numberIn(reading, 'battery.charge') : undefined;
  const runtime = numberIn(reading, 'battery.runtime');
  const nothing = charge === undefined && runtime === undefined;
  const told = [
    ...(charge === undefined ? [] : [`charge ${charge} %`]),
    ...(runtime === undefined ? [] : [`runtime ${formatSpan(seconds(runtime))}`]),
  ];
  const missing = [...(charge === undefined ? ['charge'] : []), ...(runtime === undefined ? ['runtime'] : [])];
  const text = nothing
    ? 'neither charge nor runtime: only low battery and time can fire (on_battery_for)'
    : `${told.join(', ')}${missing.length === 0 ? '' : `; no ${missing.join(', no ')}`}`;
  return [{ what: `gauges of ${id}`, ok: !nothing, text }];
}

/** What the bridge itself would say of the plan, without what was said of the feeds already. */
function planFindings({ id, feeds }: GroupSettings, { groups, devices }: State): readonly Finding[] {
  const group = groups.get(id);
  if (group === undefined || isIdle(group.plan)) return [];
  const short = group.readiness.reasons.filter((reason) => reason.startsWith('the plan needs'));
  if (short.length > 0)
    return short.map((text) => ({
      what: 'time',
      ok: false,
      text: `${text} (shed load earlier, or shorten its steps)`,
    }));
  const runtimes = feeds.flatMap((feed) => runtimeOf(devices.get(feed)) ?? []);
  const least = runtimes.length === 0 ? '' : ` of the ${formatSpan(Math.min(...runtimes) as Millis)} that are there`; // the least of spans is one
  return [{ what: 'time', ok: true, text: `needs ${formatSpan(group.plan.need)}${least}` }];
}

const runtimeOf = (device: DeviceState | undefined): Millis | undefined => {
  const runtime = device?.reading === undefined ? undefined : numberIn(device.reading, 'battery.runtime');
  return runtime === undefined ? undefined : seconds(runtime);
};

function draw({ id, feeds, reserve }: GroupSettings, look: Look, out: (line: string) => void): void {
  const { groups, devices } = look.state();
  const plan = groups.get(id)?.plan;
  if (plan === undefined || isIdle(plan)) return;
  const lasting = feeds.map((feed) => {
    const runtime = runtimeOf(devices.get(feed));
    return { label: feed, ...(runtime === undefined ? {} : { runtime }) };
  });
  out('');
  out(`group ${id}: needs ${formatSpan(plan.need)} (= usual, - at worst; # runtime, . beyond 80 % of it)`);
  for (const line of timelineLines(plan, reserve, lasting)) out(line);
}
