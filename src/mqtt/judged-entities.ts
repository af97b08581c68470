import { HEALTH_TERMS } from '../domain/battery.ts';
import { keyOf } from '../domain/names.ts';
import { TRIGGERS } from '../domain/triggers.ts';
import { type Component, type Components, type DeviceFrame, entity, valueTemplate, visibility } from './component.ts';
import { termName } from './judged-values.ts';

type Options = Readonly<Record<string, unknown>>;

/** A template for attributes: what each is called, and the value of the device's retained object that it is. */
const attributes = (values: Readonly<Record<string, string>>): Options => {
  const pairs = Object.entries(values).map(([attribute, name]) => `'${attribute}': value_json['${name}']`);
  return { json_attributes_template: `{{ {${pairs.join(', ')}} | tojson }}` };
};

/** What was judged of a UPS: outage, what would fire next, battery. All read its retained object. */
export function judgedEntities(frame: DeviceFrame): Components {
  const row = (name: string, platform: Component['platform'], label: string, options: Options) =>
    entity(frame, keyOf(name), platform, label, { ...options, value_template: valueTemplate(name) });
  return Object.fromEntries([
    row('outage', 'binary_sensor', 'Outage', { device_class: 'problem', payload_on: 'on', payload_off: 'off' }),
    row('outage.since', 'sensor', 'Outage since', { device_class: 'timestamp' }),
    row('next_trigger', 'sensor', 'Next trigger', {
      device_class: 'enum',
      options: TRIGGERS,
      ...attributes({ basis: 'next_trigger.basis' }),
    }),
    row('next_trigger.at', 'sensor', 'Next trigger at', { device_class: 'timestamp' }),
    row('battery.health', 'sensor', 'Battery health', {
      unit_of_measurement: '%',
      state_class: 'measurement',
      ...visibility(true, true),
      ...attributes(Object.fromEntries(HEALTH_TERMS.map((term) => [term, termName(term)]))),
    }),
    row('battery.replacement', 'sensor', 'Battery replacement', {
      device_class: 'date',
      ...visibility(true, true),
      ...attributes({ confidence: 'battery.replacement.confidence', basis: 'battery.replacement.basis' }),
    }),
    row('battery.measured', 'sensor', 'Measured battery capacity', {
      device_class: 'energy_storage',
      unit_of_measurement: 'Wh',
      state_class: 'measurement',
      ...visibility(true, true),
      ...attributes({
        delivered: 'battery.measured.delivered',
        rated: 'battery.measured.rated',
        measured_at: 'battery.measured.at',
      }),
    }),
    row('battery.test.result', 'sensor', 'Last battery test', {
      device_class: 'enum',
      options: ['passed', 'warning', 'failed'],
      ...visibility(true, true),
      ...attributes({ seen_at: 'battery.test.at' }),
    }),
  ]);
}

const GRADES = ['A', 'B', 'C', 'D', 'E'];

/** The power quality of a UPS. @param topic its own retained object */
export function qualityEntities(frame: DeviceFrame, topic: string): Components {
  const row = (key: string, label: string, value: string, options: Options) =>
    entity(frame, key, 'sensor', label, { state_topic: topic, ...options, value_template: `{{ ${value} }}` });
  const part = (outer: string, inner: string) => `${outer}['${inner}'] if ${outer} else None`;
  const state = (key: string, label: string, from: string, options: readonly string[]) =>
    row(key, label, part(`value_json['${from}']`, 'state'), { device_class: 'enum', options });
  const window = (key: string, label: string, from: string, enabled: boolean) => [
    row(key, label, part(`value_json['grid']['${from}']`, 'grade'), {
      device_class: 'enum',
      options: GRADES,
      ...visibility(false, enabled),
    }),
    row(`${key}_score`, `${label} score`, part(`value_json['grid']['${from}']`, 'score'), {
      unit_of_measurement: '%',
      state_class: 'measurement',
      ...visibility(false, enabled),
    }),
  ];
  const count = (key: string, label: string) =>
    row(key, label, `value_json['${key}']['count']`, { state_class: 'total_increasing', ...visibility(true, true) });
  return Object.fromEntries([
    state('voltage_state', 'Mains voltage', 'voltage', ['normal', 'low', 'high', 'severely_low', 'severely_high']),
    state('frequency_state', 'Mains frequency', 'frequency', ['normal', 'low', 'high']),
    ...window('grid_quality', 'Grid quality', 'day', true),
    ...window('grid_quality_week', 'Grid quality over a week', 'week', false),
    count('sags', 'Sags'),
    count('swells', 'Swells'),
    count('interruptions', 'Interruptions'),
  ]);
}
