import type { Log, Stop } from '../domain/ports.ts';
import { seconds } from '../domain/time.ts';
import { stopped } from './stop-stack.ts';

/** A part of the program that a configuration asks for. */
export interface Room {
  readonly name: string;
  /** What it was made from: another value means it must be started anew. Compared by `same`. */
  readonly from: unknown;
  readonly start: () => Promise<Stop>;
}

/** A part that takes longer is left to itself: the next configuration must not wait for it. */
const STOP_WITHIN = seconds(5);

/**
 * The parts that are running. Applying another configuration stops what has changed or gone, in reverse order, and
 * starts what is new; everything else goes on undisturbed.
 */
export interface Rooms {
  readonly apply: (wanted: readonly Room[]) => Promise<void>;
  readonly stop: Stop;
}

export function createRooms(same: (one: unknown, other: unknown) => boolean, log: Log): Rooms {
  let running: { readonly room: Room; readonly stop: Stop }[] = [];

  const stopAll = async (parts: typeof running): Promise<void> => {
    for (const { room, stop } of [...parts].reverse()) {
      const problem = await stopped(stop, STOP_WITHIN);
      if (problem !== undefined) log.warn(`${room.name} did not stop: ${problem}`);
    }
  };

  return {
    apply: async (wanted) => {
      const stays = ({ room }: { readonly room: Room }) =>
        wanted.some(({ name, from }) => name === room.name && same(from, room.from));
      await stopAll(running.filter((part) => !stays(part)));
      running = running.filter(stays);
      for (const room of wanted) {
        if (running.some((part) => part.room.name === room.name)) continue;
        running.push({ room, stop: await room.start() });
      }
    },
    stop: async () => {
      await stopAll(running);
      running = [];
    },
  };
}
