import type { GroupId } from '../domain/names.ts';
import type { Log } from '../domain/ports.ts';
import type { LastAct } from '../domain/progress.ts';
import { type Acted, actWithin, contextOf, rehearsalWithin, rehearsed, type Told } from './act.ts';
import type { Runners } from './runners.ts';
import type { HostConfig } from './steps/host/schema.ts';

export interface HaltPorts {
  readonly runners: Pick<Runners, 'end' | 'probeHost'>;
  /** How the machine is ended, as things are at this moment. */
  readonly lastAct: (group: GroupId) => LastAct;
  readonly log: Log;
}

/** The end of this machine: groups that come to it together end it once. */
export class Halt {
  readonly #ports: HaltPorts;
  /** The one that is under way, or was taken. */
  #latest: Promise<Acted> | undefined;

  constructor(ports: HaltPorts) {
    this.#ports = ports;
  }

  /** What was taken before has come to nothing, or belongs to runs that are over. */
  forget(): void {
    this.#latest = undefined;
  }

  /** How the machine is to be ended. Where nobody can say, for good: that needs no mains. */
  actFor(group: GroupId): LastAct {
    try {
      return this.#ports.lastAct(group);
    } catch (thrown) {
      this.#ports.log.error(`${group}: nobody can say how the machine is to be ended`, { err: thrown });
      return 'halt';
    }
  }

  /** Looks whether it could be, in the place of it. */
  rehearse(act: LastAct, host: HostConfig, abandon: AbortSignal): Promise<Acted> {
    const bounds = { deadline: rehearsalWithin(host.deadline), abandon };
    return actWithin(bounds, async (signal) =>
      rehearsed(`${act} this host`, await this.#ports.runners.probeHost(host, signal)),
    );
  }

  /** @param abandon ends it before it is taken: time that runs out does not */
  async carryOut(act: LastAct, host: HostConfig, abandon: AbortSignal, told: Told): Promise<Acted> {
    for (let known = this.#latest; known !== undefined; known = this.#latest) {
      const other = await known;
      if (other.state === 'done') return other;
      // Of several that have waited one tries, and the others wait for that.
      if (this.#latest === known) break;
    }
    const acted = actWithin({ deadline: host.deadline, abandon }, (signal) =>
      this.#ports.runners.end(act, host, contextOf(signal, told, undefined)),
    );
    this.#latest = acted;
    return await acted;
  }
}
