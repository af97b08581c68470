import { asMillis, seconds } from './time.ts';

/**
 * Every bound of the program that a user does not set, in one place.
 *
 * A UPS, a broker or a client that goes beyond one of these is cut off with a reason, never followed.
 */
export const LIMITS = {
  /** Bytes of one line from upsd. upsd answers in at most 512 (NUT_NET_ANSWER_MAX); 581-variable ePDUs stay far below. */
  nutLine: 4096,
  /** Lines of one list from upsd; the largest known device has 581 variables. */
  nutList: 5000,
  /** Bytes that may arrive for one burst of requests before the connection is given up. */
  nutBurst: 8 * 1024 * 1024,
  /** UPSes of one server. */
  nutDevices: 1000,
  /** Characters of a value kept from a device; longer ones are cut. NUT's own bound is 256, a state of Home Assistant's 255. */
  value: 255,
  /** Bytes of a command, set or request that MQTT may bring. */
  requestBytes: 16 * 1024,
  /** Levels of lists and objects within a request. */
  requestDepth: 32,
  /** Bytes of the path of a Unix socket: the system keeps 108 for it on Linux and 104 elsewhere, the last of them empty. */
  socketPath: 103,
  /** Requests that wait for a device at the same time. */
  pending: 64,
  /** How long a request may wait for the device before it is answered with "no answer". */
  pendingFor: seconds(60),
  /** Inputs that may wait before the loop. Beyond it the newest is refused and told. */
  inbox: 10_000,
  /** Responses and events held for a broker that is away; the oldest go first. */
  outbox: 200,
  /** The configuration file and every file it names. */
  configBytes: 1024 * 1024,
  /** Numbers beyond this are no measurement of anything: device answers of 255 digits exist. */
  number: 1e15,
  /** Characters of what a step's programs or hosts have said that are kept: the last ones. */
  stepOutput: 8000,
  /** Things within a step that are shown, such as VMs or containers. */
  stepItems: 200,
  /** Characters of what a step leaves for its restore, as JSON. */
  stepUndo: 64 * 1024,
  /** Runs of a group that are remembered: the last ones. */
  pastRuns: 10,
  /** Steps of one of them, and of its restore. */
  pastSteps: 200,
  /** How long a step waits for its line in the journal, before it goes on without. */
  journalled: asMillis(500),
  /** The one tick of the program. */
  tick: asMillis(1000),
} as const;
