import { z } from 'zod';
import { duration, port, secretText } from '../../domain/schema.ts';
import type { Secret } from '../../domain/secret.ts';
import type { Millis } from '../../domain/time.ts';
import { isPrintable } from './quoting.ts';

/** One NUT server, as the program uses it. */
export interface NutConfig {
  readonly host: string;
  readonly port: number;
  /** Absent: the server is only read, and commands are answered with "no credentials". */
  readonly user?: { readonly username: string; readonly password: Secret };
  /** Whether that user is logged in as a secondary (LOGIN). `auto`: to the UPSes that feed a group that halts this host. */
  readonly login: 'auto' | 'never';
  /**
   * `off`: in the clear, credentials too. `prefer`: encrypted where the server can; credentials are never sent in the
   * clear, so that a server without TLS, or one made to look so, is only read. `require`: encrypted or not at all.
   */
  readonly tls: 'off' | 'prefer' | 'require';
  /** File with the certificates that may have signed the server's, or with the server's own. */
  readonly ca?: string;
  /** SHA-256 of the server's certificate: 64 hexadecimal digits in upper case, without colons. */
  readonly fingerprint?: string;
  /** Only these devices are read, by the server's names in any case; absent: all. */
  readonly ups?: readonly string[];
  /** Between two questions for the status of every device. */
  readonly statusInterval: Millis;
  /** Between two readings of every variable. */
  readonly interval: Millis;
  /** The same while a device of the server is on battery. */
  readonly intervalOnBattery: Millis;
  /** For a connect, a TLS handshake and the answers to one burst of questions, each. */
  readonly timeout: Millis;
}

const hostName = z
  .string()
  .max(253)
  .refine((text) => /^[A-Za-z0-9._:%-]+$/.test(text), 'write a host name or an IP address, without brackets or port');

const printable = z.string().min(1, 'must not be empty').max(256).refine(isPrintable, 'upsd takes plain ASCII only');

const fingerprint = z
  .string()
  .refine((text) => /^(?:[0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}$/.test(text), 'write the 64 hexadecimal digits of SHA-256')
  .transform((text) => text.replaceAll(':', '').toUpperCase());

/**
 * The `nut` block of a source.
 *
 * A certificate that would not be looked at, or half a login, is an error: a guard that is silently off is worse than a
 * daemon that does not start.
 */
export const nutSchema = z
  .strictObject({
    host: hostName.meta({ description: 'Host name or address of the NUT server (upsd)' }),
    port: port.default(3493).meta({ description: 'Port of upsd' }),
    username: printable.optional().meta({
      description: 'User of upsd.users; only needed to send commands and settings, and to log in as a secondary',
    }),
    password: secretText
      .refine((secret) => isPrintable(secret.reveal()) && secret.reveal().length <= 256, 'upsd takes plain ASCII only')
      .optional()
      .meta({ description: 'Password of that user' }),
    login: z.enum(['auto', 'never']).default('auto').meta({
      description:
        'Whether to log in as a secondary, so that the primary waits for this host. auto: to the UPSes that feed a group that halts it',
    }),
    tls: z.enum(['off', 'prefer', 'require']).default('off').meta({
      description: 'Encryption: none, where the server can (a password is never sent in the clear), or always',
    }),
    ca: z
      .string()
      .max(4096)
      .refine((text) => text.startsWith('/'), 'write the whole path, such as /etc/gridwarden/ca.pem')
      .optional()
      .meta({ description: "PEM file with the certificates that may have signed the server's, or with its own" }),
    fingerprint: fingerprint
      .optional()
      .meta({ description: "SHA-256 of the server's certificate, 64 hexadecimal digits" }),
    ups: z
      .array(printable)
      .min(1, 'name at least one, or leave the key out')
      .max(1000)
      .optional()
      .meta({ description: "Only these devices are read, by the server's names. Unset: all" }),
    status_interval: duration({ min: '100ms', max: '10s' })
      .prefault('250ms')
      .meta({ description: 'Between two questions for the status of every device' }),
    interval: duration({ min: '250ms', max: '60s' })
      .prefault('2s')
      .meta({ description: 'Between two readings of every variable' }),
    interval_on_battery: duration({ min: '250ms', max: '60s' })
      .prefault('1s')
      .meta({ description: 'The same while a device of the server is on battery' }),
    timeout: duration({ min: '250ms', max: '30s' })
      .prefault('3s')
      .meta({ description: 'For a connect, a handshake and the answers to one burst of questions, each' }),
  })
  .superRefine((raw, context) => {
    if ((raw.username === undefined) !== (raw.password === undefined)) {
      const missing = raw.username === undefined ? 'username' : 'password';
      context.addIssue({ code: 'custom', path: [missing], message: 'username and password go together' });
    }
    for (const key of ['ca', 'fingerprint'] as const) {
      if (raw.tls === 'off' && raw[key] !== undefined) {
        context.addIssue({ code: 'custom', path: [key], message: 'needs tls: require or tls: prefer' });
      }
    }
  })
  .transform(
    ({ username, password, login, tls, ca, fingerprint: pin, ups, ...raw }): NutConfig => ({
      host: raw.host,
      port: raw.port,
      ...(username !== undefined && password !== undefined && { user: { username, password } }),
      login,
      tls,
      ...(ca !== undefined && { ca }),
      ...(pin !== undefined && { fingerprint: pin }),
      ...(ups !== undefined && { ups }),
      statusInterval: raw.status_interval,
      interval: raw.interval,
      intervalOnBattery: raw.interval_on_battery,
      timeout: raw.timeout,
    }),
  );
