/** Reads the device dumps of the NUT Devices Dumps Library: `upsc` output with comments. */
import type { UpsDefinition, WritableRule } from './fake-upsd-ups.ts';

/** What the `#RW:` lines of a dump say of one variable. */
export interface DumpRw extends WritableRule {
  readonly variable: string;
}

/** `variables` in the order of the file, UTF-8 as it is, empty values kept; a name that comes again wins. */
export interface Dump {
  readonly variables: ReadonlyMap<string, string>;
  readonly rw: readonly DumpRw[];
  readonly commands: readonly string[];
}

interface Limits {
  type: string | undefined;
  values: string[];
  ranges: [number, number][];
  maxLength: number | undefined;
}

const TAIL = /\s+#(?:BAD|COMMENT)\b.*$/;

/**
 * Parses the text of a `.dev` file.
 *
 * `name: value` lines lose one blank after the colon and their `#BAD` or `#COMMENT` tail, nothing else; lines of
 * another shape are comments.
 */
export function parseDump(text: string): Dump {
  const variables = new Map<string, string>();
  const limits = new Map<string, Limits>();
  const commands = new Set<string>();
  for (const raw of text.split('\n')) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    const [, name, value = ''] = /^([^\s#:][^\s:]*):(?: ?(.*))?$/.exec(line.replace(TAIL, '')) ?? [];
    if (name !== undefined) variables.set(name, value);
    const command = /^#CMD:([^\s#]+)/.exec(line)?.[1];
    if (command !== undefined) commands.add(command);
    const [, variable, kind, rest = ''] = /^#RW:([^\s:#]+)(?::([A-Z]+))?(?::(.*))?$/.exec(line.replace(TAIL, '')) ?? [];
    if (variable !== undefined) noteRw(limits, variable, kind, rest);
  }
  const rw = [...limits].map(([variable, found]) => toRw(variable, found));
  return { variables, rw, commands: [...commands] };
}

/** The dump as a UPS of the fake upsd. Rules for variables that the dump does not list are left out. */
export function dumpUps(dump: Dump, desc?: string): UpsDefinition {
  const rules = dump.rw
    .filter((rule) => dump.variables.has(rule.variable))
    .map(({ variable, ...rule }) => [variable, rule]);
  const { variables, commands } = dump;
  return { variables, commands, rw: Object.fromEntries(rules), ...(desc === undefined ? {} : { desc }) };
}

function noteRw(limits: Map<string, Limits>, variable: string, kind: string | undefined, rest: string): void {
  const found = limits.get(variable) ?? { type: undefined, values: [], ranges: [], maxLength: undefined };
  limits.set(variable, found);
  const [first, second] = [...rest.matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? '');
  if (kind === 'ENUM' && first !== undefined) found.values.push(first);
  else if (kind === 'RANGE' && first !== undefined && second !== undefined) {
    found.ranges.push([Number(first), Number(second)]);
  } else if (kind === 'STRING') {
    found.type = 'STRING';
    if (/^\d+$/.test(rest)) found.maxLength = Number(rest);
  }
}

function toRw(variable: string, { type, values, ranges, maxLength }: Limits): DumpRw {
  return {
    variable,
    ...(type === undefined || maxLength !== undefined ? {} : { type }),
    ...(values.length > 0 ? { enum: values } : {}),
    ...(ranges.length > 0 ? { ranges } : {}),
    ...(maxLength === undefined ? {} : { maxLength }),
  };
}
