/** What one discovery message says, judged by itself: keys, types, and the rules between keys. Topics and values are judged in discovery-wiring.ts. */
import {
  type AnnouncedComponent,
  type AnnouncedDevice,
  asObject,
  type JsonObject,
  PLATFORM_KEYS,
  problemLine,
} from './discovery-components.ts';
import classes from './home-assistant-facts/classes.json' with { type: 'json' };

/** Tells of one problem of the thing at hand. */
export type Complain = (what: string, expected: string) => void;

interface ClassFacts {
  readonly units: readonly string[] | null;
  readonly state_classes?: readonly string[];
}
const SENSOR_CLASSES: ReadonlyMap<string, ClassFacts> = new Map(Object.entries(classes.sensor));
const NUMBER_CLASSES: ReadonlyMap<string, ClassFacts> = new Map(Object.entries(classes.number));
const DEVICE_CLASSES: ReadonlyMap<string, readonly string[]> = new Map([
  ['sensor', [...SENSOR_CLASSES.keys()]],
  ['number', [...NUMBER_CLASSES.keys()]],
  ['binary_sensor', classes.binary_sensor],
  ['button', classes.button],
  ['switch', classes.switch],
  ['event', classes.event],
  ['update', ['firmware']],
]);
const STATE_CLASSES = ['measurement', 'total', 'total_increasing', 'measurement_angle'];

/** Sensor classes whose state is no number. */
const TEXT_CLASSES: readonly string[] = ['date', 'enum', 'timestamp', 'uptime'];

/** Whether a sensor of this class has a number for a state; false for a class that Home Assistant does not know. */
export function isMeasurement(deviceClass: string): boolean {
  return SENSOR_CLASSES.has(deviceClass) && !TEXT_CLASSES.includes(deviceClass);
}

/** The longest state Home Assistant keeps, in characters. */
export const MAX_STATE_LENGTH = 255;

const DEVICE_STRINGS = [
  'name',
  'manufacturer',
  'model',
  'model_id',
  'hw_version',
  'sw_version',
  'serial_number',
  'suggested_area',
  'via_device',
  'configuration_url',
];

/** Judges the device and origin blocks of one message. */
export function deviceProblems({ topic, device, origin }: AnnouncedDevice): string[] {
  const problems: string[] = [];
  const complain: Complain = (what, expected) => problems.push(problemLine(topic, what, expected));
  if (device === undefined) complain('no device block', '"device"');
  else judgeDevice(device, complain);
  if (origin === undefined) complain('no origin block', '"origin"');
  else judgeOrigin(origin, complain);
  return problems;
}

function judgeDevice(device: JsonObject, complain: Complain): void {
  for (const [key, value] of Object.entries(device)) {
    if (key === 'identifiers' || key === 'connections') continue;
    if (!DEVICE_STRINGS.includes(key)) complain(`unknown device key "${key}"`, DEVICE_STRINGS.join(', '));
    else if (!isText(value)) complain(`device.${key} is ${JSON.stringify(value)}`, 'a text that is not empty');
  }
  if (device['name'] === undefined) complain('the device has no name', 'device.name');
  const { identifiers, connections } = device;
  if (identifiers === undefined && connections === undefined)
    complain('nothing identifies the device', 'device.identifiers');
  if (identifiers !== undefined && !isText(identifiers) && !isTextList(identifiers)) {
    complain(`device.identifiers is ${JSON.stringify(identifiers)}`, 'a text or a list of texts');
  }
  if (
    connections !== undefined &&
    !(isList(connections) && connections.every((pair) => isTextList(pair) && pair.length === 2))
  ) {
    complain(`device.connections is ${JSON.stringify(connections)}`, 'a list of [type, id]');
  }
  judgeUrl(device['configuration_url'], 'device.configuration_url', ['http:', 'https:', 'homeassistant:'], complain);
}

function judgeOrigin(origin: JsonObject, complain: Complain): void {
  for (const [key, value] of Object.entries(origin)) {
    if (!['name', 'sw_version', 'support_url'].includes(key))
      complain(`unknown origin key "${key}"`, 'name, sw_version, support_url');
    else if (!isText(value)) complain(`origin.${key} is ${JSON.stringify(value)}`, 'a text that is not empty');
  }
  if (origin['name'] === undefined) complain('the origin has no name', 'origin.name');
  judgeUrl(origin['support_url'], 'origin.support_url', ['http:', 'https:'], complain);
}

function judgeUrl(value: unknown, key: string, protocols: readonly string[], complain: Complain): void {
  if (!isText(value)) return;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !protocols.includes(url.protocol))
    complain(`${key} is "${value}"`, `a URL with ${protocols.join(' or ')}`);
}

