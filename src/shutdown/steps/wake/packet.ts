/**
 * What wakes a machine: six bytes of ones, then its hardware address sixteen times.
 *
 * @param mac twelve hexadecimal digits in pairs with colons
 * @see AMD, Magic Packet Technology, publication 20213
 */
export function magicPacket(mac: string): Buffer {
  const address = Buffer.from(mac.replaceAll(':', ''), 'hex');
  return Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => address)]);
}

/** Whether a hardware address can be that of one machine: not all zeros, and not one of a group, as ff:ff:ff:ff:ff:ff is. */
export function isOwnAddress(mac: string): boolean {
  const bytes = Buffer.from(mac.replaceAll(':', ''), 'hex');
  const [first = 1] = bytes;
  return bytes.length === 6 && first % 2 === 0 && bytes.some((byte) => byte !== 0);
}
