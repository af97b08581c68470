import { z } from 'zod';
import { duration, isLoopback, type ListenAddress, listenAddress, secretText } from '../domain/schema.ts';
import type { Secret } from '../domain/secret.ts';
import { type Millis, seconds } from '../domain/time.ts';

/** The `mqtt` block: a broker of the user's (`url`) or our own (`embedded`), told apart by `'embedded' in config`. */
export type MqttConfig = MqttPublishing & (RemoteBroker | { readonly embedded: EmbeddedBroker });

/** What is published, wherever the broker is. */
export interface MqttPublishing {
  /** One Home Assistant message a device, one an entity (for versions before 2024.12), or none. */
  readonly discovery: 'device' | 'single' | 'off';
  readonly discoveryPrefix: string;
  /** Topics lie under `<base>/<node>`. */
  readonly base: string;
  /** How long a variable may be missing from good readings before its entity goes. */
  readonly forgetAfter: Millis;
}

/** A broker elsewhere. */
export interface RemoteBroker {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`, without credentials. */
  readonly url: string;
  readonly username?: string;
  readonly password?: Secret;
  /** Absent: `gridwarden_<node>`. */
  readonly clientId?: string;
  /** `auto`: MQTT 5, and 3.1.1 where the broker refuses it. */
  readonly version: 'auto' | 5 | 3;
  readonly keepalive: Millis;
  /** Path of a PEM file; absent: the system's authorities. */
  readonly ca?: string;
  /** Path of our own PEM certificate; always together with `key`. */
  readonly cert?: string;
  readonly key?: string;
  /** False: whoever answers is believed to be the broker. */
  readonly verify: boolean;
}

/** A broker inside this process. */
export interface EmbeddedBroker {
  readonly listen: ListenAddress;
  /** By name. Empty: anybody may connect, which only a loopback listener allows. */
  readonly users: Readonly<Record<string, EmbeddedUser>>;
}

/** Who may connect to our own broker. */
export interface EmbeddedUser {
  readonly password: Secret;
  /** `read` may subscribe; `write` may also publish, and so send commands. */
  readonly rights: 'read' | 'write';
}

const filePath = z
  .string()
  .max(4096)
  .refine((text) => text.startsWith('/'), 'write the whole path, such as /etc/gridwarden/ca.pem');

/** Part of a topic that we publish under: no wildcards, no empty levels, not one of the broker's own (`$SYS`). */
const topicPrefix = z
  .string()
  .min(1)
  .max(128)
  .refine(
    (text) => !/[+#\p{Cc}]/u.test(text) && !text.startsWith('$') && text.split('/').every((level) => level !== ''),
    'write a topic without +, #, a leading $ or empty levels',
  );

const printable = z
  .string()
  .min(1)
  .max(128)
  .refine((text) => !/\p{Cc}/u.test(text), 'must not contain control characters');

const brokerUrl = z
  .string()
  .max(2048)
  .superRefine((text, context) => {
    const problem = urlProblem(text);
    // The text is left out on purpose: it may hold a password.
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

function urlProblem(text: string): string | undefined {
  const form =
    'write mqtt://host, mqtts://host, ws://host/path or wss://host/path, with :port where it is not the usual one';
  if (!/^(?:mqtts?|wss?):\/\//.test(text) || !URL.canParse(text)) return form;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    return 'must not contain credentials: use the keys username and password';
  }
  if (url.hostname === '' || url.hash !== '' || url.port === '0') return form;
  const web = url.protocol.startsWith('ws');
  return web || (['', '/'].includes(url.pathname) && url.search === '') ? undefined : form;
}

const embeddedSchema = z
  .strictObject({
    listen: listenAddress.meta({ description: 'Where our own broker listens' }).prefault('127.0.0.1:1883'),
    users: z
      .record(
        printable,
        z.strictObject({
          password: secretText.meta({ description: 'Password of this user' }),
          rights: z
            .enum(['read', 'write'])
            .meta({ description: 'read may subscribe, write may also publish commands' }),
        }),
      )
      .meta({
        description: 'Who may connect, by name. Needed as soon as others than this machine can reach the broker',
      })
      .prefault({}),
  })
  .superRefine(({ listen, users }, context) => {
    if (isLoopback(listen) || Object.keys(users).length > 0) return;
    const message = 'others than this machine can reach this address: give users as well, or listen on 127.0.0.1';
    context.addIssue({ code: 'custom', path: ['listen'], message });
  });

const shape = z.strictObject({
  url: brokerUrl
    .meta({ description: 'The broker: mqtt://, mqtts://, ws:// or wss://, without credentials' })
    .optional(),
  embedded: embeddedSchema.meta({ description: 'A broker inside Gridwarden, instead of url' }).optional(),
  username: printable.meta({ description: 'User name at the broker' }).optional(),
  password: secretText.meta({ description: 'Password at the broker' }).optional(),
  client_id: printable.meta({ description: 'Client identifier. Unset: gridwarden_<node>' }).optional(),
  version: z
    .literal(['auto', 5, 3])
    .meta({ description: 'Protocol version: 5, 3 (3.1.1), or auto: 5 with fall-back to 3.1.1. Unset: auto' })
    .optional(),
  keepalive: duration({ min: '5s', max: '18h' })
    .meta({ description: 'How soon a silent connection is given up. Unset: 30s' })
    .optional(),
  ca: filePath
    .meta({ description: "PEM file with the broker's certificate authority. Unset: the system's" })
    .optional(),
  cert: filePath.meta({ description: 'PEM file with our own certificate, together with key' }).optional(),
  key: filePath.meta({ description: 'PEM file with the key of our own certificate' }).optional(),
  verify: z
    .boolean()
    .meta({
      description:
        'Whether the certificate of the broker is checked. false is for finding a fault, not for use. Unset: true',
    })
    .optional(),
  discovery: z
    .enum(['device', 'single', 'off'])
    .meta({ description: 'Home Assistant discovery: one message a device, one an entity, or none' })
    .prefault('device'),
  discovery_prefix: topicPrefix
    .meta({ description: 'The topic where Home Assistant looks for devices' })
    .prefault('homeassistant'),
  forget_after: duration({ min: '5s', max: '365d' })
    .meta({ description: 'How long a variable may be missing from good readings before its entity is removed' })
    .prefault('1h'),
  base: topicPrefix.meta({ description: 'First part of every topic, before /<node>' }).prefault('gridwarden'),
});

/** Keys that mean something only for a broker elsewhere. */
const REMOTE_KEYS = [
  'username',
  'password',
  'client_id',
  'version',
  'keepalive',
  'ca',
  'cert',
  'key',
  'verify',
] as const;

/** Keys that mean something only where the connection is encrypted. */
const TLS_KEYS = ['ca', 'cert', 'key', 'verify'] as const;

/** Reads the `mqtt` block. */
export const mqttSchema = shape
  .superRefine((given, context) => {
    const problem = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    const { url } = given;
    if (given.embedded !== undefined && url !== undefined) problem('embedded', 'give either url or embedded, not both');
    if (given.embedded === undefined && url === undefined) {
      context.addIssue({
        code: 'custom',
        path: [],
        message: 'needs url (a broker that is there) or embedded (our own)',
      });
    }
    if (url === undefined) {
      for (const key of REMOTE_KEYS)
        if (given[key] !== undefined) problem(key, 'needs url: it is for a broker elsewhere');
      return;
    }
    const encrypted = /^(?:mqtts|wss):/.test(url);
    for (const key of TLS_KEYS) {
      if (given[key] !== undefined && !encrypted) problem(key, 'needs an encrypted url: mqtts:// or wss://');
    }
    if ((given.cert === undefined) !== (given.key === undefined)) {
      problem(given.cert === undefined ? 'key' : 'cert', 'cert and key belong together: give both');
    }
    if (given.password !== undefined && given.username === undefined) problem('password', 'needs username as well');
  })
  .transform((given): MqttConfig => {
    const publishing = {
      discovery: given.discovery,
      discoveryPrefix: given.discovery_prefix,
      base: given.base,
      forgetAfter: given.forget_after,
    };
    if (given.url !== undefined) return { ...remote(given.url, given), ...publishing };
    if (given.embedded !== undefined) return { embedded: given.embedded, ...publishing };
    return z.NEVER; // refused above
  })
  .meta({ description: 'The MQTT broker: url for one that is there, embedded for our own' });

function remote(url: string, given: z.output<typeof shape>): RemoteBroker {
  return {
    url,
    ...(given.username !== undefined && { username: given.username }),
    ...(given.password !== undefined && { password: given.password }),
    ...(given.client_id !== undefined && { clientId: given.client_id }),
    version: given.version ?? 'auto',
    keepalive: given.keepalive ?? seconds(30),
    ...(given.ca !== undefined && { ca: given.ca }),
    ...(given.cert !== undefined && { cert: given.cert }),
    ...(given.key !== undefined && { key: given.key }),
    verify: given.verify ?? true,
  };
}
