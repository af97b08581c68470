/**
 * The part of Home Assistant's Jinja that the bridge may use in templates, evaluated for real.
 *
 * Whatever Home Assistant would log about (a missing key, a number that is none) is a problem here, and so is any syntax
 * outside the subset: literals, `value`, `value_json` with subscripts and attributes, comparisons, `in`, `not`, `and`,
 * `or`, `a if b else c`, `is none`, `is defined`, dict and list literals, and the filters of `FILTERS`.
 */
import {
  attribute,
  contains,
  FILTERS,
  fail,
  item,
  Missing,
  order,
  present,
  TESTS,
  TemplateProblem,
} from './discovery-template-operations.ts';
import { type PyValue, pyEquals, pyFromJson, pyString, pyTruth } from './python-values.ts';

/** What a template made of a payload; `problem` is one English sentence without a full stop. */
export type Rendering = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string };

/**
 * Renders a value template as Home Assistant does for one MQTT payload: blanks around the result are cut.
 *
 * @param payload the message as text; `value_json` exists only if it is JSON
 */
export function evaluateTemplate(template: string, payload: string): Rendering {
  const scope = new Map<string, PyValue>([['value', payload]]);
  const parsed = pyFromJson(payload);
  if (parsed !== undefined) scope.set('value_json', parsed);
  return renderIn(template, scope);
}

/** Renders a command template for the value that a person chose in Home Assistant; there is no `value_json` then. */
export function evaluateCommandTemplate(template: string, value: PyValue): Rendering {
  return renderIn(template, new Map([['value', value]]));
}

/**
 * Renders a value template for a round-trip test.
 *
 * @throws Error naming template and problem where Home Assistant would log one
 */
export function render(template: string, payload: string): string {
  const rendering = evaluateTemplate(template, payload);
  if (!rendering.ok) throw new Error(`${template}: ${rendering.problem}`);
  return rendering.text;
}

function renderIn(template: string, scope: Scope): Rendering {
  try {
    const text = segmentsOf(template)
      .map((segment) => (typeof segment === 'string' ? segment : pyString(present(segment(scope)))))
      .join('');
    return { ok: true, text: text.trim() };
  } catch (thrown) {
    if (thrown instanceof TemplateProblem) return { ok: false, problem: thrown.message };
    throw thrown;
  }
}

type Scope = ReadonlyMap<string, PyValue>;
type Expression = (scope: Scope) => PyValue | Missing;

