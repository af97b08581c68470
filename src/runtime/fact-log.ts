import type { Log, Sink } from '../domain/ports.ts';

/** The log as a sink: every fact is one line, in the words that people also get elsewhere. */
export function factLog(log: Log): Sink {
  const say = { notice: log.info, warning: log.warn, error: log.error } as const;
  return {
    name: 'log',
    accept: ({ facts }) => {
      for (const { type, level, text, device, group, source } of facts) {
        const about = device ?? group ?? source;
        say[level](text, { event: type, ...(about === undefined ? {} : { about }) });
      }
    },
  };
}
