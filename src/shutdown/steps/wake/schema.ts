import { isIP } from 'node:net';
import { z } from 'zod';
import { port } from '../../../domain/schema.ts';
import { seconds } from '../../../domain/time.ts';
import { commonKeys, given, hostName } from '../schema.ts';

/** A machine to be woken by a packet. */
export interface WakeConfig {
  /** Twelve hexadecimal digits in lower case, in pairs with colons. */
  readonly mac: string;
  /** Where the packet goes: a broadcast address of its network. */
  readonly broadcast: string;
  readonly port: number;
  /** What has to answer before the step is done; absent: done once the packet is sent. */
  readonly until?: {
    readonly host: string;
    /** A TCP port that has to accept a connection. */
    readonly port: number;
  };
}

const mac = z
  .string()
  .refine((text) => /^[0-9A-Fa-f]{2}(?:[:-]?[0-9A-Fa-f]{2}){5}$/.test(text), 'write it as 00:11:22:33:44:55')
  .transform((text) => (text.toLowerCase().match(/[0-9a-f]{2}/g) ?? []).join(':'));

/** A server takes minutes to boot; one that answers after two is an ordinary one. */
const BOOT = { deadline: seconds(300), usual: seconds(120) };
const PACKET = { deadline: seconds(10), usual: seconds(1) };

/** The `wake` block. */
export const wakeSchema = z
  .strictObject({
    mac: mac.meta({ description: 'Hardware address of the machine, such as 00:11:22:33:44:55' }),
    broadcast: z
      .string()
      .refine((text) => isIP(text) !== 0, 'write an IP address, such as 192.168.1.255')
      .meta({ description: 'Address the packet goes to' })
      .prefault('255.255.255.255'),
    port: port.meta({ description: 'UDP port the packet goes to' }).prefault(9),
    until: z
      .strictObject({
        host: hostName.meta({ description: 'Host name or address of the machine' }),
        port: port.meta({ description: 'TCP port that has to accept a connection' }).prefault(22),
      })
      .meta({ description: 'What has to answer. Unset: done once the packet is sent' })
      .optional(),
    ...commonKeys('5m with until, else 10s'),
  })
  .transform(({ name, after, deadline, carries_source, until, ...own }) => {
    const config: WakeConfig = { ...own, ...(until !== undefined && { until }) };
    const text = `wake ${until?.host ?? own.mac}`;
    const spans = until === undefined ? PACKET : BOOT;
    return given('wake', { name, after, deadline, carries_source }, spans, text, config);
  })
  .meta({ description: 'Wake-on-LAN, for restore' });
