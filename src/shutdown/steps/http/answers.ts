import { err, ok, type Result } from '../../../domain/result.ts';
import { quoteOf, tailOf } from '../../output-tail.ts';
import type { Answer, Asked, HttpTrouble, Send } from './exchange.ts';

/** What every form is carried out with. */
export interface FormContext {
  readonly send: Send;
  /** Of this call; hidden in whatever is shown. */
  readonly secrets: readonly string[];
  readonly signal: AbortSignal;
}

/** An answer that is not the one wanted, or none. */
export interface Refused {
  /** A sentence part for people after the name of the other side, such as `answered 403: no such permission`. */
  readonly text: string;
  /** The end of the answer, as it may be shown; absent: none. */
  readonly output?: string;
  /** Absent: there was no answer. */
  readonly status?: number;
}

/** What is left of an answer to show; nothing where it was empty. */
export function outputOf({ body }: Answer, secrets: readonly string[]): { readonly output?: string } {
  const output = tailOf(body, secrets);
  return output === '' ? {} : { output };
}

export const isSuccess = (status: number): boolean => status >= 200 && status <= 299;

export const noAnswer = ({ kind, text }: HttpTrouble): string =>
  kind === 'no-answer' ? `gave no answer: ${text}` : `cannot be asked: ${text}`;

/** Sends and accepts 200 to 299 only. */
export async function ask(asked: Asked, { send, secrets, signal }: FormContext): Promise<Result<Answer, Refused>> {
  const answer = await send(asked, signal);
  if (!answer.ok) return err({ text: noAnswer(answer.error) });
  const { status, body } = answer.value;
  if (isSuccess(status)) return ok(answer.value);
  const said = quoteOf(body, secrets);
  const text = `answered ${status}${said === '' ? '' : `: ${said}`}`;
  return err({ text, status, ...outputOf(answer.value, secrets) });
}

/** Asks for JSON. */
export async function askJson(asked: Asked, context: FormContext): Promise<Result<unknown, Refused>> {
  const answer = await ask(asked, context);
  if (!answer.ok) return answer;
  if (!answer.value.whole) return err({ text: 'answered with too much' });
  try {
    return ok(JSON.parse(answer.value.body));
  } catch {
    return err({ text: 'answered with what is not JSON', ...outputOf(answer.value, context.secrets) });
  }
}

/** A key of an object from outside; undefined where there is no such thing. */
export function at(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key]; // an object with that key of its own, as was just seen
}
