const NAME_AND_VALUE = /^([A-Za-z0-9][\w.-]*): ?(.*)$/;
const REVIEWER_REMARK = /\s+#(BAD|COMMENT).*$/;

/**
 * Reads a device dump, as `upsc` prints it and NUT's device dump library (nut-ddl) keeps it: `name: value` lines.
 *
 * Left out: comments, the remarks `#BAD...` and `#COMMENT...` behind a value, lines that are no variable, empty
 * values (dummy-ups 2.8.0 would give them the value of the line before) and `driver.*` (every driver tells its own).
 * A name that comes twice has its last value.
 */
export function parseDump(text: string): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const [, name, rest] = NAME_AND_VALUE.exec(line) ?? [];
    if (name === undefined || rest === undefined || name.startsWith('driver.')) continue;
    const value = rest.replace(REVIEWER_REMARK, '');
    if (value.trim() !== '') variables[name] = value;
  }
  return variables;
}

/**
 * A `.dev` file from which dummy-ups reads exactly these values back.
 *
 * It parses a value like a line of configuration, so every value is quoted and `"`, `\` and `#` are escaped. NUT
 * itself still cuts values at 127 characters and drops whatever is not ASCII.
 */
export function devFile(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .filter(([name, value]) => value !== '' && !name.startsWith('driver.'))
    .map(([name, value]) => `${name}: ${quoted(value)}\n`)
    .join('');
}

/** A word in NUT's configuration syntax, which its driver sockets and its network protocol share. */
export function quoted(value: string): string {
  return `"${value.replace(/["\\#]/g, '\\$&')}"`;
}
