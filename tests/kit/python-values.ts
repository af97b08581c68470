/**
 * A Python value as Home Assistant's templates see it.
 *
 * `bigint` is Python's int and `number` its float, because `1` and `1.0` render differently; a `Map` is a dict.
 */
export type PyValue = null | boolean | bigint | number | string | readonly PyValue[] | ReadonlyMap<string, PyValue>;

const NUMBER_TAG = '\u0000number';
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const PYTHON_FLOAT = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;
const PYTHON_INT = /^\s*[+-]?\d+\s*$/;

/**
 * Reads JSON as Home Assistant's parser (orjson) does: whole numbers are ints while they fit 64 bits, all others floats.
 *
 * @returns undefined where the text is no JSON; Home Assistant then gives the template no `value_json`
 */
export function pyFromJson(text: string): PyValue | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  // JSON.parse forgets whether a number was written 1 or 1.0, so numbers are wrapped with their spelling first.
  const tagged = text.replace(STRING_OR_NUMBER, (part) =>
    part.startsWith('"') ? part : JSON.stringify({ [NUMBER_TAG]: part }),
  );
  return fromTagged(JSON.parse(tagged));
}

function fromTagged(value: unknown): PyValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(fromTagged);
  if (typeof value !== 'object') throw new Error(`not a tagged JSON value: ${String(value)}`);
  const entries: readonly (readonly [string, unknown])[] = Object.entries(value);
  const [first] = entries;
  if (first?.[0] === NUMBER_TAG) return pyNumber(String(first[1]));
  return new Map(entries.map(([key, inner]) => [key, fromTagged(inner)]));
}

function pyNumber(spelling: string): bigint | number {
  if (!/^-?\d+$/.test(spelling)) return Number(spelling);
  const whole = BigInt(spelling);
  return whole >= -(2n ** 63n) && whole < 2n ** 64n ? whole : Number(spelling);
}

/** Python's `str()`: None, True, 1.0, 1e+16, `['a', 1]`. */
export function pyString(value: PyValue): string {
  return typeof value === 'string' ? value : pyRepr(value);
}

function pyRepr(value: PyValue): string {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return floatRepr(value);
  if (typeof value === 'string') return stringRepr(value);
  if (isDict(value)) return `{${[...value].map(([key, inner]) => `${stringRepr(key)}: ${pyRepr(inner)}`).join(', ')}}`;
  return `[${value.map(pyRepr).join(', ')}]`;
}

/** Python writes an exponent below 1e-4 and from 1e16 on, JavaScript at other places; the digits are the same. */
function floatRepr(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const [digits = '', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const places = Math.max(1, digits.replace(/^-?\d\.?/, '').length - exponent);
  return exponent < 0 ? value.toFixed(places) : withPoint(String(value));
}

function withPoint(digits: string): string {
  return digits.includes('.') ? digits : `${digits}.0`;
}

function stringRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll(quote, `\\${quote}`)
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  return `${quote}${escaped}${quote}`;
}

/** Whether the value is a dict. */
export function isDict(value: unknown): value is ReadonlyMap<string, PyValue> {
  return value instanceof Map;
}

/** Python's `bool()`. */
export function pyTruth(value: PyValue): boolean {
  if (isDict(value)) return value.size > 0;
  if (typeof value === 'string' || Array.isArray(value)) return value.length > 0;
  return Boolean(value);
}

/** Python's `==`: 1, 1.0 and True are equal, a number never equals a string. */
export function pyEquals(left: PyValue, right: PyValue): boolean {
  if (isDict(left)) {
    if (!isDict(right) || left.size !== right.size) return false;
    return [...left].every(([key, inner]) => {
      const other = right.get(key);
      return other !== undefined && pyEquals(inner, other);
    });
  }
  if (isList(left)) {
    return (
      isList(right) && left.length === right.length && left.every((inner, at) => pyEquals(inner, right[at] ?? null))
    );
  }
  const [a, b] = [asNumber(left), asNumber(right)];
  // Deliberately loose: == between a bigint and a number compares exactly, as Python does.
  // biome-ignore lint/suspicious/noDoubleEquals: 1n == 1 must hold and both sides are numbers here
  if (a !== undefined && b !== undefined) return a == b;
  return left === right;
}

/** The value where Python counts it as a number (a bool is 0 or 1), else undefined. */
export function asNumber(value: PyValue): bigint | number | undefined {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  return typeof value === 'bigint' || typeof value === 'number' ? value : undefined;
}

/** Whether the value is a list. `Array.isArray` alone does not narrow a readonly array. */
export function isList(value: unknown): value is readonly PyValue[] {
  return Array.isArray(value);
}

/** Python's `float()`, of finite numbers only; undefined where it raises. */
export function pyFloat(value: PyValue): number | undefined {
  if (typeof value === 'string') return PYTHON_FLOAT.test(value) ? Number(value) : undefined;
  const number = asNumber(value);
  return number === undefined ? undefined : Number(number);
}

/** What Jinja's `int` filter makes of the value: `int(x)`, else `int(float(x))`; undefined where both raise. */
export function pyInt(value: PyValue): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'string' && PYTHON_INT.test(value)) return BigInt(value.trim().replace(/^\+/, ''));
  const number = pyFloat(value);
  return number === undefined || !Number.isFinite(number) ? undefined : BigInt(Math.trunc(number));
}

/** Jinja's `tojson`: sorted keys, spaces after commas and colons, ASCII only, and HTML's four characters escaped. */
export function pyHtmlSafeJson(value: PyValue): string {
  return jsonText(value, ', ', ': ', true).replace(/[<>&'\u0080-\uffff]/g, unicodeEscape);
}

/** Home Assistant's `to_json`: compact, keys in order, characters as they are. */
export function pyCompactJson(value: PyValue): string {
  return jsonText(value, ',', ':', false);
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function jsonText(value: PyValue, comma: string, colon: string, sorted: boolean): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint' || typeof value === 'number') return pyRepr(value);
  if (isList(value)) return `[${value.map((inner) => jsonText(inner, comma, colon, sorted)).join(comma)}]`;
  const entries = [...value];
  if (sorted) entries.sort(([a], [b]) => (a < b ? -1 : 1));
  const pairs = entries.map(([key, inner]) => `${JSON.stringify(key)}${colon}${jsonText(inner, comma, colon, sorted)}`);
  return `{${pairs.join(comma)}}`;
}
