import { z } from 'zod';

/** The `log` block. */
export interface LogConfig {
  /** The least grave line that is written. */
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** Absent: text when standard output is a terminal, else json. */
  readonly format?: 'text' | 'json';
}

/** Reads the `log` block. */
export const logSchema = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error'])
      .meta({ description: 'The least grave line to write' })
      .prefault('info'),
    format: z
      .enum(['text', 'json'])
      .meta({ description: 'One line of text or one JSON object a line. Unset: text on a terminal, else json' })
      .optional(),
  })
  .transform(({ level, format }): LogConfig => ({ level, ...(format !== undefined && { format }) }))
  .meta({ description: 'The log, on standard output' })
  .prefault({});
