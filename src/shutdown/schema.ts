import { z } from 'zod';
import type { DeviceId } from '../domain/names.ts';
import type { StepFrame, StepOf } from '../domain/steps.ts';
import { type ContainersConfig, containersSchema } from './steps/containers/schema.ts';
import { type ExecConfig, execSchema, stopsItsMachine } from './steps/exec/schema.ts';
import { type FilesystemsConfig, filesystemsSchema } from './steps/filesystems/schema.ts';
import { type HttpStepConfig, httpStepSchema } from './steps/http/schema.ts';
import { type MqttStepConfig, mqttStepSchema } from './steps/mqtt/schema.ts';
import type { StepGiven } from './steps/schema.ts';
import { type SshConfig, sshSchema } from './steps/ssh/schema.ts';
import { type UpsConfig, upsSchema } from './steps/ups/schema.ts';
import { type VmsConfig, vmsSchema } from './steps/vms/schema.ts';
import { type WakeConfig, wakeSchema } from './steps/wake/schema.ts';

/** What the executor needs of each kind of step that a list may hold. */
interface StepConfigs {
  readonly vms: VmsConfig;
  readonly containers: ContainersConfig;
  readonly filesystems: FilesystemsConfig;
  readonly exec: ExecConfig;
  readonly ssh: SshConfig;
  readonly http: HttpStepConfig;
  readonly mqtt: MqttStepConfig;
  readonly wake: WakeConfig;
  readonly ups: UpsConfig;
}

type Kind = keyof StepConfigs;

/** One entry of `steps` or `restore`, before it knows its stage. */
export type GivenStep = { readonly [K in Kind]: StepGiven<K, StepConfigs[K]> }[Kind];

/** One step whole: what the decisions see of it, and what the executor needs, secrets included. */
export type StepConfig = {
  readonly [K in Kind]: { readonly kind: K; readonly step: StepOf<K>; readonly config: StepConfigs[K] };
}[Kind];

const shape = z.strictObject({
  vms: vmsSchema.optional(),
  containers: containersSchema.optional(),
  filesystems: filesystemsSchema.optional(),
  exec: execSchema.optional(),
  ssh: sshSchema.optional(),
  http: httpStepSchema.optional(),
  mqtt: mqttStepSchema.optional(),
  wake: wakeSchema.optional(),
  ups: upsSchema.optional(),
});

/** One entry of `steps` or `restore`: a mapping of exactly one key, the kind. */
export const stepSchema = shape.transform((raw, context): GivenStep => {
  const [step, ...more] = Object.values(raw).filter((one) => one !== undefined);
  if (step !== undefined && more.length === 0) return step;
  const message = `give exactly one kind of step: ${Object.keys(shape.shape).join(', ')}`;
  context.issues.push({ code: 'custom', message, input: raw });
  return z.NEVER;
});

/** The names of the steps of one list: as given, else the kind, else the kind with the first number that is free. */
export function stepNames(steps: readonly { readonly kind: string; readonly name?: string }[]): readonly string[] {
  const taken = new Set(steps.flatMap(({ name }) => (name === undefined ? [] : [name])));
  return steps.map(({ kind, name }) => {
    if (name !== undefined) return name;
    let free = kind;
    for (let count = 2; taken.has(free); count += 1) free = `${kind}-${count}`;
    taken.add(free);
    return free;
  });
}

/**
 * The steps of one list, whole.
 *
 * @param prefix of their keys: `<stage>/` or `<stage>/restore/`
 * @param device that an `ups` step without one means
 */
export function stepsOf(steps: readonly GivenStep[], prefix: string, device: DeviceId): readonly StepConfig[] {
  const names = stepNames(steps);
  return steps.map((given, index): StepConfig => {
    const frame: StepFrame = {
      key: `${prefix}${names[index] ?? given.kind}`,
      text: given.text,
      after: given.after.map((name) => `${prefix}${name}`),
      deadline: given.deadline,
      usual: given.usual,
      carriesSource: given.carriesSource,
    };
    if (given.kind !== 'ups') {
      const { kind, config } = given;
      return { kind, step: { ...frame, kind }, config } as StepConfig; // kind and config belong to the same step
    }
    const config = { ...given.config, device: given.config.device ?? device };
    const text = `tell ${config.device} to ${given.text}`;
    return { kind: 'ups', step: { ...frame, text, kind: 'ups', device: config.device }, config };
  });
}

/**
 * The host that a step stops, as far as its words say so: its name or address, `localhost` for this machine.
 * Undefined: none, or nobody can tell.
 *
 * @param block of the step as the file has it, sound or not
 */
export function stoppedHost(kind: string, block: Readonly<Record<string, unknown>>): string | undefined {
  const { host, shutdown, command } = block;
  if (kind === 'ssh' && typeof host === 'string' && (shutdown === true || typeof shutdown === 'string')) return host;
  if (kind !== 'exec' || !Array.isArray(command)) return undefined;
  return stopsItsMachine(command.filter((word) => typeof word === 'string')) ? 'localhost' : undefined;
}
