import { setFlagsFromString } from 'node:v8';
import { Command } from 'commander';
import type { DrillOptions } from './cli/drill.ts';
import { VERSION } from './version.ts';

// The young part of the heap stays as small as it begins: it would grow with the garbage of the start and keep some
// 15 MB for good, while what is needed afterwards is a few kilobytes a device. (Measured with Node.js 20.)
setFlagsFromString('--semi-space-growth-factor=1');

// Whoever read along has gone (EPIPE): what was begun is brought to its end.
process.stdout.on('error', () => undefined);

/** Writes one line for the user. */
const out = (line: string): void => void process.stdout.write(`${line}\n`);

const program = new Command('gridwarden')
  .description('Bridges UPSes to Home Assistant over MQTT')
  .version(VERSION, '-V, --version', 'show the version')
  .showSuggestionAfterError()
  .configureOutput({ outputError: (text, write) => write(text) })
  .exitOverride((error) => {
    // Commander knows 0 and 1; a wrong use is 2 here, as a wrong configuration is.
    process.exit(error.exitCode === 0 ? 0 : 2);
  });

const CONFIG = [
  '-c, --config <file>',
  'configuration file; else ./gridwarden.yaml, then /etc/gridwarden/gridwarden.yaml',
] as const;

program
  .command('run')
  .description('watch, publish and obey until stopped; SIGHUP reads the configuration again')
  .option(...CONFIG)
  .option('--or-demo', 'without a configuration file, run the demo')
  .option('--speed <factor>', 'how fast the simulated day of the demo passes', '60')
  .action(async (options: { config?: string; orDemo?: true; speed: string }) => {
    const { run } = await import('./cli/run.ts');
    await run({ ...options, out });
  });

program
  .command('check')
  .description('say everything that is wrong with a configuration')
  .option(...CONFIG)
  .option('--live', 'try everything it counts on, read-only: servers, logins, hosts, programs, time')
  .action(async (options: { config?: string; live?: true }) => {
    const { check } = await import('./cli/check.ts');
    process.exitCode = await check({ ...options, out });
  });

program
  .command('plan')
  .description('show what each group would do, in which order, and what it would take; asks no server')
  .option(...CONFIG)
  .action(async (options: { config?: string }) => {
    const { plan } = await import('./cli/plan.ts');
    process.exitCode = await plan({ ...options, out });
  });

program
  .command('drill')
  .description('look at every step of a group, or of all, without harm; or really carry out one')
  .argument('[group]', 'a group of the configuration')
  .argument('[step]', 'with --execute: the key of the step, such as last/nas, shed/restore/wake or host')
  .option(...CONFIG)
  .option('--execute', 'really carry out the step, once its key has been typed again')
  .option('--yes <step>', 'with --execute, for scripts: the key of the step again')
  .option('--undo <json>', 'with --execute, for a step of a restore: what the drill of its step has left')
  .action(async (group: string | undefined, step: string | undefined, options: Omit<DrillOptions, 'out'>) => {
    const { drill } = await import('./cli/drill.ts');
    const given = { ...(group === undefined ? {} : { group }), ...(step === undefined ? {} : { step }) };
    process.exitCode = await drill({ ...options, ...given, out });
  });

program
  .command('runs')
  .description('look at past shutdowns, dry runs and restores: when, why, how they ended, and what failed')
  .argument('[group]', 'a group of the configuration; else all')
  .argument('[run]', 'one run step by step: its number in the list, or its id')
  .option(...CONFIG)
  .action(async (group: string | undefined, run: string | undefined, options: { config?: string }) => {
    const { runs } = await import('./cli/runs.ts');
    const given = { ...(group === undefined ? {} : { group }), ...(run === undefined ? {} : { run }) };
    process.exitCode = await runs({ ...options, ...given, out });
  });

program
  .command('shutdown')
  .description('let the running bridge shut a group down now, once its name has been typed again')
  .argument('<group>', 'a group of the configuration')
  .option(...CONFIG)
  .option('--yes <group>', 'for scripts: the group again')
  .option('--no-follow', 'do not tell how it gets on')
  .action(async (group: string, options: { config?: string; yes?: string; follow: boolean }) => {
    const { shutdown } = await import('./cli/shutdown.ts');
    process.exitCode = await shutdown({ group, ...options, out });
  });

