/** By every name that systemd.time(7) has for it, in milliseconds. */
const UNITS: readonly (readonly [names: RegExp, ms: number])[] = [
  [/^(?:usec|us|µs|μs)$/, 0.001],
  [/^(?:msec|ms)$/, 1],
  [/^(?:seconds?|sec|s|)$/, 1000],
  [/^(?:minutes?|min|m)$/, 60_000],
  [/^(?:hours?|hr|h)$/, 3_600_000],
  [/^(?:days?|d)$/, 86_400_000],
];

/**
 * A span of time as a unit of systemd writes it (`20`, `1min 30s`), in milliseconds; `infinity` and 0, which means the same
 * for a timeout, are infinite. Undefined: not understood.
 */
export function parseSystemdSpan(text: string): number | undefined {
  if (text === 'infinity' || text === '0') return Number.POSITIVE_INFINITY;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*([a-zµμ]*)\s*/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text) return undefined;
  let total = 0;
  for (const [, count, unit = ''] of parts) {
    const known = UNITS.find(([names]) => names.test(unit));
    if (known === undefined) return undefined;
    total += Number(count) * known[1];
  }
  return total;
}
