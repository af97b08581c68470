import { type Millis, seconds } from '../../../domain/time.ts';
import type { ResolveHost } from '../../reach.ts';
import type { Outcome, StepContext, StepRunner } from '../../step.ts';
import { ask, isSuccess, noAnswer, outputOf } from './answers.ts';
import { HOME_ASSISTANT, ownCall, secretsOf, targetOf } from './calls.ts';
import { type Answer, type Send, sender } from './exchange.ts';
import { probe } from './probe.ts';
import { shutGuestsDown, shutNodeDown } from './proxmox.ts';
import { reset } from './redfish.ts';
import type { HttpRequest, HttpStepConfig } from './schema.ts';

/**
 * How a request is sent.
 *
 * @param poll between two looks at what a form waits for; shorter in tests only
 */
export function httpRunner(resolve: ResolveHost, poll: Millis = seconds(2)): StepRunner<HttpStepConfig> {
  return {
    run: (config, context) => call(config, sender(config, resolve), poll, context),
    probe: (config, signal) => probe(config, resolve, sender(config, resolve), signal),
  };
}

function call(config: HttpStepConfig, send: Send, poll: Millis, { signal, progress }: StepContext): Promise<Outcome> {
  const form = config.call;
  const context = { send, signal, progress, poll, secrets: secretsOf(form) };
  switch (form.form) {
    case 'request':
      return own(form.request, context);
    case 'proxmox':
      return form.proxmox.shutdown === 'node'
        ? shutNodeDown(form.proxmox, context)
        : shutGuestsDown(form.proxmox, context);
    case 'redfish':
      return reset(form.redfish, context);
    case 'home_assistant':
      return act(form, context);
  }
}

interface Context {
  readonly send: Send;
  readonly signal: AbortSignal;
  readonly secrets: readonly string[];
}

async function own(request: HttpRequest, { send, signal, secrets }: Context): Promise<Outcome> {
  const { host } = new URL(request.url);
  const answer = await send(ownCall(request), signal);
  if (!answer.ok) return { kind: 'failed', text: `${host} ${noAnswer(answer.error)}` };
  const missed = misses(request.expect, answer.value);
  const text = `${host} answered ${answer.value.status}${missed === undefined ? '' : `, ${missed}`}`;
  return { kind: missed === undefined ? 'done' : 'failed', text, ...outputOf(answer.value, secrets) };
}

/** In what an answer is not the one that counts as success; undefined: it is. */
function misses({ status, text }: HttpRequest['expect'], answer: Answer): string | undefined {
  if (status === undefined && !isSuccess(answer.status)) return 'not 200 to 299';
  if (status !== undefined && !status.includes(answer.status)) return `not ${status.slice(0, 5).join(' or ')}`;
  if (text !== undefined && !answer.body.includes(text)) return 'without the expected text';
  return undefined;
}

async function act(
  form: Extract<HttpStepConfig['call'], { readonly form: 'home_assistant' }>,
  context: Context,
): Promise<Outcome> {
  const { host } = targetOf(form);
  const answer = await ask(HOME_ASSISTANT.act(form.homeAssistant), context);
  if (answer.ok) return { kind: 'done', text: `${host} has carried out ${form.homeAssistant.action}` };
  const { text, output } = answer.error;
  return { kind: 'failed', text: `${host} ${text}`, ...(output !== undefined && { output }) };
}
