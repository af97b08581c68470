/** Where a value lies beside its band. */
export type Side = 'normal' | 'low' | 'high';

/** A band, and how far inside it a value has to come before it counts as back. */
export interface Limits {
  readonly low: number;
  readonly high: number;
  readonly back: number;
}

/** Where a value lies, when it lay on a side before: it leaves at the limit and is back only well inside. */
export function sideOf(before: Side | undefined, value: number, { low, high, back }: Limits): Side {
  if (value < (before === 'low' ? low + back : low)) return 'low';
  if (value > (before === 'high' ? high - back : high)) return 'high';
  return 'normal';
}

/** How far from nominal, for people: "8.2 %". */
export const deviation = (value: number, nominal: number): number =>
  Math.round((Math.abs(value - nominal) / nominal) * 1000) / 10;