/** Judges one component by its platform's schema, its types, and the rules between its keys. */
export function componentProblems(component: AnnouncedComponent): string[] {
  const problems: string[] = [];
  const complain: Complain = (what, expected) =>
    problems.push(problemLine(`${component.topic} ${component.key}`, what, expected));
  judgeKeys(component, complain);
  judgeTypes(component.config, complain);
  if (component.platform !== 'device_automation') judgeEntity(component, complain);
  judgeDeviceClass(component, complain);
  judgePlatform(component, complain);
  return problems;
}

function judgeKeys({ platform, own, config }: AnnouncedComponent, complain: Complain): void {
  const known = PLATFORM_KEYS.get(platform) ?? new Map();
  for (const key of Object.keys(own)) {
    // A device or origin inside a component of a device message was reported when the message was read.
    if (key !== 'device' && key !== 'origin' && !known.has(key)) {
      complain(`unknown key "${key}", Home Assistant drops it in silence`, `a key of ${platform}`);
    }
  }
  for (const [key, requirement] of known) {
    if (requirement === 'Required' && key !== 'device' && config[key] === undefined) complain(`no ${key}`, `"${key}"`);
  }
  if (config['availability'] !== undefined && config['availability_topic'] !== undefined) {
    complain('both availability and availability_topic', 'one of them');
  }
}

type Type = { readonly expected: string; readonly fits: (value: unknown) => boolean };
const TEXT: Type = { expected: 'a text that is not empty', fits: isText };
const BOOLEAN: Type = { expected: 'true or false', fits: (value) => typeof value === 'boolean' };
const NUMBER: Type = { expected: 'a number', fits: (value) => typeof value === 'number' };
const COUNT: Type = {
  expected: 'a whole number from 0 on',
  fits: (value) => Number.isInteger(value) && Number(value) >= 0,
};
const SECONDS: Type = {
  expected: 'a whole number above 0',
  fits: (value) => Number.isInteger(value) && Number(value) > 0,
};
const TEXTS: Type = {
  expected: 'a list of different texts, not empty',
  fits: (value) => isTextList(value) && new Set(value).size === value.length,
};
const OBJECT: Type = { expected: 'an object', fits: (value) => asObject(value) !== undefined };

function oneOf(...words: readonly unknown[]): Type {
  return { expected: words.map((word) => JSON.stringify(word)).join(' or '), fits: (value) => words.includes(value) };
}

/** Types of the keys that are not simply text. */
const TYPES: Readonly<Record<string, Type>> = {
  name: { expected: 'a text or null', fits: (value) => value === null || isText(value) },
  device: OBJECT,
  origin: OBJECT,
  availability: {
    expected: 'a list of objects, not empty',
    fits: (value) => isList(value) && value.length > 0 && value.every(OBJECT.fits),
  },
  availability_mode: oneOf('all', 'any', 'latest'),
  automation_type: oneOf('trigger'),
  encoding: oneOf('utf-8'),
  entity_category: oneOf('config', 'diagnostic'),
  icon: { expected: 'mdi:<name>', fits: (value) => typeof value === 'string' && /^mdi:[a-z0-9-]+$/.test(value) },
  qos: oneOf(0, 1, 2),
  state_class: oneOf(...STATE_CLASSES),
  enabled_by_default: BOOLEAN,
  visible_by_default: BOOLEAN,
  force_update: BOOLEAN,
  optimistic: BOOLEAN,
  // The bridge refuses retained commands, so Home Assistant must not send any.
  retain: oneOf(false),
  expire_after: SECONDS,
  off_delay: SECONDS,
  message_expiry_interval: SECONDS,
  suggested_display_precision: COUNT,
  display_precision: COUNT,
  min: NUMBER,
  max: NUMBER,
  step: NUMBER,
  options: TEXTS,
  event_types: TEXTS,
  group: TEXTS,
};

function judgeTypes(config: JsonObject, complain: Complain): void {
  for (const [key, value] of Object.entries(config)) {
    const type = TYPES[key] ?? TEXT;
    if (!type.fits(value)) complain(`${key} is ${JSON.stringify(value)}`, type.expected);
  }
}

function judgeEntity({ platform, config }: AnnouncedComponent, complain: Complain): void {
  if (config['unique_id'] === undefined) complain('no unique_id', '"unique_id"');
  const id = config['default_entity_id'];
  if (id === undefined) complain('no default_entity_id', `"${platform}.<name>"`);
  else if (typeof id !== 'string' || !new RegExp(`^${platform}\\.[a-z0-9_]+$`).test(id)) {
    complain(`default_entity_id is ${JSON.stringify(id)}`, `${platform}.[a-z0-9_]+`);
  }
  if (config['entity_category'] === 'config' && ['sensor', 'binary_sensor'].includes(platform)) {
    complain(`entity_category "config" on a ${platform}`, '"diagnostic" or none');
  }
  judgeName(config, complain);
}

function judgeName(config: JsonObject, complain: Complain): void {
  const { name } = config;
  if (name === undefined && config['device_class'] === undefined) complain('neither name nor device_class', '"name"');
  const device = words(asObject(config['device'])?.['name']);
  if (device !== '' && `${words(name)} `.startsWith(`${device} `)) {
    complain(`the name "${String(name)}" repeats the device's`, 'a name without it, Home Assistant puts it in front');
  }
}

