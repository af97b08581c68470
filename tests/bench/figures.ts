/** One thing that is measured, and what it shall be at most. */
export interface Figure {
  readonly what: string;
  /** How many UPSes, or hosts. */
  readonly size: number;
  readonly unit: 's' | 'ms' | '%' | 'MB' | 'x';
  readonly measured: number;
  /** Absent: told for information. */
  readonly target?: number;
}

export const isMissed = ({ measured, target }: Figure): boolean => target !== undefined && measured > target;

/** The middle one; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}

/**
 * Two runs of the same measurements, the better of each figure.
 *
 * Whatever else a machine does makes these figures worse and never better, so the best of several runs is the nearest
 * to the truth.
 */
export function better(first: readonly Figure[], second: readonly Figure[]): readonly Figure[] {
  return first.map((one, index) => {
    const other = second[index];
    return other !== undefined && other.measured < one.measured ? other : one;
  });
}

/**
 * The figures as a Markdown table.
 *
 * @param counted what `size` counts
 */
export function table(figures: readonly Figure[], counted: string): string {
  const rows = figures.map(({ what, size, unit, measured, target }) => [
    what,
    size.toLocaleString('en'),
    text(measured, unit),
    target === undefined ? '' : text(target, unit),
    target === undefined ? '' : (measured / target).toFixed(2),
  ]);
  const header = ['what', counted, 'measured', 'target', 'ratio'];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}

function text(value: number, unit: Figure['unit']): string {
  const digits = unit === 's' ? 3 : unit === 'MB' ? 0 : 2;
  return `${value.toFixed(digits)} ${unit}`;
}
