import { execFile } from 'node:child_process';
import type { Log, Sink } from '../domain/ports.ts';
import { asMillis, type Instant, type Millis } from '../domain/time.ts';

/**
 * What the service manager is told, through `systemd-notify`: Node has no Unix datagram sockets. The unit needs
 * `NotifyAccess=all`. Does nothing outside systemd.
 *
 * @see sd_notify(3), sd_watchdog_enabled(3)
 */
export interface ServiceManager {
  readonly tell: (...assignments: readonly string[]) => void;
  /** The longest silence it allows; undefined without a watchdog. */
  readonly watchdog: Millis | undefined;
}

export function createServiceManager(environment: NodeJS.ProcessEnv, log: Log): ServiceManager {
  const socket = environment['NOTIFY_SOCKET'];
  const limit = Number(environment['WATCHDOG_USEC'] ?? Number.NaN) / 1000;
  const ours = [undefined, String(process.pid)].includes(environment['WATCHDOG_PID']);
  let failed = false;
  return {
    watchdog: socket !== undefined && ours && limit > 0 ? asMillis(limit) : undefined,
    tell: (...assignments) => {
      if (socket === undefined) return;
      const child = execFile('systemd-notify', [...assignments], { timeout: 5000, env: environment }, (error) => {
        if (error !== null && !failed) log.warn(`systemd-notify failed: ${error.message}`);
        failed = error !== null;
      });
      child.unref();
    },
  };
}

/**
 * Feeds the watchdog from ticks that have passed the whole loop, not from a timer: a program that turns but does not
 * decide is restarted. Must be the last sink.
 */
export function createWatchdog({ tell, watchdog }: ServiceManager): Sink {
  let fed: Instant | undefined;
  return {
    name: 'watchdog',
    accept: ({ input, stamp, facts }) => {
      if (watchdog === undefined || input.kind !== 'tick') return;
      if (facts.some(({ type }) => type === 'internal_error')) return;
      if (fed !== undefined && stamp.at - fed < watchdog / 3) return;
      fed = stamp.at;
      tell('WATCHDOG=1');
    },
  };
}
