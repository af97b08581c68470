import { join } from 'node:path';
import { seconds } from './domain/time.ts';
import { createPrometheus } from './exporters/prometheus.ts';
import { type AppParts, House } from './house.ts';
import { timeLeftOf } from './policy/pursuit/shown.ts';
import { bootIdentity } from './runtime/boot.ts';
import { factLog } from './runtime/fact-log.ts';
import { createLoop } from './runtime/loop.ts';
import { createStopStack } from './runtime/stop-stack.ts';
import { createServiceManager, createWatchdog } from './runtime/systemd.ts';
import { runTicker } from './runtime/ticker.ts';
import { openJournal } from './store/journal.ts';
import { createTraceRecorder } from './store/trace.ts';

/** A plan that takes longer is abandoned: who asked the program to stop is not to wait for ever. The next start takes it up. */
const SHUTDOWN_TAKES = seconds(6 * 3600);
/** A service manager waits so many microseconds longer, from each time on (sd_notify(3)). */
const EXTENDED = 'EXTEND_TIMEOUT_USEC=30000000';

/** The running program. */
export interface App {
  /** Asks for a reload, as SIGHUP does. */
  readonly reload: () => void;
  /** Resolves to the names of the parts that did not stop in time. */
  readonly stop: () => Promise<readonly string[]>;
}

/**
 * Builds every room, in the order in which they depend on each other, and starts them.
 *
 * The order of the sinks is a promise: what happened is on record before it is shown, and the watchdog is fed last.
 */
export async function startApp(parts: AppParts): Promise<App> {
  const { clock, log, version } = parts;
  const stack = createStopStack(log);
  const prometheus = createPrometheus({ version, timeLeft: timeLeftOf });
  const services = createServiceManager(parts.environment, log);
  const boot = bootIdentity().id;
  const { stateFolder, stateAnswers } = parts;
  const answers = stateAnswers === undefined ? {} : { answers: stateAnswers };
  const kept = await openJournal({ folder: stateFolder, boot, version, clock, log: log.room('journal'), ...answers });
  const trace = createTraceRecorder({
    folder: join(stateFolder, 'trace'),
    boot,
    version,
    log: log.room('trace'),
    ...answers,
  });
  const house = new House(parts, prometheus, kept);
  const loop = createLoop({
    clock,
    act: (intent) => house.act(intent),
    sinks: [
      trace,
      kept.journal,
      factLog(log),
      house.nameKeeper,
      house.machines.follower,
      house.display,
      prometheus,
      house.pulse,
      createWatchdog(services),
    ],
    blame: (part, thrown) => {
      prometheus.count.sinkFailure(part);
      log.error(`${part} failed`, { err: thrown });
    },
  });
  house.attach(loop);
  // Last of all: what the rooms say as they stop is still put on record.
  stack.add('trace', seconds(2), () => trace.stop());
  stack.add('journal', seconds(2), () => kept.journal.stop());
  stack.add('rooms', seconds(8), () => house.stop());

  const ticking = new AbortController();
  await house.restore();
  await house.apply(parts.loaded);
  const ticker = runTicker(clock, () => loop.push({ kind: 'tick' }), ticking.signal);
  stack.add('ticker', seconds(1), async () => {
    ticking.abort();
    await ticker;
  });
  // First of all: who is asked to stop in the middle of a shutdown carries it out to its end.
  stack.add('shutdown', SHUTDOWN_TAKES, async () => {
    if (!house.machines.isShuttingDown) return;
    log.warn('a shutdown is going on: it is carried out before the program stops; a second signal ends it at once');
    const extending = new AbortController();
    const extended = runTicker(clock, () => services.tell(EXTENDED), extending.signal);
    await house.machines.shutDown();
    extending.abort();
    await extended;
  });
  stack.add('service manager', seconds(1), async () => services.tell('STOPPING=1'));
  services.tell('READY=1', `STATUS=watching ${Object.keys(parts.loaded.configuration.sources).join(', ')}`);
  return { reload: () => house.askReload(), stop: stack.stop };
}
