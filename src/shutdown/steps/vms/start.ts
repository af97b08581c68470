import { LIMITS } from '../../../domain/limits.ts';
import { err, ok, type Result } from '../../../domain/result.ts';
import { asMillis, seconds } from '../../../domain/time.ts';
import type { Outcome, StepContext } from '../../step.ts';
import { type NoAnswer, sideBySide } from '../ask.ts';
import { count, type Tally, tallyOf } from '../tally.ts';
import type { VmsConfig } from './schema.ts';
import { AT_ONCE } from './stop.ts';
import { meant, turnsOf } from './turns.ts';
import { takenOf } from './undo.ts';
import type { Virsh, Vm } from './virsh.ts';

/** A VM to bring back. Without `uuid`: libvirt knows none of this name. */
interface Wanted {
  readonly name: string;
  readonly uuid?: string;
  /** It was stopped in memory, by us. */
  readonly isSuspended: boolean;
}

/** What a start may take at least: one that was saved is read from the disk first. */
const START = seconds(30);

/** Starts what the plan stopped, or, where nothing was kept of it, the VMs of `only`. One that runs already is let be. */
export async function startVms(virsh: Virsh, config: VmsConfig, context: StepContext): Promise<Outcome> {
  const { signal } = context;
  const wanted = await wantedOf(virsh, config, context);
  if (!wanted.ok) {
    const { text, output } = wanted.error;
    return { kind: 'failed', text: `the VMs cannot be listed: ${text}`, ...(output !== '' && { output }) };
  }
  if (wanted.value.length === 0) return { kind: 'done', text: 'there is no VM to start' };
  const tally = tallyOf(context.progress);
  const limit = asMillis(Math.max(START, config.wait));
  for (const turn of turnsOf(wanted.value, config)) {
    await sideBySide(turn, AT_ONCE, signal, async ({ name, uuid, isSuspended }) => {
      tally.begin(name);
      if (uuid === undefined) tally.end(name, 'failed', 'there is no such VM');
      else await startOne({ virsh, tally, signal }, { name, uuid }, isSuspended, limit);
    });
  }
  return tally.outcome((done) => `${done} of ${count(wanted.value.length, 'VM')} started`, LIMITS.stepOutput);
}

async function wantedOf(
  virsh: Virsh,
  config: VmsConfig,
  { undo, signal }: StepContext,
): Promise<Result<readonly Wanted[], NoAnswer>> {
  const taken = undo === undefined ? undefined : meant(takenOf(undo), config);
  if ((taken ?? config.only ?? []).length === 0) return ok([]);
  const known = await virsh.list(['--all'], signal);
  if (!known.ok) return err(known.error);
  /** As it was, else the one that has its name now. */
  const uuidOf = (name: string, uuid?: string): { readonly uuid?: string } => {
    const vm = known.value.find((one) => one.uuid === uuid) ?? known.value.find((one) => one.name === name);
    return vm === undefined ? {} : { uuid: vm.uuid };
  };
  return ok(
    taken !== undefined
      ? taken.map(({ name, uuid, how }) => ({ name, ...uuidOf(name, uuid), isSuspended: how === 'suspend' }))
      : meant(
          (config.only ?? []).map((name) => ({ name })),
          config,
        ).map(({ name }) => ({
          name,
          ...uuidOf(name),
          isSuspended: false,
        })),
  );
}

async function startOne(
  { virsh, tally, signal }: { readonly virsh: Virsh; readonly tally: Tally; readonly signal: AbortSignal },
  vm: Vm,
  isSuspended: boolean,
  limit: ReturnType<typeof asMillis>,
): Promise<void> {
  const before = await virsh.state(vm, signal);
  if (before.ok && before.value === 'running') {
    tally.end(vm.name, 'done', 'runs already');
    return;
  }
  const isPaused = before.ok && before.value === 'paused';
  if (isPaused && !isSuspended) {
    tally.end(vm.name, 'skipped', 'somebody has suspended it');
    return;
  }
  const answer = await virsh.tell(isPaused ? 'resume' : 'start', vm, limit, signal);
  const state = await virsh.state(vm, signal);
  if (state.ok && state.value === 'running') tally.end(vm.name, 'done');
  else if (!signal.aborted) {
    if (!answer.ok) tally.heard(answer.error.output);
    const why = answer.ok ? (state.ok ? `its state is ${state.value}` : state.error.text) : answer.error.text;
    tally.end(vm.name, 'failed', why);
  }
}
