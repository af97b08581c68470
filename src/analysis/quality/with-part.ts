/**
 * A value with one part of it replaced, or taken out where the new part is undefined. The very same value where the part
 * is what it was, so that "nothing has changed" is one comparison all the way up.
 */
export function withPart<T extends object, K extends keyof T>(whole: T, key: K, part: T[K] | undefined): T {
  if (whole[key] === part) return whole;
  if (part !== undefined) return { ...whole, [key]: part };
  const { [key]: _, ...rest } = whole;
  return rest as T; // only optional parts are ever undefined
}
