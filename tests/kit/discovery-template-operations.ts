/** What the operators, filters and tests of Home Assistant's templates do to values; discovery-template.ts reads the syntax. */
import {
  asNumber,
  isDict,
  isList,
  type PyValue,
  pyCompactJson,
  pyEquals,
  pyFloat,
  pyHtmlSafeJson,
  pyInt,
  pyString,
  pyTruth,
} from './python-values.ts';

/** The template cannot be read, or Home Assistant would log about it; the message is the problem. */
export class TemplateProblem extends Error {}

/** Gives the template up. @throws TemplateProblem always */
export function fail(problem: string): never {
  throw new TemplateProblem(problem);
}

/** Jinja's undefined: it may be defaulted or asked about, anything else done to it makes Home Assistant log. */
export class Missing {
  readonly what: string;
  constructor(what: string) {
    this.what = what;
  }
}

/** The value, known to be there. @throws TemplateProblem where it is missing */
export function present(value: PyValue | Missing): PyValue {
  return value instanceof Missing ? fail(`${value.what} is missing`) : value;
}

/** Names that Jinja's `value_json.x` finds on the dict itself before it looks for a key. */
const DICT_METHODS = new Set('clear copy fromkeys get items keys pop popitem setdefault update values'.split(' '));

/** Jinja's `value.name`. */
export function attribute(owner: PyValue, name: string): PyValue | Missing {
  if (isDict(owner) && DICT_METHODS.has(name)) fail(`".${name}" is a method of the dict, write ['${name}']`);
  return item(owner, name);
}

/** Jinja's `value[key]`. */
export function item(owner: PyValue, key: PyValue): PyValue | Missing {
  const missing = new Missing(typeof key === 'string' ? `the key "${key}"` : `the item ${pyString(key)}`);
  if (isDict(owner) && typeof key === 'string') return owner.has(key) ? (owner.get(key) ?? null) : missing;
  if (isList(owner) && typeof key === 'bigint') {
    const entry = owner.at(Number(key));
    return entry === undefined ? missing : entry;
  }
  return missing;
}

/** Python's `needle in hay`. */
export function contains(needle: PyValue, hay: PyValue): boolean {
  if (typeof hay === 'string') {
    return typeof needle === 'string' ? hay.includes(needle) : fail('"in" a string needs a string on its left');
  }
  if (isList(hay)) return hay.some((entry) => pyEquals(entry, needle));
  if (isDict(hay)) {
    if (isDict(needle) || isList(needle)) fail(`a dict cannot have the key ${pyString(needle)}`);
    return typeof needle === 'string' && hay.has(needle);
  }
  return fail(`"in" cannot look into ${pyString(hay)}`);
}

/** Below 0 where left is smaller, above where it is greater. @throws TemplateProblem where Python has no order for them */
export function order(left: PyValue, right: PyValue): number {
  const [a, b] = [asNumber(left), asNumber(right)];
  if (a !== undefined && b !== undefined) return a < b ? -1 : Number(a > b);
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : Number(left > right);
  return fail(`${pyString(left)} and ${pyString(right)} have no order`);
}

/** Tests after `is`, by name. */
export const TESTS: ReadonlyMap<string, (value: PyValue | Missing) => boolean> = new Map<
  string,
  (value: PyValue | Missing) => boolean
>(
  Object.entries({
    none: (value) => present(value) === null,
    defined: (value) => !(value instanceof Missing),
  }),
);

/** A filter: the value and its arguments in order. */
export type Filter = (value: PyValue | Missing, options: readonly PyValue[]) => PyValue | Missing;

function defaulted(value: PyValue | Missing, [fallback = '', alsoFalse = false]: readonly PyValue[]): PyValue {
  if (value instanceof Missing) return fallback;
  return pyTruth(alsoFalse) && !pyTruth(value) ? fallback : value;
}

/** Filters after `|`, by name. */
export const FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>(
  Object.entries({
    default: defaulted,
    d: defaulted,
    tojson: (value) => pyHtmlSafeJson(present(value)),
    to_json: (value) => pyCompactJson(present(value)),
    lower: (value) => pyString(present(value)).toLowerCase(),
    string: (value) => pyString(present(value)),
    int: (value, options) => pyInt(present(value)) ?? numberDefault('int', present(value), options),
    float: (value, options) => pyFloat(present(value)) ?? numberDefault('float', present(value), options),
  }),
);

/** Home Assistant, unlike plain Jinja, refuses a text that is no number unless the filter names a default. */
function numberDefault(filter: string, value: PyValue, [fallback]: readonly PyValue[]): PyValue {
  return fallback === undefined ? fail(`${filter} got ${pyString(value)} and no default`) : fallback;
}
