import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { err, ok, type Result } from '../../../domain/result.ts';
import { seconds } from '../../../domain/time.ts';
import { within } from '../../pause.ts';
import { accepts, codeOf, lookupOf, type ResolveHost } from '../../reach.ts';
import type { Finding } from '../../step.ts';
import { askJson, type FormContext } from './answers.ts';
import { HOME_ASSISTANT, PROXMOX, REDFISH, secretsOf, targetOf } from './calls.ts';
import { hostOf, portOf, readTrust, type Send } from './exchange.ts';
import { resetTypes } from './redfish.ts';
import type { HttpCall, HttpStepConfig } from './schema.ts';

/** For each thing that is tried. */
const EACH = seconds(10);

/** Looks whether the server is there and is who it should be and, of a ready form, whether the login is accepted. */
export async function probe(
  config: HttpStepConfig,
  resolve: ResolveHost,
  send: Send,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const url = targetOf(config.call);
  const addresses = await within(EACH, signal, (late) => resolve(hostOf(url), late));
  const what = `address of ${hostOf(url)}`;
  if (addresses.length === 0) return [{ what, ok: false, text: 'its name cannot be resolved' }];
  const findings: Finding[] = [{ what, ok: true, text: addresses.slice(0, 3).join(', ') }];
  const open = await within(EACH, signal, (late) =>
    url.protocol === 'https:'
      ? shakesHands(url, config, addresses, late)
      : accepts({ host: hostOf(url), port: portOf(url) }, resolve, late),
  );
  findings.push({ what: `connection to ${url.host}`, ok: open.ok, text: open.ok ? 'accepted' : open.error });
  if (!open.ok) return findings;
  const login = await within(EACH, signal, (late) =>
    loginOf(config.call, { send, signal: late, secrets: secretsOf(config.call) }),
  );
  return [...findings, ...login];
}

async function shakesHands(
  url: URL,
  config: HttpStepConfig,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<Result<undefined, string>> {
  const trust = await readTrust(config, signal);
  if (!trust.ok) return err(trust.error.text);
  const host = hostOf(url);
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({
      host,
      port: portOf(url),
      lookup: lookupOf(addresses),
      ...(isIP(host) === 0 && { servername: host }),
      ...trust.value,
    });
    const end = (result: Result<undefined, string>): void => {
      signal.removeEventListener('abort', late);
      socket.destroy();
      resolve(result);
    };
    const late = (): void => end(err('no answer in time'));
    socket.once('secureConnect', () => end(ok(undefined)));
    socket.on('error', (error) => end(err(codeOf(error))));
    socket.on('close', () => end(err('closed by the server')));
    signal.addEventListener('abort', late, { once: true });
    if (signal.aborted) late();
  });
}

/** Reads something that needs the login of a form. Nothing for a request of the user's own: any of those may act. */
async function loginOf(call: HttpCall, context: FormContext): Promise<readonly Finding[]> {
  switch (call.form) {
    case 'request':
      return [];
    case 'proxmox': {
      const guests = await askJson(PROXMOX.guests(call.proxmox, 'qemu'), context);
      return [accepted(`token ${call.proxmox.tokenId}`, guests)];
    }
    case 'redfish': {
      const system = await askJson(REDFISH.system(call.redfish), context);
      const login = accepted(`login ${call.redfish.username}`, system);
      const types = system.ok ? resetTypes(system.value) : undefined;
      if (types === undefined) return [login];
      const can = types.includes(call.redfish.reset);
      return [
        login,
        { what: call.redfish.reset, ok: can, text: can ? 'is offered' : 'is not offered by the controller' },
      ];
    }
    case 'home_assistant':
      return [accepted('access token', await askJson(HOME_ASSISTANT.alive(call.homeAssistant), context))];
  }
}

const accepted = (what: string, answer: Result<unknown, { readonly text: string }>): Finding => ({
  what,
  ok: answer.ok,
  text: answer.ok ? 'accepted' : `the server ${answer.error.text}`,
});
