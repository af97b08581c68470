/** What is remembered of the battery of one device. */
export interface Battery {
  /** The class of the last self-test that ended. */
  readonly lastTest?: { readonly result: 'passed' | 'failed'; readonly wall: number };
}

export const NO_BATTERY: Battery = {};
