import { createServer, type Server } from 'node:http';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { asMillis, type Millis, seconds } from '../domain/time.ts';

/** What one client may cost. */
export interface Bounds {
  readonly bodyBytes: number;
  readonly connections: number;
  /** How long a client may take to send its request. */
  readonly receive: Millis;
  /** How long we may take to answer it. */
  readonly answer: Millis;
  /** Silence on an open connection, a client that does not read its answer included. */
  readonly silence: Millis;
}

/** A server of ours that has not begun to listen. */
export interface Bounded {
  readonly app: FastifyInstance;
  readonly server: Server;
  /** Aborts as it closes. */
  readonly ending: AbortSignal;
  /** Takes no more requests, waits for those that run, and cuts off what is left after a second. */
  readonly close: (bound: Promise<unknown> | undefined) => Promise<void>;
}

/** What went wrong with a request, as the library tells it. */
export type Failure = FastifyError;

const HEADER_BYTES = 8 * 1024;
const REQUESTS_PER_CONNECTION = 1000;
const KEEP_ALIVE = seconds(5);
const DRAIN = seconds(1);

/** Node's server with every bound set, and routes to be added: its own defaults let a client hold a connection for minutes. */
export function boundedServer({ bodyBytes, connections, receive, answer, silence }: Bounds): Bounded {
  const server = createServer({
    maxHeaderSize: HEADER_BYTES,
    requestTimeout: receive,
    headersTimeout: receive,
    keepAliveTimeout: KEEP_ALIVE,
    connectionsCheckingInterval: asMillis(Math.min(1000, receive)),
  });
  server.maxConnections = connections;
  server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION;
  server.setTimeout(silence);
  const app = fastify({
    bodyLimit: bodyBytes,
    handlerTimeout: answer,
    serverFactory: (handler) => server.on('request', handler),
  });
  const ending = new AbortController();
  // Else a client that keeps its connection would hold up the end until it is cut off.
  app.addHook('onSend', async (_request, reply) => {
    if (ending.signal.aborted) reply.header('connection', 'close');
  });
  const close = async (bound: Promise<unknown> | undefined): Promise<void> => {
    ending.abort();
    await bound;
    await closed(server);
    await app.close();
  };
  return { app, server, ending: ending.signal, close };
}

async function closed(server: Server): Promise<void> {
  const late = setTimeout(() => server.closeAllConnections(), DRAIN);
  // Closing also ends a bind that is still under way; a server that never listened says so, which is what we want.
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(late);
}
