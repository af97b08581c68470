import { networkInterfaces } from 'node:os';
import type { Configuration } from '../config/schema.ts';
import type { GroupId } from '../domain/names.ts';
import { seconds } from '../domain/time.ts';
import type { ResolveHost } from '../shutdown/reach.ts';
import { type StepConfig, stoppedHost } from '../shutdown/schema.ts';
import type { Finding } from '../shutdown/step.ts';

/** For a name server; who asks is told all the rest as well. */
const PATIENCE = seconds(5);

/**
 * Steps that would stop the machine that a source of the configuration is asked on, before the last stage, found by
 * address: that two names mean one machine is not seen in the file.
 */
export async function cutsOwnSource(
  { groups, sources }: Configuration,
  resolve: ResolveHost,
): Promise<ReadonlyMap<GroupId, readonly Finding[]>> {
  const addressesOf = async (host: string): Promise<readonly string[]> => {
    const found = await resolve(host, AbortSignal.timeout(PATIENCE));
    return found.map((address) => (isOurs(address) ? LOOPBACK : address));
  };
  const carriers = await Promise.all(
    Object.entries(sources).flatMap(([name, source]) =>
      'nut' in source ? [addressesOf(source.nut.host).then((addresses) => ({ name, addresses }))] : [],
    ),
  );
  const findings = await Promise.all(
    Object.entries(groups).map(async ([id, { stages }]) => {
      const early = stages.slice(0, -1).flatMap(({ steps }) => steps);
      const found = await Promise.all(
        early.map(async (config): Promise<readonly Finding[]> => {
          const host = config.step.carriesSource ? undefined : hostStoppedBy(config);
          if (host === undefined) return [];
          const addresses = await addressesOf(host);
          const cut = carriers.filter((one) => one.addresses.some((address) => addresses.includes(address)));
          return cut.map(({ name }) => ({
            what: config.step.key,
            ok: false,
            text: `stops the machine that source ${name} is asked on, before the last stage (do it there, or add carries_source: true)`,
          }));
        }),
      );
      return [id, found.flat()] as const; // a pair
    }),
  );
  return new Map(findings);
}

const LOOPBACK = '127.0.0.1';
/** Whether an address is one of this machine: they are all the same machine. */
const isOurs = (address: string): boolean =>
  address === '::1' ||
  address.startsWith('127.') ||
  Object.values(networkInterfaces()).some((all) => all?.some((own) => own.address === address));

function hostStoppedBy({ kind, config }: StepConfig): string | undefined {
  if (kind === 'ssh') return stoppedHost(kind, { host: config.host, shutdown: config.shutdown });
  return kind === 'exec' ? stoppedHost(kind, { command: config.command }) : undefined;
}
