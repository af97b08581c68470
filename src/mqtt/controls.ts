import { isAllowed } from '../domain/allow-list.ts';
import { keyOf } from '../domain/names.ts';
import { numberOf, quantityOf } from '../domain/quantities.ts';
import type { Command, Inventory, Writable } from '../domain/reading.ts';
import type { DeviceState } from '../domain/state.ts';
import { type Component, type Components, type DeviceFrame, entity, readable, valueTemplate } from './component.ts';
import { flagTemplate } from './sensors.ts';
import type { Topics } from './topics.ts';

/** What a device can be told, and every variable that is announced of it, present or not. */
interface Controllable extends Inventory {
  readonly variables: readonly string[];
}

/** What can be pressed, switched and set: only what the allow-list covers, so that nothing is shown that would be refused. */
export function controls(
  frame: DeviceFrame,
  device: DeviceState,
  inventory: Controllable,
  topics: Topics,
  allow: readonly string[],
): Components {
  const commands = inventory.commands.filter(({ name }) => isAllowed(allow, name));
  const writable = inventory.writable.filter(({ variable }) => isAllowed(allow, `set:${variable}`));
  const outlets = outletSwitches(frame, device, { ...inventory, commands }, topics);
  const buttons = commands.filter(({ name }) => !outlets.used.has(name));
  return Object.fromEntries([
    ...outlets.components,
    ...buttons.map((command) => button(frame, device, command, topics)),
    ...writable.map((row) => setting(frame, device, row, topics)),
  ]);
}

/** Commands that take power from the load or leave it unprotected: announced, when allowed, but switched off until somebody enables them. */
const DANGEROUS =
  /(?:^|\.)(?:load\.(?:off|cycle)|shutdown|reboot|bypass\.start|calibrate\.start|driver\.(?:killpower|exit))/;
const isTest = (command: string): boolean => /^(?:test|calibrate)\./.test(command);

/** The server's words where they are short enough for a name. */
const worded = (description: string | undefined, name: string): string =>
  description !== undefined && description.length <= 60 ? description : readable(name);

function button(frame: DeviceFrame, device: DeviceState, { name, description }: Command, topics: Topics) {
  const restarts = /^outlet\.\d+\.load\.cycle$/.test(name);
  return entity(frame, `command_${keyOf(name)}`, 'button', worded(description, name), {
    ...(restarts ? { device_class: 'restart' } : {}),
    entity_category: isTest(name) ? 'diagnostic' : 'config',
    ...(DANGEROUS.test(name) ? { enabled_by_default: false } : {}),
    command_topic: topics.command(device.id),
    payload_press: name,
  });
}

/** A pair of `load.on` and `load.off` is one switch: of a numbered outlet by its status, of the whole load by the OFF of the status. */
function outletSwitches(
  frame: DeviceFrame,
  device: DeviceState,
  { commands, variables }: Controllable,
  topics: Topics,
) {
  const names = new Set(commands.map(({ name }) => name));
  const used = new Set<string>();
  const components: (readonly [string, Component])[] = [];
  for (const on of names) {
    const [, prefix = '', number] = /^(outlet\.(\d+)\.)?load\.on$/.exec(on) ?? [];
    const off = `${prefix}load.off`;
    if (!on.endsWith('load.on') || !names.has(off)) continue;
    const status = number === undefined ? undefined : `outlet.${number}.status`;
    if (status !== undefined && !variables.includes(status)) continue;
    used.add(on).add(off);
    const name = number === undefined ? 'Output' : `Outlet ${outletName(device, number)}`;
    const template = status === undefined ? flagTemplate('OFF', 'off', 'on') : outletTemplate(status);
    const options = {
      device_class: 'outlet',
      enabled_by_default: number !== undefined,
      command_topic: topics.command(device.id),
      payload_on: on,
      payload_off: off,
      state_on: 'on',
      state_off: 'off',
      value_template: template,
    };
    components.push(entity(frame, number === undefined ? 'load' : `outlet_${number}`, 'switch', name, options));
  }
  return { used, components };
}

/** Drivers write the state of an outlet in several ways; whatever is none of them is unknown. */
function outletTemplate(status: string): string {
  const word = `value_json['${status}'] | lower`;
  return `{{ 'on' if (${word}) in ['on', 'on/closed'] else 'off' if (${word}) in ['off', 'off/open'] else None }}`;
}

