/** The id of a UPS, PDU or sensor: a slug, unique in this bridge. Comes from the configuration or the NUT name, never from the device. */
export type DeviceId = string;

/** The name of a source as the configuration gives it: a slug. */
export type SourceName = string;

/** The id of a group, as the configuration gives it: a slug. */
export type GroupId = string;

const SLUG = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** Ids that topics and identifiers use themselves; `group_x` would collide with the identifier of group `x`. */
const RESERVED = /^(?:bridge|group|group_.*)$/;

export const isSlug = (text: string): boolean => SLUG.test(text);
export const isReservedId = (text: string): boolean => RESERVED.test(text);

/** The slug nearest to a name from outside. `ups` when nothing of it can be kept. */
export function slugOf(name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '_')
    .replace(/^[_-]+/, '')
    .slice(0, 63);
  return slug === '' ? 'ups' : slug;
}

/** The entity key of a variable: lower case, every run of other characters than letters and digits an underscore. A contract: unique ids hold it. */
export function keyOf(variable: string): string {
  return variable
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_|_$/g, '');
}

/**
 * Whether a name from a device may become a variable: letters, digits, `_`, `-` in parts joined by dots, as every
 * name of NUT's docs/nut-names.txt is. Anything else is dropped by the reader.
 */
export const isVariableName = (name: string): boolean =>
  name.length <= 128 && /^[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)+$/.test(name);
