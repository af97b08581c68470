/** One connection of the fake upsd. */
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { FakeUpsdWorld, Session } from './fake-upsd-commands.ts';
import { closeLimits, type Faults, garbageBytes, Outlet } from './fake-upsd-faults.ts';
import { RequestReader } from './fake-upsd-words.ts';

/** What a connection needs of the server. */
export interface ConnectionHost {
  readonly world: FakeUpsdWorld;
  readonly faults: () => Faults;
  readonly secureContext: SecureContext | undefined;
  readonly noDelay: boolean;
  record(connection: number, line: string): void;
  closed(connection: Connection): void;
}

/** One client: its requests in, its answers out, and the change to TLS between them. */
export class Connection {
  readonly session: Session;
  readonly #host: ConnectionHost;
  readonly #socket: Socket;
  readonly #outlet: Outlet;
  readonly #reader: RequestReader;
  #tls: TLSSocket | undefined;
  #line = '';
  #requests = 0;
  /** What still came in clear with STARTTLS waits here for the end of the handshake; undefined: no handshake runs. */
  #upgrading: (readonly string[])[] | undefined;
  #deaf = false;
  heardAt = performance.now();

  constructor(socket: Socket, number: number, host: ConnectionHost) {
    this.#socket = socket;
    this.#host = host;
    this.session = {
      connection: number,
      address: '127.0.0.1',
      username: undefined,
      password: undefined,
      tracking: false,
      login: undefined,
      secure: false,
    };
    this.#outlet = new Outlet(socket, host.faults, () => this.#end());
    this.#reader = new RequestReader(
      (line) => {
        this.#line = line;
        host.record(number, line);
      },
      (words) => this.#request(words),
    );
    socket.on('data', this.#onData);
    socket.on('error', () => this.destroy());
    socket.on('close', () => {
      this.#outlet.closed();
      host.closed(this);
    });
    if (closeLimits(host.faults().closeAt).request === 0) this.#end();
  }

  faultsChanged(): void {
    this.#requests = 0;
    this.#outlet.resetCounts();
    // Without it the kernel would glue the pieces of `split` together again.
    this.#socket.setNoDelay(this.#host.noDelay || this.#host.faults().split !== undefined);
  }

  push(text: string): void {
    (this.#tls ?? this.#socket).write(text, 'latin1');
  }

  destroy(): void {
    this.#deaf = true;
    this.#tls?.destroy();
    this.#socket.destroy();
  }

  /** Lets what was written go out, then closes. */
  #end(): void {
    this.#deaf = true;
    this.#outlet.closed();
    const stream = this.#tls ?? this.#socket;
    stream.end(() => this.destroy());
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#deaf) return;
    this.#reader.feed(chunk);
    this.#outlet.flush();
    const stream = this.#tls ?? this.#socket;
    if (!stream.writableNeedDrain) return;
    // A client that does not read its answers is not read either: memory stays bounded.
    stream.pause();
    stream.once('drain', () => stream.resume());
  };

  #request(words: readonly string[]): void {
    this.heardAt = performance.now();
    if (this.#upgrading) this.#upgrading.push(words);
    if (this.#upgrading || this.#deaf) return;
    const faults = this.#host.faults();
    const touched = faults.only === undefined || this.#line.search(faults.only) >= 0;
    if (touched) {
      this.#requests += 1;
      const limit = closeLimits(faults.closeAt).request;
      if (limit !== undefined && this.#requests >= limit) {
        this.#outlet.flush();
        this.#outlet.whenIdle(() => this.#end());
        this.#deaf = true;
        return;
      }
      if (faults.noAnswer) return;
    }
    const answer = this.#host.world.answer(this.session, words);
    const clear = answer.next === 'starttls' && faults.tlsBroken === 'clear';
    this.#outlet.reply(clear ? { text: `${answer.text}1.3\n` } : answer, touched);
    if (answer.next === 'starttls') this.#startTls(faults.tlsBroken);
    else if (answer.next === 'close') {
      this.#outlet.flush();
      this.#outlet.whenIdle(() => this.#end());
    }
  }

  #startTls(broken: Faults['tlsBroken']): void {
    this.#upgrading = [];
    this.#outlet.flush();
    this.#outlet.whenIdle(() => {
      this.#socket.off('data', this.#onData);
      if (broken === undefined) return this.#handshake();
      this.#socket.on('data', () => {
        if (broken === 'garbage') this.#socket.write(garbageBytes(256));
        if (broken === 'close') this.destroy();
      });
    });
  }

  #handshake(): void {
    const { secureContext } = this.#host;
    if (!secureContext) throw new Error('STARTTLS was granted without a certificate');
    const tls = new TLSSocket(this.#socket, { isServer: true, secureContext });
    tls.on('error', () => this.destroy());
    tls.on('close', () => this.destroy());
    tls.on('data', this.#onData);
    tls.on('secure', () => {
      const waiting = this.#upgrading ?? [];
      this.#upgrading = undefined;
      this.session.secure = true;
      for (const words of waiting) this.#request(words);
      this.#outlet.flush();
    });
    this.#tls = tls;
    this.#outlet.use(tls);
  }
}
