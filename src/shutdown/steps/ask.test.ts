import { expect, test } from 'vitest';
import { asMillis, seconds } from '../../domain/time.ts';
import { ask, environmentOf, lastWords, sideBySide, untilTrue } from './ask.ts';

const open = () => new AbortController().signal;

test.each([
  ['error: Failed to shut down\nerror: domain is not running\n\n', 'domain is not running'],
  ['Error response from daemon: No such container: x', 'No such container: x'],
  ['x'.repeat(300), 'x'.repeat(200)],
  ['\n \n', undefined],
])('last words of %j', (output, words) => {
  expect(lastWords(output)).toBe(words);
});

test('a program that is not there, fails, says nothing, says too much, or takes too long', async () => {
  const asking = { env: {}, limit: seconds(10), signal: open() };
  expect(await ask(['echo', 'a b'], asking)).toEqual({ ok: true, value: 'a b\n' });
  expect(await ask(['/nowhere/x'], asking)).toMatchObject({
    error: { kind: 'absent', text: expect.stringContaining('/nowhere/x is not there') },
  });
  expect(await ask(['sh', '-c', 'echo no >&2; exit 3'], asking)).toMatchObject({
    error: { kind: 'refused', text: 'no' },
  });
  expect(await ask(['false'], asking)).toMatchObject({
    error: { kind: 'refused', text: expect.stringMatching(/^ended with code 1/) },
  });
  expect(await ask(['head', '-c', '300000', '/dev/zero'], asking)).toMatchObject({
    error: { kind: 'refused', text: 'its answer is too long' },
  });
  expect(await ask(['sleep', '60'], { ...asking, limit: asMillis(50) })).toMatchObject({ error: { kind: 'late' } });
  expect(await ask(['true'], { ...asking, signal: AbortSignal.abort() })).toMatchObject({ error: { kind: 'late' } });
});

test('so many at once, in order, and no more after the abort', async () => {
  const controller = new AbortController();
  const begun: number[] = [];
  let [now, most] = [0, 0];
  await sideBySide([1, 2, 3, 4, 5, 6, 7], 2, controller.signal, async (thing) => {
    begun.push(thing);
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setTimeout(resolve, 5));
    now -= 1;
    if (thing === 4) controller.abort();
  });
  expect(most).toBe(2);
  expect(begun.slice(0, 4)).toEqual([1, 2, 3, 4]);
  expect(begun.length).toBeLessThanOrEqual(5);
});

test('asked at least once, until it is so, the time is over or the signal aborts', async () => {
  const rhythm = { span: asMillis(0), every: asMillis(5), signal: open() };
  let asked = 0;
  const atThree = async () => {
    asked += 1;
    return asked === 3;
  };
  expect(await untilTrue(atThree, rhythm)).toBe(false);
  expect(asked).toBe(1);
  expect(await untilTrue(atThree, { ...rhythm, span: seconds(5) })).toBe(true);
  expect(await untilTrue(atThree, { ...rhythm, signal: AbortSignal.abort() })).toBe(false);
  expect(asked).toBe(3);
});

test('of an environment only what leads to the server', () => {
  const all = { HOME: '/root', DOCKER_HOST: 'tcp://x', DOCKERX: '1', TOKEN: 'hush', EMPTY: undefined };
  expect(environmentOf(all, ['HOME', 'EMPTY'], ['DOCKER'])).toEqual({ HOME: '/root', DOCKER_HOST: 'tcp://x' });
});
