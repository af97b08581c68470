import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMailbox, type Mailbox, type Outgoing } from './mailbox.ts';

const state = (topic: string, payload: string): Outgoing => ({ topic, payload, retain: true, qos: 1 });
const moment = (payload: string): Outgoing => ({ topic: 'event', payload, retain: false, qos: 1 });

function drain(mailbox: Mailbox): string[] {
  const sent: string[] = [];
  for (let next = mailbox.take(); next !== undefined; next = mailbox.take()) {
    sent.push(`${next.topic}=${next.payload}`);
    mailbox.delivered(next);
  }
  return sent;
}

test('a state that waits is replaced and keeps its place', () => {
  const mailbox = createMailbox(10);
  for (const message of [state('a', '1'), moment('x'), state('b', '1'), state('a', '2')]) mailbox.put(message);
  expect(mailbox.waiting()).toBe(3);
  expect(drain(mailbox)).toEqual(['a=2', 'event=x', 'b=1']);
});

test('a state goes out only when the broker has another', () => {
  const mailbox = createMailbox(10);
  mailbox.put(state('a', '1'));
  drain(mailbox);
  for (const payload of ['1', '2', '1']) mailbox.put(state('a', payload));
  expect(drain(mailbox)).toEqual([]);
  mailbox.put(state('a', '2'));
  expect(drain(mailbox)).toEqual(['a=2']);
});

test('a new connection gets every state in the order of first mention, and then the moments', () => {
  const mailbox = createMailbox(10);
  for (const topic of ['c', 'a', 'b']) mailbox.put(state(topic, '1'));
  drain(mailbox);
  mailbox.put(moment('x'));
  mailbox.put(state('a', '2'));
  mailbox.restart();
  expect(drain(mailbox)).toEqual(['c=1', 'a=2', 'b=1', 'event=x']);
});

test('a cleared topic is forgotten once the broker has acknowledged it, and not before', () => {
  const mailbox = createMailbox(10);
  mailbox.put(state('a', '1'));
  drain(mailbox);
  mailbox.clear('a');
  expect(mailbox.take()).toMatchObject({ topic: 'a', payload: '' });
  mailbox.restart();
  expect(drain(mailbox)).toEqual(['a=']);
  mailbox.restart();
  expect(drain(mailbox)).toEqual([]);
  expect(mailbox.topics()).toBe(0);
});

test('a topic that comes back while its clearing is under way stays', () => {
  const mailbox = createMailbox(10);
  mailbox.clear('a');
  const clearing = mailbox.take();
  mailbox.put(state('a', '1'));
  if (clearing !== undefined) mailbox.delivered(clearing);
  expect(drain(mailbox)).toEqual(['a=1']);
  expect(mailbox.topics()).toBe(1);
});

test('too many moments: the oldest goes, states never', () => {
  const mailbox = createMailbox(2);
  mailbox.put(state('a', '1'));
  for (const payload of ['1', '2', '3', '4']) mailbox.put(moment(payload));
  mailbox.put(state('b', '1'));
  expect(mailbox.dropped()).toBe(2);
  expect(drain(mailbox)).toEqual(['a=1', 'event=3', 'event=4', 'b=1']);
});

test('what was not acknowledged comes first again, in its order; states and quality 0 do not', () => {
  const mailbox = createMailbox(10);
  mailbox.put(moment('3'));
  mailbox.returned([moment('1'), state('a', '1'), { ...moment('0'), qos: 0 }, moment('2')]);
  expect(drain(mailbox)).toEqual(['event=1', 'event=2', 'event=3']);
});

test('whatever happens, the broker ends with the newest states and the mailbox stays bounded', () => {
  const act = fc.oneof(
    fc.record({
      kind: fc.constant('put'),
      topic: fc.constantFrom('a', 'b', 'c'),
      payload: fc.constantFrom('1', '2', '3'),
    }),
    fc.record({ kind: fc.constantFrom('clear'), topic: fc.constantFrom('a', 'b', 'c'), payload: fc.constant('') }),
    fc.record({ kind: fc.constantFrom('take', 'lose', 'moment'), topic: fc.constant(''), payload: fc.constant('m') }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const mailbox = createMailbox(5);
      const [wanted, broker] = [new Map<string, string>(), new Map<string, string>()];
      const send = (message: Outgoing | undefined) => {
        if (message?.retain !== true) return;
        if (message.payload === '') broker.delete(message.topic);
        else broker.set(message.topic, message.payload);
        mailbox.delivered(message);
      };
      for (const { kind, topic, payload } of acts) {
        if (kind === 'take') send(mailbox.take());
        else if (kind === 'moment') mailbox.put(moment(payload));
        else if (kind === 'lose') {
          broker.clear();
          mailbox.restart();
        } else if (kind === 'clear') {
          wanted.delete(topic);
          mailbox.clear(topic);
        } else {
          wanted.set(topic, payload);
          mailbox.put(state(topic, payload));
        }
        expect(mailbox.waiting()).toBeLessThanOrEqual(3 + 5);
      }
      for (let next = mailbox.take(); next !== undefined; next = mailbox.take()) send(next);
      expect(new Map([...broker].sort())).toEqual(new Map([...wanted].sort()));
    }),
  );
});
