import { expect, test } from 'vitest';
import { rememberingLog } from '../../tests/kit/log.ts';
import { asMillis, seconds } from '../domain/time.ts';
import { createStopStack } from './stop-stack.ts';

const never = () => new Promise<void>(() => undefined);

test('parts stop in the reverse order, each when the one before has ended', async () => {
  const order: string[] = [];
  const stack = createStopStack(rememberingLog().log);
  for (const name of ['log', 'mqtt', 'http']) {
    stack.add(name, seconds(5), async () => {
      order.push(`${name} stops`);
      await new Promise(setImmediate);
      order.push(`${name} stopped`);
    });
  }
  expect(await stack.stop()).toEqual([]);
  expect(order).toEqual(['http stops', 'http stopped', 'mqtt stops', 'mqtt stopped', 'log stops', 'log stopped']);
});

test('a part that fails, throws or is late is named, and the others still stop', async () => {
  const { log, lines } = rememberingLog();
  const stack = createStopStack(log);
  let reached = false;
  stack.add('first', seconds(5), async () => {
    reached = true;
  });
  stack.add('late', asMillis(20), never);
  stack.add('odd', seconds(5), () => Promise.reject('text'));
  stack.add('failing', seconds(5), () => Promise.reject(new Error('port gone')));
  stack.add('throwing', seconds(5), () => {
    throw new Error('bug');
  });
  expect(await stack.stop()).toEqual(['throwing', 'failing', 'odd', 'late']);
  expect(reached).toBe(true);
  expect(lines).toEqual([
    'warn throwing did not stop: bug',
    'warn failing did not stop: port gone',
    'warn odd did not stop: text',
    'warn late did not stop: still busy after 20 ms',
  ]);
});

test('stopping happens once, and a part that is added while it goes on stops as well', async () => {
  const stack = createStopStack(rememberingLog().log);
  let stops = 0;
  const counted = async () => {
    stops += 1;
  };
  stack.add('one', seconds(5), counted);
  stack.add('two', seconds(5), async () => stack.add('three', seconds(5), counted));
  const [first, second] = [stack.stop(), stack.stop()];
  expect(second).toBe(first);
  expect(await first).toEqual([]);
  expect(await stack.stop()).toEqual([]);
  expect(stops).toBe(2);
});
