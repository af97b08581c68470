import type { Reading } from '../../domain/reading.ts';
import { DAY, HOUR } from './step.ts';

/** Years a lead battery lives in a UPS. Makers say three to five. */
const EXPECTED_YEARS = 4;
export const EXPECTED_LIFE = EXPECTED_YEARS * 365.25 * DAY;
/** A device whose battery is older has never been told of the new one. */
const OLDEST = 10 * 365.25 * DAY;

/** When a battery was put in, and who says so. */
export interface Installed {
  /** Milliseconds since 1970. */
  readonly wall: number;
  readonly by: 'configuration' | 'device';
}

/**
 * When the battery was put in: as the configuration says, else the date of its last change, else that of its making.
 * Absent where nobody says it, in the future, and beyond ten years where only the device says it.
 *
 * @see NUT docs/nut-names.txt, battery.date and battery.mfr.date
 */
export function installedAt(reading: Reading, configured: number | undefined, wall: number): Installed | undefined {
  const isPast = (date: number | undefined): date is number => date !== undefined && date <= wall + DAY;
  if (isPast(configured)) return { wall: configured, by: 'configuration' };
  const told = ['battery.date', 'battery.mfr.date'].map((name) => dateOf(reading.variables.get(name) ?? ''));
  const date = told.find((one) => isPast(one) && one > wall - OLDEST);
  return date === undefined ? undefined : { wall: date, by: 'device' };
}

/** 100 for a new battery down to 0 at the end of its expected life. */
export const ageTerm = (installed: number, wall: number): number =>
  Math.max(0, Math.min(100, Math.round(100 * (1 - (wall - installed) / EXPECTED_LIFE))));

/**
 * A date as devices write it, as noon UTC in milliseconds since 1970: `2019/10/11`, `2019-10-11`, `10/11/19` and
 * `10/11/2019` with the month first unless it cannot be one. Undefined for anything else: `not set`, `CPS`, `4158/00/03`.
 */
export function dateOf(text: string): number | undefined {
  const [, year, middle, day] = /^(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})(?!\d)/.exec(text) ?? [];
  if (year !== undefined) return dayOf(Number(year), Number(middle), Number(day));
  const [, first, second, short] = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{2}|\d{4})$/.exec(text) ?? [];
  if (short === undefined) return undefined;
  const [one, other] = [Number(first), Number(second)];
  const [month, date] = one > 12 ? [other, one] : [one, other];
  return dayOf(short.length === 4 ? Number(short) : wholeYear(Number(short)), month, date);
}

/** A year of two digits: devices of the nineties are still about. */
const wholeYear = (year: number): number => (year >= 70 ? 1900 : 2000) + year;

function dayOf(year: number, month: number, day: number): number | undefined {
  const wall = Date.UTC(year, month - 1, day) + 12 * HOUR;
  // A day that its month does not have is one of another month.
  const isDay = year >= 1980 && year < 2100 && new Date(wall).getUTCMonth() === month - 1;
  return isDay ? wall : undefined;
}
