import type { EventCount, GridQuality, Nominal, Quality, Standing } from '../domain/quality.ts';
import { secondsOf, wallText } from './moments.ts';

/**
 * The retained object of the power quality of one device: every key always there, `null` for what is not known. Spans in seconds.
 *
 * @param seesMains whether the device is heard and on mains: else nothing is known of their voltage and frequency
 */
export function qualityPayload(quality: Quality, seesMains: boolean): string {
  const { since, nominal, band, counters, grid } = quality;
  return JSON.stringify({
    since: since === undefined ? null : wallText(since),
    nominal_voltage: nominalData(nominal.voltage),
    nominal_frequency: nominalData(nominal.frequency),
    band:
      band === undefined
        ? null
        : { low: band.low, high: band.high, severe_low: band.severeLow, severe_high: band.severeHigh },
    voltage: seesMains ? standingData(quality.voltage) : null,
    frequency: seesMains ? standingData(quality.frequency) : null,
    avr: standingData(quality.avr),
    bypass: standingData(quality.bypass),
    overload: standingData(quality.overload),
    sags: countData(counters.sags),
    swells: countData(counters.swells),
    interruptions: countData(counters.interruptions),
    frequency_deviations: countData(counters.frequencyDeviations),
    grid: { day: gridData(grid.day), week: gridData(grid.week) },
  });
}

/** What of it goes out at once: the states. Counters and scores wait. */
export const qualityStates = ({ voltage, frequency, avr, bypass, overload }: Quality): string =>
  [voltage, frequency, avr, bypass, overload].map((standing) => standing?.state ?? '').join();

const nominalData = (nominal: Nominal | undefined) => nominal ?? null;

const standingData = (standing: Standing<string> | undefined) =>
  standing === undefined ? null : { state: standing.state, since: wallText(standing.sinceWall) };

const countData = ({ count, totalMs, longestMs }: EventCount) => ({
  count,
  total: secondsOf(totalMs),
  longest: secondsOf(longestMs),
});

function gridData(grid: GridQuality | undefined) {
  if (grid === undefined) return null;
  const { grade, score, observedMs, outsideMs, events, interruptions } = grid;
  return { grade, score, observed: secondsOf(observedMs), outside: secondsOf(outsideMs), events, interruptions };
}