function outletName(device: DeviceState, number: string): string {
  const variables = device.reading?.variables;
  return variables?.get(`outlet.${number}.name`) || variables?.get(`outlet.${number}.desc`) || number;
}

/** Settings that people change often enough to see them without asking. */
const COMMON =
  /^(?:ups\.delay\.|battery\.(?:charge|runtime)\.low$|ups\.beeper\.status$|input\.transfer\.|outlet\.\d+\.)/;
const PAIRS: readonly (readonly [on: string, off: string])[] = [
  ['yes', 'no'],
  ['on', 'off'],
  ['enabled', 'disabled'],
];

function setting(
  frame: DeviceFrame,
  device: DeviceState,
  { variable, description, accepts }: Writable,
  topics: Topics,
) {
  const row = quantityOf(variable);
  const current = device.reading?.variables.get(variable);
  const { platform, options } = formOf(accepts, variable, current);
  const unit = platform === 'number' && row?.unit !== undefined ? { unit_of_measurement: row.unit } : {};
  const deviceClass =
    platform === 'number' && row?.deviceClass !== undefined && row.deviceClass !== 'enum'
      ? { device_class: row.deviceClass }
      : {};
  const key = `set_${keyOf(variable)}`;
  const [, component] = entity(frame, key, platform, row?.label ?? worded(description, variable), {
    ...deviceClass,
    ...unit,
    entity_category: 'config',
    ...(COMMON.test(variable) ? {} : { enabled_by_default: false }),
    command_topic: topics.set(device.id, variable),
    ...options,
    value_template: settingTemplate(platform, variable),
  });
  // With another value the same setting can take another form. Home Assistant knows a component by platform and key,
  // and one message can take back the old one only under a key of its own.
  return [`${key}_${platform}`, component] as const;
}

interface Form {
  readonly platform: 'select' | 'switch' | 'number' | 'text';
  readonly options: Readonly<Record<string, unknown>>;
}

/** A list is a select, or a switch where it is yes and no; numbers are a box; all else is a text. The current value always fits. */
function formOf(accepts: Writable['accepts'], variable: string, current: string | undefined): Form {
  const numeric = quantityOf(variable)?.kind === 'number';
  const now = current === undefined ? undefined : numberOf(current);
  switch (accepts.kind) {
    case 'enum': {
      const values = accepts.values
        .map((value) => (numeric ? String(numberOf(value) ?? value) : value.trim()))
        .filter((value) => value !== '');
      const [on, off] =
        PAIRS.find((pair) => values.length === 2 && pair.every((value) => values.includes(value))) ?? [];
      if (on !== undefined && (current === undefined || values.includes(current))) {
        return { platform: 'switch', options: { payload_on: on, payload_off: off } };
      }
      const shown = numeric && now !== undefined ? String(now) : current;
      const all = shown === undefined || shown === '' ? values : [...values, shown];
      if (all.length === 0) return textForm(LONGEST_TEXT, '');
      return { platform: 'select', options: { options: [...new Set(all)] } };
    }
    case 'range':
    case 'number': {
      if (current !== undefined && now === undefined) return textForm(LONGEST_TEXT, current);
      const bounds = accepts.kind === 'range' ? accepts.ranges.flat() : [-1, 2_147_483_647];
      const all = now === undefined ? bounds : [...bounds, now];
      return {
        platform: 'number',
        options: { min: Math.min(...all), max: Math.max(...all), step: stepOf(all), mode: 'box' },
      };
    }
    case 'text':
      return textForm(accepts.maxLength, current ?? '');
  }
}

/** Home Assistant's own limit of a text entity. */
const LONGEST_TEXT = 255;

/** A text that is not there would be shown as "None", and nothing is no option of a list. */
function settingTemplate(platform: Form['platform'], variable: string): string {
  const value = `value_json['${variable}']`;
  if (platform === 'text') return `{{ ${value} | default('', true) }}`;
  return platform === 'select' ? `{{ ${value} if ${value} != '' else None }}` : valueTemplate(variable);
}

const textForm = (maxLength: number, current: string): Form => ({
  platform: 'text',
  options: { max: Math.min(LONGEST_TEXT, Math.max(1, maxLength, current.length)) },
});

/** Whole numbers unless a bound or the current value has decimals; never below Home Assistant's least step. */
function stepOf(values: readonly number[]): number {
  const decimals = Math.max(...values.map((value) => (String(value).split('.')[1] ?? '').length));
  return Math.max(0.001, 1 / 10 ** Math.min(decimals, 3));
}
