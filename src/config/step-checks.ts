import { stepNames } from '../shutdown/schema.ts';
import type { Path } from './problem.ts';
import { listOf, mappingOf, textsOf } from './tree.ts';
import { type Misfit, noSuch } from './wording.ts';

/** One entry of a list of steps, as the file has it. */
export interface StepEntry {
  /** Of the block. */
  readonly path: Path;
  /** Empty where the entry is no mapping. */
  readonly kind: string;
  readonly block: Readonly<Record<string, unknown>>;
  /** As given or as made from the kind. */
  readonly name: string;
}

/** The entries of a list of steps, sound or not. */
export function stepEntries(list: unknown, path: Path): readonly StepEntry[] {
  const entries = listOf(list).map((entry, index) => {
    const [kind = ''] = Object.keys(mappingOf(entry));
    const block = mappingOf(mappingOf(entry)[kind]);
    const { name } = block;
    return { path: [...path, index, kind], kind, block, ...(typeof name === 'string' && { name }) };
  });
  const names = stepNames(entries);
  return entries.map((entry, index) => ({ ...entry, name: names[index] ?? entry.kind }));
}

/** Checks that each name is there once, and that what `after` names is there and does not wait in a circle. */
export function stepChecks(
  entries: readonly StepEntry[],
  show: (path: Path, value: unknown) => string,
): readonly Misfit[] {
  const names = entries.map(({ name }) => name);
  const known = entries.filter((entry) => isOpen(labelOf(entry, show), entry.name)).map(({ name }) => name);
  const labels = new Map(entries.map((entry) => [entry.name, labelOf(entry, show)]));
  const waits = new Map(entries.map(({ name, block }) => [name, textsOf(block['after']).map(([, other]) => other)]));
  return entries.flatMap(({ path, block, name }, index) => {
    const twice = names.indexOf(name) < index;
    const unknown = textsOf(block['after']).flatMap(([at, other]) => {
      const place = [...path, 'after', at];
      return names.includes(other) ? [] : [{ path: place, ...noSuch('step', other, known, show(place, other)) }];
    });
    const circle = twice ? undefined : circleFrom(name, waits);
    return [
      ...(twice ? [{ path: [...path, 'name'], message: 'is the name of an earlier step as well' }] : []),
      ...unknown,
      ...(circle === undefined
        ? []
        : [
            {
              path: [...path, 'after'],
              message: `waits for itself: ${circle.map((one) => labels.get(one)).join(', ')}`,
            },
          ]),
    ];
  });
}

/** The name of a step for people: one that came out of secrets.yaml is not told. */
const labelOf = ({ path, block, name }: StepEntry, show: (path: Path, value: unknown) => string): string =>
  block['name'] === undefined ? JSON.stringify(name) : show([...path, 'name'], name);

/** Whether a name that is there may be told. */
export const isOpen = (label: string, name: unknown): name is string => label === JSON.stringify(name);

/** The way from a step back to itself, or undefined where there is none. */
function circleFrom(start: string, waits: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const seen = new Set<string>();
  const ways = [[start]];
  for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
    for (const next of waits.get(way.at(-1) ?? start) ?? []) {
      if (next === start) return [...way, start];
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return undefined;
}
