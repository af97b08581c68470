/** Whether two plain values say the same. Absent and undefined are the same. */
export function isAlike<T>(one: unknown, other: T): one is T {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  const [before, after] = [one as Fields, other as Fields]; // any object can be looked into by key
  for (const key in after) if (!isAlike(before[key], after[key])) return false;
  for (const key in before) if (before[key] !== undefined && after[key] === undefined) return false;
  return true;
}

type Fields = Readonly<Record<string, unknown>>;

/** The value before where the new one says the same, so that "nothing has changed" is one comparison for everybody after. */
export const alikeOr = <T>(before: T | undefined, now: T): T => (isAlike(before, now) ? before : now);