program
  .command('cancel')
  .description('call off what the running bridge shuts down, as far as that can be done')
  .argument('[group]', 'a group of the configuration; else all')
  .option(...CONFIG)
  .option('--restore', 'stop what it brings back instead; the rest stays away until "gridwarden restore"', false)
  .action(async (group: string | undefined, options: { config?: string; restore: boolean }) => {
    const { cancel } = await import('./cli/cancel.ts');
    process.exitCode = await cancel({ ...(group !== undefined && { group }), ...options, out });
  });

program
  .command('restore')
  .description('let the running bridge bring back now what it has shut down, without waiting for the charge')
  .argument('<group>', 'a group of the configuration')
  .option(...CONFIG)
  .option('--blind', 'although no UPS says that the mains are there: you have seen that they are', false)
  .option('--no-follow', 'do not tell how it gets on')
  .action(async (group: string, options: { config?: string; blind: boolean; follow: boolean }) => {
    const { restore } = await import('./cli/restore.ts');
    process.exitCode = await restore({ group, ...options, out });
  });

program
  .command('disarm')
  .description('let the running bridge shut nothing down for a while')
  .argument('[group]', 'a group of the configuration; else all')
  .option(...CONFIG)
  .option('--for <duration>', 'such as 30m or 2h, at most 7d; an hour unless given')
  .action(async (group: string | undefined, options: { config?: string; for?: string }) => {
    const { disarm } = await import('./cli/disarm.ts');
    process.exitCode = await disarm({ ...(group !== undefined && { group }), ...options, out });
  });

program
  .command('arm')
  .description('lift a disarm in the running bridge')
  .argument('<group>', 'a group of the configuration')
  .option(...CONFIG)
  .action(async (group: string, options: { config?: string }) => {
    const { arm } = await import('./cli/arm.ts');
    process.exitCode = await arm({ group, ...options, out });
  });

program
  .command('health')
  .description('say what the running bridge hears, and what it has lost')
  .option(...CONFIG)
  .action(async (options: { config?: string }) => {
    const { health } = await import('./cli/health.ts');
    process.exitCode = await health({ ...options, out });
  });

program
  .command('trust')
  .description('make machines known that are reached over SSH, once a person has looked at their keys')
  .argument('[host...]', 'HOST or HOST:PORT; else those of the configuration')
  .option(...CONFIG)
  .option('--step <key>', 'only the machine of this step')
  .option('--yes <fingerprint...>', 'for scripts: the keys that are right, as SHA256:...')
  .action(async (hosts: readonly string[], options: { config?: string; step?: string; yes?: readonly string[] }) => {
    const { trust } = await import('./cli/trust.ts');
    process.exitCode = await trust({ hosts, ...options, out });
  });

program
  .command('killpower')
  .description('for the last shutdown script: cut the power of UPSes for which a plan has left its flag')
  .option(...CONFIG)
  .option('--test', 'only say by the exit code whether there is a flag of ours')
  .action(async (options: { config?: string; test?: true }) => {
    const { killpower } = await import('./cli/killpower.ts');
    process.exitCode = await killpower({ ...options, out });
  });

program
  .command('discover')
  .description('ask a NUT server what it has, and suggest a configuration')
  .argument('<host[:port]>', 'the server; the port is 3493 unless given')
  .action(async (where: string) => {
    const { discover } = await import('./cli/discover.ts');
    process.exitCode = await discover({ where, out });
  });

program
  .command('replay')
  .description('decide again on what was recorded: a timeline, and what another configuration would have decided')
  .argument('<trace...>', 'segments of a trace, folders of them, or a state folder')
  .option('-c, --config <file>', 'another configuration, whose decisions are shown beside the recorded ones')
  .action(async (traces: readonly string[], options: { config?: string }) => {
    const { replay } = await import('./cli/replay.ts');
    process.exitCode = await replay({ traces, ...options, out });
  });

program
  .command('schema')
  .description('print the JSON schema of the configuration, for editors')
  .action(async () => {
    const { schema } = await import('./cli/schema.ts');
    process.exitCode = await schema({ out });
  });

program
  .command('version')
  .description('show the version')
  .action(() => out(VERSION));

await program.parseAsync();
