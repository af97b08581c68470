import type {
  DeviceSettings,
  GroupSettings,
  Settings,
  StageCondition,
  TriggerSettings,
} from '../../src/domain/settings.ts';
import { STEP_KINDS, type Step, type StepKind } from '../../src/domain/steps.ts';
import { asMillis, type Millis, parseDuration, seconds } from '../../src/domain/time.ts';
import { declared, group, settings, TRIGGERS } from './settings.ts';

/**
 * The header of a scenario: settings, one statement a line. A statement that comes again, also in the middle of a
 * scenario, changes only what it names.
 *
 * ```
 * armed yes                      dry_run yes         fsd tell         mains_hold 5s      allow beeper.* bridge.cancel
 * triggers charge_below=30 settle=15s                                 of every group below, and of lone devices
 * ups a trust_charge=no nominal_power=900 label="Rack A" source=pdu name=ups1
 * device b source=pdu                                                 listed, without an entry of its own
 * group rack feeds=a,b min_healthy=1 charge_below=30 reserve=60s halt=20s
 * stage rack shed on_battery_for=3m steps=ssh:20s,exec:5s,ups@a:1s restore=wake:5s
 * ```
 */
export interface Header {
  readonly settings: () => Settings;
  /** Where every device is. */
  readonly devices: () => ReadonlyMap<string, { readonly source: string; readonly name: string }>;
  readonly state: (statement: string) => void;
}

/** `key=value` words and the others, quotes undone. */
export function wordsOf(text: string): {
  readonly plain: readonly string[];
  readonly given: ReadonlyMap<string, string>;
} {
  const words = text.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
  const plain: string[] = [];
  const given = new Map<string, string>();
  for (const word of words) {
    const [, key, value] = /^([A-Za-z_][\w.]*)=(.*)$/.exec(word) ?? [];
    if (key === undefined || value === undefined) plain.push(word.replaceAll('"', ''));
    else given.set(key, value.replaceAll('"', ''));
  }
  return { plain, given };
}

/** A length of time: `90s`, `1.5s`, `3m`, `1h30m`. */
export function spanOf(text: string): Millis {
  const parts = text.match(/\d+(?:\.\d+)?(?:ms|s|m|h|d)/g) ?? [];
  if (parts.length === 0 || parts.join('') !== text) throw new Error(`${text} is no length of time`);
  return asMillis(parts.reduce((sum, part) => sum + (parseDuration(part) ?? 0), 0));
}

const or =
  <W extends string>(...words: readonly W[]) =>
  (text: string): Millis | W =>
    words.find((word) => word === text) ?? spanOf(text);
const isYes = (text: string): boolean => {
  if (text !== 'yes' && text !== 'no') throw new Error(`${text}: write yes or no`);
  return text === 'yes';
};
const numberOf = (text: string): number => {
  if (text === '' || !Number.isFinite(Number(text))) throw new Error(`${text} is no number`);
  return Number(text);
};

const TRIGGER_KEYS: Readonly<Record<string, (text: string) => Partial<TriggerSettings>>> = {
  settle: (text) => ({ settle: spanOf(text) }),
  hold: (text) => ({ hold: spanOf(text) }),
  low_battery: (text) => ({ lowBattery: isYes(text) }),
  charge_below: (text) => ({ chargeBelow: text === 'off' ? 'off' : numberOf(text) }),
  runtime_below: (text) => ({ runtimeBelow: or('auto', 'off')(text) }),
  depletion: (text) => {
    const [rate = '', over = '90s'] = text.split('/');
    return { depletion: text === 'off' ? 'off' : { perMinute: numberOf(rate), over: spanOf(over) } };
  },
  on_battery_for: (text) => ({ onBatteryFor: or('auto', 'off')(text) }),
  dead_after: (text) => ({ deadAfter: or('auto')(text) }),
  after_failed_test: (text) => ({ afterFailedTest: or('off')(text) }),
};

const oneOf =
  <W extends string>(...words: readonly W[]) =>
  (text: string): W => {
    const word = words.find((one) => one === text);
    if (word === undefined) throw new Error(`${text}: write one of ${words.join(', ')}`);
    return word;
  };

const GROUP_KEYS: Readonly<Record<string, (text: string) => Partial<GroupSettings>>> = {
  label: (label) => ({ label }),
  feeds: (text) => ({ feeds: text.split(',') }),
  min_healthy: (text) => ({ minHealthy: numberOf(text) }),
  min_capacity: (text) => ({ minCapacity: oneOf('tell', 'enforce')(text) }),
  reserve: (text) => ({ reserve: spanOf(text) }),
  time_left_unknown: (text) => ({ timeLeftUnknown: spanOf(text) }),
  restore_above: (text) => ({ restoreAbove: numberOf(text) }),
  point_of_no_return: (pointOfNoReturn) => ({ pointOfNoReturn }),
  halt: (text) => ({ halt: stepOf('host', 'host', spanOf(text)) }),
};

const DEVICE_KEYS: Readonly<Record<string, (text: string) => Partial<DeviceSettings>>> = {
  source: (source) => ({ source }),
  name: (name) => ({ name }),
  label: (label) => ({ label }),
  nominal_power: (text) => ({ nominalPower: numberOf(text) }),
  trust_charge: (text) => ({ trustCharge: isYes(text) }),
  power_quality: (text) => ({ powerQuality: oneOf('tight', 'normal', 'loose')(text) }),
  battery_installed: (text) => ({ batteryInstalled: Date.parse(text) }),
};

