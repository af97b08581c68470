import { z } from 'zod';
import { ALLOW_ENTRY, DEFAULT_ALLOW } from '../domain/allow-list.ts';

/** The `commands` block: what may be asked for, over MQTT or HTTP. */
export interface CommandsConfig {
  /** Patterns for `isAllowed`; given, they replace the default. An empty list allows nothing. */
  readonly allow: readonly string[];
}

const entry = z
  .string()
  .max(128)
  .regex(ALLOW_ENTRY, 'write a command such as beeper.*, set:<variable> or bridge.<verb>');

/** Reads the `commands` block. */
export const commandsSchema = z
  .strictObject({
    allow: z
      .array(entry)
      .max(500)
      .meta({
        description: 'Commands, set:<variable> and bridge.<verb> that may be asked for; * stands for any characters',
      })
      .prefault([...DEFAULT_ALLOW]),
  })
  .meta({
    description: 'What may be asked of the devices and of the bridge. Nothing else is carried out or shown as a button',
  })
  .prefault({});
