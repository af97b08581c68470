import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { nutDumps } from '../kit/corpus.ts';
import { dumpUps, parseDump } from '../kit/dump.ts';
import { type FakeUpsd, type FakeUpsdOptions, selfSignedCertificate, startFakeUpsd } from '../kit/fake-upsd.ts';
import { garbageBytes } from '../kit/fake-upsd-faults.ts';

/** A client with no knowledge of the protocol: bytes out, bytes in. */
class RawClient {
  text = '';
  ended = false;
  readonly chunks: number[] = [];
  #heard: (() => void) | undefined;
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk.length);
      this.text += chunk.toString('latin1');
      this.#heard?.();
    });
    socket.on('close', () => {
      this.ended = true;
      this.#heard?.();
    });
    socket.on('error', () => {});
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Waits until what has come satisfies `enough`, and takes it. */
  async take(enough: (text: string) => boolean): Promise<string> {
    const deadline = AbortSignal.timeout(4000);
    while (!enough(this.text)) {
      if (this.ended) throw new Error(`closed after ${JSON.stringify(this.text.slice(0, 200))}`);
      await new Promise<void>((resolve, reject) => {
        this.#heard = resolve;
        deadline.onabort = () => reject(new Error(`only ${JSON.stringify(this.text.slice(0, 200))} came`));
      });
    }
    const taken = this.text;
    this.text = '';
    return taken;
  }

  /** Everything that comes until the server closes. */
  async rest(): Promise<string> {
    while (!this.ended) await new Promise<void>((resolve) => (this.#heard = resolve));
    return this.text;
  }

  /** Sends a line, followed by a VER whose answer shows that no more belongs to the first. */
  async ask(line: string): Promise<string> {
    this.send(`${line}\nVER\n`);
    const text = await this.take((got) => got.endsWith(BANNER));
    return text.slice(0, -BANNER.length);
  }
}

const BANNER = 'Network UPS Tools upsd 2.8.0 - http://www.networkupstools.org/\n';

const OPTIONS: FakeUpsdOptions = {
  descriptions: { 'ups.status': 'UPS status' },
  ups: {
    d1: {
      desc: 'APC "Smart" 750 \\ lab #1',
      variables: {
        'ups.status': 'OL',
        'ups.mfr': 'a "q" b\\c #d',
        'battery.charge': '100',
        'Zeta.x': '3',
        'device.serial': '',
        'input.transfer.low': '206',
        'ups.start.auto': 'yes',
        'ups.model': 'stéatite\u00a0\u0007X',
      },
      rw: {
        'ups.mfr': { type: 'STRING:32' },
        'battery.charge': {},
        'ups.start.auto': { enum: ['yes', 'no'] },
        'input.transfer.low': {
          ranges: [
            [180, 190],
            [200, 223],
          ],
          maxLength: 3,
        },
      },
      commands: { 'test.battery.start': 'Start a battery test', 'load.off': undefined },
    },
    d2: { variables: { 'ups.status': 'OL', 'battery.charge': '90' }, commands: ['beeper.mute'] },
  },
  users: {
    admin: { password: 'adm', actions: ['SET', 'FSD'], instcmds: 'ALL' },
    mon: { password: 'pm', upsmon: 'primary' },
    sec: { password: 'ps', upsmon: 'secondary' },
    one: { password: 'po', instcmds: ['test.battery.start'] },
  },
};

const started: FakeUpsd[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

async function start(options: Partial<FakeUpsdOptions> = {}): Promise<FakeUpsd> {
  const server = await startFakeUpsd({ noDelay: true, ...OPTIONS, ...options });
  started.push(server);
  return server;
}

async function open(server: FakeUpsd): Promise<RawClient> {
  const socket = connect(server.port, server.host);
  onTestFinished(() => {
    socket.destroy();
  });
  const client = new RawClient(socket);
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return client;
}

async function both(options: Partial<FakeUpsdOptions> = {}): Promise<{ server: FakeUpsd; client: RawClient }> {
  const server = await start(options);
  return { server, client: await open(server) };
}

async function logIn(client: RawClient, user: string, password: string): Promise<void> {
  expect(await client.ask(`USERNAME ${user}\nPASSWORD ${password}`)).toBe('OK\nOK\n');
}

const lines = (count: number) => (text: string) => text.split('\n').length > count;

describe('answers, each as upsd 2.8.0 gave it', () => {
  test.each([
    ['VER', BANNER],
    ['ver', BANNER],
    ['VER x', 'ERR INVALID-ARGUMENT\n'],
    ['NETVER', '1.3\n'],
    ['PROTVER', '1.3\n'],
    ['HELP', 'Commands: HELP VER GET LIST SET INSTCMD LOGIN LOGOUT USERNAME PASSWORD STARTTLS\n'],
    ['FOO d1', 'ERR UNKNOWN-COMMAND\n'],
    ['', 'ERR UNKNOWN-COMMAND\n'],
    ['   ', 'ERR UNKNOWN-COMMAND\n'],
    ['#comment', 'ERR UNKNOWN-COMMAND\n'],
    ['STARTTLS', 'ERR FEATURE-NOT-CONFIGURED\n'],
    ['GET', 'ERR INVALID-ARGUMENT\n'],
    ['GET VAR d1', 'ERR INVALID-ARGUMENT\n'],
    ['GET FOO d1 x', 'ERR INVALID-ARGUMENT\n'],
    ['GET VAR d1 ups.status', 'VAR d1 ups.status "OL"\n'],
    ['GET VAR D1 UPS.STATUS extra', 'VAR D1 UPS.STATUS "OL"\n'],
    ['GET VAR d1 ups.mfr', 'VAR d1 ups.mfr "a \\"q\\" b\\\\c \\#d"\n'],
    ['GET VAR d1 ups.model', 'VAR d1 ups.model "statiteX"\n'],
    ['GET VAR d1 device.serial', 'VAR d1 device.serial ""\n'],
    ['GET VAR d1 nope', 'ERR VAR-NOT-SUPPORTED\n'],
    ['GET VAR nope ups.status', 'ERR UNKNOWN-UPS\n'],
    ['GET VAR nope SERVER.VERSION', 'VAR nope server.version "2.8.0"\n'],
    ['GET VAR d1 server.info', `VAR d1 server.info "${BANNER.trimEnd()}"\n`],
    ['GET TYPE d1 ups.mfr', 'TYPE d1 ups.mfr RW STRING:32\n'],
    ['GET TYPE d1 BATTERY.CHARGE', 'TYPE d1 BATTERY.CHARGE RW NUMBER\n'],
    ['GET TYPE d1 ups.status', 'TYPE d1 ups.status NUMBER\n'],
    ['GET TYPE d1 ups.start.auto', 'TYPE d1 ups.start.auto RW ENUM\n'],
    ['GET TYPE d1 input.transfer.low', 'TYPE d1 input.transfer.low RW RANGE STRING:3\n'],
    ['GET TYPE d1 nope', 'ERR VAR-NOT-SUPPORTED\n'],
    ['GET DESC d1 ups.status', 'DESC d1 ups.status "UPS status"\n'],
    ['GET DESC d1 nope', 'DESC d1 nope "Description unavailable"\n'],
    ['GET CMDDESC d1 test.battery.start', 'CMDDESC d1 test.battery.start "Start a battery test"\n'],
    ['GET CMDDESC d1 load.off', 'CMDDESC d1 load.off "Description unavailable"\n'],
    ['GET UPSDESC d1', 'UPSDESC d1 "APC \\"Smart\\" 750 \\\\ lab \\#1"\n'],
    ['GET UPSDESC d2', 'UPSDESC d2 "Unavailable"\n'],
    ['GET NUMLOGINS d1', 'NUMLOGINS d1 0\n'],
    ['GET TRACKING', 'OFF\n'],
    ['GET TRACKING x', 'ERR FEATURE-NOT-CONFIGURED\n'],
    ['LIST', 'ERR INVALID-ARGUMENT\n'],
    ['LIST VAR', 'ERR INVALID-ARGUMENT\n'],
    ['LIST FOO d1', 'ERR INVALID-ARGUMENT\n'],
    ['LIST ENUM d1', 'ERR INVALID-ARGUMENT\n'],
    ['LIST VAR nope', 'ERR UNKNOWN-UPS\n'],
    [
      'LIST UPS',
      'BEGIN LIST UPS\nUPS d1 "APC \\"Smart\\" 750 \\\\ lab \\#1"\nUPS d2 "Description unavailable"\nEND LIST UPS\n',
    ],
    ['LIST VAR D2', 'BEGIN LIST VAR D2\nVAR D2 battery.charge "90"\nVAR D2 ups.status "OL"\nEND LIST VAR D2\n'],
    ['LIST CMD d1', 'BEGIN LIST CMD d1\nCMD d1 load.off\nCMD d1 test.battery.start\nEND LIST CMD d1\n'],
    [
      'LIST ENUM d1 ups.start.auto',
      'BEGIN LIST ENUM d1 ups.start.auto\nENUM d1 ups.start.auto "yes"\nENUM d1 ups.start.auto "no"\nEND LIST ENUM d1 ups.start.auto\n',
    ],
    [
      'LIST RANGE d1 input.transfer.low',
      'BEGIN LIST RANGE d1 input.transfer.low\nRANGE d1 input.transfer.low "180" "190"\nRANGE d1 input.transfer.low "200" "223"\nEND LIST RANGE d1 input.transfer.low\n',
    ],
    ['LIST ENUM d1 ups.status', 'BEGIN LIST ENUM d1 ups.status\nEND LIST ENUM d1 ups.status\n'],
    ['LIST RANGE d1 nope', 'ERR VAR-NOT-SUPPORTED\n'],
    ['LIST CLIENT d1', 'BEGIN LIST CLIENT d1\nEND LIST CLIENT d1\n'],
    ['LIST CLIENT nope', 'ERR UNKNOWN-UPS\n'],
    ['LOGIN d1', 'ERR USERNAME-REQUIRED\n'],
    ['SET TRACKING ON', 'ERR USERNAME-REQUIRED\n'],
    ['USERNAME', 'ERR INVALID-ARGUMENT\n'],
    ['USERNAME a b', 'ERR INVALID-ARGUMENT\n'],
    ['LOGOUT x', 'ERR INVALID-ARGUMENT\n'],
  ])('%s', async (request, answer) => {
    const { client } = await both();
    expect(await client.ask(request)).toBe(answer);
  });

  test('LIST VAR is sorted without regard to case, LIST RW shows what can be written', async () => {
    const { client } = await both();
    const names = [...(await client.ask('LIST VAR d1')).matchAll(/^VAR d1 (\S+)/gm)].map(([, name]) => name);
    expect(names).toEqual([
      'battery.charge',
      'device.serial',
      'input.transfer.low',
      'ups.mfr',
      'ups.model',
      'ups.start.auto',
      'ups.status',
      'Zeta.x',
    ]);
    const writable = [...(await client.ask('LIST RW d1')).matchAll(/^RW d1 (\S+)/gm)].map(([, name]) => name);
    expect(writable).toEqual(['battery.charge', 'input.transfer.low', 'ups.mfr', 'ups.start.auto']);
  });
});

describe('request lines', () => {
  test.each([
    ['GET\tVAR  d1 ups.status\r\n', 'VAR d1 ups.status "OL"\n'],
    ['"GET" VAR "d1"ups.status\n', 'VAR d1 ups.status "OL"\n'],
    ['GET VAR d1 ups\\.status # why not\n', 'VAR d1 ups.status "OL"\n'],
    ['GET VAR d1 "ups.\tst\u00e9atus"\n', 'VAR d1 ups.status "OL"\n'],
    ['G\u0000ET VAR d1 ups.sta\\\ntus\n', 'VAR d1 ups.status "OL"\n'],
    ['VER=\n', 'ERR INVALID-ARGUMENT\n'],
    ['VER \\\n\n', 'ERR INVALID-ARGUMENT\n'],
    ['GET VAR d1 x=y\n', 'ERR VAR-NOT-SUPPORTED\n'],
    ['"a\nb" c\n', 'ERR UNKNOWN-COMMAND\n'],
    [`GET VAR d1 ups.status ${'y '.repeat(60)}\n`, 'VAR d1 ups.status "OL"\n'],
  ])('%j', async (request, answer) => {
    const { client } = await both();
    client.send(request);
    expect(await client.take((text) => text.includes('\n'))).toBe(answer);
  });

  test('an unescaped # in quotes gets no answer and takes what was read with it', async () => {
    const { server, client } = await both();
    client.send('GET VAR d1 "ups#status"\nNETVER\n');
    await server.waitForRequest(/^NETVER$/);
    expect(await client.ask('PROTVER')).toBe('1.3\n');
  });

  test('an open quote swallows the lines until it is closed', async () => {
    const { server, client } = await both();
    client.send('GET VAR d1 "ups.st\n');
    await server.waitForRequest(/ups\.st$/);
    client.send('atus"\n');
    expect(await client.take((text) => text.includes('\n'))).toBe('VAR d1 ups.status "OL"\n');
  });

  test('pipelined requests are answered in order; a line without its end is not', async () => {
    const { client } = await both();
    client.send('NETVER\nGET VAR d2 ups.status\nHELP x\nVER');
    expect(await client.take(lines(3))).toBe('1.3\nVAR d2 ups.status "OL"\nERR INVALID-ARGUMENT\n');
    client.send('\n');
    expect(await client.take(lines(1))).toBe(BANNER);
  });

  test('values keep 255 characters; a line past 512 bytes is cut with its LF', async () => {
    const { server, client } = await both();
    server.set('d2', 'ups.id', 'x'.repeat(300));
    expect(await client.ask('GET VAR d2 ups.id')).toBe(`VAR d2 ups.id "${'x'.repeat(255)}"\n`);
    server.set('d2', 'ups.id', '"'.repeat(255));
    expect(await client.ask('GET VAR d2 ups.id')).toHaveLength(512);
  });
});

describe('users and logins', () => {
  test('credentials are stored, whatever they are, and judged by the command that needs them', async () => {
    const { client } = await both();
    expect(await client.ask('USERNAME admin')).toBe('OK\n');
    expect(await client.ask('LOGIN d1')).toBe('ERR PASSWORD-REQUIRED\n');
    expect(await client.ask('PASSWORD wrong')).toBe('OK\n');
    expect(await client.ask('PASSWORD adm')).toBe('ERR ALREADY-SET-PASSWORD\n');
    expect(await client.ask('USERNAME mon')).toBe('ERR ALREADY-SET-USERNAME\n');
    expect(await client.ask('SET VAR nope x 1')).toBe('ERR UNKNOWN-UPS\n');
    expect(await client.ask('SET VAR d1 nope 1')).toBe('ERR ACCESS-DENIED\n');
    expect(await client.ask('INSTCMD d1 nope')).toBe('ERR CMD-NOT-SUPPORTED\n');
    expect(await client.ask('INSTCMD d1 load.off')).toBe('ERR ACCESS-DENIED\n');
    expect(await client.ask('FSD d1')).toBe('ERR ACCESS-DENIED\n');
    expect(await client.ask('SET TRACKING on')).toBe('OK\n');
  });

  test('a secondary logs in once, is counted and listed, and may no more', async () => {
    const { server, client } = await both();
    await logIn(client, 'sec', 'ps');
    expect(await client.ask('LOGIN D1')).toBe('OK\n');
    expect(await client.ask('LOGIN d2')).toBe('ERR ALREADY-LOGGED-IN\n');
    expect(await client.ask('PRIMARY d1')).toBe('ERR ACCESS-DENIED\n');
    expect(await client.ask('FSD d1')).toBe('ERR ACCESS-DENIED\n');
    expect(await client.ask('LIST CLIENT D1')).toBe('BEGIN LIST CLIENT D1\nCLIENT d1 127.0.0.1\nEND LIST CLIENT D1\n');
    const other = await open(server);
    expect(await other.ask('GET NUMLOGINS d1')).toBe('NUMLOGINS d1 1\n');
    client.send('LOGOUT\n');
    expect(await client.rest()).toBe('OK Goodbye\n');
    await server.waitForConnections(1);
    expect(await other.ask('GET NUMLOGINS d1')).toBe('NUMLOGINS d1 0\n');
  });

  test('a primary is granted under both names and latches FSD, which LIST RW does not show', async () => {
    const { server, client } = await both();
    await logIn(client, 'mon', 'pm');
    expect(await client.ask('PRIMARY D1')).toBe('OK PRIMARY-GRANTED\n');
    expect(await client.ask('MASTER d1')).toBe('OK MASTER-GRANTED\n');
    expect(await client.ask('SET VAR d1 battery.charge 3')).toBe('ERR ACCESS-DENIED\n');
    server.state('d2', 'stale');
    expect(await client.ask('FSD d2')).toBe('OK FSD-SET\n');
    server.state('d2', 'ok');
    expect(await client.ask('GET VAR d2 ups.status')).toBe('VAR d2 ups.status "FSD OL"\n');
    expect(await client.ask('LIST VAR d2')).toContain('VAR d2 ups.status "FSD OL"\n');
    server.fsd('d1', true);
    expect(await client.ask('GET VAR d1 ups.status')).toBe('VAR d1 ups.status "FSD OL"\n');
    expect(await client.ask('LIST RW d1')).not.toContain('FSD');
  });

  test('passwords do not reach the record', async () => {
    const { server, client } = await both();
    await client.ask('password "hunter2 x"');
    expect(JSON.stringify(server.requests)).not.toContain('hunter2');
    expect(server.requests[0]).toMatchObject({ seq: 0, connection: 1, line: 'password ***' });
  });
});

describe('SET VAR and INSTCMD', () => {
  test('limits are kept in the order upsd looks at them', async () => {
    const { client } = await both();
    await logIn(client, 'admin', 'adm');
    for (const [request, answer] of [
      ['SET VAR d1', 'ERR INVALID-ARGUMENT'],
      ['SET FOO d1 x y', 'ERR INVALID-ARGUMENT'],
      ['SET VAR d1 nope 1', 'ERR VAR-NOT-SUPPORTED'],
      ['SET VAR d1 ups.status OB', 'ERR READONLY'],
      [`SET VAR d1 ups.mfr ${'x'.repeat(33)}`, 'ERR TOO-LONG'],
      ['SET VAR d1 input.transfer.low 2000', 'ERR TOO-LONG'],
      ['SET VAR d1 ups.start.auto maybe', 'ERR INVALID-VALUE'],
      ['SET VAR d1 input.transfer.low 195', 'ERR INVALID-VALUE'],
      ['SET VAR D1 INPUT.TRANSFER.LOW 201', 'OK'],
      ['SET VAR d1 ups.mfr "b \\"\\\\\\#="', 'OK'],
      ['GET VAR d1 input.transfer.low', 'VAR d1 input.transfer.low "201"'],
      ['GET VAR d1 ups.mfr', 'VAR d1 ups.mfr "b \\"\\\\\\#="'],
    ] as const) {
      expect(await client.ask(request)).toBe(`${answer}\n`);
    }
  });

  test('without tracking a success is just OK, a refusal is told', async () => {
    const { server, client } = await both();
    await logIn(client, 'admin', 'adm');
    const asked: unknown[] = [];
    server.onInstcmd = (request) => {
      asked.push(request);
      return request.command === 'load.off' ? 'refused' : 'success';
    };
    server.onSet = () => 'refused';
    expect(await client.ask('INSTCMD D1 TEST.battery.start 5 6')).toBe('OK\n');
    expect(await client.ask('INSTCMD d1 load.off')).toBe('ERR INSTCMD-FAILED\n');
    expect(await client.ask('SET VAR d1 battery.charge 5')).toBe('ERR SET-FAILED\n');
    expect(await client.ask('GET VAR d1 battery.charge')).toBe('VAR d1 battery.charge "100"\n');
    const from = { ups: 'd1', user: 'admin', connection: 1 };
    expect(asked).toEqual([
      { ...from, command: 'test.battery.start', param: '5' },
      { ...from, command: 'load.off', param: undefined },
    ]);
  });

  test('instcmds of a user are a list of names', async () => {
    const { client } = await both();
    await logIn(client, 'one', 'po');
    expect(await client.ask('INSTCMD d1 test.battery.start')).toBe('OK\n');
    expect(await client.ask('INSTCMD d1 load.off')).toBe('ERR ACCESS-DENIED\n');
  });

  test('tracking says PENDING and then what became of it', async () => {
    const { server, client } = await both();
    await logIn(client, 'admin', 'adm');
    expect(await client.ask('SET TRACKING')).toBe('ERR INVALID-ARGUMENT\n');
    expect(await client.ask('SET TRACKING ON')).toBe('OK\n');
    expect(await client.ask('GET TRACKING')).toBe('ON\n');
    expect(await client.ask('GET TRACKING x')).toBe('ERR UNKNOWN\n');
    for (const [outcome, answer] of [
      ['success', 'SUCCESS'],
      ['failed', 'ERR FAILED'],
      ['invalid-argument', 'ERR INVALID-ARGUMENT'],
      ['unknown', 'ERR UNKNOWN'],
    ] as const) {
      server.onInstcmd = () => outcome;
      const reply = await client.ask('INSTCMD d1 load.off');
      expect(reply).toMatch(/^OK TRACKING [0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}\n$/);
      const id = reply.slice('OK TRACKING '.length, -1);
      expect(await client.ask(`GET TRACKING ${id}`)).toBe('PENDING\n');
      expect(await client.ask(`GET TRACKING ${id}`)).toBe(`${answer}\n`);
    }
  });

  test('an outcome can be left to the test: by promise, or by id', async () => {
    const { server, client } = await both({ pendingAnswers: 0 });
    await logIn(client, 'admin', 'adm');
    await client.ask('SET TRACKING ON');
    let decide = (_: 'success'): void => {};
    const decision = new Promise<'success'>((resolve) => {
      decide = resolve;
    });
    server.onSet = () => decision;
    const first = (await client.ask('SET VAR d1 battery.charge 55')).slice('OK TRACKING '.length, -1);
    expect(await client.ask(`GET TRACKING ${first}`)).toBe('PENDING\n');
    expect(await client.ask('GET VAR d1 battery.charge')).toBe('VAR d1 battery.charge "100"\n');
    decide('success');
    expect(await client.ask(`GET TRACKING ${first}`)).toBe('SUCCESS\n');
    expect(await client.ask('GET VAR d1 battery.charge')).toBe('VAR d1 battery.charge "55"\n');
    server.onSet = () => 'pending';
    await client.ask('SET VAR d1 battery.charge 56');
    const [, second = ''] = server.trackingIds();
    expect(await client.ask(`GET TRACKING ${second}`)).toBe('PENDING\n');
    server.settle(second, 'failed');
    expect(await client.ask(`GET TRACKING ${second}`)).toBe('ERR FAILED\n');
    const other = await open(server);
    await logIn(other, 'x', 'y');
    await other.ask('SET TRACKING ON');
    expect(await other.ask(`GET TRACKING ${second}`)).toBe('ERR FAILED\n');
  });

  test('2.7.4 knows nothing of protocol 1.3', async () => {
    const { client } = await both({ version: '2.7.4' });
    const old = BANNER.replace('2.8.0', '2.7.4');
    client.send('VER\nNETVER\nPROTVER\nGET TRACKING\nUSERNAME admin\nPASSWORD adm\nSET TRACKING ON\n');
    client.send('PRIMARY d1\nINSTCMD d1 load.off 5\nINSTCMD d1 load.off\nSET VAR d1 battery.charge 1\n');
    const bad = 'ERR INVALID-ARGUMENT\n';
    const unknown = 'ERR UNKNOWN-COMMAND\n';
    expect(await client.take(lines(11))).toBe(`${old}1.2\n${unknown}${bad}OK\nOK\n${bad}${unknown}${bad}OK\nOK\n`);
  });
});

describe('the state of a UPS', () => {
  test.each([
    ['stale', 'ERR DATA-STALE\n'],
    ['driver-gone', 'ERR DRIVER-NOT-CONNECTED\n'],
  ] as const)('%s', async (condition, answer) => {
    const { server, client } = await both();
    await logIn(client, 'admin', 'adm');
    server.state('d1', condition);
    for (const request of ['LIST VAR', 'LIST RW', 'LIST CMD', 'GET NUMLOGINS']) {
      expect(await client.ask(`${request} d1`)).toBe(answer);
    }
    for (const request of ['LIST ENUM', 'GET VAR', 'GET TYPE', 'GET DESC', 'GET CMDDESC', 'INSTCMD']) {
      expect(await client.ask(`${request} d1 ups.status`)).toBe(answer);
    }
    expect(await client.ask('SET VAR d1 battery.charge 1')).toBe(answer);
    expect(await client.ask('GET UPSDESC d1')).toMatch(/^UPSDESC d1/);
    expect(await client.ask('LIST CLIENT d1')).toMatch(/^BEGIN LIST CLIENT d1/);
    expect(await client.ask('LIST UPS')).toContain('UPS d1 ');
    expect(await client.ask('LIST VAR d2')).toMatch(/^BEGIN LIST VAR d2/);
    server.state('d1', 'ok');
    expect(await client.ask('GET VAR d1 ups.status')).toBe('VAR d1 ups.status "OL"\n');
  });

  test('a driver that has just connected shows WAIT and what has arrived', async () => {
    const { server, client } = await both();
    server.state('d2', 'wait');
    expect(await client.ask('LIST VAR d2')).toBe('BEGIN LIST VAR d2\nVAR d2 ups.status "WAIT"\nEND LIST VAR d2\n');
    expect(await client.ask('GET VAR d2 battery.charge')).toBe('ERR VAR-NOT-SUPPORTED\n');
    server.fsd('d2', true);
    expect(await client.ask('GET VAR d2 ups.status')).toBe('VAR d2 ups.status "FSD WAIT"\n');
    server.state('d2', 'wait', ['battery.charge']);
    expect(await client.ask('LIST VAR d2')).toContain('VAR d2 battery.charge "90"\n');
  });

  test('variables come, change and go', async () => {
    const { server, client } = await both();
    expect(await client.ask('LIST VAR d2')).toContain('"90"');
    server.set('d2', 'battery.charge', '89');
    server.set('d2', 'Ambient.x', 'new');
    server.remove('d2', 'UPS.status');
    expect(await client.ask('LIST VAR d2')).toBe(
      'BEGIN LIST VAR d2\nVAR d2 Ambient.x "new"\nVAR d2 battery.charge "89"\nEND LIST VAR d2\n',
    );
    expect(() => server.set('d3', 'x', 'y')).toThrow('no UPS d3');
    expect(() => server.remove('d2', 'nope')).toThrow('no nope');
  });

  test('UPSes come and go, and who was logged in goes with them', async () => {
    const { server, client } = await both();
    const other = await open(server);
    await logIn(other, 'sec', 'ps');
    await other.ask('LOGIN d2');
    server.addUps('a3', { variables: { 'ups.status': 'OB' } });
    server.removeUps('d2');
    expect(await other.rest()).toBe('');
    expect(await client.ask('GET VAR a3 ups.status')).toBe('VAR a3 ups.status "OB"\n');
    expect(await client.ask('GET VAR d2 ups.status')).toBe('ERR UNKNOWN-UPS\n');
    expect(await client.ask('LIST UPS')).toMatch(/^BEGIN LIST UPS\nUPS a3 .*\nUPS d1 .*\nEND LIST UPS\n$/);
  });
});

describe('the control surface', () => {
  test('requests are recorded by connection, and can be waited for', async () => {
    const { server, client } = await both();
    const other = await open(server);
    client.send('NETVER\n');
    expect(await server.waitForRequest(/^NETVER$/)).toMatchObject({ connection: 1, line: 'NETVER' });
    const since = server.requestCount;
    const next = server.waitForRequest(/^NETVER$/, { since });
    other.send('NETVER\n');
    expect(await next).toMatchObject({ connection: 2, seq: since });
    expect(server).toMatchObject({ connections: 2, accepted: 2, requestCount: 2 });
    await expect(server.waitForRequest(/HELP/, { timeoutMs: 20 })).rejects.toThrow(/\/HELP\/ within 20 ms.*"NETVER"/);
    await expect(server.waitForConnections(7, 20)).rejects.toThrow('2 connections after 20 ms, not 7');
  });

  test('closeAll drops the clients and keeps listening; stop does not', async () => {
    const { server, client } = await both();
    await server.waitForConnections(1);
    server.closeAll();
    expect(await client.rest()).toBe('');
    const again = await open(server);
    expect(await again.ask('NETVER')).toBe('1.3\n');
    await server.stop();
    expect(await again.rest()).toBe('');
    await expect(open(server)).rejects.toThrow('ECONNREFUSED');
  });

  test('a silent client is dropped, one that asks is not', async () => {
    const { server, client } = await both({ idleMs: 200 });
    const talker = await open(server);
    const talk = setInterval(() => talker.send('NETVER\n'), 20);
    onTestFinished(() => clearInterval(talk));
    expect(await client.rest()).toBe('');
    expect(talker.ended).toBe(false);
  });

  test('push speaks unasked', async () => {
    const { server, client } = await both();
    await server.waitForConnections(1);
    server.push('SURPRISE\n');
    expect(await client.take(lines(1))).toBe('SURPRISE\n');
  });
});

describe('STARTTLS', () => {
  const certificate = selfSignedCertificate();

  test('upgrades the same socket and checks against the certificate', async () => {
    const { server, client } = await both({ tls: certificate });
    client.send('STARTTLS\n');
    expect(await client.take(lines(1))).toBe('OK STARTTLS\n');
    client.socket.removeAllListeners('data');
    const socket = tlsConnect({ socket: client.socket, ca: certificate.cert, servername: 'localhost' });
    await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    expect(socket.authorized).toBe(true);
    const secure = new RawClient(socket);
    expect(await secure.ask('STARTTLS')).toBe('ERR ALREADY-SSL-MODE\n');
    await server.fault({ split: 7 });
    expect(await secure.ask('GET VAR d1 ups.status')).toBe('VAR d1 ups.status "OL"\n');
    await server.heal();
    secure.send('LOGOUT\n');
    expect(await secure.rest()).toBe('OK Goodbye\n');
    await server.waitForConnections(0);
  });

  test('an upsd built without it says so', async () => {
    const { client } = await both({ tls: 'unsupported' });
    expect(await client.ask('STARTTLS')).toBe('ERR FEATURE-NOT-SUPPORTED\n');
  });

  test('tlsBroken', async () => {
    const server = await start({ tls: certificate });
    for (const [tlsBroken, granted, after] of [
      ['garbage', 'OK STARTTLS\n', garbageBytes(256).toString('latin1')],
      ['clear', 'OK STARTTLS\n1.3\n', ''],
      ['silent', 'OK STARTTLS\n', ''],
      ['close', 'OK STARTTLS\n', 'closed'],
    ] as const) {
      await server.fault({ tlsBroken });
      const client = await open(server);
      client.send('STARTTLS\n');
      expect(await client.take((text) => text.length >= granted.length)).toBe(granted);
      client.send('not really a hello');
      if (after === 'closed') expect(await client.rest()).toBe('');
      else if (after !== '') expect(await client.take((text) => text.length >= after.length)).toBe(after);
      client.socket.destroy();
    }
    await server.heal('tlsBroken');
    const client = await open(server);
    client.send('STARTTLS\n');
    await client.take(lines(1));
    const socket = tlsConnect({ socket: client.socket, ca: certificate.cert, servername: 'localhost' });
    await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    expect(socket.getProtocol()).toBe('TLSv1.3');
  });
});

describe('faults', () => {
  const D2 = 'BEGIN LIST VAR d2\nVAR d2 battery.charge "90"\nVAR d2 ups.status "OL"\nEND LIST VAR d2\n';

  test('split: many pieces, the same bytes', async () => {
    const { server, client } = await both();
    await server.fault({ split: 3 });
    expect(await client.ask('LIST VAR d2')).toBe(D2);
    expect(client.chunks.length).toBeGreaterThan(5);
    await server.heal('split');
    client.chunks.length = 0;
    client.send('LIST VAR d2\n');
    expect(await client.take((text) => text.includes('END LIST'))).toBe(D2);
    expect(client.chunks).toEqual([D2.length]);
  });

  test('perLine: the same bytes in a write a line', async () => {
    const { server, client } = await both();
    await server.fault({ perLine: true });
    expect(await client.ask('LIST VAR d2')).toBe(D2);
  });

  test('merge: one piece for all that was asked at once', async () => {
    const { server, client } = await both();
    await server.fault({ merge: true });
    client.send('LIST VAR d2\nNETVER\nLIST VAR d2\n');
    const whole = `${D2}1.3\n${D2}`;
    expect(await client.take((text) => text.length >= whole.length)).toBe(whole);
    expect(client.chunks).toEqual([whole.length]);
  });

  test('halfLineThenSilence: so many bytes, then nothing until healed', async () => {
    const { server, client } = await both();
    await server.fault({ halfLineThenSilence: 25 });
    client.send('LIST VAR d2\nNETVER\n');
    await server.waitForRequest(/^NETVER$/);
    expect(await client.take((text) => text.length >= 25)).toBe(D2.slice(0, 25));
    await server.heal();
    expect(await client.ask('PROTVER')).toBe('1.3\n');
  });

  test('noAnswer: heard and not done; loseAnswer: done and not told', async () => {
    const { server, client } = await both();
    await logIn(client, 'admin', 'adm');
    await server.fault({ noAnswer: true });
    client.send('SET VAR d1 battery.charge 1\n');
    await server.waitForRequest(/charge 1$/);
    await server.heal();
    expect(await client.ask('GET VAR d1 battery.charge')).toBe('VAR d1 battery.charge "100"\n');
    await server.fault({ loseAnswer: true, only: /^SET/ });
    expect(await client.ask('SET VAR d1 battery.charge 2')).toBe('');
    expect(await client.ask('GET VAR d1 battery.charge')).toBe('VAR d1 battery.charge "2"\n');
  });

  test('only: the other requests are answered', async () => {
    const { server, client } = await both();
    await server.fault({ noAnswer: true, only: /LIST VAR d2/ });
    expect(await client.ask('LIST VAR d2\nNETVER')).toBe('1.3\n');
  });

  test('refuseConnect: open connections stay, new ones are refused, until healed on the same port', async () => {
    const { server, client } = await both();
    expect(await client.ask('NETVER')).toBe('1.3\n');
    await server.fault({ refuseConnect: true });
    await expect(open(server)).rejects.toThrow('ECONNREFUSED');
    expect(await client.ask('NETVER')).toBe('1.3\n');
    const { port } = server;
    await server.heal();
    expect(server.port).toBe(port);
    expect(await (await open(server)).ask('NETVER')).toBe('1.3\n');
  });

  test('wrongOrder: each two answers change places', async () => {
    const { server, client } = await both();
    await server.fault({ wrongOrder: true });
    client.send('NETVER\nGET VAR d2 ups.status\nHELP x\n');
    expect(await client.take(lines(3))).toBe('VAR d2 ups.status "OL"\n1.3\nERR INVALID-ARGUMENT\n');
  });

  test('endlessList: rows without end, as fast as they are read, and no faster', async () => {
    const { server, client } = await both();
    await server.fault({ endlessList: true });
    client.send('NETVER\nLIST VAR d2\n');
    const text = await client.take((got) => got.length > 300_000);
    expect(text.startsWith(`1.3\n${D2.slice(0, D2.indexOf('END'))}VAR d2 endless.0 "1"\nVAR d2 endless.1 "1"\n`)).toBe(
      true,
    );
    expect(text).not.toContain('END LIST');
    client.socket.pause();
    const other = await open(server);
    expect(await other.ask('NETVER')).toBe('1.3\n');
    client.socket.destroy();
    await server.waitForConnections(1);
  });

  test('hugeLine: a list breaks after its BEGIN with a line that never ends', async () => {
    const { server, client } = await both();
    await server.fault({ hugeLine: true });
    client.send('LIST VAR d2\n');
    const begin = 'BEGIN LIST VAR d2\n';
    const text = await client.take((got) => got.length >= begin.length + 1_048_576);
    expect(text.slice(0, begin.length)).toBe(begin);
    expect(text.indexOf('\n', begin.length)).toBe(-1);
    expect(text.length).toBe(begin.length + 1_048_576);
  });

  test('garbage: the same binary bytes in place of the answer', async () => {
    const { server, client } = await both();
    await server.fault({ garbage: 2000 });
    client.send('LIST VAR d2\n');
    const text = await client.take((got) => got.length >= 2000);
    expect(text).toBe(garbageBytes(2000).toString('latin1'));
    expect([0, 10, 200].every((code) => text.includes(String.fromCharCode(code)))).toBe(true);
  });

  test('hugeNumber: 255 digits in one variable', async () => {
    const { server, client } = await both();
    expect(await client.ask('LIST VAR d2')).toBe(D2);
    await server.fault({ hugeNumber: true });
    expect(await client.ask('LIST VAR d2')).toBe(D2.replace('90', '9'.repeat(255)));
    await server.fault({ hugeNumber: 'Zeta.X' });
    expect(await client.ask('GET VAR d1 zeta.x')).toBe(`VAR d1 zeta.x "${'9'.repeat(255)}"\n`);
    await server.heal('hugeNumber');
    expect(await client.ask('LIST VAR d2')).toBe(D2);
  });

  test('closeAt: at a request, after an answer, after so many bytes, on connecting', async () => {
    const server = await start();
    const ask = 'NETVER\nPROTVER\nGET VAR d2 ups.status\n';
    for (const [closeAt, got] of [
      [2, '1.3\n'],
      [{ request: 3 }, '1.3\n1.3\n'],
      [{ answer: 2 }, '1.3\n1.3\n'],
      [{ replyBytes: 11 }, '1.3\n1.3\nVAR'],
      [0, ''],
    ] as const) {
      await server.fault({ closeAt });
      const client = await open(server);
      client.send(ask);
      expect(await client.rest()).toBe(got);
    }
    const client = await open(server);
    expect(await client.rest()).toBe('');
    await server.fault({ closeAt: { request: 1 }, only: /^HELP/ });
    const choosy = await open(server);
    expect(await choosy.ask('NETVER')).toBe('1.3\n');
    choosy.send('HELP\n');
    expect(await choosy.rest()).toBe('');
  });

  test('slow: every answer is late, order kept, the others are not held up by it', async () => {
    const { server, client } = await both();
    await server.fault({ slow: 80 });
    const before = performance.now();
    expect(await client.ask('NETVER\nPROTVER')).toBe('1.3\n1.3\n');
    const took = performance.now() - before;
    expect(took).toBeGreaterThanOrEqual(79);
    expect(took).toBeLessThan(2000);
    await server.heal();
    expect(await client.ask('GET VAR d2 ups.status')).toBe('VAR d2 ups.status "OL"\n');
  });

  test('faults add up and are healed by name', async () => {
    const { server, client } = await both();
    await server.fault({ hugeNumber: true });
    await server.fault({ split: 50 });
    expect(await client.ask('GET VAR d2 battery.charge')).toContain('9'.repeat(255));
    await server.heal('hugeNumber');
    expect(await client.ask('GET VAR d2 battery.charge')).toBe('VAR d2 battery.charge "90"\n');
    expect(client.chunks.length).toBeGreaterThan(4);
  });
});

describe('device dumps', () => {
  test('comments, tails, limits and commands', () => {
    const dump = parseDump(
      [
        '# DEVICE:URL:REPORT: https://example.net',
        'battery.charge: 1000\t#BAD: +1000+ is 100%',
        'device.mfr:   ACME é  ',
        'ups.serial:',
        'device.serial: ####',
        'ups.model: A #COMMENTARY: kept',
        'ups.alarm:\t#COMMENT: masked by user',
        'ups.firmware: UPS 09.8 / ID=18: x',
        '#RW:battery.charge.low:STRING:10',
        '#RW:ups.start.auto:ENUM:"yes"',
        '#RW:ups.start.auto:ENUM:"no"',
        '#RW:ups.delay.start:RANGE:"0" "599940"',
        '#RW:device.mfr:STRING',
        '#CMD:load.off.delay #COMMENT: rounded',
        '#CMD:load.on',
        '',
      ].join('\n'),
    );
    expect(Object.fromEntries(dump.variables)).toEqual({
      'battery.charge': '1000',
      'device.mfr': '  ACME é  ',
      'ups.serial': '',
      'device.serial': '####',
      'ups.model': 'A #COMMENTARY: kept',
      'ups.alarm': '',
      'ups.firmware': 'UPS 09.8 / ID=18: x',
    });
    expect(dump.rw).toEqual([
      { variable: 'battery.charge.low', maxLength: 10 },
      { variable: 'ups.start.auto', enum: ['yes', 'no'] },
      { variable: 'ups.delay.start', ranges: [[0, 599_940]] },
      { variable: 'device.mfr', type: 'STRING' },
    ]);
    expect(dump.commands).toEqual(['load.off.delay', 'load.on']);
    expect(Object.keys(dumpUps(dump).rw ?? {})).toEqual(['device.mfr']);
  });

  const dumps = nutDumps();

  test.skipIf(dumps.length === 0)('every recorded device can be served and read back', async () => {
    const parsed = dumps.map((path) => parseDump(readFileSync(path, 'utf8')));
    const server = await start({ ups: Object.fromEntries(parsed.map((dump, index) => [`u${index}`, dumpUps(dump)])) });
    const client = await open(server);
    client.send(parsed.map((_, index) => `LIST VAR u${index}\n`).join(''));
    const last = `END LIST VAR u${parsed.length - 1}\n`;
    const text = await client.take((got) => got.endsWith(last));
    const read = new Map<string, string>();
    for (const [, key = '', value = ''] of text.matchAll(/^VAR (\S+ \S+) "(.*)"$/gm)) {
      read.set(key, value.replace(/\\(.)/g, '$1'));
    }
    const told = parsed.flatMap((dump, index) =>
      [...dump.variables].map(([name, value]) => [`u${index} ${name}`, value]),
    );
    expect(told.length).toBeGreaterThan(5000);
    for (const [key = '', value = ''] of told) {
      expect(read.get(key), key).toBe(value.replace(/[^\x20-\x7f]/g, '').slice(0, 255));
    }
    expect(read.size).toBe(told.length);
  });
});
