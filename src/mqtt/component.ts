/** One entity or trigger as Home Assistant's discovery wants it; keys in a fixed order, so that the same device gives the same text. */
export interface Component {
  readonly platform:
    | 'sensor'
    | 'binary_sensor'
    | 'button'
    | 'switch'
    | 'number'
    | 'select'
    | 'text'
    | 'event'
    | 'device_automation';
  readonly [option: string]: unknown;
}

/** The components of one device by entity key. Keys are contracts: unique ids hold them. */
export type Components = Readonly<Record<string, Component>>;

/** What all components of a device have in common. */
export interface DeviceFrame {
  /** The identifier of the device; every unique id begins with it. */
  readonly identifier: string;
  /** What `default_entity_id` begins with behind the platform: the device's id, `-` turned into `_`. */
  readonly entityPrefix: string;
  /** The name of the device; an entity name that begins with it is shortened, as Home Assistant puts the two together. */
  readonly label: string;
}

/** An entity with its identity: unique id, default entity id and name. */
export function entity(
  frame: DeviceFrame,
  key: string,
  platform: Component['platform'],
  name: string,
  options: Readonly<Record<string, unknown>>,
): readonly [string, Component] {
  const component: Component = {
    platform,
    unique_id: `${frame.identifier}_${key}`,
    default_entity_id: `${platform}.${frame.entityPrefix}_${key}`,
    name: withoutDevice(name, frame.label),
    ...options,
  };
  return [key, component];
}

function withoutDevice(name: string, label: string): string {
  if (!name.toLowerCase().startsWith(`${label.toLowerCase()} `)) return name;
  const rest = name.slice(label.length + 1);
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}

/** How visible an entity is, where it differs from Home Assistant's own default. */
export function visibility(diagnostic: boolean, enabled: boolean): Readonly<Record<string, unknown>> {
  return {
    ...(diagnostic ? { entity_category: 'diagnostic' } : {}),
    ...(enabled ? {} : { enabled_by_default: false }),
  };
}

/** The value of a variable in the device's retained object. Only for names that `isVariableName` has passed. */
export const valueTemplate = (variable: string): string => `{{ value_json['${variable}'] }}`;

/** Words for a name that has no row: `driver.parameter.port` becomes "Driver parameter port". */
export function readable(name: string): string {
  const words = name.replace(/[._-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
