/** What is remembered of the power quality of one device. */
export interface Quality {
  readonly counters: Readonly<Record<string, number>>;
}

export const NO_QUALITY: Quality = { counters: {} };