function segmentsOf(template: string): readonly (string | Expression)[] {
  const segments: (string | Expression)[] = [];
  let rest = template;
  for (;;) {
    const open = rest.indexOf('{{');
    const literal = open < 0 ? rest : rest.slice(0, open);
    if (/\{%|\{#|\}\}/.test(literal)) fail('only {{ }} is supported');
    segments.push(literal);
    if (open < 0) return segments;
    const parser = new Parser(rest.slice(open + 2));
    segments.push(parser.whole());
    rest = parser.rest();
  }
}

const TOKEN =
  /\s*(?:('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\}\}|[=!<>]=|[<>()[\]{},:.|-]))/y;

interface Token {
  readonly kind: 'string' | 'number' | 'name' | 'sign' | 'end';
  readonly text: string;
}

const CONSTANTS: ReadonlyMap<string, PyValue> = new Map([
  ['none', null],
  ['None', null],
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
]);
const RESERVED = new Set(['if', 'else', 'and', 'or', 'not', 'in', 'is']);

/** Recursive descent by Jinja's grammar: condition, or, and, not, comparison, filters and tests, postfix, primary. */
class Parser {
  readonly #source: string;
  #at = 0;
  #token: Token = { kind: 'end', text: '' };

  constructor(source: string) {
    this.#source = source;
    this.#advance();
  }

  whole(): Expression {
    const expression = this.#condition();
    if (this.#token.text !== '}}') fail(`"${this.#token.text}" is not supported here`);
    return expression;
  }

  /** What follows the closing braces. */
  rest(): string {
    return this.#source.slice(this.#at);
  }

  #advance(): Token {
    const taken = this.#token;
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.#source);
    if (match === null) {
      const left = this.#source.slice(this.#at).trim();
      if (left !== '') fail(`"${left.slice(0, 20)}" is not supported`);
      this.#token = { kind: 'end', text: 'end of template' };
      return taken;
    }
    this.#at = TOKEN.lastIndex;
    const [, string, number, name, sign = ''] = match;
    if (string !== undefined) this.#token = { kind: 'string', text: unquote(string) };
    else if (number !== undefined) this.#token = { kind: 'number', text: number };
    else if (name !== undefined) this.#token = { kind: 'name', text: name };
    else this.#token = { kind: 'sign', text: sign };
    return taken;
  }

  #sees(text: string): boolean {
    return this.#token.text === text && this.#token.kind !== 'string';
  }

  #takes(text: string): boolean {
    if (!this.#sees(text)) return false;
    this.#advance();
    return true;
  }

  #needs(text: string): void {
    if (!this.#takes(text)) fail(`"${this.#token.text}" stands where "${text}" is due`);
  }

  #condition(): Expression {
    const then = this.#or();
    if (!this.#takes('if')) return then;
    const test = this.#or();
    const otherwise: Expression = this.#takes('else') ? this.#condition() : () => new Missing('the else branch');
    return (scope) => (pyTruth(present(test(scope))) ? then(scope) : otherwise(scope));
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#takes('or')) {
      const [first, second] = [left, this.#and()];
      left = (scope) => {
        const value = present(first(scope));
        return pyTruth(value) ? value : second(scope);
      };
    }
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#takes('and')) {
      const [first, second] = [left, this.#not()];
      left = (scope) => {
        const value = present(first(scope));
        return pyTruth(value) ? second(scope) : value;
      };
    }
    return left;
  }

  #not(): Expression {
    if (!this.#takes('not')) return this.#comparison();
    const inner = this.#not();
    return (scope) => !pyTruth(present(inner(scope)));
  }

  #comparison(): Expression {
    const left = this.#filtered();
    const compare = this.#comparator();
    if (compare === undefined) return left;
    const right = this.#filtered();
    return (scope) => compare(present(left(scope)), present(right(scope)));
  }

  #comparator(): ((left: PyValue, right: PyValue) => boolean) | undefined {
    if (this.#takes('==')) return pyEquals;
    if (this.#takes('!=')) return (left, right) => !pyEquals(left, right);
    if (this.#takes('<')) return (left, right) => order(left, right) < 0;
    if (this.#takes('>')) return (left, right) => order(left, right) > 0;
    if (this.#takes('<=')) return (left, right) => order(left, right) <= 0;
    if (this.#takes('>=')) return (left, right) => order(left, right) >= 0;
    if (this.#takes('in')) return contains;
    if (!this.#takes('not')) return undefined;
    this.#needs('in');
    return (left, right) => !contains(left, right);
  }

  #filtered(): Expression {
    let value = this.#postfix();
    for (;;) {
      if (this.#takes('|')) value = this.#filter(value);
      else if (this.#takes('is')) value = this.#test(value);
      else return value;
    }
  }

  #filter(input: Expression): Expression {
    const name = this.#name('filter');
    const filter = FILTERS.get(name) ?? fail(`the filter "${name}" is not supported`);
    const options: Expression[] = [];
    if (this.#takes('(')) {
      while (!this.#takes(')')) {
        options.push(this.#condition());
        if (!this.#sees(')')) this.#needs(',');
      }
    }
    return (scope) =>
      filter(
        input(scope),
        options.map((option) => present(option(scope))),
      );
  }

  #test(input: Expression): Expression {
    const negated = this.#takes('not');
    const name = this.#name('test');
    const test = TESTS.get(name) ?? fail(`the test "${name}" is not supported`);
    // Jinja takes a value or name right after a test for its argument, even the "if" of a condition.
    const { kind, text } = this.#token;
    const isArgument = kind === 'sign' ? ['(', '[', '{'].includes(text) : kind !== 'end';
    if (isArgument && !['else', 'or', 'and'].some((word) => this.#sees(word))) {
      fail(`"${text}" after the test "${name}" is read as its argument`);
    }
    return (scope) => test(input(scope)) !== negated;
  }

  #postfix(): Expression {
    let value = this.#primary();
    for (;;) {
      const owner = value;
      if (this.#takes('.')) {
        const name = this.#name('attribute');
        value = (scope) => attribute(present(owner(scope)), name);
      } else if (this.#takes('[')) {
        const key = this.#condition();
        this.#needs(']');
        value = (scope) => item(present(owner(scope)), present(key(scope)));
      } else return value;
    }
  }

  #primary(): Expression {
    const token = this.#advance();
    if (token.kind === 'string') return () => token.text;
    if (token.kind === 'number') return constantNumber(token.text);
    if (token.text === '-' && this.#token.kind === 'number') return constantNumber(`-${this.#advance().text}`);
    if (token.kind === 'name' && !RESERVED.has(token.text)) return named(token.text);
    if (token.text === '(') {
      const inner = this.#condition();
      this.#needs(')');
      return inner;
    }
    if (token.text === '[') return this.#list();
    if (token.text === '{') return this.#dict();
    return fail(`"${token.text}" is not supported here`);
  }

  #list(): Expression {
    const items: Expression[] = [];
    while (!this.#takes(']')) {
      items.push(this.#condition());
      if (!this.#sees(']')) this.#needs(',');
    }
    return (scope) => items.map((entry) => present(entry(scope)));
  }

  #dict(): Expression {
    const entries: (readonly [Expression, Expression])[] = [];
    while (!this.#closesDict()) {
      const key = this.#condition();
      this.#needs(':');
      entries.push([key, this.#condition()]);
      if (!this.#sees('}') && !this.#sees('}}')) this.#needs(',');
    }
    return (scope) =>
      new Map(entries.map(([key, value]) => [pyString(present(key(scope))), present(value(scope))] as const));
  }

  /** Inside a dict the first brace of `}}` ends the dict, not the template. */
  #closesDict(): boolean {
    if (this.#sees('}}')) {
      this.#at -= 1;
      this.#token = { kind: 'sign', text: '}' };
    }
    return this.#takes('}');
  }

  #name(what: string): string {
    const token = this.#advance();
    return token.kind === 'name' ? token.text : fail(`"${token.text}" stands where the name of a ${what} is due`);
  }
}

function unquote(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
}

function constantNumber(text: string): Expression {
  const value = pyFromJson(text) ?? fail(`"${text}" is no number`);
  return () => value;
}

function named(name: string): Expression {
  const constant = CONSTANTS.get(name);
  if (constant !== undefined) return () => constant;
  if (name !== 'value' && name !== 'value_json') fail(`the name "${name}" is not supported`);
  return (scope) => scope.get(name) ?? (scope.has(name) ? null : new Missing(`${name} (the payload is not JSON)`));
}
