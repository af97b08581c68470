/**
 * A strict stand-in for Home Assistant in tests: judges everything the bridge published by the rules of MQTT discovery.
 *
 * Home Assistant forgives silently (unknown keys are dropped, a clashing id gets `_2`) or drops whole devices with one
 * line in a log; here each is a line that names topic, component, problem and expectation. The rules and word lists are
 * those of Home Assistant 2026.11.0, narrowed to what older versions since 2024.12 take as well.
 */
import {
  type AnnouncedComponent,
  type AnnouncedDevice,
  type Announcements,
  problemLine,
  type RetainedMessages,
  readAnnouncements,
} from './discovery-components.ts';
import { componentProblems, deviceProblems } from './discovery-schema.ts';
import { wiringProblems } from './discovery-wiring.ts';

/** What the validator cannot see in the messages themselves. */
export interface ValidationOptions {
  /** Discovery prefix; default `homeassistant`. */
  readonly prefix?: string;
  /** Topic that all state, availability and command topics must lie under (`gridwarden/home`); absent: anywhere. */
  readonly base?: string;
  /** MQTT filters the bridge subscribed to; absent: nobody asks whether commands are heard. */
  readonly subscribed?: readonly string[];
  /** Whether announcements must be retained; default true. */
  readonly retainDiscovery?: boolean;
}

/**
 * Judges all the bridge published.
 *
 * @param messages the last message of every topic, announcements, states and availability alike
 * @returns one English line for each problem, empty when clean; nothing announced at all is a problem as well
 */
export function validate(messages: RetainedMessages, options: ValidationOptions = {}): string[] {
  const { prefix = 'homeassistant', base, subscribed, retainDiscovery = true } = options;
  const found = readAnnouncements(messages, prefix);
  return [
    ...retentionProblems(messages, prefix, retainDiscovery),
    ...found.problems,
    ...found.devices.flatMap(deviceProblems),
    ...kinshipProblems(found.devices),
    ...found.components.flatMap((component) => [
      ...componentProblems(component),
      ...wiringProblems(component, { messages, base, subscribed }),
    ]),
    ...clashes(found),
  ];
}

function retentionProblems(messages: RetainedMessages, prefix: string, retain: boolean): string[] {
  const announced = [...messages].filter(([topic]) => topic.startsWith(`${prefix}/`));
  if (announced.length === 0) return [problemLine(`${prefix}/`, 'nothing is announced', 'at least one message')];
  if (!retain) return [];
  return announced
    .filter(([, message]) => !message.retain)
    .map(([topic]) => problemLine(topic, 'the announcement is not retained', 'a retained message'));
}

/** Devices refer to one another by identifier, and one device told twice must be told alike. */
function kinshipProblems(devices: readonly AnnouncedDevice[]): string[] {
  const problems: string[] = [];
  const seen = new Map<string, { readonly topic: string; readonly text: string }>();
  for (const { topic, device } of devices) {
    const text = JSON.stringify(device);
    for (const id of identifiersOf(device)) {
      const first = seen.get(id);
      if (first === undefined) seen.set(id, { topic, text });
      else if (first.text !== text) {
        problems.push(
          problemLine(topic, `the device ${id} is described otherwise on ${first.topic}`, 'one description'),
        );
      }
    }
  }
  for (const { topic, device } of devices) {
    const via = device?.['via_device'];
    if (typeof via === 'string' && !seen.has(via)) {
      problems.push(problemLine(topic, `via_device "${via}" is not announced`, 'the identifier of another device'));
    }
    if (typeof via === 'string' && identifiersOf(device).includes(via)) {
      problems.push(problemLine(topic, `via_device "${via}" is the device itself`, 'another device'));
    }
  }
  return problems;
}

function identifiersOf(device: AnnouncedDevice['device']): readonly string[] {
  const identifiers = device?.['identifiers'];
  const list: readonly unknown[] = Array.isArray(identifiers) ? identifiers : [identifiers];
  return list.filter((id) => typeof id === 'string');
}

/** Ids that Home Assistant would refuse or rename because another component has them. */
function clashes({ components }: Announcements): string[] {
  return [
    ...repeated(components, 'unique_id', ({ config }) => config['unique_id']),
    ...repeated(components, 'default_entity_id', ({ config }) => config['default_entity_id']),
    ...repeated(components, 'trigger', (component) =>
      component.platform === 'device_automation'
        ? `${component.deviceId} ${String(component.config['type'])} ${String(component.config['subtype'])}`
        : undefined,
    ),
  ];
}

function repeated(
  components: readonly AnnouncedComponent[],
  what: string,
  idOf: (component: AnnouncedComponent) => unknown,
): string[] {
  const problems: string[] = [];
  const owners = new Map<string, string>();
  for (const component of components) {
    const id = idOf(component);
    if (typeof id !== 'string') continue;
    const where = `${component.topic} ${component.key}`;
    const owner = owners.get(id);
    if (owner === undefined) owners.set(id, where);
    else problems.push(problemLine(where, `the ${what} "${id}" is taken by ${owner}`, 'one of its own'));
  }
  return problems;
}
