import { FLAG_NAMES, FLAGS, type FlagRow } from '../domain/flags.ts';
import { keyOf } from '../domain/names.ts';
import { quantityOf } from '../domain/quantities.ts';
import type { DeviceState } from '../domain/state.ts';
import { type Components, type DeviceFrame, entity, readable, valueTemplate, visibility } from './component.ts';

/** Derived values that have an entity of their own kind, or none. */
const NOT_SENSORS: ReadonlySet<string> = new Set(['mains', 'power.basis']);

/**
 * One sensor a variable and derived value.
 *
 * @param variables everything that is announced, present or not; `connection` and what a lost device still has to show
 *   are available as long as the bridge is
 */
export function sensors(
  frame: DeviceFrame,
  device: DeviceState,
  variables: Iterable<string>,
  bridgeOnly: Readonly<Record<string, unknown>>,
): Components {
  const noAmbient = device.reading?.variables.get('ambient.present') === 'no';
  const found: Record<string, Components[string]> = {};
  for (const variable of variables) {
    if (NOT_SENSORS.has(variable) || (noAmbient && variable.startsWith('ambient.'))) continue;
    const options = variable === 'connection' ? { ...bridgeOnly } : {};
    const [key, component] = sensor(frame, variable, currentText(device, variable), options);
    found[key] ??= component;
  }
  return found;
}

const currentText = (device: DeviceState, variable: string): string | undefined =>
  device.reading?.variables.get(variable) ?? device.derived.get(variable);

function sensor(
  frame: DeviceFrame,
  variable: string,
  current: string | undefined,
  more: Readonly<Record<string, unknown>>,
) {
  const row = quantityOf(variable);
  const options = row?.options === undefined ? undefined : withCurrent(row.options, current);
  const attributes =
    variable === 'power' ? { json_attributes_template: "{{ {'basis': value_json['power.basis']} | tojson }}" } : {};
  return entity(frame, keyOf(variable), 'sensor', row?.label ?? readable(variable), {
    ...(row?.deviceClass === undefined ? {} : { device_class: row.deviceClass }),
    ...(row?.unit === undefined ? {} : { unit_of_measurement: row.unit }),
    ...(row?.stateClass === undefined ? {} : { state_class: row.stateClass }),
    ...(options === undefined ? {} : { options }),
    ...visibility(row?.diagnostic ?? true, row?.enabled ?? false),
    value_template: valueTemplate(variable),
    ...attributes,
    ...more,
  });
}

/** Home Assistant complains of every state that is not an option, so a word the table does not know becomes one. */
const withCurrent = (options: readonly string[], current: string | undefined): readonly string[] =>
  current === undefined || options.includes(current) ? options : [...options, current];

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
        value_template: `{{ 'ON' if '${flag}' in value_json['flags'] else 'OFF' }}`,
      }),
    ];
  });
  return Object.fromEntries([mains, ...words]);
}
