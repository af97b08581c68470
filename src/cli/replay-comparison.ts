import type { Stamp } from '../domain/time.ts';
import type { Happening } from '../runtime/happenings.ts';

/** The same decision on both sides, or one that only one of them took. */
interface Row {
  readonly recorded?: Happening;
  readonly other?: Happening;
}

/**
 * The decisions of two replays side by side, in the order of time, and a last line that says whether they differ.
 *
 * The n-th decision of a kind about a group or device is taken for the n-th of the other side, whenever it came.
 *
 * @param begun where offsets count from
 */
export function comparison(
  recorded: readonly Happening[],
  other: readonly Happening[],
  begun: Stamp,
): readonly string[] {
  const rows = paired(recorded, other);
  if (rows.length === 0) return ['neither configuration decides anything'];
  const differing = rows.filter((row) => differenceOf(row) !== undefined).length;
  const end = differing === 0 ? 'both decide the same' : `${differing} of ${rows.length} decisions differ`;
  return [`recorded    other      decision`, ...rows.map((row) => lineOf(row, begun)), end];
}

function paired(recorded: readonly Happening[], other: readonly Happening[]): readonly Row[] {
  const rows = new Map<string, Row>();
  const counts = new Map<string, number>();
  const put = (side: keyof Row, happening: Happening) => {
    const subject = `${happening.what} ${happening.about ?? ''}`;
    const count = (counts.get(`${side} ${subject}`) ?? 0) + 1;
    counts.set(`${side} ${subject}`, count);
    const key = `${count} ${subject}`;
    rows.set(key, { ...rows.get(key), [side]: happening });
  };
  for (const happening of recorded) put('recorded', happening);
  for (const happening of other) put('other', happening);
  return [...rows.values()].toSorted((a, b) => wallOf(a) - wallOf(b));
}

const wallOf = ({ recorded, other }: Row): number =>
  Math.min(recorded?.stamp.wall ?? Number.POSITIVE_INFINITY, other?.stamp.wall ?? Number.POSITIVE_INFINITY);

/** What is different, in words; undefined where nothing is. */
function differenceOf({ recorded, other }: Row): string | undefined {
  if (recorded === undefined) return 'only with the other configuration';
  if (other === undefined) return 'only as recorded';
  const late = (other.stamp.wall - recorded.stamp.wall) / 1000;
  if (late !== 0) return `the other ${Math.abs(late).toFixed(1)} s ${late > 0 ? 'later' : 'earlier'}`;
  return recorded.text === other.text ? undefined : `the other: ${other.text}`;
}

function lineOf(row: Row, begun: Stamp): string {
  const { recorded, other } = row;
  const shown = recorded ?? other;
  if (shown === undefined) return '';
  const difference = differenceOf(row);
  const moments = [recorded, other].map((side) => momentOf(side, begun).padEnd(11)).join('');
  const about = shown.about === undefined ? '' : ` ${shown.about}`;
  return `${moments}${difference === undefined ? ' ' : '!'} ${shown.what}${about}: ${shown.text}${difference === undefined ? '' : ` [${difference}]`}`;
}

const momentOf = (happening: Happening | undefined, begun: Stamp): string =>
  happening === undefined ? '-' : `+${((happening.stamp.wall - begun.wall) / 1000).toFixed(1)}s`;
