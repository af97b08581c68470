import { expect, test } from 'vitest';
import { DEFAULT_ALLOW } from '../../src/domain/allow-list.ts';
import { BRIDGE_EVENT_TYPES, DEVICE_EVENT_TYPES } from '../../src/domain/facts.ts';
import type { RefusalCode } from '../../src/domain/requests.ts';
import { topicsOf } from '../../src/mqtt/topics.ts';
import { VERBS } from '../../src/policy/on-verb.ts';
import { componentsOf } from '../kit/discovery-components.ts';
import { EVERYTHING, openHouse, simulatedReports } from '../kit/mqtt-house.ts';

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
};

const lines = (...all: readonly string[]): string => `${all.join('\n')}\n`;

function house() {
  const opened = openHouse({ allow: EVERYTHING });
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

test('the entities of a UPS and of the bridge are the ones that dashboards and automations hold', async () => {
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
  const keys = [topics.bridgeState, topics.bridgeInfo, topics.availability('demo'), topics.device('demo')].flatMap(
    (topic) => keysOf(topic).map((key) => `${topic} ${key}`),
  );
  await expect(lines(...keys)).toMatchFileSnapshot('payload-keys.txt');
});

test('events, device triggers, verbs, what is allowed by default, and error codes are the ones that automations hold', async () => {
  const triggers = componentsOf(house().messages)
    .filter(({ platform }) => platform === 'device_automation')
    .map(({ config }) => `${String(config['type'])} ${String(config['subtype'])}`);
  const words = {
    'event of a device': DEVICE_EVENT_TYPES,
    'event of the bridge': BRIDGE_EVENT_TYPES,
    'device trigger': triggers,
    verb: VERBS,
    'allowed by default': DEFAULT_ALLOW,
    'error code': Object.keys(CODES),
  };
  const all = Object.entries(words).flatMap(([kind, list]) => [...list].sort().map((word) => `${kind}: ${word}`));
  await expect(lines(...all)).toMatchFileSnapshot('words.txt');
});
