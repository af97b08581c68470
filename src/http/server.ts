import type { Log } from '../domain/ports.ts';
import type { Json } from '../domain/requests.ts';
import type { ListenAddress } from '../domain/schema.ts';
import { type Millis, seconds } from '../domain/time.ts';
import { type Bounded, boundedServer, type Failure } from './bounded.ts';
import { addressOf, bind, keepBinding, type ListenerOptions } from './listener.ts';

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

const BOUNDS = { bodyBytes: 16 * 1024, connections: 256, silence: seconds(30) } as const;

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
  const { app, server, ending, close } = boundedServer({ ...BOUNDS, receive: requestTimeout, answer: requestTimeout });
  // Out of file descriptors while accepting, for one: the listener itself lives on.
  server.on('error', (failure) => log.debug('the listener reports an error', { error: failure.message }));

  addRoutes(app, options, log);
  let binding: Promise<void> | undefined;
  const serve = async (): Promise<void> => {
    await app.ready();
    await keepBinding(() => bind(server, options.listen, ending), { ...options, log }, ending);
    const address = addressOf(server);
    if (address !== undefined && !ending.aborted) options.onListening(address);
  };

  return {
    start: () => {
      binding ??= serve();
    },
    stop: () => close(binding),
    address: () => addressOf(server),
  };
}

function addRoutes(app: Bounded['app'], options: HttpOptions, log: Log): void {
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
  app.setErrorHandler<Failure>(async (failure, request, reply) => {
    const status = failure.statusCode ?? 500;
    // What went wrong inside is for the log; a stranger learns only whose fault it was.
    if (status >= 500) log.error('a request failed', { path: request.url.slice(0, 200), error: failure.message });
    return reply.code(status).send({ error: status >= 500 ? 'internal error' : 'bad request' });
  });
}
