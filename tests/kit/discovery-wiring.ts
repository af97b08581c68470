/** Whether what a component refers to exists: topics published and retained, commands heard, templates that give a value. */
import {
  type AnnouncedComponent,
  asObject,
  type JsonObject,
  type PublishedMessage,
  parseObject,
  problemLine,
  type RetainedMessages,
} from './discovery-components.ts';
import type { Complain } from './discovery-schema.ts';
import { isTextList } from './discovery-schema.ts';
import { stateProblem, textOr } from './discovery-state.ts';
import { evaluateCommandTemplate, evaluateTemplate, type Rendering } from './discovery-template.ts';
import type { PyValue } from './python-values.ts';

/** What the bridge does beside publishing, as far as the test knows it. */
export interface Surroundings {
  readonly messages: RetainedMessages;
  /** Topic every state, availability and command topic must lie under, without the slash; absent: anywhere. */
  readonly base?: string | undefined;
  /** MQTT filters the bridge subscribed to; absent: command topics are not looked at. */
  readonly subscribed?: readonly string[] | undefined;
}

/** Judges the topics and templates of one component. */
export function wiringProblems(component: AnnouncedComponent, surroundings: Surroundings): string[] {
  const problems: string[] = [];
  const complain: Complain = (what, expected) =>
    problems.push(problemLine(`${component.topic} ${component.key}`, what, expected));
  const wiring = new Wiring(component, surroundings, complain);
  wiring.judgeState();
  wiring.judgeLatestVersion();
  wiring.judgeAttributes();
  wiring.judgeAvailability();
  wiring.judgeCommand();
  return problems;
}

/** Attributes that Home Assistant drops, because they are its own. */
const BLOCKED_ATTRIBUTES = [
  'assumed_state',
  'available',
  'device_class',
  'device_info',
  'entity_category',
  'entity_id',
  'entity_picture',
  'entity_registry_enabled_default',
  'extra_state_attributes',
  'force_update',
  'friendly_name',
  'icon',
  'should_poll',
  'state',
  'supported_features',
  'unique_id',
  'unit_of_measurement',
];
const BLOCKED_BY_PLATFORM: Readonly<Record<string, readonly string[]>> = {
  sensor: ['last_reset', 'state_class'],
  event: ['event_type', 'event_types'],
  number: ['min', 'max', 'step'],
  select: ['options'],
  text: ['min', 'max', 'mode', 'pattern'],
};

class Wiring {
  readonly #component: AnnouncedComponent;
  readonly #config: JsonObject;
  readonly #around: Surroundings;
  readonly #complain: Complain;

  constructor(component: AnnouncedComponent, around: Surroundings, complain: Complain) {
    this.#component = component;
    this.#config = component.config;
    this.#around = around;
    this.#complain = complain;
  }

