import { WebSocket } from 'ws';

const ANSWER_MS = 30_000;

/** An entity's state as Home Assistant has it; `last_changed` and `last_updated` in ISO 8601. */
export interface EntityState {
  readonly entity_id: string;
  readonly state: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly last_changed: string;
  readonly last_updated: string;
}

/** A message of Home Assistant's WebSocket interface: an answer, or an event of a subscription. */
interface Incoming {
  readonly id?: number;
  readonly type: string;
  readonly success?: boolean;
  readonly result?: unknown;
  readonly event?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** One authenticated connection to Home Assistant's WebSocket interface. */
export class HomeAssistantSocket {
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, Pending>();
  readonly #subscriptions = new Map<number, (event: unknown) => void>();
  #nextId = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (text) => this.#receive(String(text)));
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      for (const pending of this.#pending.values()) pending.reject(new Error('Home Assistant closed the connection'));
      this.#pending.clear();
    });
  }

  static async open(port: number, token: string): Promise<HomeAssistantSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/api/websocket`, { handshakeTimeout: ANSWER_MS });
    await new Promise<void>((resolve, reject) => {
      socket.on('message', (text) => {
        // What comes before authentication is one of three objects with a `type`.
        const { type } = JSON.parse(String(text)) as Incoming;
        if (type === 'auth_required') socket.send(JSON.stringify({ type: 'auth', access_token: token }));
        else if (type === 'auth_ok') resolve();
        else reject(new Error(`Home Assistant answers ${String(text)} to the token`));
      });
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('Home Assistant closed the connection before it was open')));
    });
    socket.removeAllListeners();
    return new HomeAssistantSocket(socket);
  }

  /** Sends a command and gives its result. Throws with Home Assistant's code and message. */
  command(command: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.#send(this.#nextId++, command);
  }

  /** A command that goes on sending events; resolves when it is accepted. */
  async subscribe(command: Readonly<Record<string, unknown>>, onEvent: (event: unknown) => void): Promise<void> {
    const id = this.#nextId++;
    this.#subscriptions.set(id, onEvent);
    await this.#send(id, command);
  }

  close(): void {
    this.#socket.terminate();
  }

  #send(id: number, command: Readonly<Record<string, unknown>>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#socket.readyState !== WebSocket.OPEN) {
        reject(new Error('there is no connection to Home Assistant'));
        return;
      }
      const settle = () => {
        clearTimeout(deadline);
        this.#pending.delete(id);
      };
      const fail = (error: Error) => {
        settle();
        reject(error);
      };
      const deadline = setTimeout(
        () => fail(new Error(`no answer to ${String(command['type'])} within ${ANSWER_MS} ms`)),
        ANSWER_MS,
      );
      this.#pending.set(id, {
        resolve: (result) => {
          settle();
          resolve(result);
        },
        reject: fail,
      });
      this.#socket.send(JSON.stringify({ id, ...command }));
    });
  }

  #receive(text: string): void {
    // Home Assistant sends one object, or several at once in an array.
    const parsed = JSON.parse(text) as Incoming | Incoming[];
    for (const message of Array.isArray(parsed) ? parsed : [parsed]) {
      const id = message.id ?? 0;
      if (message.type === 'event') this.#subscriptions.get(id)?.(message.event);
      else if (message.type !== 'result') continue;
      else if (message.success) this.#pending.get(id)?.resolve(message.result);
      else this.#pending.get(id)?.reject(new Error(`Home Assistant: ${message.error?.code} ${message.error?.message}`));
    }
  }
}
