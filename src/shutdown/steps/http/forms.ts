import { z } from 'zod';
import { secretText } from '../../../domain/schema.ts';
import type { Secret } from '../../../domain/secret.ts';
import { line } from '../schema.ts';

/** Guests of one Proxmox VE node, or the node itself. */
export interface ProxmoxForm {
  readonly url: string;
  /** `user@realm!name`. */
  readonly tokenId: string;
  readonly token: Secret;
  readonly node: string;
  /** `guests`: every VM and container that runs; `node`: the node, which stops its guests itself. */
  readonly shutdown: 'guests' | 'node';
}

/** A machine with a management controller that speaks Redfish. */
export interface RedfishForm {
  readonly url: string;
  readonly username: string;
  readonly password: Secret;
  /** Last part of the path under /redfish/v1/Systems. */
  readonly system: string;
  readonly reset: 'GracefulShutdown' | 'ForceOff' | 'On' | 'PushPowerButton';
}

/** An action of Home Assistant. */
export interface HomeAssistantForm {
  readonly url: string;
  readonly token: Secret;
  /** `domain.service`. */
  readonly action: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An address of HTTP. Without credentials: those have keys of their own, and are shown nowhere. */
export const httpUrl = z
  .string()
  .max(2048)
  .refine(
    (text) => /^https?:\/\/[^\s\\]+$/.test(text) && URL.canParse(text),
    'write http://host/path or https://host/path',
  )
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url === undefined || (url.username === '' && url.password === '');
  }, 'must not contain credentials: use the keys for them');

const base = httpUrl.refine((text) => !/[?#]/.test(text), 'must not contain ? or #');

const part = z
  .string()
  .max(128)
  .regex(/^[A-Za-z0-9._-]+$/, 'use letters, digits, dots, _ and -');

/** The `proxmox` block. */
export const proxmoxSchema = z
  .strictObject({
    url: base.meta({ description: 'Its API, such as https://pve.lan:8006' }),
    token_id: z
      .string()
      .max(256)
      .regex(/^[^\s@!]+@[^\s@!]+![^\s@!]+$/, 'write it as user@realm!name')
      .meta({ description: 'Id of an API token, user@realm!name' }),
    token: secretText.meta({ description: 'Secret of that token' }),
    node: part.meta({ description: 'Name of the node' }),
    shutdown: z
      .enum(['guests', 'node'])
      .meta({ description: 'What is shut down: its running VMs and containers, or the node with them' }),
  })
  .transform(({ token_id: tokenId, ...rest }): ProxmoxForm => ({ ...rest, tokenId }))
  .meta({ description: 'A node of Proxmox VE, instead of url' });

/** The `redfish` block. */
export const redfishSchema = z
  .strictObject({
    url: base.meta({ description: 'The management controller, such as https://bmc.lan' }),
    username: line.meta({ description: 'User name there' }),
    password: secretText.meta({ description: 'Password there' }),
    system: part.meta({ description: 'The machine, by its name under /redfish/v1/Systems' }).prefault('1'),
    reset: z
      .enum(['GracefulShutdown', 'ForceOff', 'On', 'PushPowerButton'])
      .meta({ description: 'What is done to it' })
      .prefault('GracefulShutdown'),
  })
  .transform((raw): RedfishForm => raw)
  .meta({ description: 'A machine with a management controller (BMC, iDRAC, iLO), instead of url' });

/** The `home_assistant` block. */
export const homeAssistantSchema = z
  .strictObject({
    url: base.meta({ description: 'Home Assistant, such as http://homeassistant.local:8123' }),
    token: secretText.meta({ description: 'A long-lived access token' }),
    action: z
      .string()
      .max(128)
      .regex(/^[a-z0-9_]+\.[a-z0-9_]+$/, 'write it as switch.turn_off')
      .meta({ description: 'The action, such as switch.turn_off' }),
    data: z
      .record(z.string().max(128), z.unknown())
      .meta({ description: 'Data of the action, such as entity_id' })
      .prefault({}),
  })
  .transform((raw): HomeAssistantForm => raw)
  .meta({ description: 'An action of Home Assistant, instead of url' });
