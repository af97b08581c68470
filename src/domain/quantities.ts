import { LIMITS } from './limits.ts';
import type { Quantity } from './quantity.ts';
import { PATTERNS, ROWS } from './quantity-rows.ts';

/** Names repeat for every device of a kind, so a few thousand distinct ones is a hostile or broken server: then the memory starts anew. */
const MEMORY = 5000;
const known = new Map<string, Quantity | undefined>();

/** The row of a variable, by name or by pattern; undefined for a variable nobody has described: it is carried through as text. */
export function quantityOf(variable: string): Quantity | undefined {
  if (known.has(variable)) return known.get(variable);
  const row = ROWS.get(variable) ?? fromPattern(variable);
  if (known.size >= MEMORY) known.clear();
  known.set(variable, row);
  return row;
}

function fromPattern(variable: string): Quantity | undefined {
  for (const { match, row } of PATTERNS) {
    const found = match.exec(variable);
    // Every pattern has the groups that its row takes.
    if (found) return row(`${found[1]}`, `${found[2]}`);
  }
  return undefined;
}

/** Every variable that has a row of its own, in the order of the table. */
export const NAMED_QUANTITIES: readonly string[] = [...ROWS.keys()];

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)$/;

/**
 * The number a text is, or undefined. No exponents (NUT forbids them), no units, no hex, nothing beyond what a
 * measurement can be: some units answer with 255 digits.
 */
export function numberOf(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed.length > 32 || !DECIMAL.test(trimmed)) return undefined;
  const value = Number(trimmed);
  return Math.abs(value) > LIMITS.number ? undefined : value;
}

/** The number of a variable for judgement: inside the plausible range and no sentinel. Undefined is "absent", never zero. */
export function plausible(variable: string, text: string): number | undefined {
  const row = quantityOf(variable);
  if (row?.kind !== 'number') return undefined;
  const value = numberOf(text);
  if (value === undefined) return undefined;
  if (row.min !== undefined && value < row.min) return undefined;
  if (row.max !== undefined && value > row.max) return undefined;
  return row.sentinels?.includes(value) ? undefined : value;
}
