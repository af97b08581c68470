/**
 * Every word of `ups.status` that is known, once.
 *
 * Words come in any order, may repeat, and unknown ones are kept and shown as they came.
 *
 * @see NUT docs/new-drivers.txt, "Status data"; words of the SNMP maps and of drivers up to 2.8.5
 */
export interface FlagRow {
  /** The word as people read it in the status text. The first seventeen are those of Home Assistant's NUT integration. */
  readonly text: string;
  /** Name of its binary sensor; absent for words that say nothing by themselves. */
  readonly sensor?: {
    readonly label: string;
    readonly deviceClass?: string;
    readonly diagnostic: boolean;
    readonly enabled: boolean;
  };
  /** Event when the word appears, event when it goes; NUT's notify names in lower case where upsmon has one. */
  readonly event?: readonly [appears: string, goes: string];
}

const problem = (label: string) => ({ label, deviceClass: 'problem', diagnostic: true, enabled: true });
const diagnostic = (label: string, enabled = false) => ({ label, diagnostic: true, enabled });

export const FLAGS = {
  OL: { text: 'Online' },
  OB: { text: 'On Battery', event: ['onbatt', 'online'] },
  LB: {
    text: 'Low Battery',
    sensor: { label: 'Low battery', deviceClass: 'battery', diagnostic: false, enabled: true },
    event: ['lowbatt', 'notlowbatt'],
  },
  HB: { text: 'High Battery', sensor: problem('High battery'), event: ['highbatt', 'nothighbatt'] },
  RB: { text: 'Battery Needs Replacement', sensor: problem('Replace battery'), event: ['replbatt', 'notreplbatt'] },
  CHRG: {
    text: 'Battery Charging',
    sensor: { label: 'Battery charging', deviceClass: 'battery_charging', diagnostic: true, enabled: true },
  },
  DISCHRG: { text: 'Battery Discharging', sensor: diagnostic('Battery discharging') },
  BYPASS: { text: 'Bypass Active', sensor: problem('Bypass'), event: ['bypass', 'notbypass'] },
  CAL: { text: 'Runtime Calibration', sensor: diagnostic('Calibration'), event: ['cal', 'notcal'] },
  OFF: { text: 'Offline', sensor: problem('Output off'), event: ['off', 'notoff'] },
  OVER: { text: 'Overloaded', sensor: problem('Overload'), event: ['over', 'notover'] },
  TRIM: { text: 'Trimming Voltage', sensor: diagnostic('Trimming voltage'), event: ['trim', 'nottrim'] },
  BOOST: { text: 'Boosting Voltage', sensor: diagnostic('Boosting voltage'), event: ['boost', 'notboost'] },
  FSD: { text: 'Forced Shutdown', sensor: problem('Forced shutdown'), event: ['fsd', 'notfsd'] },
  ALARM: { text: 'Alarm', sensor: problem('Alarm'), event: ['alarm', 'notalarm'] },
  HE: { text: 'ECO Mode', sensor: diagnostic('High-efficiency mode'), event: ['eco', 'noteco'] },
  TEST: { text: 'Battery Testing', sensor: diagnostic('Battery test running', true), event: ['test', 'nottest'] },
  ECO: { text: 'ECO Mode', sensor: diagnostic('ECO mode'), event: ['eco', 'noteco'] },
  ESS: { text: 'Energy Saver Mode', sensor: diagnostic('Energy saver mode'), event: ['eco', 'noteco'] },
  WAIT: { text: 'Waiting for Data' },
  OTHER: { text: 'Other' },
  NULL: { text: 'Unknown' },
} as const satisfies Readonly<Record<string, FlagRow>>;

export type Flag = keyof typeof FLAGS;

export const FLAG_NAMES = Object.keys(FLAGS) as readonly Flag[]; // Object.keys forgets the literal type
const ROWS: ReadonlyMap<string, FlagRow> = new Map(Object.entries(FLAGS));

/** The row of a status word, or undefined for a word nobody knows. */
export const flagRow = (word: string): FlagRow | undefined => ROWS.get(word);

/** Splits `ups.status` into its words: upper case, each once, in the order they came; at most 32. */
export function statusWords(status: string): readonly string[] {
  const words = status.toUpperCase().split(/\s+/).filter(Boolean).slice(0, 32);
  return [...new Set(words)];
}

/** The status for people, "On Battery, Low Battery". Unknown words stand as they came, an empty status is empty. */
export const statusText = (words: readonly string[]): string =>
  words.map((word) => flagRow(word)?.text ?? word).join(', ');

/** Mains or battery as a status says it (OB wins over OL); undefined for words that prove neither. */
export function feedOf(words: readonly string[]): 'mains' | 'battery' | undefined {
  if (words.includes('OB')) return 'battery';
  return MAINS.some((word) => words.includes(word)) ? 'mains' : undefined;
}

const MAINS: readonly Flag[] = ['OL', 'TRIM', 'BOOST', 'ECO', 'HE', 'ESS', 'BYPASS'];

/** Every event a status word can cause, once each. */
export const FLAG_EVENTS: readonly string[] = [...new Set([...ROWS.values()].flatMap((row) => row.event ?? []))];
