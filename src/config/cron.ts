/** What each field of a cron expression may hold, in their order. */
const FIELDS = [
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day of the month', least: 1, most: 31 },
  { name: 'month', least: 1, most: 12 },
  { name: 'day of the week', least: 0, most: 7 },
] as const;

/**
 * What is wrong with a cron expression, or undefined where nothing is.
 *
 * Five fields of numbers, `*`, ranges, lists and steps: what every cron understands alike. Names and more fields are
 * where they differ.
 */
export function cronProblem(text: string): string | undefined {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== FIELDS.length) {
    return 'write five fields: minute, hour, day of the month, month, day of the week';
  }
  for (const [index, { name, least, most }] of FIELDS.entries()) {
    const fits = (fields[index] ?? '').split(',').every((part) => isPart(part, least, most));
    if (!fits)
      return `the ${name} must be *, numbers from ${least} to ${most}, ranges such as 1-5, or steps such as */2`;
  }
  return undefined;
}

/** A star, a number, or a range; a star and a range may have a step behind a slash. */
function isPart(part: string, least: number, most: number): boolean {
  const [, all, from, to, step] = /^(?:(\*)|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part) ?? [];
  if (all === undefined && from === undefined) return false;
  if (step !== undefined && (Number(step) < 1 || Number(step) > most || (all === undefined && to === undefined))) {
    return false;
  }
  const [first, last] = [Number(from ?? least), Number(to ?? from ?? most)];
  return least <= first && first <= last && last <= most;
}
