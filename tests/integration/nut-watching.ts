import type { Report } from '../../src/domain/inputs.ts';
import type { Clock, Log } from '../../src/domain/ports.ts';
import { asInstant } from '../../src/domain/time.ts';
import { nutSchema } from '../../src/sources/nut/schema.ts';
import { createNutSource, type NutDeps, type NutSource } from '../../src/sources/nut/source.ts';

/** A source at work against a server of a test, and everything it has said. */
export interface Watching {
  readonly source: NutSource;
  readonly reports: readonly Report[];
  /** `level text {details}` of every line logged. */
  readonly logged: readonly string[];
  /** The first report from number `since` on (default 0) that fits. Rejects after 8 s, naming what came instead. */
  readonly until: <T extends Report = Report>(fits: (report: Report) => report is T, since?: number) => Promise<T>;
  readonly untilAny: (fits: (report: Report) => boolean, since?: number) => Promise<Report>;
  readonly stop: () => Promise<void>;
}

export const realClock: Clock = { now: () => asInstant(performance.now()), wall: () => Date.now() };

/** Starts a source. `settings` are as in the configuration file; intervals are short unless given. */
export function startWatching(
  settings: { readonly port: number } & Readonly<Record<string, unknown>>,
  deps: Partial<NutDeps> = {},
): Watching {
  const config = nutSchema.parse({
    host: '127.0.0.1',
    status_interval: '100ms',
    interval: '250ms',
    interval_on_battery: '250ms',
    timeout: '500ms',
    ...settings,
  });
  const logged: string[] = [];
  const source = createNutSource('nas', config, {
    clock: realClock,
    log: recorder(logged),
    random: () => 0.5,
    ...deps,
  });
  const reports: Report[] = [];
  const hearing = new Set<() => void>();
  const controller = new AbortController();
  const ended = source.watch((report) => {
    reports.push(report);
    for (const hear of [...hearing]) hear();
  }, controller.signal);
  const untilAny = (fits: (report: Report) => boolean, since = 0): Promise<Report> =>
    new Promise((resolve, reject) => {
      let seen = since;
      const hear = (): void => {
        for (; seen < reports.length; seen += 1) {
          const report = reports[seen];
          if (report === undefined || !fits(report)) continue;
          clearTimeout(timer);
          hearing.delete(hear);
          resolve(report);
          return;
        }
      };
      const timer = setTimeout(() => {
        hearing.delete(hear);
        const last = reports
          .slice(since)
          .filter(({ kind }) => kind !== 'readings')
          .slice(-8);
        reject(
          new Error(`${reports.length - since} reports, none as awaited; the last besides readings: ${show(last)}`),
        );
      }, 8000);
      hearing.add(hear);
      hear();
    });
  return {
    source,
    reports,
    logged,
    untilAny,
    // The type guard that was given is what the found report passed.
    until: <T extends Report>(fits: (report: Report) => report is T, since?: number) =>
      untilAny(fits, since) as Promise<T>,
    stop: async () => {
      controller.abort();
      await ended;
    },
  };
}

type Of<K extends Report['kind']> = Extract<Report, { readonly kind: K }>;

export const isReadings = (report: Report): report is Of<'readings'> => report.kind === 'readings';
export const isListed = (report: Report): report is Of<'listed'> => report.kind === 'listed';
export const isInventory = (report: Report): report is Of<'inventory'> => report.kind === 'inventory';
export const isSourceTrouble = (report: Report): report is Of<'source-trouble'> => report.kind === 'source-trouble';
export const isDeviceTrouble = (report: Report): report is Of<'device-trouble'> => report.kind === 'device-trouble';

/** A sweep in which a device has a variable of this value. */
export const says =
  (name: string, variable: string, value: string) =>
  (report: Report): report is Of<'readings'> =>
    report.kind === 'readings' && report.readings.get(name)?.variables.get(variable) === value;

function recorder(lines: string[]): Log {
  const line = (level: string) => (text: string, details?: object) => {
    lines.push(`${level} ${text} ${details === undefined ? '' : JSON.stringify(details)}`.trim());
  };
  const log: Log = {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    room: () => log,
  };
  return log;
}

const show = (value: unknown): string => JSON.stringify(value).slice(0, 1500);
