import { connect, type Socket } from 'node:net';

const ANSWER_MS = 10_000;

/** One connection to upsd that asks one line at a time. */
export class UpsdClient {
  readonly #socket: Socket;
  #rest = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    // Every error is followed by 'close', which is what a question listens to.
    socket.on('error', () => {});
  }

  static async open(port: number): Promise<UpsdClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new UpsdClient(socket);
  }

  ask(line: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const settle = (answer: string | Error) => {
        clearTimeout(deadline);
        this.#socket.off('data', read).off('close', closed);
        if (typeof answer === 'string') resolve(answer);
        else reject(answer);
      };
      const read = (chunk: string) => {
        this.#rest += chunk;
        const end = this.#rest.indexOf('\n');
        if (end < 0) return;
        const answer = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        settle(answer);
      };
      const closed = () => settle(new Error(`upsd closed the connection at ${line}`));
      const deadline = setTimeout(() => settle(new Error(`upsd did not answer ${line} in time`)), ANSWER_MS);
      this.#socket.on('data', read).once('close', closed);
      this.#socket.write(`${line}\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
