import type { Log } from '../../src/domain/ports.ts';

/** A log that remembers its lines as `level text`. */
export function rememberingLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const say = (level: string) => (text: string) => {
    lines.push(`${level} ${text}`);
  };
  const log: Log = {
    debug: say('debug'),
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    room: () => log,
  };
  return { log, lines };
}
