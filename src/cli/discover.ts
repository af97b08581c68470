import { slugOf } from '../domain/names.ts';
import { seconds } from '../domain/time.ts';
import { TROUBLE_TEXT } from '../domain/trouble.ts';
import { discoverServer } from '../sources/nut/discover.ts';

/**
 * Asks one NUT server what it has and prints a configuration that would serve it.
 *
 * @param where `host`, `host:port` or `[v6]:port`
 * @returns 0 found, 1 no answer, 2 an address that is none
 */
export async function discover({
  where,
  out,
}: {
  readonly where: string;
  readonly out: (line: string) => void;
}): Promise<number> {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s]+))(?::(\d{1,5}))?$/.exec(where) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits ?? 3493);
  if (host === undefined || port < 1 || port > 65_535) {
    out(`${where}: write HOST, HOST:PORT or [IPV6]:PORT`);
    return 2;
  }
  const found = await discoverServer(host, port, { timeout: seconds(5) });
  if (!found.ok) {
    out(`${host}:${port} ${TROUBLE_TEXT[found.error.kind]} (${found.error.detail})`);
    return 1;
  }
  const { version, upses } = found.value;
  out(`${host}:${port} is ${version}`);
  for (const { name, description, model, status } of upses) {
    out(`  ${name}: ${[description, model, status].filter(Boolean).join(', ')}`);
  }
  out(upses.length === 0 ? '  it lists no UPS' : '');
  for (const line of suggestion(host, port, upses)) out(line);
  return 0;
}

function suggestion(host: string, port: number, upses: readonly { readonly name: string }[]): readonly string[] {
  const name = slugOf(host.split('.')[0] ?? host);
  const source = /[a-z_-]/.test(name) ? name : `nut_${name}`;
  const address = /^[A-Za-z0-9.-]+$/.test(host) ? host : JSON.stringify(host);
  return [
    'node: home',
    'mqtt: {url: mqtt://homeassistant.local}',
    'sources:',
    `  ${source}: {nut: {host: ${address}${port === 3493 ? '' : `, port: ${port}`}}}`,
    ...(upses.length > 0
      ? [`# every UPS it lists appears by itself: ${upses.map(({ name: own }) => own).join(', ')}`]
      : []),
  ];
}
