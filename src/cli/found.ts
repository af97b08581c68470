import { formatSpan } from '../domain/time.ts';
import type { Part, Rehearsed } from '../shutdown/rehearsal.ts';
import type { Finding } from '../shutdown/step.ts';

const MARKS = { true: 'ok    ', false: 'NOT OK' } as const;

/** What was found out, for people: one line, with how to mend it where that is known. */
export const findingLine = ({ what, ok, text }: Finding, mend?: string): string =>
  `${MARKS[`${ok}`]}  ${what}: ${text}${ok || mend === undefined ? '' : ` (${mend})`}`;

/** One part of a plan and all that was found out about it. */
export function rehearsedLines({ part, ok, findings, took }: Rehearsed): readonly string[] {
  return [
    `  ${MARKS[`${ok}`]}  ${part.key}: ${part.text}: looked at in ${formatSpan(took)}`,
    ...findings.map((finding) => `            ${findingLine(finding, mendOf(part, finding))}`),
  ];
}

/** What a person can do about it; undefined: the finding says all there is to say. */
function mendOf({ does }: Part, { what, text }: Finding): string | undefined {
  if ('host' in does) return what === 'right to halt' ? 'run as root, or give a command' : undefined;
  const { kind, config } = does.step;
  if (kind === 'ssh') {
    if (/^its identity is not known/.test(text)) return `look at its key and trust it: gridwarden trust ${config.host}`;
    if (/^its identity has changed/.test(text))
      return 'if it was installed anew, take its old line out of that file and trust it again';
    if (text.startsWith('there is no key')) return 'make one with ssh-keygen, or name one with key';
    if (what.startsWith('login on ') && !text.startsWith('key '))
      return `add our public key to the authorized_keys of ${config.user} there`;
    if (what.startsWith('sudo ')) return `allow ${config.user} this command with NOPASSWD in the sudoers there`;
  }
  if (kind === 'ups' && what.startsWith('login for ')) return 'give its source a username and a password of upsd.users';
  return undefined;
}
