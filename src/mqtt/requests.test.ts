import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../domain/limits.ts';
import type { Answer, Json } from '../domain/requests.ts';
import { type Arrived, requestOf, responseText } from './requests.ts';
import { topicsOf } from './topics.ts';

const TOPICS = topicsOf('gridwarden', 'home');
const COMMAND = 'gridwarden/home/ups/rack/command';
const SET = 'gridwarden/home/ups/rack/set/ups.delay.start';
const RELOAD = 'gridwarden/home/bridge/request/reload';

const arrived = (topic: string, payload: string | Buffer, more: Partial<Arrived> = {}): Arrived => ({
  topic,
  payload: Buffer.from(payload),
  ...more,
});
const read = (topic: string, payload: string | Buffer, more: Partial<Arrived> = {}) =>
  requestOf('mqtt-1', arrived(topic, payload, more), TOPICS, 'homeassistant');
const askOf = (topic: string, payload: string | Buffer) => read(topic, payload)?.ask;

describe('a command', () => {
  test.each([
    ['beeper.mute', { command: 'beeper.mute' }],
    ['  beeper.mute\n', { command: 'beeper.mute' }],
    ['{"command":"beeper.mute"}', { command: 'beeper.mute' }],
    ['{"command":"beeper.mute","value":null}', { command: 'beeper.mute' }],
    ['{"command":"load.off.delay","value":"20"}', { command: 'load.off.delay', value: '20' }],
    ['{"command":"load.off.delay","value":20}', { command: 'load.off.delay', value: '20' }],
    ['{"command":"load.off.delay","value":0}', { command: 'load.off.delay', value: '0' }],
    ['{"command":"x","value":true}', { command: 'x', value: 'true' }],
    ['{"command":"x","value":""}', { command: 'x', value: '' }],
    ['\uFEFFbeeper.mute', { command: 'beeper.mute' }],
  ])('%j', (payload, asked) => {
    expect(askOf(COMMAND, payload)).toEqual({ kind: 'command', device: 'rack', ...asked });
  });

  test.each([
    '',
    '   ',
    'two words',
    'beeper.mute\nload.off',
    '"beeper.mute"',
    '{}',
    '{"command":5}',
    '{"command":""}',
    '{"command":"load off"}',
    '{"command":"x","value":{}}',
    '{"command":"x","value":[1]}',
    '{"command":"x","value":"1\\n2"}',
    '{"command":"x","value":"1\\u0000"}',
    `${'x'.repeat(129)}`,
    '{"command":"x"',
    '{nonsense}',
  ])('is not read from %j, and that is answered', (payload) => {
    expect(askOf(COMMAND, payload)).toEqual({ kind: 'unreadable', device: 'rack', why: expect.any(String) });
  });
});

describe('a setting', () => {
  test.each([
    ['20', '20'],
    [' 20 ', '20'],
    ['Office UPS', 'Office UPS'],
    ['', ''],
    ['[1]', '[1]'],
    ['{"value":20}', '20'],
    ['{"value":" 20 "}', ' 20 '],
    ['{"value":false,"transaction":1}', 'false'],
  ])('%j', (payload, value) => {
    expect(askOf(SET, payload)).toEqual({ kind: 'set', device: 'rack', variable: 'ups.delay.start', value });
  });

  test.each(['{}', '{"value":null}', '{"value":[]}', '{"value":"a\\u001bb"}', 'a\tb', 'a\nb', '{'])(
    'is not read from %j, and that is answered',
    (payload) => {
      expect(askOf(SET, payload)).toEqual({ kind: 'unreadable', device: 'rack', why: expect.any(String) });
    },
  );
});

describe('a request to the bridge', () => {
  test.each(['', '{}'])('%j needs nothing', (payload) => {
    expect(askOf(RELOAD, payload)).toEqual({ kind: 'verb', verb: 'reload', given: {} });
  });

  test.each(['now', '[]', 'null', '{'])('%j is no request, and that is answered', (payload) => {
    expect(askOf(RELOAD, payload)).toEqual({ kind: 'unreadable', verb: 'reload', why: expect.any(String) });
  });

  test('brings what it was given', () => {
    expect(askOf(RELOAD, '{"confirm":"rack","transaction":1}')).toEqual({
      kind: 'verb',
      verb: 'reload',
      given: { confirm: 'rack', transaction: 1 },
    });
  });

  test('is not read from half an object', () => {
    expect(askOf(RELOAD, '{"confirm":')).toEqual({ kind: 'unreadable', verb: 'reload', why: expect.any(String) });
  });
});

test.each([
  [COMMAND, { device: 'rack' }],
  [SET, { device: 'rack' }],
  [RELOAD, { verb: 'reload' }],
])('what is no text, or too long, is answered on %s', (topic, where) => {
  for (const payload of [
    Buffer.from([0xff, 0xfe]),
    Buffer.from([0xc0, 0x80]),
    Buffer.from('{"command":"\xe9"}', 'latin1'),
  ]) {
    expect(askOf(topic, payload)).toEqual({ kind: 'unreadable', ...where, why: 'not UTF-8 text' });
  }
  const long = requestOf('mqtt-1', { topic, payload: undefined }, TOPICS, 'homeassistant');
  expect(long?.ask).toEqual({ kind: 'unreadable', ...where, why: expect.stringContaining(`${LIMITS.requestBytes}`) });
});