function words(text: unknown): string {
  return typeof text === 'string'
    ? text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}]+/gu, ' ')
        .trim()
    : '';
}

function judgeDeviceClass({ platform, config }: AnnouncedComponent, complain: Complain): void {
  const known = DEVICE_CLASSES.get(platform);
  const { device_class: name } = config;
  if (known === undefined || !isText(name)) return;
  if (!known.includes(name))
    complain(`device_class "${name}"`, `a class of ${platform}: ${known.slice(0, 5).join(', ')} ...`);
}

function judgePlatform({ platform, config }: AnnouncedComponent, complain: Complain): void {
  if (platform === 'sensor') {
    judgeUnit(SENSOR_CLASSES, config, complain);
    judgeStateClass(config, complain);
    judgeSensorOptions(config, complain);
  }
  if (platform === 'number') {
    judgeUnit(NUMBER_CLASSES, config, complain);
    const { min = 1, max = 100, step = 1 } = config;
    if (Number(min) > Number(max)) complain(`min ${Number(min)} above max ${Number(max)}`, 'min <= max');
    if (Number(step) < 0.001) complain(`step ${Number(step)}`, 'at least 0.001');
    if (config['mode'] !== undefined) judgeWord('mode', config['mode'], ['auto', 'box', 'slider'], complain);
  }
  if (platform === 'text') judgeText(config, complain);
  if (platform === 'update' && (config['command_topic'] === undefined) !== (config['payload_install'] === undefined)) {
    complain('only one of command_topic and payload_install', 'both or none');
  }
}

function judgeUnit(known: ReadonlyMap<string, ClassFacts>, config: JsonObject, complain: Complain): void {
  const { device_class: name, unit_of_measurement: unit } = config;
  const units = typeof name === 'string' ? known.get(name)?.units : undefined;
  if (units === undefined) return;
  if (units === null) {
    if (unit !== undefined && TEXT_CLASSES.includes(String(name))) complain(`a unit with ${String(name)}`, 'none');
    return;
  }
  // The facts write "None" for "may be without".
  if (!units.includes(unit === undefined ? 'None' : String(unit))) {
    complain(`unit ${JSON.stringify(unit) ?? 'missing'} with ${String(name)}`, units.join(', '));
  }
}

function judgeStateClass(config: JsonObject, complain: Complain): void {
  const { state_class: stateClass, device_class: name } = config;
  if (config['last_reset_value_template'] !== undefined && stateClass !== 'total') {
    complain('last_reset_value_template', 'it with state_class "total" only');
  }
  if (!STATE_CLASSES.includes(String(stateClass))) return;
  const allowed = typeof name === 'string' ? SENSOR_CLASSES.get(name)?.state_classes : STATE_CLASSES;
  if (allowed !== undefined && !allowed.includes(String(stateClass))) {
    complain(`state_class "${String(stateClass)}" with ${String(name)}`, allowed.join(', ') || 'none');
  }
  if (stateClass === 'measurement_angle' && config['unit_of_measurement'] !== '°')
    complain('measurement_angle', 'the unit °');
}

function judgeSensorOptions(config: JsonObject, complain: Complain): void {
  const { options, device_class: name } = config;
  if (options === undefined) {
    if (name === 'enum') complain('enum without options', '"options"');
  } else if (name !== 'enum') complain('options without enum', 'device_class "enum"');
  if (TEXT_CLASSES.includes(String(name)) && config['suggested_display_precision'] !== undefined) {
    complain(`suggested_display_precision with ${String(name)}`, 'it with numbers only');
  }
}

function judgeText(config: JsonObject, complain: Complain): void {
  const { min = 0, max = MAX_STATE_LENGTH, mode, pattern } = config;
  if (Number(max) > MAX_STATE_LENGTH) complain(`max ${Number(max)}`, `at most ${MAX_STATE_LENGTH}`);
  if (Number(min) < 0 || Number(min) >= Number(max))
    complain(`min ${Number(min)} with max ${Number(max)}`, '0 <= min < max');
  if (mode !== undefined) judgeWord('mode', mode, ['text', 'password'], complain);
  if (typeof pattern === 'string' && compiled(pattern) === undefined)
    complain(`pattern "${pattern}"`, 'a regular expression');
}

/** The pattern where it is a regular expression, else undefined. JavaScript's, which for simple ones is Python's. */
export function compiled(pattern: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${pattern})`, 'u');
  } catch {
    return undefined;
  }
}

function judgeWord(key: string, value: unknown, allowed: readonly string[], complain: Complain): void {
  if (!allowed.includes(String(value))) complain(`${key} is ${JSON.stringify(value)}`, allowed.join(', '));
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** Whether the value is a list of texts, not empty. */
export function isTextList(value: unknown): value is readonly string[] {
  return isList(value) && value.length > 0 && value.every(isText);
}
