import discoveryKeys from './home-assistant-facts/discovery-keys.json' with { type: 'json' };

/** One message as the broker got it. */
export interface PublishedMessage {
  readonly payload: string;
  readonly retain: boolean;
  readonly qos: number;
}

/** The last message of every topic the bridge published to, retained or not; discovery, states, availability. */
export type RetainedMessages = ReadonlyMap<string, PublishedMessage>;

/** A JSON object as parsed, nothing known about its values. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** One thing that Home Assistant would make of the discovery messages: an entity or a device trigger. */
export interface Component {
  /** The discovery topic it was announced on. */
  readonly topic: string;
  /** The object id of a device topic, the node id of a single one. */
  readonly deviceId: string;
  /** The key under `components`, or the object id of a single topic. */
  readonly key: string;
  /** As Home Assistant names it: `sensor`, `device_automation` ... */
  readonly platform: string;
  /** With what it inherits from the root (`device` and `origin` too); root keys that the platform does not know left out. */
  readonly config: JsonObject;
}

/** A component with what its own object said, before anything was inherited; `platform` not among it. */
export interface AnnouncedComponent extends Component {
  readonly own: JsonObject;
}

/** The device and origin blocks of one discovery message. */
export interface AnnouncedDevice {
  readonly topic: string;
  readonly device: JsonObject | undefined;
  readonly origin: JsonObject | undefined;
}

/** All discovery messages, read; `problems` are whole lines. */
export interface Announcements {
  readonly devices: readonly AnnouncedDevice[];
  readonly components: readonly AnnouncedComponent[];
  readonly problems: readonly string[];
}

type Requirement = 'Required' | 'Optional' | 'Exclusive';

/** Platforms the bridge may use, each with the keys of its schema in Home Assistant 2026.11.0. */
export const PLATFORM_KEYS: ReadonlyMap<string, ReadonlyMap<string, Requirement>> = new Map(
  Object.entries(discoveryKeys.platforms).map(([platform, keys]) => [
    platform,
    // The facts file holds no other words; its type is only "string" because JSON has no literal types.
    new Map(Object.entries(keys) as [string, Requirement][]),
  ]),
);

const PLATFORM_NAMES = [...PLATFORM_KEYS.keys()].join(', ');

const ROOT_REQUIRED = ['device', 'components', 'origin'];

/** Root keys of a device message that its components inherit. Home Assistant 2026.6 also takes message_expiry_interval, older ones drop the whole message for it. */
const ROOT_SHARED = [
  'availability',
  'availability_mode',
  'availability_template',
  'availability_topic',
  'payload_available',
  'payload_not_available',
  'command_topic',
  'state_topic',
  'qos',
  'encoding',
];

