import { expect, test } from 'vitest';
import { asInstant, seconds } from '../domain/time.ts';
import { PacedTopics } from './paced.ts';

function topic() {
  const sent: string[] = [];
  let made = 0;
  const paced = new PacedTopics((_, payload) => sent.push(payload));
  return {
    paced,
    made: () => made,
    /** What is sent when the topic is to hold this at a second. */
    at: (second: number, urgent: string, text: string, pace = 10) => {
      sent.length = 0;
      const make = () => {
        made += 1;
        return text;
      };
      paced.offer('t', { urgent, text: make, pace: seconds(pace) }, asInstant(second * 1000));
      return [...sent];
    },
    tick: (second: number) => {
      sent.length = 0;
      paced.tick(asInstant(second * 1000));
      return [...sent];
    },
  };
}

test('what is urgent goes out at once, the rest waits and comes as it is then', () => {
  const { at, tick } = topic();
  expect(at(0, 'a', 'one')).toEqual(['one']);
  expect(at(1, 'a', 'two')).toEqual([]);
  expect(at(2, 'b', 'three')).toEqual(['three']);
  expect(at(3, 'b', 'four')).toEqual([]);
  expect(at(4, 'b', 'five')).toEqual([]);
  expect(tick(11)).toEqual([]);
  expect(tick(12)).toEqual(['five']);
  expect(tick(100)).toEqual([]);
  expect(at(101, 'b', 'six')).toEqual(['six']);
});

test('on battery it waits less, from then on', () => {
  const { at, tick } = topic();
  at(0, 'a', 'one');
  at(1, 'a', 'two');
  expect(at(2, 'a', 'three', 1)).toEqual(['three']);
  expect(at(2, 'a', 'four', 1)).toEqual([]);
  expect(tick(3)).toEqual(['four']);
});

test('nothing is sent twice, and what waits is not even made', () => {
  const { at, tick, made } = topic();
  at(0, 'a', 'same');
  expect(at(20, 'b', 'same')).toEqual([]);
  for (let second = 21; second < 30; second += 1) at(second, 'b', 'same');
  expect(made()).toBe(2);
  expect(tick(30)).toEqual([]);
  expect(made()).toBe(3);
});

test('a topic that was forgotten begins anew', () => {
  const { at, paced } = topic();
  at(0, 'a', 'one');
  paced.forget('t');
  expect(at(1, 'a', 'one')).toEqual(['one']);
});
