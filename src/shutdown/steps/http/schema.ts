import { z } from 'zod';
import { secretText } from '../../../domain/schema.ts';
import type { Secret } from '../../../domain/secret.ts';
import { seconds } from '../../../domain/time.ts';
import { commonKeys, filePath, given, line, type Spans } from '../schema.ts';
import {
  type HomeAssistantForm,
  homeAssistantSchema,
  httpUrl,
  type ProxmoxForm,
  proxmoxSchema,
  type RedfishForm,
  redfishSchema,
} from './forms.ts';

/** One request, as it is sent. */
export interface HttpRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers: Readonly<Record<string, Secret>>;
  /** Absent: none. */
  readonly body?: string;
  /** Basic authentication; absent: none. */
  readonly login?: { readonly username: string; readonly password: Secret };
  /** What counts as success; without codes: 200 to 299. */
  readonly expect: {
    readonly status?: readonly number[];
    /** A part of the answer; absent: any answer. */
    readonly text?: string;
  };
}

/** What an `http` step asks for, one of four ways. */
export type HttpCall =
  | { readonly form: 'request'; readonly request: HttpRequest }
  | { readonly form: 'proxmox'; readonly proxmox: ProxmoxForm }
  | { readonly form: 'redfish'; readonly redfish: RedfishForm }
  | { readonly form: 'home_assistant'; readonly homeAssistant: HomeAssistantForm };

/** What the executor needs of an `http` step. */
export interface HttpStepConfig {
  readonly call: HttpCall;
  /** Path of a PEM file; absent: the authorities of the system. */
  readonly ca?: string;
  /** False: whoever answers is believed. */
  readonly verify: boolean;
}

const header = z
  .string()
  .max(128)
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'must be the name of a header');

/** Keys that mean something only for a request of the user's own. */
const REQUEST_KEYS = ['method', 'headers', 'body', 'username', 'password', 'expect'] as const;

const shape = z.strictObject({
  url: httpUrl.meta({ description: 'Where the request goes' }).optional(),
  method: z
    .enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
    .meta({ description: 'Method of the request. Unset: POST' })
    .optional(),
  headers: z
    .record(header, secretText.meta({ description: 'Value of this header' }))
    .meta({ description: 'Headers of the request. Their values are never shown' })
    .optional(),
  body: z.string().max(65_536).meta({ description: 'Body of the request. Unset: none' }).optional(),
  username: line.meta({ description: 'User name for basic authentication' }).optional(),
  password: secretText.meta({ description: 'Password for basic authentication' }).optional(),
  expect: z
    .strictObject({
      status: z
        .array(z.number().int().min(100).max(599))
        .min(1)
        .max(100)
        .meta({ description: 'Codes that mean success. Unset: 200 to 299' })
        .optional(),
      text: line.meta({ description: 'A part of the answer. Unset: any' }).optional(),
    })
    .meta({ description: 'What counts as success' })
    .optional(),
  proxmox: proxmoxSchema.optional(),
  redfish: redfishSchema.optional(),
  home_assistant: homeAssistantSchema.optional(),
  ca: filePath
    .meta({ description: 'PEM file with the authority of the server. Unset: those of the system' })
    .optional(),
  verify: z
    .boolean()
    .meta({ description: 'Whether the certificate of the server is checked. false is for finding a fault' })
    .prefault(true),
  ...commonKeys('30s, 3m for proxmox, 2m for redfish'),
});

type Raw = z.output<typeof shape>;

/** A server answers at once; guests and machines that are shut down take as long as they do by themselves. */
const SPANS: Readonly<Record<HttpCall['form'], Spans>> = {
  request: { deadline: seconds(30), usual: seconds(5) },
  home_assistant: { deadline: seconds(30), usual: seconds(5) },
  proxmox: { deadline: seconds(180), usual: seconds(60) },
  redfish: { deadline: seconds(120), usual: seconds(60) },
};

/** The `http` block of a step. */
export const httpStepSchema = shape
  .superRefine((raw, context) => {
    const problem = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    const forms = [raw.url, raw.proxmox, raw.redfish, raw.home_assistant].filter((one) => one !== undefined);
    if (forms.length !== 1) problem([], 'give exactly one of url, proxmox, redfish, home_assistant');
    for (const key of REQUEST_KEYS) {
      if (raw.url === undefined && raw[key] !== undefined) problem([key], 'needs url: it is for a request of your own');
    }
    if ((raw.username === undefined) !== (raw.password === undefined)) {
      problem([raw.username === undefined ? 'username' : 'password'], 'username and password go together');
    }
    if (raw.body !== undefined && raw.method === 'GET') problem(['body'], 'means nothing with method: GET');
  })
  .transform((raw, context) => {
    const { name, after, deadline, carries_source, ca, verify } = raw;
    const call = callOf(raw);
    if (call === undefined) {
      context.issues.push({ code: 'custom', message: 'gives nothing to ask for', input: raw });
      return z.NEVER;
    }
    const config: HttpStepConfig = { call, verify, ...(ca !== undefined && { ca }) };
    return given('http', { name, after, deadline, carries_source }, SPANS[call.form], textOf(call), config);
  })
  .meta({ description: 'A request over HTTP: any, or a ready form for Proxmox VE, Redfish or Home Assistant' });

function callOf({ url, proxmox, redfish, home_assistant: homeAssistant, ...raw }: Raw): HttpCall | undefined {
  if (proxmox !== undefined) return { form: 'proxmox', proxmox };
  if (redfish !== undefined) return { form: 'redfish', redfish };
  if (homeAssistant !== undefined) return { form: 'home_assistant', homeAssistant };
  if (url === undefined) return undefined;
  const { username, password, expect = {} } = raw;
  const request: HttpRequest = {
    url,
    method: raw.method ?? 'POST',
    headers: raw.headers ?? {},
    ...(raw.body !== undefined && { body: raw.body }),
    ...(username !== undefined && password !== undefined && { login: { username, password } }),
    expect: {
      ...(expect.status !== undefined && { status: expect.status }),
      ...(expect.text !== undefined && { text: expect.text }),
    },
  };
  return { form: 'request', request };
}

/** Without the path: that of a webhook is as good as a password. */
function textOf(call: HttpCall): string {
  switch (call.form) {
    case 'request':
      return `${call.request.method} to ${new URL(call.request.url).host}`;
    case 'proxmox':
      return `shut down ${call.proxmox.shutdown === 'node' ? '' : 'the guests of '}${call.proxmox.node}`;
    case 'redfish':
      return `${call.redfish.reset} of ${new URL(call.redfish.url).host}`;
    case 'home_assistant':
      return `${call.homeAssistant.action} in Home Assistant`;
  }
}
