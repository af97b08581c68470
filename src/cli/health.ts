import type { Json } from '../domain/requests.ts';
import { openBridge } from './ask.ts';

/** What `gridwarden health` is given. */
export interface HealthOptions {
  /** Path of the configuration; absent: looked for in the usual places. */
  readonly config?: string;
  readonly out: (line: string) => void;
}

/**
 * `gridwarden health`: what the running bridge hears, and what it has lost.
 *
 * @returns the exit code: 0 all is heard, 1 something is not, or no bridge answers, 2 the configuration cannot be read
 */
export async function health({ config, out }: HealthOptions): Promise<number> {
  const bridge = await openBridge(config, out);
  if (bridge === undefined) return 2;
  const answer = await bridge.ask('health');
  if (!answer.ok) {
    out(answer.error.text);
    return 1;
  }
  const { healthy, sources, devices } = answer.value;
  for (const line of [...linesOf('source', sources), ...linesOf('device', devices)]) out(line);
  return healthy === true ? 0 : 1;
}

const linesOf = (what: string, links: Json | undefined): readonly string[] =>
  isObject(links) ? Object.entries(links).map(([name, link]) => `${what} ${name}: ${linkText(link)}`) : [];

function linkText(link: Json): string {
  if (!isObject(link)) return String(link);
  const { lost, detail, since } = link;
  return `lost since ${String(since)}: ${String(lost)}, ${String(detail)}`;
}

const isObject = (value: Json | undefined): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
