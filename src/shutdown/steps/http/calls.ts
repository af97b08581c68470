import type { Secret } from '../../../domain/secret.ts';
import type { Asked } from './exchange.ts';
import type { HomeAssistantForm, ProxmoxForm, RedfishForm } from './forms.ts';
import type { HttpCall, HttpRequest } from './schema.ts';

/** The two kinds of guests of Proxmox VE, by the words of its API: VMs and containers. */
export type GuestKind = 'qemu' | 'lxc';

/** How long a guest of Proxmox gets to stop by itself before the node ends it; in its own API the seconds of `timeout`. */
const GUEST_WAIT = 120;

const basic = (username: string, password: Secret): string =>
  `Basic ${Buffer.from(`${username}:${password.reveal()}`, 'utf8').toString('base64')}`;

/** The address of something below a base, which may itself have a path. */
const below = (base: string, path: string): URL => new URL(`${base.replace(/\/+$/, '')}${path}`);

/** The user's own request. */
export function ownCall({ url, method, headers, body, login }: HttpRequest): Asked {
  const given = Object.entries(headers).map(([name, value]): [string, string] => [name, value.reveal()]);
  return {
    url: new URL(url),
    method,
    headers: {
      ...(login !== undefined && { authorization: basic(login.username, login.password) }),
      ...Object.fromEntries(given),
    },
    ...(body !== undefined && { body }),
  };
}

/** @see Proxmox VE API viewer, /nodes/{node}/...; "API tokens" of the administration guide for the header */
export const PROXMOX = {
  guests: (form: ProxmoxForm, kind: GuestKind): Asked => proxmox(form, 'GET', `/nodes/${form.node}/${kind}`),
  nodes: (form: ProxmoxForm): Asked => proxmox(form, 'GET', '/nodes'),
  shutGuestDown: (form: ProxmoxForm, kind: GuestKind, vmid: number): Asked =>
    proxmox(form, 'POST', `/nodes/${form.node}/${kind}/${vmid}/status/shutdown`, `timeout=${GUEST_WAIT}&forceStop=1`),
  shutNodeDown: (form: ProxmoxForm): Asked => proxmox(form, 'POST', `/nodes/${form.node}/status`, 'command=shutdown'),
} as const;

function proxmox({ url, tokenId, token }: ProxmoxForm, method: 'GET' | 'POST', path: string, body?: string): Asked {
  return {
    url: below(url, `/api2/json${path}`),
    method,
    headers: {
      authorization: `PVEAPIToken=${tokenId}=${token.reveal()}`,
      ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
    },
    ...(body !== undefined && { body }),
  };
}

/** @see DMTF DSP0266, "Actions" and "Basic authentication"; DSP2046, ComputerSystem, "Reset" */
export const REDFISH = {
  system: (form: RedfishForm): Asked => redfish(form, 'GET', ''),
  reset: (form: RedfishForm): Asked =>
    redfish(form, 'POST', '/Actions/ComputerSystem.Reset', JSON.stringify({ ResetType: form.reset })),
} as const;

function redfish(form: RedfishForm, method: 'GET' | 'POST', path: string, body?: string): Asked {
  return {
    url: below(form.url, `/redfish/v1/Systems/${form.system}${path}`),
    method,
    headers: {
      authorization: basic(form.username, form.password),
      accept: 'application/json',
      'odata-version': '4.0',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body }),
  };
}

/** @see Home Assistant developer documentation, "REST API" */
export const HOME_ASSISTANT = {
  alive: ({ url, token }: HomeAssistantForm): Asked => ({
    url: below(url, '/api/'),
    method: 'GET',
    headers: { authorization: `Bearer ${token.reveal()}` },
  }),
  act: ({ url, token, action, data }: HomeAssistantForm): Asked => ({
    url: below(url, `/api/services/${action.replace('.', '/')}`),
    method: 'POST',
    headers: { authorization: `Bearer ${token.reveal()}`, 'content-type': 'application/json' },
    body: JSON.stringify(data),
  }),
} as const;

/** Where a call goes. */
export function targetOf(call: HttpCall): URL {
  switch (call.form) {
    case 'request':
      return new URL(call.request.url);
    case 'proxmox':
      return new URL(call.proxmox.url);
    case 'redfish':
      return new URL(call.redfish.url);
    case 'home_assistant':
      return new URL(call.homeAssistant.url);
  }
}

/** What must not be shown of any answer to a call, in each form in which it is sent. */
export function secretsOf(call: HttpCall): readonly string[] {
  switch (call.form) {
    case 'request': {
      const { url, headers, login } = call.request;
      const { pathname, search } = new URL(url);
      // The path of a webhook is as good as a password.
      const values = [`${pathname}${search}`, ...Object.values(headers).map((value) => value.reveal())];
      return login === undefined ? values : [...values, ...forms(login)];
    }
    case 'proxmox':
      return [call.proxmox.token.reveal()];
    case 'redfish':
      return forms(call.redfish);
    case 'home_assistant':
      return [call.homeAssistant.token.reveal()];
  }
}

const forms = ({ username, password }: { readonly username: string; readonly password: Secret }): readonly string[] => [
  password.reveal(),
  basic(username, password).slice('Basic '.length),
];
