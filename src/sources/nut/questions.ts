import { quoted } from './quoting.ts';

/** A request line and what its answer must look like. Names were checked when they were listed. */
export interface Question {
  /** Without its line end. */
  readonly line: string;
  /** What the answer, or each line of the list, begins with; empty where any line will do. */
  readonly head: string;
  readonly form: 'line' | 'list';
  /** The block that came last time; an answer equal to it is given back as this very string. */
  readonly last?: string;
}

/** The answer to one question. */
export type Reply =
  /** What follows the head and a blank. */
  | { readonly kind: 'line'; readonly rest: string }
  /** The whole block, `BEGIN` line to `END` line, each ended by LF. */
  | { readonly kind: 'list'; readonly block: string }
  | { readonly kind: 'error'; readonly code: string };

const line = (text: string, head: string): Question => ({ line: text, head, form: 'line' });
const list = (head: string): Question => ({ line: `LIST ${head}`, head, form: 'list' });

/** Every question that is ever put to upsd. */
export const ASK = {
  version: line('VER', ''),
  /** The protocol version: 1.3 since NUT 2.8.0. */
  protocol: line('NETVER', ''),
  startTls: line('STARTTLS', 'OK STARTTLS'),
  username: (name: string) => line(`USERNAME ${quoted(name)}`, 'OK'),
  password: (text: string) => line(`PASSWORD ${quoted(text)}`, 'OK'),
  /** As a secondary, for as long as the connection lasts; one UPS a connection. */
  login: (ups: string) => line(`LOGIN ${ups}`, 'OK'),
  track: line('SET TRACKING ON', 'OK'),
  tracking: (id: string) => line(`GET TRACKING ${id}`, ''),
  listing: list('UPS'),
  variables: (ups: string, last?: string): Question =>
    last === undefined ? list(`VAR ${ups}`) : { ...list(`VAR ${ups}`), last },
  variable: (ups: string, name: string) => line(`GET VAR ${ups} ${name}`, `VAR ${ups} ${name}`),
  writable: (ups: string) => list(`RW ${ups}`),
  commands: (ups: string) => list(`CMD ${ups}`),
  type: (ups: string, name: string) => line(`GET TYPE ${ups} ${name}`, `TYPE ${ups} ${name}`),
  values: (ups: string, name: string) => list(`ENUM ${ups} ${name}`),
  ranges: (ups: string, name: string) => list(`RANGE ${ups} ${name}`),
  description: (ups: string, name: string) => line(`GET DESC ${ups} ${name}`, `DESC ${ups} ${name}`),
  commandDescription: (ups: string, name: string) => line(`GET CMDDESC ${ups} ${name}`, `CMDDESC ${ups} ${name}`),
  command: (ups: string, name: string, value?: string) =>
    line(`INSTCMD ${ups} ${name}${value === undefined ? '' : ` ${quoted(value)}`}`, 'OK'),
  set: (ups: string, name: string, value: string) => line(`SET VAR ${ups} ${name} ${quoted(value)}`, 'OK'),
} as const;
