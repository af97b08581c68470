import type { Input } from '../../src/domain/inputs.ts';
import type { Intent } from '../../src/domain/intents.ts';
import type { Transition } from '../../src/domain/ports.ts';
import type { Json } from '../../src/domain/requests.ts';
import { EMPTY_STATE, type Memory, type State } from '../../src/domain/state.ts';
import { asInstant, type Stamp } from '../../src/domain/time.ts';
import type { TraceEvent } from '../../src/domain/wire.ts';
import { type Happening, happenings } from '../../src/runtime/happenings.ts';
import { namesOf } from '../../src/runtime/names.ts';
import { createReplay } from '../../src/runtime/replay.ts';
import { entryLine, headLine, readJournal, WHOLE_LINE } from '../../src/store/journal-lines.ts';
import { createLedger, type Ledger } from '../../src/store/ledger.ts';
import { awaitingProof, shifted } from '../../src/store/memory.ts';
import { Hands } from './scenario-hands.ts';
import { createHeader, spanOf, wordsOf } from './scenario-settings.ts';
import { troubleOf, World } from './scenario-world.ts';
import { WALL } from './story.ts';

/** What a scenario does not show: that a device was found. */
const HIDDEN = new Set(['appeared', 'gone']);

/**
 * Plays a scenario and gives it back with what was told and ordered in the place of its `->` lines. The manner of the
 * text is told in docs/replay.md.
 *
 * @throws Error with the number of the line for what is no scenario
 */
