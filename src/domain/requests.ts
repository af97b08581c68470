import { LIMITS } from './limits.ts';
import type { DeviceId } from './names.ts';

/** A value of JSON, as it came from a client. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What is read must be writable too: a value that gives back a thousand brackets would exhaust the stack. */
export const isShallow = (value: Json, levels: number = LIMITS.requestDepth): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((part) => isShallow(part, levels - 1)));

/** What somebody asks of us. Checked for form only; whether it is allowed and possible is decided in the policy. */
export type Ask =
  | { readonly kind: 'command'; readonly device: DeviceId; readonly command: string; readonly value?: string }
  | { readonly kind: 'set'; readonly device: DeviceId; readonly variable: string; readonly value: string }
  | { readonly kind: 'verb'; readonly verb: string; readonly given: { readonly [key: string]: Json } }
  /** Not understood. Still an input, so that it is answered and on record. */
  | { readonly kind: 'unreadable'; readonly device?: DeviceId; readonly verb?: string; readonly why: string };

/** Where one answer goes besides its usual topic (MQTT 5 request and response). */
export interface ReturnTo {
  readonly topic: string;
  /** Correlation data as base64. */
  readonly correlation?: string;
}

export interface Request {
  /** Unique in this process. */
  readonly id: string;
  /** Who asked: the room that will carry the answer. */
  readonly from: 'mqtt' | 'http' | 'console' | 'signal' | 'schedule';
  readonly ask: Ask;
  /** The client's own mark, given back as it came. */
  readonly transaction?: Json;
  /** The usual topic of the answer, as it was when the request came: a reload may change it meanwhile. */
  readonly answerTopic?: string;
  readonly returnTo?: ReturnTo;
}

/** Why a request came to nothing. */
export type RefusalCode =
  | 'wrong-payload'
  | 'unknown-device'
  | 'unknown-command'
  | 'unknown-verb'
  | 'not-allowed'
  | 'not-writable'
  | 'wrong-value'
  | 'unavailable'
  | 'busy'
  | 'refused'
  | 'no-answer'
  | 'no-credentials'
  | 'invalid-configuration'
  | 'unknown-group'
  | 'nothing-to-cancel'
  | 'nothing-to-restore'
  | 'too-late'
  | 'not-confirmed'
  | 'not-now';

/** The one answer that every request gets. */
export type Answer =
  | { readonly status: 'ok'; readonly data: { readonly [key: string]: Json } }
  | {
      readonly status: 'error';
      readonly code: RefusalCode;
      readonly error: string;
      readonly data: { readonly [key: string]: Json };
    };