const CONDITION_KEYS: Readonly<Record<string, (text: string) => StageCondition>> = {
  on_battery_for: (text) => ({ onBatteryFor: spanOf(text) }),
  charge_below: (text) => ({ chargeBelow: numberOf(text) }),
  runtime_below: (text) => ({ runtimeBelow: spanOf(text) }),
};

/** What the given words say, by tables of keys; the first that knows a key has it. */
function read<T extends object>(
  given: ReadonlyMap<string, string>,
  keys: Readonly<Record<string, (text: string) => T>>,
  skip: object = {},
): T {
  let read = {} as T; // filled below
  for (const [key, text] of given) {
    if (Object.hasOwn(skip, key)) continue;
    const one = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (one === undefined) throw new Error(`${key} is not known here; there are: ${Object.keys(keys).join(', ')}`);
    read = { ...read, ...one(text) };
  }
  return read;
}

function stepOf(kind: StepKind, key: string, usual: Millis, device = 'a'): Step {
  const frame = {
    key,
    text: `${kind} of ${key}`,
    after: [],
    usual,
    deadline: asMillis(usual * 3),
    carriesSource: false,
  };
  return { ...frame, kind, ...(kind === 'ups' ? { device } : {}) } as Step; // a `ups` step has its device
}

function stepsOf(prefix: string, text: string): readonly Step[] {
  return text
    .split(',')
    .filter(Boolean)
    .map((one, index) => {
      const [what = '', usual = '10s'] = one.split(':');
      const [kind = '', device] = what.split('@');
      return stepOf(oneOf(...STEP_KINDS)(kind), `${prefix}${kind}${index + 1}`, spanOf(usual), device);
    });
}

export function createHeader(): Header {
  let more: Partial<Settings> = {};
  let triggers = TRIGGERS;
  const entries = new Map<string, DeviceSettings>();
  const listed = new Map<string, string>();
  const groups = new Map<string, GroupSettings>();

  const feedsListed = () => {
    for (const id of [...groups.values()].flatMap(({ feeds }) => feeds)) {
      if (!entries.has(id) && !listed.has(id)) listed.set(id, 'nas');
    }
  };
  const need = (word: string | undefined, what: string): string => word ?? fail(`${what} is missing`);

  const STATEMENTS: Readonly<Record<string, (plain: readonly string[], given: ReadonlyMap<string, string>) => void>> = {
    armed: ([word]) => {
      more = { ...more, armed: isYes(word ?? 'yes') };
    },
    dry_run: ([word]) => {
      more = { ...more, dryRun: isYes(word ?? 'yes') };
    },
    fsd: ([word]) => {
      more = { ...more, fsd: oneOf('obey', 'tell')(word ?? '') };
    },
    mains_hold: ([word]) => {
      more = { ...more, mainsHold: spanOf(word ?? '') };
    },
    allow: (allow) => {
      more = { ...more, allow };
    },
    triggers: (_, given) => {
      triggers = { ...triggers, ...read(given, TRIGGER_KEYS) };
    },
    ups: ([id], given) => {
      const name = need(id, 'the id');
      entries.set(name, { ...(entries.get(name) ?? declared(name)), ...read(given, DEVICE_KEYS) });
    },
    device: ([id], given) => void listed.set(need(id, 'the id'), given.get('source') ?? 'nas'),
    group: ([id], given) => {
      const name = need(id, 'the id');
      const before =
        groups.get(name) ?? group(name, (given.get('feeds') ?? fail('feeds= is missing')).split(','), { triggers });
      const own = read(given, TRIGGER_KEYS, GROUP_KEYS);
      groups.set(name, {
        ...before,
        ...read(given, GROUP_KEYS, TRIGGER_KEYS),
        triggers: { ...before.triggers, ...own },
      });
    },
    stage: ([id, stage], given) => {
      const of = groups.get(need(id, 'the group')) ?? fail(`there is no group ${id}`);
      const name = need(stage, 'the name of the stage');
      const when = read(given, CONDITION_KEYS, { steps: true, restore: true });
      const steps = stepsOf(`${name}/`, given.get('steps') ?? '');
      const restore = stepsOf(`${name}/restore/`, given.get('restore') ?? '');
      const next = { name, steps, restore, ...(Object.keys(when).length === 0 ? {} : { when }) };
      groups.set(of.id, { ...of, stages: [...of.stages.filter((one) => one.name !== name), next] });
    },
  };

  const devices = () => {
    const all = [...entries.values()].map(({ id, source, name }) => [id, { source, name }] as const);
    return new Map([...[...listed].map(([id, source]) => [id, { source, name: id }] as const), ...all]);
  };

  return {
    state: (statement) => {
      const { plain, given } = wordsOf(statement);
      const [word = '', ...rest] = plain;
      const known = Object.hasOwn(STATEMENTS, word) ? STATEMENTS[word] : undefined;
      if (known === undefined) fail(`${word} is no statement; there are: ${Object.keys(STATEMENTS).join(', ')}`);
      known?.(rest, given);
      feedsListed();
    },
    devices,
    settings: () =>
      settings({
        triggers,
        sources: [...new Set(['nas', ...[...devices().values()].map(({ source }) => source)])],
        devices: [...entries.values()],
        groups: [...groups.values()],
        mainsHold: seconds(5),
        ...more,
      }),
  };
}

function fail(why: string): never {
  throw new Error(why);
}
