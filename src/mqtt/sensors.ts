import { FLAG_NAMES, FLAGS, type FlagRow } from '../domain/flags.ts';
import { keyOf } from '../domain/names.ts';
import { quantityOf } from '../domain/quantities.ts';
import type { DeviceState } from '../domain/state.ts';
import { type Components, type DeviceFrame, entity, readable, valueTemplate, visibility } from './component.ts';

/** Derived values that have an entity of their own kind, or none. */
const NOT_SENSORS: ReadonlySet<string> = new Set(['mains', 'power.basis']);

/** What is to be announced of a device. */
export interface Known {
  /** Every variable and derived value, present or not. */
  readonly variables: readonly string[];
  /** By variable, words it has used that are not in the table's list of options. */
  readonly words: ReadonlyMap<string, ReadonlySet<string>>;
}

/** One sensor a variable and derived value. `connection` is available as long as the bridge is. */
export function sensors(
  frame: DeviceFrame,
  device: DeviceState,
  { variables, words }: Known,
  bridgeOnly: Readonly<Record<string, unknown>>,
): Components {
  const noAmbient = device.reading?.variables.get('ambient.present') === 'no';
  const found: Record<string, Components[string]> = {};
  for (const variable of variables) {
    if (NOT_SENSORS.has(variable) || (noAmbient && variable.startsWith('ambient.'))) continue;
    const more = variable === 'connection' ? bridgeOnly : {};
    const [key, component] = sensor(frame, variable, words.get(variable) ?? NONE, more);
    found[key] ??= component;
  }
  return found;
}

const NONE: ReadonlySet<string> = new Set();

function sensor(
  frame: DeviceFrame,
  variable: string,
  words: ReadonlySet<string>,
  more: Readonly<Record<string, unknown>>,
) {
  const row = quantityOf(variable);
  const attributes =
    variable === 'power' ? { json_attributes_template: "{{ {'basis': value_json['power.basis']} | tojson }}" } : {};
  return entity(frame, keyOf(variable), 'sensor', row?.label ?? readable(variable), {
    ...(row?.deviceClass === undefined ? {} : { device_class: row.deviceClass }),
    ...(row?.unit === undefined ? {} : { unit_of_measurement: row.unit }),
    ...(row?.stateClass === undefined ? {} : { state_class: row.stateClass }),
    ...(row?.options === undefined ? {} : { options: [...row.options, ...words] }),
    ...visibility(row?.diagnostic ?? true, row?.enabled ?? false),
    value_template: valueTemplate(variable),
    ...attributes,
    ...more,
  });
}

/** Whether the status has a word, as `yes` or `no`; unknown where there is no status: that is no reassurance. */
export const flagTemplate = (flag: string, yes: string, no: string): string =>
  `{{ ('${yes}' if '${flag}' in value_json['flags'] else '${no}') if value_json['flags'] else None }}`;

/** Mains, and one binary sensor for each word of the status that says something by itself. Only for devices that have a status. */
export function statusSensors(frame: DeviceFrame): Components {
  const mains = entity(frame, 'mains', 'binary_sensor', 'Mains power', {
    device_class: 'power',
    payload_on: 'on',
    payload_off: 'off',
    value_template: valueTemplate('mains'),
  });
  const words = FLAG_NAMES.flatMap((flag) => {
    const { sensor: shown }: FlagRow = FLAGS[flag];
    if (shown === undefined) return [];
    return [
      entity(frame, `flag_${flag.toLowerCase()}`, 'binary_sensor', shown.label, {
        ...(shown.deviceClass === undefined ? {} : { device_class: shown.deviceClass }),
        ...visibility(shown.diagnostic, shown.enabled),
        value_template: flagTemplate(flag, 'ON', 'OFF'),
      }),
    ];
  });
  return Object.fromEntries([mains, ...words]);
}
