import { createServer, type Server } from 'node:http';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import type { Log } from '../domain/ports.ts';
import type { Json } from '../domain/requests.ts';
import type { ListenAddress } from '../domain/schema.ts';
import { asMillis, type Millis, seconds } from '../domain/time.ts';
import { addressOf, keepBinding, type ListenerOptions } from './listener.ts';

/** What `/health` and `/ready` say: their status follows `ok`, the rest is for whoever looks. */
export interface Answerable {
  readonly ok: boolean;
  readonly [detail: string]: Json;
}

export interface HttpOptions extends ListenerOptions {
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
  /** Whether the loop still ticks. */
  readonly alive: () => Answerable;
  /** Whether everything that is configured works, each capability by name. */
  readonly ready: () => Answerable;
  /** How long a client may take to send its request, and we to answer it. Absent: ten seconds. */
  readonly requestTimeout?: Millis;
}

export interface Http {
  /** Begins to listen, and goes on trying until it can. */
  readonly start: () => void;
  /** Takes no more requests, waits for those that run, and cuts off what is left after a second. */
  readonly stop: () => Promise<void>;
  /** Where it listens; undefined while it does not. */
  readonly address: () => ListenAddress | undefined;
}

const BOUNDS = {
  bodyBytes: 16 * 1024,
  headerBytes: 8 * 1024,
  connections: 256,
  requestsPerConnection: 1000,
  keepAlive: seconds(5),
  /** Silence on an open connection, a client that does not read its answer included. */
  silence: seconds(30),
  drain: seconds(1),
} as const;

/** Nothing of ours is a page: no browser has a reason to run, frame, guess or keep any of it. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

/**
 * The HTTP server: `/metrics`, `/health` (liveness) and `/ready`.
 *
 * A port that cannot be bound is told through `onFailure` and tried again; nothing here ends the process.
 */
export function createHttp(options: HttpOptions): Http {
  const log = options.log.room('http');
  const requestTimeout = options.requestTimeout ?? seconds(10);
  const server = boundedServer(requestTimeout);
  const app = fastify({
    bodyLimit: BOUNDS.bodyBytes,
    handlerTimeout: requestTimeout,
    serverFactory: (handler) => server.on('request', handler),
  });
  // Out of file descriptors while accepting, for one: the listener itself lives on.
  server.on('error', (failure) => log.debug('the listener reports an error', { error: failure.message }));

  const ending = new AbortController();
  addRoutes(app, options, log);
  // Else a client that keeps its connection would hold up the end until it is cut off.
  app.addHook('onSend', async (_request, reply) => {
    if (ending.signal.aborted) reply.header('connection', 'close');
  });
  let binding: Promise<void> | undefined;
  const serve = async (): Promise<void> => {
    await app.ready();
    await keepBinding(server, { ...options, log }, ending.signal);
  };

  return {
    start: () => {
      binding ??= serve();
    },
    stop: async () => {
      ending.abort();
      await binding;
      await closeServer(server);
      await app.close();
    },
    address: () => addressOf(server),
  };
}

/** Node's server with every bound set: its own defaults let a client hold a connection for minutes. */
function boundedServer(requestTimeout: Millis): Server {
  const server = createServer({
    maxHeaderSize: BOUNDS.headerBytes,
    requestTimeout,
    headersTimeout: requestTimeout,
    keepAliveTimeout: BOUNDS.keepAlive,
    connectionsCheckingInterval: asMillis(Math.min(1000, requestTimeout)),
  });
  server.maxConnections = BOUNDS.connections;
  server.maxRequestsPerSocket = BOUNDS.requestsPerConnection;
  server.setTimeout(BOUNDS.silence);
  return server;
}

function addRoutes(app: FastifyInstance, options: HttpOptions, log: Log): void {
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(HEADERS);
  });
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await options.metrics();
    return reply.type(contentType).send(body);
  });
  for (const [path, ask] of [
    ['/health', options.alive],
    ['/ready', options.ready],
  ] as const) {
    app.get(path, async (_request, reply) => {
      const answer = ask();
      return reply.code(answer.ok ? 200 : 503).send(answer);
    });
  }
  app.setNotFoundHandler(async (_request, reply) => reply.code(404).send({ error: 'not found' }));
  app.setErrorHandler<FastifyError>(async (failure, request, reply) => {
    const status = failure.statusCode ?? 500;
    // What went wrong inside is for the log; a stranger learns only whose fault it was.
    if (status >= 500) log.error('a request failed', { path: request.url.slice(0, 200), error: failure.message });
    return reply.code(status).send({ error: status >= 500 ? 'internal error' : 'bad request' });
  });
}

async function closeServer(server: Server): Promise<void> {
  const late = setTimeout(() => server.closeAllConnections(), BOUNDS.drain);
  // Closing also ends a bind that is still under way; a server that never listened says so, which is what we want.
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(late);
}
