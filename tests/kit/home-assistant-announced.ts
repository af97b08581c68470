import { expect } from 'vitest';
import type { HomeAssistant, RegistryDevice, RegistryEntity } from './home-assistant.ts';
import { join } from './mqtt.ts';

/** What a device discovery message says, as far as tests read it. */
export interface Announced {
  readonly device: {
    readonly identifiers: readonly string[];
    readonly name: string;
    readonly manufacturer?: string;
    readonly model?: string;
    readonly serial_number?: string;
    readonly sw_version?: string;
    readonly via_device?: string;
  };
  readonly components: Readonly<Record<string, AnnouncedComponent>>;
}

/** One component of it; only triggers have neither unique id nor entity id, only a tombstone has the platform alone. */
export interface AnnouncedComponent {
  readonly platform: string;
  readonly unique_id?: string;
  readonly default_entity_id?: string;
  readonly name?: string;
  readonly entity_category?: string;
  readonly enabled_by_default?: boolean;
  readonly value_template?: string;
  readonly state_topic?: string;
  readonly type?: string;
  readonly subtype?: string;
}

const WAIT_MS = 20_000;

/** Waits until the broker retains an announcement of each device, and gives them by identifier. */
export async function announcements(
  port: number,
  identifiers: readonly string[],
  credentials: { readonly username?: string; readonly password?: string } = {},
): Promise<ReadonlyMap<string, Announced>> {
  const client = await join(port, credentials);
  try {
    await client.mqtt.subscribeAsync('homeassistant/device/+/config');
    const found = identifiers.map(async (identifier) => {
      const topic = `homeassistant/device/${identifier}/config`;
      const message = await client.messages.find((one) => one.topic === topic && one.text !== '', WAIT_MS);
      // The shape is what this kit reads of it; a message without it fails the comparison.
      return [identifier, JSON.parse(message.text) as Announced] as const;
    });
    return new Map(await Promise.all(found));
  } finally {
    await client.mqtt.endAsync(true);
  }
}

/** The components that become entities: everything but triggers and tombstones. */
export const entitiesOf = ({ components }: Announced): readonly AnnouncedComponent[] =>
  Object.values(components).filter(({ unique_id }) => unique_id !== undefined);

/**
 * Waits until the registries are as they should be.
 *
 * @param holds given all devices and entities, at the start and whenever a registry has changed
 * @throws past the deadline, naming what it waits for
 */
export async function waitForRegistries(
  home: HomeAssistant,
  what: string,
  holds: (devices: readonly RegistryDevice[], entities: readonly RegistryEntity[]) => boolean,
  timeoutMs: number = WAIT_MS,
): Promise<void> {
  const late = AbortSignal.timeout(timeoutMs);
  let news = true;
  let wake = () => {};
  const tell = () => {
    news = true;
    wake();
  };
  late.addEventListener('abort', tell);
  await home.subscribe('entity_registry_updated', tell);
  await home.subscribe('device_registry_updated', tell);
  for (;;) {
    news = false;
    const [devices, entities] = await Promise.all([home.devices(), home.entities()]);
    if (holds(devices, entities)) return;
    if (late.aborted) throw new Error(`Home Assistant's registries did not have ${what} within ${timeoutMs} ms`);
    if (news) continue;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

/** Waits until each announced entity is registered. */
export async function waitUntilRegistered(home: HomeAssistant, announced: Iterable<Announced>): Promise<void> {
  const wanted = [...announced].flatMap(entitiesOf).flatMap(({ unique_id }) => unique_id ?? []);
  await waitForRegistries(home, 'every announced entity', (_, entities) => {
    const there = new Set(entities.map(({ unique_id }) => unique_id));
    return wanted.every((id) => there.has(id));
  });
}

/** Asserts that a device and its entities stand in the registries exactly as announced. */
export async function expectAsAnnounced(home: HomeAssistant, announced: Announced): Promise<void> {
  const [devices, entities] = await Promise.all([home.devices(), home.entities()]);
  const { device } = announced;
  const byIdentifier = (identifier: string | undefined) =>
    devices.find(({ identifiers }) => identifiers.some(([, id]) => id === identifier));
  const row = byIdentifier(device.identifiers[0]);
  expect(row).toMatchObject({
    identifiers: device.identifiers.map((id) => ['mqtt', id]),
    name: device.name,
    manufacturer: device.manufacturer ?? null,
    model: device.model ?? null,
    serial_number: device.serial_number ?? null,
    sw_version: device.sw_version ?? null,
    via_device_id: byIdentifier(device.via_device)?.id ?? null,
  });
  const registered = entities.filter(({ device_id }) => device_id === row?.id);
  const byId = (one: { readonly unique_id: string }, other: { readonly unique_id: string }) =>
    one.unique_id < other.unique_id ? -1 : 1;
  expect(registered.map(asAnnouncement).sort(byId)).toEqual(entitiesOf(announced).map(withDefaults).sort(byId));
}

const asAnnouncement = (row: RegistryEntity) => ({
  unique_id: row.unique_id,
  platform: row.platform,
  entity_id: row.entity_id,
  name: row.original_name,
  entity_category: row.entity_category,
  disabled_by: row.disabled_by,
});

const withDefaults = (component: AnnouncedComponent) => ({
  unique_id: component.unique_id ?? '',
  platform: 'mqtt',
  entity_id: component.default_entity_id,
  name: component.name,
  entity_category: component.entity_category ?? null,
  disabled_by: component.enabled_by_default === false ? 'integration' : null,
});

/** The entity ids of a device by unique id without the device's identifier: `battery_charge`. */
export function entityIds(announced: Announced): ReadonlyMap<string, string> {
  const prefix = `${announced.device.identifiers[0]}_`;
  return new Map(
    entitiesOf(announced).map(({ unique_id = '', default_entity_id = '' }) => [
      unique_id.slice(prefix.length),
      default_entity_id,
    ]),
  );
}

/**
 * What lasts of the states of these devices, by entity id; `absent` for an entity without one. Left out: buttons and
 * events, which show when they were last used, and when the process was started.
 */
export function lastingStates(home: HomeAssistant, devices: Iterable<Announced>): ReadonlyMap<string, string> {
  const ids = [...devices].flatMap((device) => [...entityIds(device).values()]);
  const lasting = ids.filter((id) => !/^(?:button|event)\.|_started$/.test(id));
  return new Map(lasting.map((id) => [id, home.state(id)?.state ?? 'absent']));
}

/** Waits until all these states are there at the same moment. Rejects past the deadline, naming one that is not. */
export async function waitForStates(
  home: HomeAssistant,
  states: ReadonlyMap<string, string>,
  timeoutMs: number = WAIT_MS,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const of = (id: string) => home.state(id)?.state ?? 'absent';
  while ([...states].some(([id, value]) => of(id) !== value)) {
    const left = Math.max(1, deadline - performance.now());
    await Promise.all([...states].map(([id, value]) => home.waitForState(id, () => of(id) === value, left)));
  }
}
