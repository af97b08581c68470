import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { secret } from '../domain/secret.ts';
import { createLog } from './log.ts';

/** What the log writes, as text. */
function sink() {
  const stream = new PassThrough();
  const chunks: string[] = [];
  stream.on('data', (chunk) => chunks.push(String(chunk)));
  // The log only writes to it and asks whether it is a terminal.
  return { stream: stream as unknown as NodeJS.WriteStream, written: () => chunks.join('') };
}

test('lines are JSON where nobody reads along, and no secret stands in them', async () => {
  const { stream, written } = sink();
  const log = await createLog({ level: 'info' }, stream);
  log.debug('not written');
  log.info('connecting', { url: 'mqtt://broker', password: secret('hunter2') });
  log.room('mqtt').warn('lost');
  log.room('mqtt').error('failed', { err: new Error('broken') });
  const lines = written()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>); // our own JSON
  expect(lines).toMatchObject([
    { msg: 'connecting', url: 'mqtt://broker', password: '***' },
    { msg: 'lost', room: 'mqtt' },
    { msg: 'failed', room: 'mqtt', err: { message: 'broken' } },
  ]);
  expect(written()).not.toContain('hunter2');
  expect(String(lines[0]?.['time'])).toMatch(/^\d{4}-\d\d-\d\dT/);
});

test('asked for text, it writes text, and no secret in it', async () => {
  const { stream, written } = sink();
  const log = await createLog({ level: 'debug', format: 'text' }, stream);
  log.room('nas').debug('asked', { password: secret('hunter2') });
  expect(written()).toContain('nas: asked');
  expect(written()).not.toContain('hunter2');
});