/** The value as an object, or undefined where it is none; a list is none. */
export function asObject(value: unknown): JsonObject | undefined {
  // An object that came out of JSON.parse has string keys and nothing else.
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

/** The text as a JSON object, or undefined where it is no JSON or no object. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * Everything announced, as one flat list, for tests that look for an entity or follow its value through.
 *
 * Tombstones, removed devices and what Home Assistant would refuse to read are not in it.
 */
export function componentsOf(messages: RetainedMessages, prefix = 'homeassistant'): readonly Component[] {
  return readAnnouncements(messages, prefix).components.map(({ topic, deviceId, key, platform, config }) => ({
    topic,
    deviceId,
    key,
    platform,
    config,
  }));
}

/** Reads every discovery message under the prefix, by Home Assistant's rules for topics and root objects. */
export function readAnnouncements(messages: RetainedMessages, prefix: string): Announcements {
  const reader = new Reader(prefix);
  for (const [topic, message] of messages) if (topic.startsWith(`${prefix}/`)) reader.read(topic, message.payload);
  return reader;
}

const ID = /^[a-zA-Z0-9_-]+$/;
const COMPONENT_KEY = /^[a-z0-9_]+$/;

class Reader implements Announcements {
  readonly devices: AnnouncedDevice[] = [];
  readonly components: AnnouncedComponent[] = [];
  readonly problems: string[] = [];
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  read(topic: string, payload: string): void {
    const [kind = '', first = '', second] = topic
      .slice(this.#prefix.length + 1)
      .split('/')
      .slice(0, -1);
    const trouble = this.#topicTrouble(topic);
    if (trouble !== undefined) this.#complain(topic, ...trouble);
    // An empty payload takes the announcement back: nothing to judge.
    if (trouble !== undefined || payload === '') return;
    const root = parseObject(payload);
    if (root === undefined) this.#complain(topic, 'the payload is no JSON object', 'a JSON object');
    else if ('migrate_discovery' in root) {
      this.#complain(topic, 'a migration was begun and not ended', 'an empty payload or an announcement');
    } else if (kind === 'device') this.#readDevice(topic, first, root);
    else this.#readSingle(topic, kind, first, second ?? '', root);
  }

  /** What is wrong with a discovery topic and what was expected; undefined where it is as it should be. */
  #topicTrouble(topic: string): readonly [string, string] | undefined {
    const [kind = '', ...ids] = topic.slice(this.#prefix.length + 1).split('/');
    if (ids.pop() !== 'config' || !ids.every((id) => ID.test(id)) || ids.length < 1 || ids.length > 2) {
      return ['Home Assistant reads no such topic', '<kind>/[<node>/]<id>/config, ids of [a-zA-Z0-9_-]'];
    }
    if (kind === 'device') {
      if (ids.length === 1) return undefined;
      return ['a device topic with a node id cannot be migrated', `${this.#prefix}/device/<id>/config`];
    }
    if (!PLATFORM_KEYS.has(kind)) return [`the platform "${kind}" is not used by the bridge`, PLATFORM_NAMES];
    return ids.length === 2 ? undefined : ['no node id', `${this.#prefix}/${kind}/<node>/<key>/config`];
  }

  #readSingle(topic: string, platform: string, deviceId: string, key: string, root: JsonObject): void {
    if (!COMPONENT_KEY.test(key)) this.#complain(topic, `bad key "${key}"`, '[a-z0-9_]+, as in device mode');
    this.devices.push({ topic, device: asObject(root['device']), origin: asObject(root['origin']) });
    const { device: _device, origin: _origin, ...own } = root;
    this.components.push({ topic, deviceId, key, platform, config: root, own });
  }

  #readDevice(topic: string, deviceId: string, root: JsonObject): void {
    for (const key of Object.keys(root)) {
      if (!ROOT_REQUIRED.includes(key) && !ROOT_SHARED.includes(key)) {
        this.#complain(
          topic,
          `unknown root key "${key}", the whole device is dropped`,
          'only the keys of the device schema',
        );
      }
    }
    this.devices.push({ topic, device: asObject(root['device']), origin: asObject(root['origin']) });
    const components = asObject(root['components']);
    if (components === undefined || Object.keys(components).length === 0) {
      this.#complain(topic, 'no components', 'an object with at least one component');
      return;
    }
    for (const [key, value] of Object.entries(components)) this.#readComponent(topic, deviceId, key, value, root);
  }

  #readComponent(topic: string, deviceId: string, key: string, value: unknown, root: JsonObject): void {
    const where = `${topic} ${key}`;
    if (!COMPONENT_KEY.test(key)) this.#complain(where, 'bad component key', '[a-z0-9_]+');
    const object = asObject(value);
    if (object === undefined) {
      this.#complain(where, 'the component is no object', 'an object');
      return;
    }
    const { platform, ...own } = object;
    const known = typeof platform === 'string' ? PLATFORM_KEYS.get(platform) : undefined;
    if (typeof platform !== 'string' || known === undefined) {
      this.#complain(where, `the platform is ${JSON.stringify(platform)}`, `one of ${PLATFORM_NAMES}`);
      return;
    }
    // Only the platform left: a tombstone, which removes the entity.
    if (Object.keys(own).length === 0) return;
    for (const shared of ['device', 'origin']) {
      if (shared in own) this.#complain(where, `"${shared}" in a component`, 'it at the root only');
    }
    const inherited = Object.entries(root).filter(
      ([name]) => name !== 'components' && (name === 'origin' || known.has(name)),
    );
    const config = { ...Object.fromEntries(inherited), ...own };
    this.components.push({ topic, deviceId, key, platform, config, own });
  }

  #complain(where: string, what: string, expected: string): void {
    this.problems.push(problemLine(where, what, expected));
  }
}

/** One line for one problem: where, what is wrong, what would be right. */
export function problemLine(where: string, what: string, expected: string): string {
  return `${where}: ${what}; expected ${expected}`;
}
