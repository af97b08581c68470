import { expect, test } from 'vitest';
import { isOwnAddress, magicPacket } from './packet.ts';

test('a packet is six bytes of ones and the address sixteen times', () => {
  const packet = magicPacket('00:11:22:33:44:5f').toString('hex');
  expect(packet).toBe(`ffffffffffff${'00112233445f'.repeat(16)}`);
});

test.each([
  ['00:11:22:33:44:55', true],
  ['02:00:00:00:00:00', true],
  ['00:00:00:00:00:00', false],
  ['ff:ff:ff:ff:ff:ff', false],
  ['01:00:5e:00:00:01', false],
  ['00:11:22', false],
  ['', false],
])('%s is the address of one machine: %s', (mac, own) => {
  expect(isOwnAddress(mac)).toBe(own);
});