export function playScenario(text: string): string {
  const play = new Play();
  const out: string[] = [];
  const lines = text.split('\n').filter((line) => !line.startsWith('->'));
  for (const [index, line] of lines.entries()) {
    try {
      play.line(line.trim());
    } catch (thrown) {
      throw new Error(`${line}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
    }
    const next = lines.slice(index + 1).find((later) => later.startsWith('+'));
    if (line.startsWith('+')) play.until(next === undefined ? undefined : timeOf(next));
    out.push(line, ...play.told());
  }
  return out.join('\n');
}

/** The moment an event line begins with, in seconds. */
const timeOf = (line: string): number => spanOf(line.slice(1).split(/\s+/)[0] ?? '') / 1000;

/** Happenings of a transition as scenarios show them. */
export const shown = (transition: Transition, second: number): readonly string[] =>
  happenings(transition).flatMap((happening) => (HIDDEN.has(happening.what) ? [] : [lineOf(happening, second)]));

const lineOf = ({ what, about, text }: Happening, second: number): string =>
  `-> ${momentOf(second)} ${what}${about === undefined ? '' : ` ${about}`}: ${text}`;

const momentOf = (second: number): string => `+${Number(second.toFixed(3))}s`;

/** How long a process takes to come back, and a machine. */
const RESTART = 2;
const REBOOT = 60;
/** Uptime at the beginning of the story, and of a process after a reboot. */
const UPTIME = 1000;
const UPTIME_AFTER_REBOOT = 30;

/** Nobody carries out what is ordered: that it is over means nothing. */
const IDLE = /^-> \S+ (?:run_ended|resumed) /;

class Play {
  readonly #header = createHeader();
  readonly #world = new World();
  #replay = createReplay();
  #ledger: Ledger = createLedger();
  /** What is on the disk. */
  #journal = '';
  #state: State = EMPTY_STATE;
  #boot = 1;
  #second = 0;
  /** Seconds between the story and the monotonic clock, and by which the wall clock was set. */
  #uptime = UPTIME;
  #wallAhead = 0;
  #begun = false;
  /** Until when nothing runs, and what then begins. */
  #down: { readonly until: number; readonly wake: () => void } | undefined;
  #requests = 0;
  /** Absent: what is ordered is over at once, and nothing is told of it. */
  #hands: Hands | undefined;
  readonly #ordered = new Set<string>();
  #told: string[] = [];
  #lastOrder: string | undefined;

  told = (): readonly string[] => this.#told.splice(0);

  line(line: string): void {
    if (line === '' || line.startsWith('#')) return;
    if (line === 'hands') {
      this.#hands = new Hands();
      return;
    }
    if (!line.startsWith('+')) {
      if (this.#begun) throw new Error('settings come before the first event; later write "+60s config ..."');
      this.#header.state(line);
      return;
    }
    const second = timeOf(line);
    if (second < this.#second) throw new Error('time does not go back');
    if (!this.#begun) this.#begin();
    this.#second = second;
    const [, ...rest] = line.split(/\s+/);
    const { plain, given } = wordsOf(rest.join(' '));
    this.#event(plain, given, rest.join(' '));
  }

  /** Lets time go by: sweeps and ticks every second, up to the next event or, without one, to the end of this second. */
  until(next: number | undefined): void {
    const end = next ?? Math.ceil(this.#second) + 0.0001;
    // What was told at a whole second belongs before its tick, unless the next event shares it.
    for (let second = Math.ceil(this.#second); second < end; second++) {
      this.#second = second;
      this.#whole(second);
    }
    if (next !== undefined) this.#second = next;
  }

  #whole(second: number): void {
    if (this.#down !== undefined) {
      if (second < this.#down.until) return;
      const { wake } = this.#down;
      this.#down = undefined;
      wake();
    }
    for (const report of this.#world.sweep(second, this.#stamp().at)) this.#say({ kind: 'report', report });
    for (const input of this.#hands?.due(this.#state, second) ?? []) this.#say(input);
    this.#say({ kind: 'tick' });
  }

  #begin(): void {
    this.#begun = true;
    this.#world.place(this.#header.devices());
    this.#take({ kind: 'snapshot', state: EMPTY_STATE, stamp: this.#stamp(), boot: `${this.#boot}` });
    this.#start({ kind: 'restored', names: [], boot: 'new' });
  }

  #start(restored: Input): void {
    this.#say(restored);
    this.#say({ kind: 'configured', settings: this.#header.settings() });
    for (const source of this.#world.sources()) this.#meet(source);
  }

  #meet(source: string): void {
    for (const report of this.#world.meet(source)) this.#say({ kind: 'report', report });
  }

  #event(plain: readonly string[], given: ReadonlyMap<string, string>, text: string): void {
    const [word = '', ...rest] = plain;
    const event = Object.hasOwn(this.#events, word) ? this.#events[word] : undefined;
    if (event !== undefined) event(rest, given, text);
    else if (this.#world.has(word)) this.#deviceEvent(word, rest, given);
    else throw new Error(`${word} is neither a device nor one of ${Object.keys(this.#events).join(', ')}`);
  }

  #deviceEvent(id: string, words: readonly string[], given: ReadonlyMap<string, string>): void {
    const [word, kind] = words;
    if (word === 'silent') {
      this.#world.device(id, 'silent');
      return;
    }
    const source = this.#world.sourceOf(id);
    const wasAway = !this.#world.isAnswering(source);
    if (word === 'lost') this.#world.device(id, troubleOf(kind));
    else this.#world.says(id, words, given, this.#second);
    if (this.#down !== undefined) return;
    if (wasAway) this.#meet(source);
    for (const report of this.#world.reportOf(id, this.#second, this.#stamp().at))
      this.#say({ kind: 'report', report });
  }

  readonly #events: Readonly<
    Record<string, (words: readonly string[], given: ReadonlyMap<string, string>, text: string) => void>
  > = {
    end: () => undefined,
    'source-lost': ([name = 'nas', kind]) => this.#sourceEvent(name, troubleOf(kind ?? 'unreachable')),
    'source-silent': ([name = 'nas']) => this.#sourceEvent(name, 'silent'),
    'source-back': ([name = 'nas']) => this.#sourceEvent(name, 'yes'),
    stall: ([span]) => this.#sleep(span, RESTART, () => undefined),
    restart: ([span]) => this.#process(span, RESTART, true, 'same'),
    crash: ([span]) => this.#process(span, RESTART, false, 'same'),
    reboot: ([span]) => this.#process(span, REBOOT, true, 'new'),
    'power-cut': ([span]) => this.#process(span, REBOOT, false, 'new'),
    clock: ([span = '']) => {
      this.#wallAhead += span.startsWith('-') ? -spanOf(span.slice(1)) : spanOf(span);
    },
    config: (_, __, text) => {
      this.#header.state(text.replace(/^config\s+/, ''));
      this.#world.place(this.#header.devices());
      if (this.#down !== undefined) return;
      this.#say({ kind: 'configured', settings: this.#header.settings() });
      for (const source of this.#world.sources()) this.#meet(source);
    },
    ask: ([verb = ''], given) => this.#ask({ kind: 'verb', verb, given: valuesOf(given) }),
    tell: ([device = '', command = '', value]) =>
      this.#ask({ kind: 'command', device, command, ...(value === undefined ? {} : { value }) }),
    set: ([device = '', variable = '', value = '']) => this.#ask({ kind: 'set', device, variable, value }),
    obeyed: () => this.#say({ kind: 'instructed', request: this.#order(), outcome: { kind: 'done', tracked: true } }),
    refused: ([code = 'CMD-NOT-SUPPORTED']) =>
      this.#say({ kind: 'instructed', request: this.#order(), outcome: { kind: 'refused', code } }),
    show: ([id = '']) => this.#show(id),
  };

  #order(): string {
    if (this.#lastOrder === undefined) throw new Error('no device has been told anything');
    return this.#lastOrder;
  }

  #sourceEvent(name: string, answers: Parameters<World['source']>[1]): void {
    this.#world.source(name, answers);
    if (this.#down === undefined) this.#meet(name);
  }

  #ask(ask: Extract<Input, { kind: 'request' }>['request']['ask']): void {
    if (this.#down !== undefined) throw new Error('nothing runs that could be asked');
    this.#requests += 1;
    this.#say({ kind: 'request', request: { id: `ask-${this.#requests}`, from: 'mqtt', ask } });
  }

  /** What a group or a lone device thinks now. */
  #show(id: string): void {
    const group = this.#state.groups.get(id);
    const at = `-> ${momentOf(this.#second)} ${id}`;
    if (group !== undefined) {
      const { outlook, readiness, quorum } = group;
      this.#told.push(`${at} ${outlook.state}, ${quorum.healthy} of ${quorum.needed} needed: ${outlook.text}`);
      for (const reason of readiness.reasons) this.#told.push(`${at} not ready: ${reason}`);
      return;
    }
    const device = this.#state.devices.get(id);
    if (device === undefined) throw new Error(`there is no group or device ${id}`);
    const members = [...this.#state.groups.values()].flatMap(({ members }) => members.get(id) ?? []);
    for (const member of [...members, ...[this.#state.alone.get(id)].flatMap((one) => one ?? [])]) {
      const why = member.why === undefined ? '' : ` (${member.why})`;
      this.#told.push(`${at} ${member.class}${why}, fed by ${device.power.fed ?? 'nobody knows what'}`);
      for (const { trigger, kind, why: because } of member.verdicts) {
        if (kind !== 'quiet') this.#told.push(`${at} ${trigger} ${kind}: ${because}`);
      }
    }
  }

  #sleep(span: string | undefined, usual: number, wake: () => void): void {
    if (this.#down !== undefined) throw new Error('nothing runs already');
    this.#down = { until: this.#second + (span === undefined ? usual : spanOf(span) / 1000), wake };
  }

  /** Ends this process and begins another one, which finds what the journal holds. */
  #process(span: string | undefined, usual: number, inOrder: boolean, boot: 'same' | 'new'): void {
    if (inOrder) this.#journal += this.#ledger.rest().map(entryLine).join('');
    const names = namesOf(this.#state);
    this.#hands?.drop();
    this.#sleep(span, usual, () => {
      const kept = readJournal(this.#journal)?.memory;
      if (kept === undefined) throw new Error('the journal cannot be read');
      if (boot === 'new') {
        this.#boot += 1;
        this.#uptime = UPTIME_AFTER_REBOOT - this.#second;
      }
      const memory = boot === 'same' ? kept : shifted(kept, -kept.at);
      this.#take({ kind: 'snapshot', state: EMPTY_STATE, stamp: this.#stamp(), boot: `${this.#boot}` });
      this.#openJournal(boot === 'same' ? memory : awaitingProof(memory));
      this.#start({ kind: 'restored', names, memory, boot });
    });
  }

  #openJournal(memory: Memory | undefined): void {
    this.#ledger = createLedger(memory);
    const head = headLine({ boot: `${this.#boot}`, ...this.#stamp(), version: '' });
    this.#journal = [head, ...this.#ledger.whole().map(entryLine), WHOLE_LINE].join('');
  }

  #stamp(): Stamp {
    const at = asInstant((this.#second + this.#uptime) * 1000);
    return { at, wall: WALL + Math.round(this.#second * 1000) + this.#wallAhead };
  }

  #say(input: Input): void {
    this.#take({ kind: 'input', input, stamp: this.#stamp() });
  }

  #take(event: TraceEvent): void {
    if (event.kind === 'snapshot') {
      this.#replay = createReplay();
      if (this.#journal === '') this.#openJournal(undefined);
    }
    const transition = this.#replay.take(event);
    if (transition === undefined) return;
    this.#state = transition.after;
    this.#journal += this.#ledger.take(transition).map(entryLine).join('');
    for (const intent of transition.intents) if (intent.kind === 'instruct') this.#lastOrder = intent.request;
    const intents = transition.intents.filter((intent) => this.#isNew(intent));
    const told = shown({ ...transition, intents }, this.#second);
    this.#told.push(...told.filter((line) => this.#hands !== undefined || !IDLE.test(line)));
    for (const intent of transition.intents) for (const input of this.#carriedOut(intent)) this.#say(input);
  }

  /** Where nobody carries anything out, a run is begun anew after every restart: that is no decision. */
  #isNew(intent: Intent): boolean {
    if (this.#hands !== undefined || intent.kind !== 'run') return true;
    const order = JSON.stringify([intent.run, intent.stages, intent.halt]);
    const isNew = !this.#ordered.has(order);
    this.#ordered.add(order);
    return isNew;
  }

  #carriedOut(intent: Intent): readonly Input[] {
    if (this.#hands !== undefined) return this.#hands.order(intent, this.#state, this.#second);
    if (intent.kind !== 'run' && intent.kind !== 'call-off') return [];
    return [{ kind: 'progressed', group: intent.group, run: intent.run, event: { kind: 'run-ended' } }];
  }
}

/** Durations and names stay text; numbers and yes or no become what JSON has for them. */
function valuesOf(given: ReadonlyMap<string, string>): { readonly [key: string]: Json } {
  const value = (text: string): Json =>
    text === 'true' ? true : text === 'false' ? false : /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  return Object.fromEntries([...given].map(([key, text]) => [key, value(text)]));
}
