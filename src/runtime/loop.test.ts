import { expect, test } from 'vitest';
import { asks, configured, listed, TICK } from '../../tests/kit/story.ts';
import type { Input } from '../domain/inputs.ts';
import { LIMITS } from '../domain/limits.ts';
import type { Clock, Sink, Transition } from '../domain/ports.ts';
import { asInstant } from '../domain/time.ts';
import { createLoop, type LoopParts } from './loop.ts';

/** A clock that goes on by one millisecond whenever it is read. */
function ticking(): Clock {
  let now = 0;
  return { now: () => asInstant(++now), wall: () => 1_000_000 + now };
}

const noted = (text: string): Input => ({ kind: 'noticed', type: 'listener_failed', text });
const HEALTH = asks('1', { kind: 'verb', verb: 'health', given: {} });
const BROKEN = { kind: 'other' } as unknown as Input; // what no type allows: deciding on it throws

function loopWith(parts: Partial<LoopParts> = {}) {
  const heard: Transition[] = [];
  const blamed: string[] = [];
  const sink: Sink = { name: 'last', accept: (transition) => heard.push(transition) };
  const loop = createLoop({
    clock: ticking(),
    act: () => undefined,
    blame: (part, thrown) => blamed.push(`${part}: ${String(thrown)}`),
    ...parts,
    sinks: [...(parts.sinks ?? []), sink],
  });
  return { loop, heard, blamed, textsHeard: () => heard.flatMap(({ facts }) => facts.map(({ text }) => text)) };
}

test('the actors hear first, then the sinks in their order', () => {
  const order: string[] = [];
  const sink = (name: string): Sink => ({ name, accept: ({ input }) => order.push(`${name} ${input.kind}`) });
  const { loop } = loopWith({
    act: ({ kind }) => order.push(`actor ${kind}`),
    sinks: [sink('log'), sink('mqtt'), sink('metrics')],
  });
  loop.push(configured());
  loop.push(HEALTH);
  expect(order).toEqual([
    'log configured',
    'mqtt configured',
    'metrics configured',
    'actor answer',
    'log request',
    'mqtt request',
    'metrics request',
  ]);
});

test('a transition joins the state before it to the one after it', () => {
  const { loop, heard } = loopWith();
  for (const input of [configured(), listed('nas', 'ups'), TICK]) expect(loop.push(input)).toBe(true);
  expect(heard.map(({ input }) => input.kind)).toEqual(['configured', 'report', 'tick']);
  for (const [at, { before }] of heard.entries()) if (at > 0) expect(before).toBe(heard[at - 1]?.after);
  expect(loop.state()).toBe(heard.at(-1)?.after);
  expect(loop.state().devices.has('ups')).toBe(true);
});

test('what is pushed by an actor or sink waits its turn, with the time at which it came', () => {
  const seen: string[] = [];
  const nosy: Sink = {
    name: 'nosy',
    accept: ({ facts }) => {
      seen.push(facts[0]?.text ?? '-');
      if (facts[0]?.text === 'one') for (const text of ['two', 'three']) expect(loop.push(noted(text))).toBe(true);
    },
  };
  const { loop, heard, textsHeard } = loopWith({ sinks: [nosy] });
  loop.push(noted('one'));
  expect(seen).toEqual(['one', 'two', 'three']);
  expect(textsHeard()).toEqual(['one', 'two', 'three']);
  const moments = heard.map(({ stamp }) => stamp.at);
  expect(moments).toEqual(moments.toSorted((a, b) => a - b));
  expect(heard[0]?.stamp).toEqual({ at: 1, wall: 1_000_001 });
});

test('a sink that throws is blamed, and the others hear', () => {
  const bad: Sink = {
    name: 'mqtt',
    accept: () => {
      throw new Error('broken pipe');
    },
  };
  const { loop, blamed, textsHeard } = loopWith({ sinks: [bad] });
  loop.push(noted('one'));
  loop.push(noted('two'));
  expect(blamed).toEqual(['mqtt: Error: broken pipe', 'mqtt: Error: broken pipe']);
  expect(textsHeard()).toEqual(['one', 'two']);
});

test('an actor that throws is blamed, and the sinks hear', () => {
  const { loop, blamed, heard } = loopWith({
    act: () => {
      throw new Error('no');
    },
  });
  loop.push(HEALTH);
  expect(blamed).toEqual(['actor answer: Error: no']);
  expect(heard).toHaveLength(1);
});

test('a decision that throws leaves the state as it was, is told, and the next input is decided', () => {
  const { loop, blamed, heard } = loopWith();
  loop.push(configured());
  const before = loop.state();
  loop.push(BROKEN);
  expect(loop.state()).toBe(before);
  expect(blamed).toEqual([expect.stringContaining('decide: Error: impossible case')]);
  expect(heard.at(-1)?.facts).toEqual([
    { type: 'internal_error', level: 'error', text: 'deciding on other failed; the state before it is kept' },
  ]);
  loop.push(listed('nas', 'ups'));
  expect(loop.state().devices.has('ups')).toBe(true);
});

test('the inbox has a bound, and has room again afterwards', () => {
  const answers: boolean[] = [];
  const flood: Sink = {
    name: 'flood',
    accept: ({ facts }) => {
      if (facts[0]?.text !== 'flood') return;
      for (let count = 0; count < LIMITS.inbox + 3; count += 1) answers.push(loop.push(TICK));
    },
  };
  const { loop, heard } = loopWith({ sinks: [flood] });
  loop.push(noted('flood'));
  expect(answers.filter((taken) => !taken)).toHaveLength(3);
  expect(answers.slice(-3)).toEqual([false, false, false]);
  expect(heard).toHaveLength(1 + LIMITS.inbox);
  expect(loop.push(TICK)).toBe(true);
});
