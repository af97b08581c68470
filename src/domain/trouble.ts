/** Why a device or its server tells nothing we can use. */
export type TroubleKind =
  | 'unreachable'
  | 'timed-out'
  | 'driver-not-connected'
  | 'data-stale'
  | 'unknown-ups'
  | 'access-denied'
  | 'malformed'
  | 'waiting'
  | 'refused';

export interface Trouble {
  readonly kind: TroubleKind;
  /** What was seen, for people: an error code, an errno text, the beginning of a line. At most 200 characters, no secrets. */
  readonly detail: string;
}

/** What each trouble means, as a sentence part after the name of the device or server. */
export const TROUBLE_TEXT: Readonly<Record<TroubleKind, string>> = {
  unreachable: 'cannot be reached',
  'timed-out': 'does not answer in time',
  'driver-not-connected': 'has no driver connected',
  'data-stale': 'gives only stale data',
  'unknown-ups': 'is not known to its server',
  'access-denied': 'denies access',
  malformed: 'sends what is not the protocol',
  waiting: 'has a driver that is still starting',
  refused: 'refuses to answer',
};

export const TROUBLE_KINDS = Object.keys(TROUBLE_TEXT) as readonly TroubleKind[]; // keys of a total record over the union
