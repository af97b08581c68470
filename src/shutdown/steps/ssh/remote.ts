import { err, ok, type Result } from '../../../domain/result.ts';
import type { OutputTail } from '../../output-tail.ts';
import { within } from '../../pause.ts';
import { openSession, type Session } from './connection.ts';
import { fingerprintOf, type KnownHost, lookUp } from './known-hosts.ts';
import { credentialsOf, type Room, type Shell, secretsOf } from './room.ts';
import type { SshConfig } from './schema.ts';
import { carried, INQUIRY, machineOf } from './shell.ts';
import { type Ended, endedText, type SshTrouble } from './trouble.ts';

/** The machine of one step, over one connection at a time. */
export class Remote {
  readonly config: SshConfig;
  readonly #room: Room;
  readonly #output: OutputTail;
  #session: Session | undefined;
  #reopened = false;

  /** @param output what everything that is run there says */
  constructor(config: SshConfig, room: Room, output: OutputTail) {
    this.config = config;
    this.#room = room;
    this.#output = output;
  }

  /** The address that was connected to; absent before. */
  get address(): string | undefined {
    return this.#session?.address;
  }

  get ownContainer(): string | undefined {
    return this.#room.ports.ownContainer;
  }

  /** Connects and logs in. */
  async open(signal: AbortSignal): Promise<Result<Session, SshTrouble>> {
    const opened = await this.#dial(signal);
    if (opened.ok) this.#session = opened.value;
    return opened;
  }

  /**
   * Sees to a connection: one that was lost is opened anew, once a step.
   *
   * @returns why there is none; undefined: there is one
   */
  async ready(signal: AbortSignal): Promise<string | undefined> {
    if (this.#session?.alive() === true) return undefined;
    if (this.#reopened) return 'it dropped twice';
    this.#reopened = true;
    const again = await this.open(signal);
    return again.ok ? undefined : again.error.text;
  }

  /** Runs a command as it is written. */
  async written(command: string, signal: AbortSignal): Promise<Ended> {
    return await this.#exec(command, signal, this.#output.add);
  }

  /** Has `sh` run a script of ours that changes nothing: its answer is for us, and no part of the output. */
  async ask(script: string, signal: AbortSignal): Promise<Ended> {
    return await this.#exec(carried(script), signal, () => undefined);
  }

  async #exec(command: string, signal: AbortSignal, heard: OutputTail['add']): Promise<Ended> {
    const trouble = await this.ready(signal);
    if (trouble !== undefined || this.#session === undefined) return { kind: 'dropped', out: '', last: trouble ?? '' };
    return await this.#session.exec(command, signal, heard);
  }

  /** Has `sh` run a script of ours. */
  async script(script: string, signal: AbortSignal): Promise<Ended> {
    return await this.written(carried(script), signal);
  }

  /**
   * Finds out what reads the commands there, and whether it is the machine that it should be.
   *
   * @param fresh asks although it is known
   * @returns why nothing may be sent, for people
   */
  async shell(signal: AbortSignal, fresh: boolean): Promise<Result<Shell, string>> {
    const { config } = this;
    const name = `${config.user}@${config.host}:${config.port}`;
    const known = fresh ? undefined : this.#room.shells.get(name);
    if (known !== undefined && known.kind === 'posix') {
      const right = await this.#rightMachine(signal);
      return right === undefined ? ok(known) : err(right);
    }
    const found = await within(config.connectTimeout, signal, (late) => this.#find(late));
    if (found.ok) this.#room.shells.set(name, found.value);
    else this.#room.shells.delete(name);
    return found;
  }

  /** Closes the connection at once. */
  close(): void {
    this.#session?.close();
  }

  async #dial(signal: AbortSignal): Promise<Result<Session, SshTrouble>> {
    const { config } = this;
    const file = config.knownHosts ?? this.#room.ports.knownHosts;
    const text = await this.#room.text(file, signal);
    if (!text.ok) return err({ kind: 'identity', text: `${file} ${text.error}` });
    const credentials = await credentialsOf(config, this.#room, signal);
    if (!credentials.ok) return err({ kind: 'login', text: credentials.error });
    const known = lookUp(text.value ?? '', config.host, config.port);
    return await openSession(
      {
        host: config.host,
        port: config.port,
        user: config.user,
        resolve: this.#room.ports.resolve,
        patience: config.connectTimeout,
        turn: this.#room.turn,
        secrets: secretsOf(config),
        credentials: credentials.value,
        types: known.types,
        judge: (key) => refusalOf(known, key, file),
      },
      signal,
    );
  }

  async #find(signal: AbortSignal): Promise<Result<Shell, string>> {
    const { config } = this;
    const wrong = await this.#rightMachine(signal);
    if (wrong !== undefined) return err(wrong);
    if (config.shell === 'none') return ok({ kind: 'none' });
    const answer = await this.#exec(INQUIRY, signal, () => undefined);
    const machine = machineOf(answer.out);
    if (machine !== undefined) return ok({ kind: 'posix', machine });
    if (answer.kind === 'late' || answer.kind === 'dropped') return err(`the shell there ${ANSWERLESS[answer.kind]}`);
    const noShell = `no POSIX shell answers (${endedText(answer)})`;
    if (config.shell === 'posix') return err(noShell);
    if (config.probe !== undefined && needsNoShell(config)) return ok({ kind: 'none' });
    return err(`${noShell}; for a device without one give shell: none and probe`);
  }

  /** @returns why it is not; undefined: it is, or nothing says how to tell */
  async #rightMachine(signal: AbortSignal): Promise<string | undefined> {
    const { probe } = this.config;
    if (probe === undefined) return undefined;
    const unheard = (): void => undefined;
    const answer = await within(this.config.connectTimeout, signal, (late) => this.#exec(probe.command, late, unheard));
    if (answer.kind === 'late' || answer.kind === 'dropped') return `the probe command ${ANSWERLESS[answer.kind]}`;
    if (answer.out.includes(probe.expect)) return undefined;
    return `the probe command was not answered with what is expected (${endedText(answer)})`;
  }
}

const ANSWERLESS = { late: 'does not answer', dropped: 'does not answer: the connection dropped' } as const;

/** Whether all that is to be done could as well be done by something that is no shell. */
const needsNoShell = ({ actions, shutdown, sudo }: SshConfig): boolean =>
  !sudo && shutdown !== true && actions.every(({ kind }) => kind === 'command');

/** Why a key that a host shows is not accepted; undefined: it is. */
function refusalOf(known: KnownHost, key: Buffer, file: string): string | undefined {
  const shown = fingerprintOf(key);
  switch (known.judge(key)) {
    case 'known':
      return undefined;
    case 'revoked':
      return `it shows a key that ${file} calls revoked (${shown})`;
    case 'changed':
      return `its identity has changed: it shows ${shown}, ${file} has another; somebody may pretend to be it`;
    case 'unknown':
      return `its identity is not known: it shows ${shown}, ${file} has nothing of it`;
    case 'authority':
      return `its identity is not known: it shows ${shown}, ${file} only names an authority, and certificates are not understood`;
  }
}
