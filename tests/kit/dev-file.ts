/**
 * A `.dev` file from which dummy-ups reads exactly these values back.
 *
 * Left out: `driver.*` (every driver tells its own) and empty values (dummy-ups 2.8.0 would give them the value of the
 * line before). It parses a value like a line of configuration, so every value is quoted and `"`, `\` and `#` are escaped. NUT
 * itself still cuts values at 127 characters and drops whatever is not ASCII.
 */
export function devFile(variables: Iterable<readonly [name: string, value: string]>): string {
  return [...variables]
    .filter(([name, value]) => value !== '' && !name.startsWith('driver.'))
    .map(([name, value]) => `${name}: ${quoted(value)}\n`)
    .join('');
}

/** A word in NUT's configuration syntax, which its driver sockets and its network protocol share. */
export function quoted(value: string): string {
  return `"${value.replace(/["\\#]/g, '\\$&')}"`;
}
