import type { Opinion, TriggerRow, View } from './view.ts';

/**
 * FSD in the status: somebody else has decided that everything fed by this device goes down, or the device itself has.
 * One reading is enough, on battery and on mains.
 *
 * @see NUT docs/net-protocol.txt, FSD; upsmon obeys it at once
 */
export const forcedShutdown = {
  trigger: 'fsd',
  settles: false,
  holds: false,
  look: ({ reading, power, fsd }: View): Opinion => {
    if (reading?.flags.includes('FSD') !== true) return { kind: 'quiet', why: 'no forced shutdown' };
    if (power.fsdIgnored) return { kind: 'quiet', why: 'FSD stood there at the start, on mains: only told' };
    if (fsd === 'tell') return { kind: 'quiet', why: 'FSD is set, and only told (fsd: tell)' };
    return { kind: 'agrees', why: 'a forced shutdown is set' };
  },
} satisfies TriggerRow;
