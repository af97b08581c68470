import { type Logger, pino } from 'pino';
import type { Log } from '../domain/ports.ts';
import type { LogConfig } from './schema.ts';

/**
 * The log: one JSON object a line, or text for people where a terminal reads it.
 *
 * @param config `format` absent: text on a terminal, else JSON
 */
export async function createLog(config: LogConfig, stream: NodeJS.WriteStream): Promise<Log> {
  // Whoever read it has gone (EPIPE) or its disk is full: the watch goes on without a log.
  stream.on('error', () => undefined);
  const format = config.format ?? (stream.isTTY ? 'text' : 'json');
  const options = { level: config.level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return wrap(pino(options, format === 'json' ? stream : await textStream(stream)));
}

/** Loaded only where people read along. */
async function textStream(stream: NodeJS.WriteStream) {
  // Through `default`: bundled, a CommonJS library has no other name.
  const { build } = (await import('pino-pretty')).default;
  return build({
    destination: stream,
    sync: true,
    colorize: stream.isTTY === true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'room,event,about',
    singleLine: true,
    messageFormat: '{if room}{room}: {end}{msg}',
  });
}

/** @param rooms the way to the room that logs, outermost first */
function wrap(root: Logger, rooms: readonly string[] = []): Log {
  const logger = rooms.length === 0 ? root : root.child({ room: rooms.join('/') });
  return {
    debug: (text, details) => logger.debug(details ?? {}, text),
    info: (text, details) => logger.info(details ?? {}, text),
    warn: (text, details) => logger.warn(details ?? {}, text),
    error: (text, details) => logger.error(details ?? {}, text),
    room: (name) => wrap(root, [...rooms, name]),
  };
}
