/** Why there is no connection to the broker. */
type BrokerTroubleKind =
  | 'unreachable'
  | 'timed-out'
  | 'closed'
  | 'tls'
  | 'credentials'
  | 'version'
  | 'taken-over'
  | 'refused'
  | 'file';

export interface BrokerTrouble {
  readonly kind: BrokerTroubleKind;
  /** A sentence part for people, at most 200 characters, without secrets. */
  readonly text: string;
}

/** @param text cut to 200 characters: parts of it may come from the broker */
export const brokerTrouble = (kind: BrokerTroubleKind, text: string): BrokerTrouble => ({
  kind,
  text: text.slice(0, 200),
});

/**
 * What a reason or return code of the broker means.
 *
 * One table serves both protocol versions: 3.1.1 uses 1 to 5, MQTT 5 uses 128 and above.
 *
 * @see MQTT 3.1.1, 3.2.2.3; MQTT 5.0, 2.4
 */
export function troubleOfCode(code: number, clientId: string): BrokerTrouble {
  const named = REASONS[code];
  if (named !== undefined) return brokerTrouble(named[0], named[1]);
  if (code === 142) return brokerTrouble('taken-over', `another client uses the id "${clientId}"`);
  if (code === 2 || code === 133) {
    return brokerTrouble('refused', `the broker does not accept the client id "${clientId}"`);
  }
  return brokerTrouble('refused', `the broker refuses, with code ${code}`);
}

const REASONS: Readonly<Record<number, readonly [BrokerTroubleKind, string]>> = {
  1: ['version', 'the broker does not speak this version of MQTT'],
  3: ['refused', 'the broker is not available'],
  4: ['credentials', 'the broker does not accept the user name or password'],
  5: ['credentials', 'the broker does not authorise this user'],
  129: ['refused', 'the broker calls a message malformed'],
  130: ['refused', 'the broker sees a protocol error'],
  132: ['version', 'the broker does not speak this version of MQTT'],
  134: ['credentials', 'the broker does not accept the user name or password'],
  135: ['credentials', 'the broker does not authorise this user'],
  136: ['refused', 'the broker is not available'],
  137: ['refused', 'the broker is busy'],
  138: ['refused', 'the broker has banned this client'],
  139: ['closed', 'the broker is shutting down'],
  140: ['credentials', 'the broker wants another way of authentication'],
  141: ['timed-out', 'the broker heard nothing from us for too long'],
  149: ['refused', 'the broker calls a message too large'],
  150: ['refused', 'the broker calls the message rate too high'],
  151: ['refused', 'the quota at the broker is used up'],
  152: ['refused', 'an administrator of the broker ended the connection'],
  154: ['refused', 'the broker keeps no retained messages'],
  155: ['refused', 'the broker does not support this quality of service'],
  156: ['refused', 'the broker asks to use another server'],
  157: ['refused', 'the broker has moved'],
  158: ['refused', 'the broker does not share subscriptions'],
  159: ['refused', 'the broker calls the rate of connections too high'],
};

/** What an error of a socket, of TLS or of the library means. */
export function troubleOfError(error: unknown, clientId: string): BrokerTrouble {
  const code = codeOf(error);
  if (typeof code === 'number') return troubleOfCode(code, clientId);
  const message = error instanceof Error ? error.message : String(error);
  if (code !== undefined) {
    const socket = SOCKET[code];
    if (socket !== undefined) return brokerTrouble(socket[0], socket[1]);
    const tls = tlsText(code);
    if (tls !== undefined) return brokerTrouble('tls', tls);
  }
  if (/timeout/i.test(message)) return brokerTrouble('timed-out', 'the broker does not answer in time');
  return brokerTrouble('closed', `the connection failed: ${message}`);
}

function codeOf(error: unknown): string | number | undefined {
  if (!(error instanceof Error) || !('code' in error)) {
    // Node tries several addresses of a name and gathers their errors.
    return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined;
  }
  return typeof error.code === 'string' || typeof error.code === 'number' ? error.code : undefined;
}

const SOCKET: Readonly<Record<string, readonly [BrokerTroubleKind, string]>> = {
  ECONNREFUSED: ['unreachable', 'nothing listens there (connection refused)'],
  ENOTFOUND: ['unreachable', 'its name cannot be resolved'],
  EAI_AGAIN: ['unreachable', 'its name cannot be resolved: no name server answers'],
  EHOSTUNREACH: ['unreachable', 'the host cannot be reached'],
  EHOSTDOWN: ['unreachable', 'the host cannot be reached'],
  ENETUNREACH: ['unreachable', 'the network cannot be reached'],
  ETIMEDOUT: ['timed-out', 'the host does not answer'],
  ECONNRESET: ['closed', 'the broker cut the connection'],
  EPIPE: ['closed', 'the broker cut the connection'],
  ERR_STREAM_PREMATURE_CLOSE: ['closed', 'the broker closed the connection'],
};

function tlsText(code: string): string | undefined {
  const named = TLS[code];
  if (named !== undefined) return named;
  if (code.includes('WRONG_VERSION_NUMBER') || code.includes('PACKET_LENGTH_TOO_LONG')) {
    return 'it does not speak TLS on this port';
  }
  if (code.includes('ALERT_PROTOCOL_VERSION') || code.includes('UNSUPPORTED_PROTOCOL')) {
    return 'it speaks no TLS version that we accept (1.2 or newer)';
  }
  if (/ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE|UNSUPPORTED_CERTIFICATE|DECRYPT_ERROR|ACCESS_DENIED)/.test(code)) {
    return `the broker does not accept our certificate, or wants one (${code})`;
  }
  if (/^ERR_(SSL|OSSL|TLS|CRYPTO)/.test(code)) return `no TLS connection (${code})`;
  return /CERT|CRL|ISSUER|SIGNATURE/.test(code) ? `the certificate of the broker is not accepted (${code})` : undefined;
}

const TLS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate of the broker has expired',
  CERT_NOT_YET_VALID: 'the certificate of the broker is not valid yet: compare the clocks',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate of the broker is self-signed and not trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate of the broker comes from an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'the certificate of the broker comes from an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the certificate of the broker comes from an authority that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate of the broker comes from an authority that is not trusted',
  INVALID_PURPOSE: 'the certificate of the broker is not meant for a server',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate of the broker is for another host name',
};
