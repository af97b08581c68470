import { expect, test } from 'vitest';
import { DEFAULT_ALLOW } from '../../src/domain/allow-list.ts';
import { BRIDGE_EVENT_TYPES, DEVICE_EVENT_TYPES, GROUP_EVENT_TYPES } from '../../src/domain/facts.ts';
import { HELD_BY, type ProgressEvent } from '../../src/domain/progress.ts';
import type { RefusalCode } from '../../src/domain/requests.ts';
import { seconds } from '../../src/domain/time.ts';
import { TRIGGERS } from '../../src/domain/triggers.ts';
import { topicsOf } from '../../src/mqtt/topics.ts';
import { CONSOLE_VERBS, VERBS } from '../../src/policy/on-verb.ts';
import { componentsOf } from '../kit/discovery-components.ts';
import { EVERYTHING, openHouse, says, simulatedReports } from '../kit/mqtt-house.ts';
import { group } from '../kit/settings.ts';
import { HALT } from '../kit/watch.ts';

/** Complete, or it does not compile. */
const CODES: Readonly<Record<RefusalCode, true>> = {
  'wrong-payload': true,
  'unknown-device': true,
  'unknown-command': true,
  'unknown-verb': true,
  'not-allowed': true,
  'not-writable': true,
  'wrong-value': true,
  unavailable: true,
  busy: true,
  refused: true,
  'no-answer': true,
  'no-credentials': true,
  'invalid-configuration': true,
  'unknown-group': true,
  'nothing-to-cancel': true,
  'nothing-to-restore': true,
  'too-late': true,
  'not-confirmed': true,
  'not-now': true,
};

const lines = (...all: readonly string[]): string => `${all.join('\n')}\n`;

function house() {
  const opened = openHouse({ allow: EVERYTHING, groups: [group('servers', ['demo', 'other'])] });
  for (const report of simulatedReports()) opened.report(report);
  return opened;
}

test('the topics are the ones that flows hold', async () => {
  const topics = topicsOf('gridwarden', 'NODE');
  const named = Object.values(topics).flatMap((topic) => {
    if (typeof topic !== 'function') return [topic].flat();
    return topic.length === 2 ? [topic('ID', 'VARIABLE')] : [topic('ID', '')];
  });
  await expect(lines(...[...new Set(named)].sort())).toMatchFileSnapshot('topics.txt');
});

test('the entities of a UPS, of a group and of the bridge are the ones that dashboards and automations hold', async () => {
  const entities = componentsOf(house().messages).map(({ deviceId, key, platform, config }) => {
    const id = config['default_entity_id'] ?? '';
    const unique = config['unique_id'] ?? '';
    return `${deviceId} ${key} ${platform} ${String(unique)} ${String(id)}`.trim();
  });
  expect(entities.length).toBeGreaterThan(100);
  await expect(lines(...entities.sort())).toMatchFileSnapshot('entities.txt');
});

test('the keys of the retained objects are the ones that templates hold', async () => {
  const { messages, topics } = house();
  const keysOf = (topic: string) => Object.keys(JSON.parse(messages.get(topic)?.payload ?? '{}')).sort();
  const flat = [topics.bridgeState, topics.bridgeInfo, topics.availability('demo'), topics.device('demo')];
  const keys = flat.flatMap((topic) => keysOf(topic).map((key) => `${topic} ${key}`));
  await expect(lines(...keys, ...nestedKeys())).toMatchFileSnapshot('payload-keys.txt');
});

/** Every key, at whatever depth, that power quality and a group have from mains to the end of a battery and its halt. */
function nestedKeys(): readonly string[] {
  const found = new Set<string>();
  const feeds = ['a', 'b'];
  const stage = { name: 'lab', steps: [{ ...HALT, kind: 'exec' as const, key: 'lab/x' }], restore: [] };
  const opened = openHouse({
    groups: [group('servers', feeds, { stages: [stage], halt: HALT })],
    armed: true,
    onMessage: (topic, payload, retain) => {
      const shown = /\/(?:group\/servers(?:\/plan|\/shutdown|\/runs)?|ups\/a\/power_quality)$/.test(topic);
      if (retain && shown) for (const path of paths(JSON.parse(payload))) found.add(`${topic} ${path}`);
    },
  });
  opened.report({ kind: 'listed', source: 'nas', devices: feeds.map((name) => ({ name })) });
  const goOn = (status: string, charge: string) => {
    for (let second = 0; second < 20; second += 1) {
      const variables = { 'ups.status': status, 'battery.charge': charge, 'battery.runtime': '600' };
      const watts = { 'ups.load': '10', 'ups.realpower.nominal': '500', 'input.voltage': '230' };
      for (const name of feeds) opened.report(says({ ...variables, ...watts }, name, opened.now()));
      opened.pass(seconds(1));
    }
  };
  goOn('OL', '100');
  goOn('OB', '90');
  goOn('OB LB', '5');
  const run = opened.state().groups.get('servers')?.progress?.run ?? '';
  const told: readonly ProgressEvent[] = [
    { kind: 'begun', step: 'lab/x' },
    { kind: 'begun', step: 'host', act: 'halt' },
    { kind: 'item', step: 'host', item: 'a', state: 'done' },
    { kind: 'ended', step: 'lab/x', state: 'failed', text: 'no' },
    { kind: 'run-ended' },
  ];
  for (const event of told) opened.push({ kind: 'progressed', group: 'servers', run, event });
  opened.pass(seconds(2));
  return [...found].sort();
}

/** The keys of a value, lists passed through, devices by one word. */
function paths(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(paths);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const name = key === 'a' || key === 'b' ? 'UPS' : key;
    return [name, ...paths(inner).map((path) => `${name}.${path}`)];
  });
}

test('events, device triggers, verbs, what is allowed by default, and error codes are the ones that automations hold', async () => {
  const triggers = componentsOf(house().messages)
    .filter(({ platform }) => platform === 'device_automation')
    .map(({ config }) => `${String(config['type'])} ${String(config['subtype'])}`);
  const words = {
    'event of a device': DEVICE_EVENT_TYPES,
    'event of a group': GROUP_EVENT_TYPES,
    'event of the bridge': BRIDGE_EVENT_TYPES,
    'device trigger': triggers,
    trigger: TRIGGERS,
    verb: VERBS,
    'verb of this machine': CONSOLE_VERBS,
    'allowed by default': DEFAULT_ALLOW,
    'error code': Object.keys(CODES),
    'shut down and held': HELD_BY,
  };
  const all = Object.entries(words).flatMap(([kind, list]) => [...list].sort().map((word) => `${kind}: ${word}`));
  await expect(lines(...all)).toMatchFileSnapshot('words.txt');
});
