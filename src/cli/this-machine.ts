import { constants } from 'node:fs';
import { access, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Configuration } from '../config/schema.ts';
import type { Finding } from '../shutdown/step.ts';
import { flagsOf, localUps, upsConf } from './killpower.ts';
import { parseSystemdSpan } from './systemd-span.ts';

/** Where this machine is looked at; `/` but for tests. */
export interface Machine {
  readonly root: string;
}

/** What else shuts a machine down for its UPS: the program, and the units of systemd that start it. */
const MANAGERS = [
  { program: 'upsmon', units: ['nut-monitor.service', 'nut-client.service', 'nut-client.target', 'upsmon.service'] },
  { program: 'apcupsd', units: ['apcupsd.service'] },
  { program: 'pwrstatd', units: ['pwrstatd.service', 'powerpanel.service', 'pwrstat.service'] },
  { program: 'pbeagent', units: ['pbeagent.service', 'PowerChute.service', 'powerchute.service'] },
] as const;

const UNIT_FOLDERS = ['etc/systemd/system', 'run/systemd/system', 'usr/lib/systemd/system', 'lib/systemd/system'];
const HOOK_FOLDERS = ['usr/lib/systemd/system-shutdown', 'lib/systemd/system-shutdown', 'etc/systemd/system-shutdown'];
const OWN_UNIT = 'gridwarden.service';

/** What this program needs to stop by itself, in milliseconds; while a shutdown goes on it asks for more. */
const STOP_NEEDS = 15_000;

/** Looks at what of this machine itself could keep a plan from coming to its end. Reads only. */
export async function lookAtThisMachine(configuration: Configuration, machine: Machine): Promise<readonly Finding[]> {
  const [managers, hook, unit] = await Promise.all([
    otherManagers(configuration, machine),
    killpowerHook(configuration, machine),
    ownUnit(machine),
  ]);
  return [...managers, ...hook, ...unit];
}

async function otherManagers({ groups }: Configuration, { root }: Machine): Promise<readonly Finding[]> {
  const halts = Object.values(groups).some(({ host }) => host?.halt === true);
  const [running, enabled] = await Promise.all([programsIn(join(root, 'proc')), enabledUnits(root)]);
  const found = MANAGERS.flatMap(({ program, units }): readonly Finding[] => {
    const pids = running.get(program) ?? [];
    const unit = units.find((one) => enabled.has(one));
    if (pids.length === 0 && unit === undefined) return [];
    const seen = pids.length > 0 ? `runs (process ${pids.join(', ')})` : `is started with this machine (${unit})`;
    const stop = unit === undefined ? 'stop it' : `systemctl disable --now ${unit}`;
    const text = halts
      ? `${seen} and may halt this machine before the plan is through: one of the two has to go (${stop})`
      : `${seen}; no group halts this machine, so they do not meet`;
    return [{ what: `another shutdown manager: ${program}`, ok: !halts, text }];
  });
  return found.length > 0 ? found : [{ what: 'another shutdown manager', ok: true, text: 'none is seen' }];
}

/** By the name of its program, the numbers of each process. */
async function programsIn(proc: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  const names = await readdir(proc).catch(() => []);
  for (const pid of names.filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(join(proc, pid, 'cmdline'), 'utf8').catch(() => '');
    // A script is named by its second word, behind its interpreter.
    const words = command.split('\0').slice(0, 2);
    const programs = new Set(words.map((word) => word.split('/').at(-1) ?? ''));
    for (const program of programs) found.set(program, [...(found.get(program) ?? []), pid]);
  }
  return found;
}

/** Units that some target of this machine starts; none where systemd does not run it. */
async function enabledUnits(root: string): Promise<ReadonlySet<string>> {
  const units = new Set<string>();
  const isSystemd = await stat(join(root, 'run/systemd/system')).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isSystemd) return units;
  for (const folder of UNIT_FOLDERS.slice(0, 2)) {
    const entries = await readdir(join(root, folder)).catch(() => []);
    for (const wants of entries.filter((name) => /\.(?:wants|requires)$/.test(name))) {
      for (const unit of await readdir(join(root, folder, wants)).catch(() => [])) units.add(unit);
    }
  }
  return units;
}

/** Whether somebody reads the flag files of `killpower` steps at the end of a shutdown, and can do what they ask for. */
async function killpowerHook(configuration: Configuration, { root }: Machine): Promise<readonly Finding[]> {
  const devices = Object.values(configuration.groups)
    .flatMap(({ stages }) => stages)
    .flatMap(({ steps }) => steps)
    .flatMap((step) =>
      step.kind === 'ups' && step.config.order.action === 'killpower' ? [step.config.device ?? ''] : [],
    );
  if (devices.length === 0) return [];
  const hook = await hookIn(root);
  const conf = await upsConf();
  const ends = [...new Set(devices)].map((device): Finding => {
    const ups = localUps(device, configuration, conf);
    const text = ups.ok ? `is ${ups.value.name} of this machine's NUT` : ups.error.slice(device.length + 2);
    return { what: `killpower of ${device}`, ok: ups.ok, text };
  });
  const flags = flagsOf(configuration).join(', ');
  const text =
    hook ?? `nobody reads ${flags} at the end of a shutdown: install config/gridwarden-killpower (docs/systemd.md)`;
  return [{ what: 'killpower hook', ok: hook !== undefined, text }, ...ends];
}

/** The script that runs us at the end of a shutdown, for people; undefined where there is none. */
async function hookIn(root: string): Promise<string | undefined> {
  for (const folder of HOOK_FOLDERS.map((one) => join(root, one))) {
    for (const name of await readdir(folder).catch(() => [])) {
      const path = join(folder, name);
      const text = await readFile(path, 'utf8').catch(() => '');
      if (!/\bkillpower\b/.test(text) || !/gridwarden/i.test(text)) continue;
      const runs = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (runs) return `${path} is there`;
    }
  }
  return undefined;
}

/** How systemd stops this program, where it starts it. */
async function ownUnit({ root }: Machine): Promise<readonly Finding[]> {
  let unit: string | undefined;
  const added: string[] = [];
  for (const folder of UNIT_FOLDERS.map((one) => join(root, one)).toReversed()) {
    // The unit of an earlier folder stands in the place of that of a later one; what is dropped in is added to it.
    unit = (await readFile(join(folder, OWN_UNIT), 'utf8').catch(() => undefined)) ?? unit;
    const dropIns = join(folder, `${OWN_UNIT}.d`);
    for (const name of (await readdir(dropIns).catch(() => [])).toSorted()) {
      if (name.endsWith('.conf')) added.push(await readFile(join(dropIns, name), 'utf8').catch(() => ''));
    }
  }
  if (unit === undefined) return [];
  const lines = [unit, ...added].join('\n');
  const setting = (key: string): string | undefined =>
    [...lines.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].at(-1)?.[1]?.trim();
  const type = setting('Type') ?? 'simple';
  const stop = setting('TimeoutStopSec') ?? setting('TimeoutSec');
  const span = stop === undefined ? undefined : parseSystemdSpan(stop);
  const short = span !== undefined && span < STOP_NEEDS;
  const problems = [
    ...(/^notify/.test(type)
      ? []
      : [
          `Type=${type}: systemd does not hear that a shutdown is going on, and kills it in the middle; write Type=notify`,
        ]),
    ...(short ? [`TimeoutStopSec=${stop} is less than the 15 s that it needs to stop`] : []),
  ];
  const text = problems.length > 0 ? problems.join('; ') : 'waits for a shutdown that is going on';
  return [{ what: OWN_UNIT, ok: problems.length === 0, text }];
}
