import {
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { excessOf } from './nesting.ts';
import type { Path, Position } from './problem.ts';

/** Where one value of the tree stands in the file. */
export interface Place {
  /** Of its key; of the item itself in a list. */
  readonly key: Position;
  readonly value: Position;
  /** Whether its text came by `!secret` or `!env_var`, and so is never shown. */
  readonly tagged: boolean;
}

/** Something wrong with the text itself or what its tags name. */
export interface Finding {
  readonly path: Path;
  readonly at: Position;
  readonly message: string;
  readonly hint?: string;
}

/** A YAML text as plain data, with the place of everything in it. */
export interface Tree {
  /** Mappings are objects without a prototype; an empty text is an empty mapping. */
  readonly value: unknown;
  /** By `placeKey` of the path. */
  readonly places: ReadonlyMap<string, Place>;
  /** What the walk found; the value has stand-ins there. */
  readonly findings: readonly Finding[];
}

/** What a tag stands for, or why it stands for nothing. */
export type Resolved =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly error: { readonly message: string; readonly hint?: string } };

/** How a text is read. */
export interface TreeOptions {
  /** Looks up what `!secret` or `!env_var` names; absent: tags are errors and every value is text, as in secrets.yaml. */
  readonly resolve?: (tag: Tag, text: string) => Resolved;
}

/** The tags that a configuration may use. */
export type Tag = (typeof TAGS)[number];

const TAGS = ['!secret', '!env_var'] as const;

/** Bounds of one text: far above any real configuration, low enough that no text keeps the reader busy. */
const MOST_NODES = 20_000;
const MOST_ALIASES = 100;
const DEEPEST = 32;
const MOST_SYNTAX_ERRORS = 10;

/** The text of a value that could not be looked up. */
const STAND_IN = '***';

/** The key of a path in `Tree.places`. */
export const placeKey = (path: Path): string => JSON.stringify(path);

/**
 * Reads a YAML 1.2 text.
 *
 * @returns a tree, or only findings where the text is no YAML or beyond the bounds. The library's own messages are not
 * passed on: they quote the text, which may be a password.
 */
export function readTree(text: string, options: TreeOptions): Tree {
  const lines = new LineCounter();
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const broken = (findings: readonly Finding[]): Tree => ({ value: undefined, places: new Map(), findings });
  const excess = excessOf(text);
  if (excess !== undefined) return broken([{ path: [], ...excess }]);
  const document = parse(text, lines, options);
  const faults = [...document.errors, ...document.warnings.filter(({ code }) => FAULTY_WARNINGS.includes(code))];
  if (faults.length > 0) {
    const findings = faults.map(({ code, pos }) => ({ path: [], at: position(pos[0]), ...SYNTAX[code] }));
    return broken(findings.slice(0, MOST_SYNTAX_ERRORS));
  }
  const walk = new Walk(options, position);
  try {
    const empty = document.contents === null || (isScalar(document.contents) && document.contents.value === null);
    const value = empty ? Object.create(null) : walk.valueOf(document.contents, [], { line: 1, column: 1 });
    return { value, places: walk.places, findings: walk.findings };
  } catch (error) {
    if (!(error instanceof BeyondBounds)) throw error;
    return broken([{ path: [], at: error.at, message: error.message }]);
  }
}

function parse(text: string, lineCounter: LineCounter, { resolve }: TreeOptions): Document.Parsed {
  return parseDocument(text, {
    lineCounter,
    version: '1.2',
    schema: resolve === undefined ? 'failsafe' : 'core',
    prettyErrors: false,
    stringKeys: true,
    uniqueKeys: false, // the library compares every key with every other; the walk below has a set
    resolveKnownTags: false,
    logLevel: 'error', // at silent it does not tell of a second document
    customTags: resolve === undefined ? [] : TAGS.map((tag) => ({ tag, resolve: (value: string) => value })),
  });
}

/** A text that goes beyond the bounds above. Does not leave this file. */
class BeyondBounds extends Error {
  readonly at: Position;

  constructor(message: string, at: Position) {
    super(message);
    this.at = at;
  }
}

/** Makes plain data of the nodes of one document. */
class Walk {
  readonly places = new Map<string, Place>();
  readonly findings: Finding[] = [];
  readonly #anchors = new Map<string, Node>();
  readonly #options: TreeOptions;
  readonly #position: (offset: number) => Position;
  #nodes = 0;
  #aliases = 0;

  constructor(options: TreeOptions, position: (offset: number) => Position) {
    this.#options = options;
    this.#position = position;
  }

  valueOf(node: unknown, path: Path, key: Position): unknown {
    const at = this.#at(node) ?? key;
    this.#nodes += 1;
    if (this.#nodes > MOST_NODES) throw new BeyondBounds(`has more than ${MOST_NODES} values`, at);
    if (path.length > DEEPEST) throw new BeyondBounds(`is nested deeper than ${DEEPEST} levels`, at);
    if (isAlias(node)) return this.#aliased(node.source, path, key, at);
    const value = this.#plain(node, path, key, at);
    // Only now: an alias inside of what it names must not find it.
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor) this.#anchors.set(node.anchor, node);
    return value;
  }

