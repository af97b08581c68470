import { setFlagsFromString } from 'node:v8';
import { Command } from 'commander';
import { VERSION } from './version.ts';

// The young part of the heap stays as small as it begins: it would grow with the garbage of the start and keep some
// 15 MB for good, while what is needed afterwards is a few kilobytes a device. (Measured with Node.js 20.)
setFlagsFromString('--semi-space-growth-factor=1');

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
  .action(async (options: { config?: string }) => {
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
