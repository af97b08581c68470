import { z } from 'zod';
import { isReservedId, isSlug } from './names.ts';
import { type Secret, secret } from './secret.ts';
import { asMillis, type Millis, parseDuration } from './time.ts';

/**
 * The words that every room's `schema.ts` is written with, so that a duration or a password reads the same in every
 * block of the configuration. The one file of this folder that uses a library.
 */

/** A duration with its unit, `250ms`, `15s`, `2m`, `1h`; milliseconds in the program. Bounds are written the same way. */
export function duration(bounds: { readonly min?: string; readonly max?: string } = {}) {
  const least = parseDuration(bounds.min ?? '0ms') ?? asMillis(0);
  const most = parseDuration(bounds.max ?? '365d') ?? asMillis(Number.MAX_SAFE_INTEGER);
  const range = `between ${bounds.min ?? '0s'} and ${bounds.max ?? '365d'}`;
  return z
    .string({ error: 'write a duration with its unit, such as 15s, 2m or 1h' })
    .transform((text, context): Millis => {
      const span = parseDuration(text);
      if (span !== undefined && span >= least && span <= most) return span;
      const hint = span === undefined ? 'write a duration with its unit, such as 15s, 2m or 1h' : `must be ${range}`;
      context.issues.push({ code: 'custom', message: hint, input: text });
      return z.NEVER;
    })
    .meta({ pattern: '^\\d+(\\.\\d+)?(ms|s|m|h|d)$', examples: ['15s', '2m', '1h'] });
}

/** A name of our own: lower-case letters, digits, `_` and `-`, at most 63, beginning with a letter or digit. */
export const slug = z
  .string()
  .refine(isSlug, 'use lower-case letters, digits, _ and -, at most 63, beginning with a letter or digit');

/** The id of a UPS: a slug that no topic uses itself. */
export const deviceId = slug.refine((id) => !isReservedId(id), 'is reserved: choose another id');

export const port = z.number().int().min(1).max(65_535);

/** A password or token. Never empty; shown as `***` wherever the configuration is printed. */
export const secretText = z
  .string()
  .min(1, 'must not be empty')
  .max(4096)
  .transform((text): Secret => secret(text))
  .meta({ description: 'A secret: write !secret name or !env_var NAME instead of the text itself' });

/** Where a server of ours listens: `127.0.0.1:8321`, `[::1]:8321`, `0.0.0.0:8321`. */
export const listenAddress = z.string().transform((text, context): ListenAddress => {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = Number(digits);
  if (host !== undefined && number >= 0 && number <= 65_535) return { host, port: number };
  context.issues.push({ code: 'custom', message: 'write host:port, such as 127.0.0.1:8321', input: text });
  return z.NEVER;
});

export interface ListenAddress {
  readonly host: string;
  /** 0 lets the system choose (tests). */
  readonly port: number;
}

/** Whether only this machine can reach a listener. */
export const isLoopback = ({ host }: ListenAddress): boolean =>
  host === 'localhost' || host === '::1' || /^127\./.test(host);
