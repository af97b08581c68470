/** What can be done to the UPSes of one scenario, and to their upsd. */
export interface Scene {
  /** Begins the count of seconds. Called right before what is printed bold, at most once; else the start of both is it. */
  fault(): void;
  /** Changes variables of a UPS; by default of the only one. */
  set(variables: Variables, ups?: Feed): Promise<void>;
  killDriver(ups?: Feed): Promise<void>;
  /** Starts its driver again, with these variables. */
  startDriver(variables: Variables): Promise<void>;
  freezeDriver(): void;
  /** Only with `ownServer`. A driver of NUT 2.8.0 whose upsd is gone takes a whole core: kill it too where upsd stays away. */
  killServer(): Promise<void>;
  startServer(): Promise<void>;
  /** Another client sets FSD. */
  forceShutdown(): Promise<void>;
  /** Until upsmon has just looked: nothing shorter than 5 s after it shows to it. */
  upsmonHasLooked(): Promise<void>;
  wait(seconds: number): Promise<void>;
}

/** By name; an empty text takes one away. */
export type Variables = Readonly<Record<string, string>>;
/** Which of two UPSes. */
type Feed = 'a' | 'b';
/** Seconds after the fault, at least and at most. */
type Span = readonly [from: number, to: number];

/** One fault, and what each of the two makes of it. */
export interface Scenario {
  /** Name of its group, and of its UPS or the beginning of the names of its two. */
  readonly id: string;
  /** The first column of the table. Seconds count from what is bold. */
  readonly name: string;
  /** What its UPSes say at the start; default: one, on mains and without any gauge. */
  readonly start?: Variables;
  /** Two UPSes of which one is enough. */
  readonly pair?: boolean;
  /** An upsd of its own, because something happens to it. */
  readonly ownServer?: boolean;
  /** Counted for nothing: powervalue 0 there, in no group here. */
  readonly watchOnly?: boolean;
  readonly play: (scene: Scene) => Promise<void>;
  readonly upsmon: 'never' | Span;
  readonly ours: 'never' | Decided;
  /** Why it differs, or that it is the same. */
  readonly choice: string;
}

export interface Decided {
  readonly within: Span;
  readonly by: string;
  /** The mains call it off again. */
  readonly calledOff?: boolean;
  /** Too late to be waited for: it is read off what the group says would fire next, and when. */
  readonly inSight?: boolean;
}

/** A decision of ours by one trigger, so many seconds after the fault. */
export const by = (trigger: string, from: number, to: number): Decided => ({ within: [from, to], by: trigger });

/** It looks every 5 s and waits another 5 (FINALDELAY) between its decision and SHUTDOWNCMD. */
export const SOON: Span = [4.5, 14];
/** DEADTIME (15 s) after its last good look, at its next one, and FINALDELAY. */
export const DEAD: Span = [14, 29];
export const LOW = by('low_battery', 4.5, 10);
export const SILENT = by('dead', 14, 20);
export const SAME = 'same';
const STATUS = 'ups.status';
export const status = (words: string): Variables => ({ [STATUS]: words });

/** A status that comes and stays. */
export const becomes =
  (words: string) =>
  async (scene: Scene): Promise<void> => {
    scene.fault();
    await scene.set(status(words));
  };

/** A status that comes and stays, and moves neither of the two. */
export const unmoved = (id: string, name: string, words: string, start?: Variables): Scenario => ({
  id,
  name,
  ...(start === undefined ? {} : { start }),
  play: becomes(words),
  upsmon: 'never',
  ours: 'never',
  choice: SAME,
});

/** A status that comes, and the driver that goes. */
export const losesDriver =
  (words: string, after: number) =>
  async (scene: Scene): Promise<void> => {
    await scene.set(status(words));
    await scene.wait(after);
    scene.fault();
    await scene.killDriver();
  };

/** The gauges of a UPS with plenty of everything. */
export const HOUR = { 'battery.charge': '100', 'battery.runtime': '3600' };

/** Loses 90 points in 55 s. */
export async function discharges(scene: Scene): Promise<void> {
  for (let charge = 100; charge > 10; charge -= 9) {
    await scene.wait(5);
    await scene.set({ 'battery.charge': String(charge - 9) });
  }
}

/** The UPSes of a scenario, by their names at upsd. */
export const upsOf = ({ id, pair }: Scenario): readonly string[] => (pair ? [`${id}_a`, `${id}_b`] : [id]);

/** What came: nothing at all where there is no `after`. */
export interface Answer {
  /** Seconds since the fault. */
  readonly after?: number;
  readonly by?: string;
  readonly calledOff?: boolean;
  readonly inSight?: boolean;
}

const spanCell = ([from, to]: Span): string => `${from} to ${to} s`;

/** What came, as the cell that was expected where it lies within it. */
const measured = (after: number, span: Span | undefined): string =>
  span !== undefined && after >= span[0] && after <= span[1] ? spanCell(span) : `after ${after.toFixed(1)} s`;

/** The cell of upsmon: what came, or, without that, what is expected. */
export function upsmonCell(came: Answer | undefined, { upsmon }: Scenario): string {
  const span = upsmon === 'never' ? undefined : upsmon;
  if (came === undefined) return span === undefined ? 'never' : spanCell(span);
  return came.after === undefined ? 'never' : measured(came.after, span);
}

/** The cell of this program: what came, or, without that, what is expected. */
export function oursCell(came: Answer | undefined, { ours }: Scenario): string {
  const expected = ours === 'never' ? undefined : ours;
  const shown: Answer | undefined =
    came ?? (expected === undefined ? undefined : { ...expected, after: expected.within[0] });
  if (shown?.after === undefined) return 'never';
  const sight = shown.inSight ? 'in sight: ' : '';
  const end = shown.calledOff ? ', then called off' : '';
  return `${sight}${measured(shown.after, expected?.within)}, \`${shown.by}\`${end}`;
}

/** A row of the table. */
export const tableRow = (scenario: Scenario): readonly string[] => [
  scenario.name,
  upsmonCell(undefined, scenario),
  oursCell(undefined, scenario),
  scenario.choice,
];

/** Whether both decide or none does, and soon enough one after the other to be called the same. */
export function isSame({ upsmon, ours }: Scenario): boolean {
  if (upsmon === 'never' || ours === 'never') return upsmon === ours;
  return !ours.calledOff && ours.within[0] <= upsmon[1];
}