  judgeState(): void {
    const { platform } = this.#component;
    const template = this.#config['value_template'];
    // Events and triggers are moments: a retained one would happen again at every start of Home Assistant.
    const message =
      platform === 'event' || platform === 'device_automation'
        ? this.#momentary(platform === 'event' ? 'state_topic' : 'topic')
        : this.#retained('state_topic', this.#config['state_topic']);
    if (message === undefined) return;
    const state = this.#rendered('value_template', template, message);
    const problem = state === undefined ? undefined : stateProblem(this.#component, state);
    if (problem !== undefined) this.#complain(problem.what, problem.expected);
  }

  judgeLatestVersion(): void {
    const message = this.#retained('latest_version_topic', this.#config['latest_version_topic']);
    if (message === undefined) return;
    const version = this.#rendered('latest_version_template', this.#config['latest_version_template'], message);
    if (version === '' || (version !== undefined && [...version].length > 255)) {
      this.#complain(`the latest version is "${version}"`, '1 to 255 characters');
    }
  }

  judgeAttributes(): void {
    const message = this.#retained('json_attributes_topic', this.#config['json_attributes_topic']);
    if (message === undefined) return;
    const text = this.#rendered('json_attributes_template', this.#config['json_attributes_template'], message);
    if (text === undefined) return;
    const attributes = parseObject(text);
    if (attributes === undefined) this.#complain('the attributes are no JSON object', 'one');
    const blocked = [...BLOCKED_ATTRIBUTES, ...(BLOCKED_BY_PLATFORM[this.#component.platform] ?? [])];
    for (const key of Object.keys(attributes ?? {})) {
      if (blocked.includes(key)) this.#complain(`the attribute "${key}" is dropped`, 'another name');
    }
  }

  judgeAvailability(): void {
    // Triggers have no availability, though the root may offer one.
    if (this.#component.platform === 'device_automation') return;
    const { availability, availability_topic: topic } = this.#config;
    const list = Array.isArray(availability) ? availability : [];
    if (list.length > 1 && this.#config['availability_mode'] === undefined) {
      this.#complain('several availability topics and no availability_mode', '"all" or "any", the default is "latest"');
    }
    for (const entry of list) this.#judgeAvailabilityEntry(asObject(entry) ?? {});
    if (topic === undefined) return;
    const { availability_template: template, payload_available, payload_not_available } = this.#config;
    this.#judgeAvailabilityTopic({ topic, value_template: template, payload_available, payload_not_available });
  }

  judgeCommand(): void {
    const { command_topic: topic, command_template: template } = this.#config;
    if (template !== undefined) this.#judgeCommandTemplate(String(template));
    if (typeof topic !== 'string' || !this.#judgeTopic('command_topic', topic)) return;
    const { subscribed, messages } = this.#around;
    if (subscribed !== undefined && !subscribed.some((filter) => filterCovers(filter, topic))) {
      this.#complain(`nobody hears the command topic ${topic}`, 'a subscription that covers it');
    }
    if (messages.get(topic)?.retain)
      this.#complain(`the bridge itself publishes to ${topic}`, 'commands from outside only');
  }

  #judgeAvailabilityEntry(entry: JsonObject): void {
    for (const key of Object.keys(entry)) {
      if (!['topic', 'payload_available', 'payload_not_available', 'value_template'].includes(key)) {
        this.#complain(
          `unknown key "${key}" in availability`,
          'topic, payload_available, payload_not_available, value_template',
        );
      }
    }
    if (entry['topic'] === undefined) this.#complain('an availability without topic', '"topic"');
    else this.#judgeAvailabilityTopic(entry);
  }

  #judgeAvailabilityTopic(entry: JsonObject): void {
    const message = this.#retained('availability topic', entry['topic']);
    if (message === undefined) return;
    const text = this.#rendered('availability template', entry['value_template'], message);
    const allowed = [textOr(entry['payload_available'], 'online'), textOr(entry['payload_not_available'], 'offline')];
    if (text !== undefined && !allowed.includes(text))
      this.#complain(`the availability is "${text}"`, allowed.join(' or '));
  }

  #judgeCommandTemplate(template: string): void {
    const rendering = evaluateCommandTemplate(template, sampleCommand(this.#component));
    if (!rendering.ok) this.#complain(`command_template ${template}: ${rendering.problem}`, 'a template that renders');
    else if (rendering.text === '') this.#complain(`command_template ${template} renders nothing`, 'a payload');
  }

  /** The message of a topic that must be published and retained; complains and gives undefined where it is not. */
  #retained(key: string, topic: unknown): PublishedMessage | undefined {
    if (typeof topic !== 'string' || !this.#judgeTopic(key, topic)) return undefined;
    const message = this.#around.messages.get(topic);
    if (message === undefined) this.#complain(`nothing was published to the ${key} ${topic}`, 'a retained message');
    else if (!message.retain) this.#complain(`the ${key} ${topic} is not retained`, 'a retained message');
    return message;
  }

  #momentary(key: string): PublishedMessage | undefined {
    const topic = this.#config[key];
    if (typeof topic !== 'string' || !this.#judgeTopic(key, topic)) return undefined;
    const message = this.#around.messages.get(topic);
    if (message?.retain) this.#complain(`the ${key} ${topic} is retained`, 'an event that is not retained');
    return message;
  }

  #judgeTopic(key: string, topic: string): boolean {
    const { base } = this.#around;
    if (topic === '' || /[+#\0]/.test(topic) || Buffer.byteLength(topic) > 65_535) {
      this.#complain(`${key} is ${JSON.stringify(topic)}`, 'a topic without wildcards');
      return false;
    }
    if (base !== undefined && !topic.startsWith(`${base}/`))
      this.#complain(`${key} is ${topic}`, `a topic under ${base}/`);
    return true;
  }

  #rendered(key: string, template: unknown, { payload }: PublishedMessage): string | undefined {
    if (typeof template !== 'string') return payload;
    const rendering: Rendering = evaluateTemplate(template, payload);
    if (rendering.ok) return rendering.text;
    this.#complain(`${key} ${template}: ${rendering.problem}`, 'a template that renders the published payload');
    return undefined;
  }
}

/** A value such as Home Assistant would send, to try a command template with. */
function sampleCommand({ platform, config }: AnnouncedComponent): PyValue {
  if (platform === 'number') return BigInt(Math.trunc(Number(config['min'] ?? 1)));
  if (platform === 'select' && isTextList(config['options'])) return config['options'][0] ?? 'x';
  if (platform === 'switch') return textOr(config['payload_on'], 'ON');
  if (platform === 'button') return textOr(config['payload_press'], 'PRESS');
  return 'x';
}

/** Whether an MQTT filter with `+` and `#` covers a topic. */
export function filterCovers(filter: string, topic: string): boolean {
  const levels = topic.split('/');
  const parts = filter.split('/');
  for (const [at, part] of parts.entries()) {
    // "a/#" covers "a" itself as well.
    if (part === '#') return levels.length >= at;
    const level = levels[at];
    if (level === undefined || (part !== '+' && part !== level)) return false;
  }
  return parts.length === levels.length;
}