test.each([
  'gridwarden/home/bridge/state',
  'gridwarden/home/bridge/request',
  'gridwarden/home/bridge/request/reload/more',
  'gridwarden/home/ups/rack',
  'gridwarden/home/ups/rack/set',
  'gridwarden/home/ups/rack/set/a/b',
  'gridwarden/home/ups/rack/command/more',
  'gridwarden/other/ups/rack/command',
  'gridwarden/homeless/ups/rack/command',
  'homeassistant/status',
])('%s is no topic for requests', (topic) => {
  expect(read(topic, 'beeper.mute')).toBeUndefined();
});

test.each(['a text', '', 0, -1.5, true, false, null, [1, [2], { three: 4 }], { a: { b: null } }])(
  'the transaction %j comes back as it came',
  (transaction: Json) => {
    for (const [topic, more] of [
      [COMMAND, { command: 'beeper.mute' }],
      [COMMAND, { command: 7 }],
      [SET, { value: 1 }],
      [RELOAD, {}],
    ] as const) {
      const request = read(topic, JSON.stringify({ ...more, transaction }));
      if (request === undefined) throw new Error('not read');
      expect(JSON.parse(responseText(request, DONE)).transaction).toEqual(transaction);
    }
  },
);

test('a request without a transaction has an answer without one', () => {
  const request = read(COMMAND, 'beeper.mute');
  if (request === undefined) throw new Error('not read');
  expect(request.answerTopic).toBe('gridwarden/home/ups/rack/response');
  expect(responseText(request, DONE)).toBe('{"command":"beeper.mute","status":"ok","data":{}}');
});

test.each([
  [COMMAND, 'beeper.mute', 'gridwarden/home/ups/rack/response', { command: 'beeper.mute' }],
  [SET, '5', 'gridwarden/home/ups/rack/response', { variable: 'ups.delay.start' }],
  [COMMAND, '{', 'gridwarden/home/ups/rack/response', {}],
  [RELOAD, '', 'gridwarden/home/bridge/response/reload', {}],
  [RELOAD, '{', 'gridwarden/home/bridge/response/reload', {}],
])('what comes on %s (%s) is answered on %s', (topic, payload, where, asked) => {
  const request = read(topic, payload);
  if (request === undefined) throw new Error('not read');
  const refused: Answer = { status: 'error', code: 'not-allowed', error: 'no', data: {} };
  expect(request.answerTopic).toBe(where);
  expect(JSON.parse(responseText(request, refused))).toEqual({ ...asked, ...refused });
});

describe('an MQTT 5 response topic', () => {
  test('is kept with its correlation data', () => {
    const request = read(COMMAND, 'beeper.mute', { responseTopic: 'node-red/answers/7', correlation: 'AQI=' });
    expect(request?.returnTo).toEqual({ topic: 'node-red/answers/7', correlation: 'AQI=' });
    expect(read(COMMAND, '{', { responseTopic: 'a' })?.returnTo).toEqual({ topic: 'a' });
  });

  test.each([
    '',
    'a/+/b',
    'a/#',
    '$SYS/broker',
    '$share/group/topic',
    'a\u0000b',
    'gridwarden/home/ups/rack/command',
    'gridwarden/home/bridge/state',
    'gridwarden/other/ups/rack/command',
    'gridwarden',
    'homeassistant/device/x/config',
    'homeassistant',
    `${'x'.repeat(513)}`,
  ])('is ignored where an answer could do harm: %j', (responseTopic) => {
    const request = read(COMMAND, 'beeper.mute', { responseTopic, correlation: 'AQI=' });
    expect(request?.ask.kind).toBe('command');
    expect(request?.returnTo).toBeUndefined();
  });

  test('may lie beside our own', () => {
    expect(read(COMMAND, 'x', { responseTopic: 'gridwarden2/answers' })?.returnTo).toBeDefined();
  });
});

test('whatever comes, on whatever topic, is read without an exception and can be answered', () => {
  const aTopic = fc.oneof(
    fc.constantFrom(COMMAND, SET, RELOAD),
    fc.string().map((text) => `gridwarden/home/${text}`),
  );
  const aPayload = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .dictionary(fc.constantFrom('command', 'value', 'transaction', '__proto__'), fc.jsonValue())
      .map((object) => Buffer.from(JSON.stringify(object))),
  );
  fc.assert(
    fc.property(aTopic, aPayload, (topic, payload) => {
      const request = requestOf('mqtt-1', { topic, payload }, TOPICS, 'homeassistant');
      if (request !== undefined) JSON.parse(responseText(request, DONE));
    }),
    { numRuns: 2000 },
  );
});

test.each([
  [31, 'command'],
  [32, 'unreadable'],
  [8000, 'unreadable'],
])('a transaction nested %i levels deep: %s', (depth, kind) => {
  const request = read(COMMAND, `{"command":"x","transaction":${'['.repeat(depth)}${']'.repeat(depth)}}`);
  if (request === undefined) throw new Error('not read');
  expect(request.ask.kind).toBe(kind);
  expect(responseText(request, DONE)).toContain(kind === 'command' ? '[[[' : '{}');
});

const DONE: Answer = { status: 'ok', data: {} };
