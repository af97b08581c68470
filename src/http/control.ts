import type { Intent } from '../domain/intents.ts';
import { LIMITS } from '../domain/limits.ts';
import { type Answer, isShallow, type Json, type RefusalCode, type Request } from '../domain/requests.ts';
import { asMillis, formatSpan, type Millis, seconds } from '../domain/time.ts';
import { type Bounded, boundedServer, type Failure } from './bounded.ts';
import { type BindingOptions, keepBinding } from './listener.ts';
import { bindFile } from './socket-file.ts';

export interface ControlOptions extends BindingOptions {
  /** Where the socket is made. */
  readonly path: string;
  /** Hands a request on. False: too many are waiting. */
  readonly ask: (request: Request) => boolean;
  readonly onListening: () => void;
  /** How long an answer may take. Absent: longer than the policy waits for anything. */
  readonly answerWithin?: Millis;
}

/** The socket through which this machine itself asks. */
export interface Control {
  /** Begins to listen, and goes on trying until it can. */
  readonly start: () => void;
  /** The answer to one of its requests. */
  readonly answer: (intent: Extract<Intent, { kind: 'answer' }>) => void;
  /** Answers what waits, takes no more, and removes the socket. */
  readonly stop: () => Promise<void>;
}

const BOUNDS = { bodyBytes: 64 * 1024, connections: 256, receive: seconds(10) } as const;
/** The policy itself gives up on an actor before. */
const ANSWER_WITHIN = asMillis(LIMITS.pendingFor + 5_000);
/** What is left to the library once we should have answered. */
const SLACK = 5_000;

/** An answer, and its status for HTTP: 200 for every answer of the bridge itself, be it a refusal. */
interface Reply {
  readonly status: number;
  readonly answer: Answer;
}

/**
 * `POST /verbs/<verb>` with a JSON object on a Unix socket, for the user of this process alone: it may do anything to the
 * process, and so it may ask for anything.
 *
 * Nothing here ends the process or keeps it from starting: what is wrong with the socket is told.
 */
export function createControl(options: ControlOptions): Control {
  const { path, onListening, onFailure } = options;
  const log = options.log.room('control');
  const answerWithin = options.answerWithin ?? ANSWER_WITHIN;
  const most = asMillis(answerWithin + SLACK);
  const { app, server, ending, close } = boundedServer({ ...BOUNDS, answer: most, silence: most });
  server.on('error', (failure) => log.debug('the listener reports an error', { error: failure.message }));
  const waiting = new Waiting(options.ask, answerWithin);
  addRoutes(app, waiting);

  const serve = async (): Promise<void> => {
    if (Buffer.byteLength(path) > LIMITS.socketPath) {
      onFailure(`${path} is longer than the ${LIMITS.socketPath} bytes of a socket: give a shorter state_dir`);
      return;
    }
    await app.ready();
    await keepBinding(() => bindFile(server, path, ending), { ...options, log }, ending);
    if (server.listening && !ending.aborted) onListening();
  };
  let binding: Promise<void> | undefined;
  return {
    start: () => {
      binding ??= serve().catch((thrown: unknown) => log.error('there is no socket', { err: thrown }));
    },
    answer: ({ request, answer }) => waiting.answer(request.id, answer),
    stop: async () => {
      waiting.end();
      await close(binding);
    },
  };
}

function addRoutes(app: Bounded['app'], waiting: Waiting): void {
  app.post<{ Params: { verb: string } }>('/verbs/:verb', async ({ params, body }, reply) => {
    const given = body ?? {};
    const { status, answer } = isGiven(given) ? await waiting.asked(params.verb, given) : WRONG;
    return reply.code(status).send(answer);
  });
  app.setNotFoundHandler(async (_request, reply) => {
    return reply.code(404).send(refused('wrong-payload', 'there is only POST /verbs/<verb>'));
  });
  app.setErrorHandler<Failure>(async (failure, _request, reply) => {
    return reply.code(failure.statusCode ?? 500).send(refused('wrong-payload', failure.message));
  });
}

const isGiven = (body: unknown): body is { readonly [key: string]: Json } =>
  // Made by the parser of JSON, so that what is in it is JSON.
  typeof body === 'object' && body !== null && !Array.isArray(body) && isShallow(body as Json);

const refused = (code: RefusalCode, error: string): Answer => ({ status: 'error', code, error, data: {} });

const WRONG: Reply = { status: 400, answer: refused('wrong-payload', 'send a JSON object, not nested deeply') };
const BUSY: Reply = { status: 503, answer: refused('busy', 'too many requests are waiting already') };
const STOPPING: Reply = { status: 503, answer: refused('unavailable', 'the bridge is being stopped') };

/** Requests that have not been answered yet, each with who waits for it. */
class Waiting {
  readonly #ask: ControlOptions['ask'];
  readonly #within: Millis;
  readonly #open = new Map<string, (reply: Reply) => void>();
  #asked = 0;
  #over = false;

  constructor(ask: ControlOptions['ask'], within: Millis) {
    this.#ask = ask;
    this.#within = within;
  }

  asked(verb: string, given: { readonly [key: string]: Json }): Promise<Reply> {
    if (this.#over) return Promise.resolve(STOPPING);
    if (this.#open.size >= LIMITS.pending) return Promise.resolve(BUSY);
    this.#asked += 1;
    const id = `console-${this.#asked}`;
    return new Promise((settle) => {
      const end = (reply: Reply): void => {
        clearTimeout(late);
        this.#open.delete(id);
        settle(reply);
      };
      const late = setTimeout(() => {
        end({ status: 504, answer: refused('no-answer', `no answer within ${formatSpan(this.#within)}`) });
      }, this.#within);
      this.#open.set(id, end);
      if (!this.#ask({ id, from: 'console', ask: { kind: 'verb', verb, given } })) end(BUSY);
    });
  }

  answer(id: string, answer: Answer): void {
    this.#open.get(id)?.({ status: 200, answer });
  }

  /** Nobody is answered any more: those who wait are told. */
  end(): void {
    this.#over = true;
    for (const end of [...this.#open.values()]) end(STOPPING);
  }
}
