import { isAllowed } from '../domain/allow-list.ts';
import type { DeviceState } from '../domain/state.ts';
import { type Component, type Components, type DeviceFrame, entity } from './component.ts';
import { controls } from './controls.ts';
import { judgedEntities, qualityEntities } from './judged-entities.ts';
import { bridgeOccasions, occasions } from './occasions.ts';
import { type Known, sensors, statusSensors } from './sensors.ts';
import { bridgeIdentifier, deviceIdentifier, type Topics } from './topics.ts';

/** One device for Home Assistant: what stands once in its message, and its components. */
export interface Announcement {
  /** The last part of the discovery topic, and the device's identifier. */
  readonly identifier: string;
  readonly root: Readonly<Record<string, unknown>>;
  readonly components: Components;
}

export interface DiscoveryContext {
  readonly node: string;
  readonly topics: Topics;
  readonly version: string;
  readonly allow: readonly string[];
}

/** JSON with a `state`, as `bridge/state` and every availability topic have it. */
const STATE = '{{ value_json.state }}';
/** That all of these say `online`. */
export const availabilityOf = (...topics: string[]) => topics.map((topic) => ({ topic, value_template: STATE }));

/**
 * Announces one device; the caller has seen its variables, settings and commands.
 *
 * What nearly all components have in common stands at the root, where each that says otherwise overrules it.
 */
export function announceDevice(
  device: DeviceState,
  known: Known,
  { node, topics, version, allow }: DiscoveryContext,
): Announcement {
  const identifier = deviceIdentifier(node, device.id);
  const frame: DeviceFrame = { identifier, entityPrefix: device.id.replace(/-/g, '_'), label: device.label };
  const bridgeOnly = { availability: availabilityOf(topics.bridgeState) };
  const state = topics.device(device.id);
  const components: Components = {
    ...sensors(frame, device, known, { ...bridgeOnly }),
    ...(known.variables.includes('ups.status') ? judged(frame, topics.powerQuality(device.id)) : {}),
    ...communication(frame, topics.availability(device.id), bridgeOnly),
    ...(device.inventory === undefined
      ? {}
      : controls(frame, device, { ...device.inventory, variables: known.variables }, topics, allow)),
    ...occasions(frame, topics.deviceEvent(device.id), bridgeOnly),
  };
  return {
    identifier,
    root: {
      device: deviceBlock(device, identifier, node),
      origin: originOf(version),
      availability: availabilityOf(topics.bridgeState, topics.availability(device.id)),
      availability_mode: 'all',
      state_topic: state,
      qos: 1,
    },
    components: Object.fromEntries(
      Object.entries(components).map(([key, component]) => [
        key,
        'json_attributes_template' in component ? { ...component, json_attributes_topic: state } : component,
      ]),
    ),
  };
}

/** What a status is needed for. */
const judged = (frame: DeviceFrame, quality: string): Components => ({
  ...statusSensors(frame),
  ...judgedEntities(frame),
  ...qualityEntities(frame, quality),
});

/** Whether the device is heard; itself available as long as the bridge is, or nobody would ever see it off. */
const communication = (frame: DeviceFrame, topic: string, bridgeOnly: Readonly<Record<string, unknown>>): Components =>
  Object.fromEntries([
    entity(frame, 'communication', 'binary_sensor', 'Communication', {
      device_class: 'connectivity',
      entity_category: 'diagnostic',
      payload_on: 'online',
      payload_off: 'offline',
      state_topic: topic,
      value_template: STATE,
      ...bridgeOnly,
    }),
  ]);

/** Serial numbers that many devices share because nobody has set them; measured over 719 device dumps. */
const NO_SERIAL = /^(?:unknown|blank|none|n\/?a|x+|#+|0+|\s*)$/i;

/** The fields of Home Assistant's own NUT integration, from the same variables in the same order. */
function deviceBlock(device: DeviceState, identifier: string, node: string) {
  const first = (...names: string[]) => names.map((name) => device.reading?.variables.get(name)).find((text) => text);
  const serial = first('device.serial', 'ups.serial');
  const fields = {
    manufacturer: first('device.mfr', 'ups.mfr', 'ups.vendorid', 'driver.version.data'),
    model: first('device.model', 'ups.model', 'ups.productid'),
    serial_number: serial !== undefined && !NO_SERIAL.test(serial) ? serial : undefined,
    sw_version: first('ups.firmware', 'ups.firmware.aux'),
  };
  const given = Object.entries(fields).filter(([, text]) => text !== undefined);
  return {
    identifiers: [identifier],
    name: device.label,
    ...Object.fromEntries(given),
    via_device: bridgeIdentifier(node),
  };
}

/** Who announces. */
export const originOf = (version: string) => ({ name: 'Gridwarden', sw_version: version });

/** The bridge itself: its connection, how it is configured, and the reload button where that is allowed. */
export function announceBridge({ node, topics, version, allow }: DiscoveryContext): Announcement {
  const identifier = bridgeIdentifier(node);
  const label = `Gridwarden ${node}`;
  const frame: DeviceFrame = { identifier, entityPrefix: `gridwarden_${node.replace(/-/g, '_')}`, label };
  const info = (
    key: string,
    name: string,
    options: Readonly<Record<string, unknown>>,
    platform: 'sensor' | 'binary_sensor' = 'sensor',
  ) =>
    entity(frame, key, platform, name, {
      entity_category: 'diagnostic',
      state_topic: topics.bridgeInfo,
      ...options,
      availability: availabilityOf(topics.bridgeState),
    });
  const flag = (key: string, name: string) =>
    info(key, name, { value_template: `{{ 'ON' if value_json['${key}'] else 'OFF' }}` }, 'binary_sensor');
  const rows = [
    entity(frame, 'connection', 'binary_sensor', 'Connection', {
      device_class: 'connectivity',
      entity_category: 'diagnostic',
      payload_on: 'online',
      payload_off: 'offline',
      state_topic: topics.bridgeState,
      value_template: STATE,
    }),
    info('version', 'Version', { value_template: "{{ value_json['version'] }}" }),
    info('started', 'Started', { device_class: 'timestamp', value_template: "{{ value_json['started'] }}" }),
    info('configuration', 'Configuration', {
      value_template: "{{ value_json['configuration'] }}",
      enabled_by_default: false,
    }),
    flag('armed', 'Armed'),
    flag('dry_run', 'Dry run'),
    ...(isAllowed(allow, 'bridge.reload') ? [reloadButton(frame, topics)] : []),
  ];
  const events = bridgeOccasions(frame, topics.bridgeEvent);
  return {
    identifier,
    root: {
      device: {
        identifiers: [identifier],
        name: label,
        manufacturer: 'Gridwarden',
        model: 'Bridge',
        sw_version: version,
      },
      origin: originOf(version),
      qos: 1,
    },
    components: { ...Object.fromEntries(rows), ...withBridge(events, topics) },
  };
}

const withBridge = (components: Components, topics: Topics): Components =>
  Object.fromEntries(
    Object.entries(components).map(([key, component]): [string, Component] => [
      key,
      { ...component, availability: availabilityOf(topics.bridgeState) },
    ]),
  );

const reloadButton = (frame: DeviceFrame, topics: Topics) =>
  entity(frame, 'command_reload', 'button', 'Reload configuration', {
    entity_category: 'config',
    command_topic: topics.request('reload'),
    payload_press: '{}',
    availability: availabilityOf(topics.bridgeState),
  });
