import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SOCAT_PROGRAM } from './presence.ts';
import { RunningProcess } from './process.ts';
import type { DriverSpec } from './upsd.ts';

const START_MS = 10_000;

/** What the eight bits of its answer say, from the left: mains failed, battery low, and so on. */
const STATUS = { mains: '00001000', battery: '10001000', low: '11001000' } as const;

/**
 * A UPS at the other end of a serial line, which speaks Megatec's protocol: what NUT's own driver `nutdrv_qx` tells it is
 * what a UPS would have been told.
 *
 * @see https://networkupstools.org/protocols/megatec.html
 */
export class SerialUps {
  readonly #folder: string;
  readonly #server: Server;
  readonly #wire: RunningProcess;
  readonly #heard: string[] = [];
  readonly #waiting = new Set<() => void>();
  #status: keyof typeof STATUS = 'mains';

  private constructor(folder: string, server: Server, wire: RunningProcess) {
    this.#folder = folder;
    this.#server = server;
    this.#wire = wire;
    server.on('connection', (line) => this.#listen(line));
  }

  /** Resolves when the line can be opened. Needs `socat`. */
  static async plugIn(): Promise<SerialUps> {
    const folder = await mkdtemp(join(tmpdir(), 'gridwarden-serial-'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, 'ups'), resolve));
    const ends = [`PTY,rawer,link=${join(folder, 'tty')}`, `UNIX-CONNECT:${join(folder, 'ups')}`];
    const wire = new RunningProcess(SOCAT_PROGRAM, ['-d', '-d', ...ends], { name: 'socat', maxLines: 100 });
    const ups = new SerialUps(folder, server, wire);
    await wire.waitForLine(/starting data transfer loop/, START_MS);
    return ups;
  }

  /** How NUT finds it. */
  get spec(): DriverSpec {
    return {
      driver: 'nutdrv_qx',
      options: { port: join(this.#folder, 'tty'), protocol: 'megatec', pollinterval: '1' },
    };
  }

  /** What it was told, apart from what only asks it. */
  get orders(): readonly string[] {
    return this.#heard;
  }

  becomes(status: keyof typeof STATUS): void {
    this.#status = status;
  }

  /** Resolves to the first order that fits, also one of before. */
  async told(pattern: RegExp, timeoutMs: number): Promise<string> {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const found = this.#heard.find((order) => pattern.test(order));
      if (found !== undefined) return found;
      if (deadline.aborted)
        throw new Error(`the UPS was not told ${pattern}, but ${this.#heard.join(', ') || 'nothing'}`);
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          deadline.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        deadline.addEventListener('abort', wake);
      });
    }
  }

  async dispose(): Promise<void> {
    await this.#wire.kill();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#folder, { recursive: true, force: true });
  }

  #listen(line: Socket): void {
    let rest = '';
    line.setEncoding('latin1').on('error', () => undefined);
    line.on('data', (chunk: string) => {
      const words = (rest + chunk).split('\r');
      rest = words.pop() ?? '';
      for (const word of words) this.#hear(line, word);
    });
  }

  #hear(line: Socket, word: string): void {
    const volts = this.#status === 'mains' ? '226.0' : '000.0';
    const battery = this.#status === 'low' ? '21.0' : '25.9';
    if (word === 'Q1') line.write(`(${volts} 195.0 226.0 014 50.0 ${battery} 25.0 ${STATUS[this.#status]}\r`);
    else if (word === 'F') line.write('#230.0 003 24.00 50.0\r');
    else if (word === 'I') line.write('#GRID            TEST       1.0       \r');
    else if (word !== '') {
      this.#heard.push(word);
      for (const wake of [...this.#waiting]) wake();
    }
  }
}