  #plain(node: unknown, path: Path, key: Position, at: Position): unknown {
    const tagged = isScalar(node) && node.tag !== undefined && this.#tagOf(node.tag) !== undefined;
    this.places.set(placeKey(path), { key, value: at, tagged });
    if (isMap(node)) return this.#mapping(node, path);
    if (isSeq(node)) return node.items.map((item, index) => this.valueOf(item, [...path, index], this.#at(item) ?? at));
    return isScalar(node) ? this.#scalar(node, path, at) : null;
  }

  #aliased(anchor: string, path: Path, key: Position, at: Position): unknown {
    this.#aliases += 1;
    if (this.#aliases > MOST_ALIASES) throw new BeyondBounds(`has more than ${MOST_ALIASES} aliases`, at);
    const named = this.#anchors.get(anchor);
    if (named !== undefined) return this.valueOf(named, path, key);
    this.places.set(placeKey(path), { key, value: at, tagged: false });
    this.#find(path, at, 'an alias must follow the anchor that it names', 'a text that begins with * needs quotes');
    return STAND_IN;
  }

  #mapping(node: YAMLMap<unknown, unknown>, path: Path): unknown {
    const mapping: Record<string, unknown> = Object.create(null);
    const lines = new Map<string, number>();
    for (const pair of node.items) {
      const [name, at] = this.#keyOf(pair);
      const before = lines.get(name);
      if (before !== undefined) {
        this.#find([...path, name], at, `is given twice: it is already on line ${before}`);
        continue;
      }
      lines.set(name, at.line);
      const value = this.valueOf(pair.value, [...path, name], at);
      // A schema skips this one key without a word.
      if (name === '__proto__') this.#find([...path, name], at, 'unknown key');
      else mapping[name] = value;
    }
    return mapping;
  }

  #keyOf({ key }: Pair<unknown, unknown>): readonly [string, Position] {
    const at = this.#at(key) ?? { line: 1, column: 1 };
    return [isScalar(key) ? String(key.value) : '', at];
  }

  #scalar(node: Scalar, path: Path, at: Position): unknown {
    const tag = node.tag === undefined ? undefined : this.#tagOf(node.tag);
    if (tag === undefined || this.#options.resolve === undefined) return node.value;
    const resolved = this.#options.resolve(tag, String(node.value));
    if (resolved.ok) return resolved.value;
    this.#find(path, at, resolved.error.message, resolved.error.hint);
    return STAND_IN;
  }

  #tagOf(tag: string): Tag | undefined {
    return TAGS.find((known) => known === tag);
  }

  #at(node: unknown): Position | undefined {
    const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined;
    return range ? this.#position(range[0]) : undefined;
  }

  #find(path: Path, at: Position, message: string, hint?: string): void {
    this.findings.push({ path, at, message, ...(hint !== undefined && { hint }) });
  }
}

/** What the library only warns of, but would be read as something else than it says. */
const FAULTY_WARNINGS: readonly ErrorCode[] = ['TAG_RESOLVE_FAILED', 'BAD_COLLECTION_TYPE'];

const quotes = 'put the text in quotes';

/** What each error of the library means to whoever wrote the file. */
const SYNTAX: Readonly<Record<ErrorCode, { readonly message: string; readonly hint?: string }>> = {
  ALIAS_PROPS: { message: 'an alias cannot have a tag or an anchor' },
  BAD_ALIAS: { message: 'a * or & needs a name behind it', hint: quotes },
  BAD_COLLECTION_TYPE: { message: 'this tag does not fit what follows it' },
  BAD_DIRECTIVE: { message: 'this % directive is not known', hint: quotes },
  BAD_DQ_ESCAPE: { message: 'this \\ escape is not known', hint: 'write \\\\ for a backslash, or use single quotes' },
  BAD_INDENT: {
    message: 'is not indented rightly',
    hint: 'the keys of one block begin in the same column, and every { or [ is closed',
  },
  BAD_PROP_ORDER: { message: 'a tag or anchor stands before the value, not here' },
  BAD_SCALAR_START: { message: 'a text cannot begin with this character', hint: quotes },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a second "key: value" on one line',
    hint: 'a text that contains ": " needs quotes',
  },
  BLOCK_IN_FLOW: { message: 'indented blocks cannot stand inside of { } or [ ]' },
  DUPLICATE_KEY: { message: 'is given twice' },
  IMPOSSIBLE: { message: 'is not YAML' },
  KEY_OVER_1024_CHARS: { message: 'this key is too long' },
  MISSING_CHAR: { message: 'a colon, comma, quote or bracket is missing here' },
  MULTILINE_IMPLICIT_KEY: { message: 'a key must be on one line, with a colon behind it' },
  MULTIPLE_ANCHORS: { message: 'a value can have one anchor' },
  MULTIPLE_DOCS: { message: 'a second document begins here', hint: 'remove the line ---' },
  MULTIPLE_TAGS: { message: 'a value can have one tag' },
  NON_STRING_KEY: { message: 'a key must be plain text' },
  RESOURCE_EXHAUSTION: { message: 'is nested too deeply' },
  TAB_AS_INDENT: { message: 'a tab cannot indent', hint: 'use spaces' },
  TAG_RESOLVE_FAILED: {
    message: 'unknown tag: only !secret name and !env_var NAME are known',
    hint: 'a text that begins with ! needs quotes',
  },
  UNEXPECTED_TOKEN: {
    message: 'this does not belong here',
    hint: 'a text with : # [ ] { } or , in it may need quotes',
  },
};
