import { feedOf } from '../../domain/flags.ts';
import { numberIn, type Reading } from '../../domain/reading.ts';

/**
 * What a status proves about the mains. `both` is OB beside OL; undefined is a status that proves nothing: an empty
 * one, words nobody knows, or LB, RB, OFF, OVER, ALARM, CHRG, DISCHRG, TEST and CAL alone.
 */
export function proofOf({ flags }: Reading): 'mains' | 'battery' | 'both' | undefined {
  const feed = feedOf(flags);
  return feed === 'battery' && flags.includes('OL') ? 'both' : feed;
}

/** Lowest nominal voltage of any grid. Taken where a device does not tell its own: 10 % of it is no voltage anywhere. */
const LOWEST_NOMINAL = 100;

/** Whether a device measures that nothing comes in: less than a tenth of the nominal voltage. False where it measures nothing. */
export function isUnfed(reading: Reading): boolean {
  const volts = numberIn(reading, 'input.voltage');
  if (volts === undefined) return false;
  return volts < Math.max(numberIn(reading, 'input.voltage.nominal') ?? 0, LOWEST_NOMINAL) / 10;
}

/** Whether a reading is of a runtime calibration, which empties the battery on purpose. Not believed while nothing comes in. */
export const isCalibrating = (reading: Reading): boolean => reading.flags.includes('CAL') && !isUnfed(reading);

/**
 * Whether the input is below what the device transfers to battery at; false where either is not told.
 *
 * @see NUT docs/nut-names.txt, input.transfer.low
 */
export function isBelowTransfer(reading: Reading): boolean {
  const volts = numberIn(reading, 'input.voltage');
  const low = numberIn(reading, 'input.transfer.low');
  return isUnfed(reading) || (volts !== undefined && low !== undefined && volts < low);
}
