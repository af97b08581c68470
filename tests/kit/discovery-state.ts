/** What Home Assistant makes of a rendered state: accepts it, or logs and shows `unknown`. */
import { type Component, type JsonObject, parseObject } from './discovery-components.ts';
import { compiled, isMeasurement, isTextList, MAX_STATE_LENGTH } from './discovery-schema.ts';
import { pyFloat } from './python-values.ts';

/** How Jinja renders null; most platforms take it for "unknown". */
const NONE = 'None';

/** Why a state is not accepted, and what would be. */
export interface StateProblem {
  readonly what: string;
  readonly expected: string;
}

/**
 * Judges the rendered state of one component; undefined where it is accepted without a line in the log, and where the
 * announcement itself is so wrong that nothing can be said.
 */
export function stateProblem({ platform, config }: Component, state: string): StateProblem | undefined {
  switch (platform) {
    case 'sensor':
      return state === NONE ? undefined : sensorProblem(config, state);
    case 'binary_sensor':
      return wordProblem(state, [textOr(config['payload_on'], 'ON'), textOr(config['payload_off'], 'OFF'), NONE]);
    case 'switch':
      return wordProblem(state, switchWords(config));
    case 'select':
      return isTextList(config['options']) ? wordProblem(state, [...config['options'], NONE]) : undefined;
    case 'number':
      return state === textOr(config['payload_reset'], NONE) ? undefined : numberProblem(config, state);
    case 'text':
      return textProblem(config, state);
    case 'event':
      return eventProblem(config, state);
    case 'update':
      return updateProblem(config, state);
    default:
      return undefined;
  }
}

/** The value where it is a text, else Home Assistant's own default. */
export function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function switchWords(config: JsonObject): readonly string[] {
  const on = textOr(config['state_on'], textOr(config['payload_on'], 'ON'));
  const off = textOr(config['state_off'], textOr(config['payload_off'], 'OFF'));
  return [on, off, NONE];
}

function wordProblem(state: string, allowed: readonly string[]): StateProblem | undefined {
  return allowed.includes(state) ? undefined : { what: `the state is "${state}"`, expected: allowed.join(', ') };
}

const ISO_WITH_ZONE = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,6})?)?(?:Z|[+-]\d\d(?::?\d\d)?)$/;
const ISO_DATE = /^\d{4}-\d\d-\d\d$/;

function sensorProblem(config: JsonObject, state: string): StateProblem | undefined {
  const long = lengthProblem(state, 0, MAX_STATE_LENGTH);
  if (long !== undefined) return long;
  const deviceClass = config['device_class'];
  if (isTextList(config['options'])) return wordProblem(state, [...config['options'], NONE]);
  if (deviceClass === 'timestamp' || deviceClass === 'uptime') {
    const instant = ISO_WITH_ZONE.test(state) && isCalendarDate(state.slice(0, 10));
    return instant ? undefined : { what: `the state is "${state}"`, expected: 'ISO 8601 with a zone' };
  }
  if (deviceClass === 'date') {
    const day = ISO_DATE.test(state) && isCalendarDate(state);
    return day ? undefined : { what: `the state is "${state}"`, expected: 'YYYY-MM-DD' };
  }
  if (!isNumeric(config) || pyFloat(state) !== undefined) return undefined;
  return { what: `the state is "${state}"`, expected: 'a number, Home Assistant holds this sensor for numeric' };
}

function isCalendarDate(day: string): boolean {
  const instant = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(day);
}

/** A unit, a state class, a display precision or the class of a measurement make a sensor numeric. */
function isNumeric(config: JsonObject): boolean {
  const deviceClass = config['device_class'];
  if (typeof deviceClass === 'string') return isMeasurement(deviceClass);
  return ['unit_of_measurement', 'state_class', 'suggested_display_precision'].some((key) => config[key] !== undefined);
}

function numberProblem({ min = 1, max = 100 }: JsonObject, state: string): StateProblem | undefined {
  // A range that holds nothing is a fault of the announcement, told there.
  if (Number(min) > Number(max)) return undefined;
  const value = pyFloat(state);
  if (value !== undefined && value >= Number(min) && value <= Number(max)) return undefined;
  return { what: `the state is "${state}"`, expected: `a number from ${Number(min)} to ${Number(max)}` };
}

function textProblem(config: JsonObject, state: string): StateProblem | undefined {
  // A text entity has no word for "unknown": it would show "None" and offer it for editing.
  if (state === NONE) return { what: 'null is shown as "None"', expected: "a template with default('', true)" };
  const { min = 0, max = MAX_STATE_LENGTH, pattern } = config;
  const long = lengthProblem(state, Number(min), Number(max));
  if (long !== undefined) return long;
  const fits = typeof pattern !== 'string' || (compiled(pattern)?.test(state) ?? true);
  return fits ? undefined : { what: `the state is "${state}"`, expected: `a text like ${String(pattern)}` };
}

function lengthProblem(state: string, min: number, max: number): StateProblem | undefined {
  // Python counts code points, as spreading a string does.
  const length = [...state].length;
  if (min > max || (length >= min && length <= max)) return undefined;
  return { what: `the state has ${length} characters`, expected: `${min} to ${max}` };
}

function eventProblem({ event_types: known }: JsonObject, state: string): StateProblem | undefined {
  const type = parseObject(state)?.['event_type'];
  if (!isTextList(known) || (typeof type === 'string' && known.includes(type))) return undefined;
  const what = type === undefined ? 'an event without event_type' : `event_type ${JSON.stringify(type)}`;
  return { what, expected: known.join(', ') };
}

const UPDATE_TEXTS = [
  'installed_version',
  'latest_version',
  'title',
  'release_summary',
  'release_url',
  'entity_picture',
];

function updateProblem(config: JsonObject, state: string): StateProblem | undefined {
  const hasLatestTopic = config['latest_version_topic'] !== undefined;
  const json = parseObject(state);
  if (json === undefined) {
    if (!hasLatestTopic)
      return { what: 'nothing tells the latest version', expected: 'JSON with it, or latest_version_topic' };
    return lengthProblem(state, 1, MAX_STATE_LENGTH);
  }
  for (const [key, value] of Object.entries(json)) {
    const problem = updateKeyProblem(key, value);
    if (problem !== undefined) return problem;
  }
  if (json['installed_version'] === undefined) return { what: 'no installed_version', expected: 'it' };
  if (json['latest_version'] !== undefined || hasLatestTopic) return undefined;
  return { what: 'no latest_version', expected: 'it, or latest_version_topic' };
}

function updateKeyProblem(key: string, value: unknown): StateProblem | undefined {
  const what = `${key} is ${JSON.stringify(value)}`;
  if (key === 'in_progress') return typeof value === 'boolean' ? undefined : { what, expected: 'true or false' };
  if (key === 'update_percentage') {
    const fits = value === null || (typeof value === 'number' && value >= 0 && value <= 100);
    return fits ? undefined : { what, expected: '0 to 100 or null' };
  }
  if (!UPDATE_TEXTS.includes(key))
    return { what: `unknown key "${key}" in the state`, expected: UPDATE_TEXTS.join(', ') };
  const fits = typeof value === 'string' && [...value].length <= MAX_STATE_LENGTH;
  return fits ? undefined : { what, expected: `a text of at most ${MAX_STATE_LENGTH} characters` };
}
