import { Cron } from 'croner';
import type { DeviceId } from '../domain/names.ts';
import type { Log } from '../domain/ports.ts';
import type { DeviceSettings } from '../domain/settings.ts';

/** The timers of scheduled self-tests: one for each device that has a schedule. */
export interface Schedules {
  /** Brings the timers in line with the configuration. Those whose schedule is the same go on undisturbed. */
  readonly apply: (devices: readonly DeviceSettings[]) => void;
  /** Ends all timers. */
  readonly stop: () => void;
}

/**
 * Schedules in the local time of this machine.
 *
 * A moment that passed while the program did not run is not made up for, so that nothing is due at a start. A schedule
 * that cannot be read is logged and has no timer.
 *
 * @param due called at each moment of a schedule; whether the test may begin is not decided here
 */
export function createSchedules(due: (device: DeviceId) => void, log: Log): Schedules {
  const timers = new Map<DeviceId, { readonly schedule: string; readonly timer: Cron }>();
  const drop = (id: DeviceId): void => {
    timers.get(id)?.timer.stop();
    timers.delete(id);
  };
  return {
    apply: (devices) => {
      const wanted = new Map(devices.map(({ id, selfTest }) => [id, selfTest?.schedule]));
      for (const [id, { schedule }] of timers) if (wanted.get(id) !== schedule) drop(id);
      for (const [id, schedule] of wanted) {
        if (schedule === undefined || timers.has(id)) continue;
        const timer = timerOf(schedule, () => due(id), log.room(id));
        if (timer !== undefined) timers.set(id, { schedule, timer });
      }
    },
    stop: () => {
      for (const id of [...timers.keys()]) drop(id);
    },
  };
}

function timerOf(schedule: string, fire: () => void, log: Log): Cron | undefined {
  try {
    const report = (error: unknown): void => log.error('a scheduled self-test could not be asked for', { error });
    // Like every timer but the tick it must not keep the process alive.
    return new Cron(schedule, { mode: '5-part', unref: true, catch: report }, fire);
  } catch (error) {
    log.warn(`the schedule ${schedule} cannot be read: no self-test is started by it`, { error });
    return undefined;
  }
}
