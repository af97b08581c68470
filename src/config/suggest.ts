/**
 * The known word that a mistyped one most likely means, or undefined where none is near.
 *
 * Near is at most two slips (a letter too many, too few, wrong, or two swapped), and at most one in three letters.
 */
export function suggest(word: string, known: readonly string[]): string | undefined {
  const typed = simplified(word);
  const most = Math.min(2, Math.floor(typed.length / 3));
  let best: { readonly word: string; readonly slips: number } | undefined;
  for (const candidate of known) {
    const slips = slipsBetween(typed, simplified(candidate), most);
    if (slips <= most && (best === undefined || slips < best.slips)) best = { word: candidate, slips };
  }
  return best?.word;
}

/** `Client-ID` and `clientId` mean `client_id`. */
const simplified = (word: string): string => word.toLowerCase().replace(/[-_ ]/g, '');

/** Optimal string alignment distance (Damerau and Levenshtein, no part edited twice); anything above `most` is `most + 1`. */
function slipsBetween(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let [beforeLast, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          at(last, column) + 1,
          at(current, column - 1) + 1,
          at(last, column - 1) + (same ? 0 : 1),
          swapped ? at(beforeLast, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    [beforeLast, last] = [last, current];
  }
  return Math.min(at(last, b.length), most + 1);
}

const at = (row: readonly number[], column: number): number => row[column] ?? Number.POSITIVE_INFINITY;
