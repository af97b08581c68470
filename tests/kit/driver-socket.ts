import { connect, type Socket } from 'node:net';
import { quoted } from './dev-file.ts';

const ANSWER_MS = 5_000;

/**
 * A connection to a NUT driver's own socket, as upsd has one (NUT docs/sock-protocol.txt).
 *
 * Unlike `SET VAR` through upsd it can change variables that are read-only or that the device did not have.
 */
export class DriverSocket {
  readonly #socket: Socket;
  readonly #pongs: Array<{ resolve: () => void; reject: (error: Error) => void }> = [];
  #rest = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => this.#read(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#fail(new Error('the driver closed its socket')));
  }

  /** Resolves once the driver, past its start, answers. */
  static async open(path: string): Promise<DriverSocket> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const opened = new DriverSocket(socket);
    await opened.#send('');
    return opened;
  }

  /** Sets variables all at once; resolves when the driver has told upsd. `''` removes a variable (but not ups.status). */
  async set(variables: Readonly<Record<string, string>>): Promise<void> {
    await this.#send(
      Object.entries(variables)
        .map(([name, value]) => `SET ${name} ${quoted(value)}\n`)
        .join(''),
    );
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The driver works line by line, so its answer to a PING means that everything before it is done. */
  #send(lines: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Error('the driver does not run'));
        return;
      }
      const deadline = setTimeout(
        () => this.#socket.destroy(new Error(`the driver did not answer within ${ANSWER_MS} ms`)),
        ANSWER_MS,
      );
      this.#pongs.push({
        resolve: () => {
          clearTimeout(deadline);
          resolve();
        },
        reject: (error) => {
          clearTimeout(deadline);
          reject(error);
        },
      });
      this.#socket.write(`${lines}PING\n`);
    });
  }

  #read(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (line === 'PONG') this.#pongs.shift()?.resolve();
  }

  #fail(error: Error): void {
    for (const pong of this.#pongs.splice(0)) pong.reject(error);
  }
}
