import { LIMITS } from '../../../domain/limits.ts';
import { asMillis, formatSpan, type Millis, seconds } from '../../../domain/time.ts';
import type { Outcome, StepContext } from '../../step.ts';
import { sideBySide, untilTrue } from '../ask.ts';
import { count, type Tally, tallyOf } from '../tally.ts';
import type { VmsConfig } from './schema.ts';
import { meant, turnsOf } from './turns.ts';
import { together, undoOf } from './undo.ts';
import type { Virsh, Vm } from './virsh.ts';

/** Programs at once: each of a libvirt by ssh is a login, of which sshd takes ten that are not through yet. */
export const AT_ONCE = 8;
const EVERY = seconds(1);
/** For what needs no answer of a guest. */
const ORDER = seconds(20);

type How = Exclude<VmsConfig['action'], 'start'>;

const DONE: Readonly<Record<How, string>> = { shutdown: 'shut down', suspend: 'suspended', save: 'saved' };

/** What every turn works with. */
interface Work {
  readonly virsh: Virsh;
  readonly config: VmsConfig;
  readonly tally: Tally;
  readonly signal: AbortSignal;
}

/**
 * Shuts down, suspends or saves the VMs that run.
 *
 * `wait` is for all of them: each turn of the order gets an even share of what is left of it, so that the first that
 * does not stop cannot use up the time of the others. Switching off is not waiting, and takes nothing of it.
 */
export async function stopVms(virsh: Virsh, how: How, config: VmsConfig, context: StepContext): Promise<Outcome> {
  const { signal } = context;
  const running = await virsh.list(['--state-running'], signal);
  if (!running.ok) {
    const { text, output } = running.error;
    return { kind: 'failed', text: `the VMs cannot be listed: ${text}`, ...(output !== '' && { output }) };
  }
  const vms = meant(running.value, config);
  if (vms.length === 0) return { kind: 'done', text: `none of ${count(running.value.length, 'running VM')} is meant` };
  const undo = (these: readonly Vm[]) =>
    undoOf(
      together(
        context.undo,
        these.map((vm) => ({ ...vm, how })),
      ),
    );
  context.note(undo(vms));
  const work: Work = { virsh, config, tally: tallyOf(context.progress), signal };
  const turns = turnsOf(vms, config);
  let left: number = config.wait;
  const taken: Vm[] = [];
  for (const [index, turn] of turns.entries()) {
    if (signal.aborted) break;
    taken.push(...turn);
    for (const { name } of turn) work.tally.begin(name);
    const share = asMillis(Math.round(Math.max(0, left) / (turns.length - index)));
    left -= await TURN[how](turn, share, work);
  }
  for (const { uuid, name } of vms) {
    if (!taken.some((vm) => vm.uuid === uuid)) work.tally.end(name, 'failed', 'its turn did not come');
  }
  const outcome = work.tally.outcome((done) => `${done} of ${count(vms.length, 'VM')} ${DONE[how]}`, LIMITS.stepOutput);
  return { ...outcome, undo: undo(taken) };
}

/** Ends with how long was waited for the VMs. */
type Turn = (vms: readonly Vm[], share: Millis, work: Work) => Promise<number>;

const TURN: Readonly<Record<How, Turn>> = {
  shutdown: (vms, share, work) => shutDown(vms, share, work),
  suspend: suspendAll,
  save: saveAll,
};

/** @param instead why another way has failed before, for people */
async function shutDown(
  vms: readonly Vm[],
  share: Millis,
  work: Work,
  instead: ReadonlyMap<string, string> = new Map(),
): Promise<number> {
  const { virsh, tally, signal } = work;
  const refused = new Map<string, string>();
  const waiting = new Map(vms.map((vm) => [vm.uuid, vm]));
  const began = performance.now();
  await sideBySide(vms, AT_ONCE, signal, async (vm) => {
    const answer = await virsh.tell('shutdown', vm, ORDER, signal);
    if (answer.ok) return;
    tally.heard(answer.error.output);
    // One that has not answered in time may have heard it.
    if (answer.error.kind !== 'late') refused.set(vm.uuid, answer.error.text);
  });
  const areOff = async (): Promise<boolean> => {
    const on = await virsh.list([], signal);
    if (!on.ok) return false;
    const active = new Set(on.value.map(({ uuid }) => uuid));
    const quiet = [...waiting.values()].filter(({ uuid }) => !active.has(uuid));
    await sideBySide(quiet, AT_ONCE, signal, async (vm) => {
      if (!(await isOff(vm, work))) return;
      waiting.delete(vm.uuid);
      const before = instead.get(vm.uuid);
      tally.end(vm.name, 'done', before === undefined ? undefined : `${before}, was shut down instead`);
    });
    return [...waiting.keys()].every((uuid) => refused.has(uuid));
  };
  await untilTrue(areOff, { span: asMillis(began + share - performance.now()), every: EVERY, signal });
  const waited = performance.now() - began;
  await sideBySide([...waiting.values()], AT_ONCE, signal, async (vm) => {
    const heard = refused.get(vm.uuid);
    const why = heard === undefined ? `did not stop within ${formatSpan(share)}` : `cannot be shut down: ${heard}`;
    await switchOff(vm, [instead.get(vm.uuid), why].filter((text) => text !== undefined).join(', '), work);
  });
  return waited;
}

async function switchOff(vm: Vm, why: string, work: Work): Promise<void> {
  const { virsh, config, tally, signal } = work;
  if (!config.destroy) {
    tally.end(vm.name, 'failed', why);
    return;
  }
  const answer = await virsh.tell('destroy', vm, ORDER, signal);
  if (await isOff(vm, work)) {
    tally.end(vm.name, 'done', `${why}, was switched off`);
    return;
  }
  if (signal.aborted) return;
  if (!answer.ok) tally.heard(answer.error.output);
  tally.end(vm.name, 'failed', `${why}, cannot be switched off${answer.ok ? '' : `: ${answer.error.text}`}`);
}

async function isOff(vm: Vm, { virsh, signal }: Work): Promise<boolean> {
  const state = await virsh.state(vm, signal);
  return state.ok && (state.value === 'off' || state.value === 'gone');
}

async function suspendAll(vms: readonly Vm[], _share: Millis, { virsh, tally, signal }: Work): Promise<number> {
  await sideBySide(vms, AT_ONCE, signal, async (vm) => {
    const answer = await virsh.tell('suspend', vm, ORDER, signal);
    const state = await virsh.state(vm, signal);
    if (state.ok && state.value === 'paused') tally.end(vm.name, 'done');
    else if (!signal.aborted) {
      if (!answer.ok) tally.heard(answer.error.output);
      tally.end(vm.name, 'failed', `cannot be suspended${answer.ok ? '' : `: ${answer.error.text}`}`);
    }
  });
  return 0;
}

/** One that cannot be saved, as with a device of the host passed through, is shut down where it has to be off in the end. */
async function saveAll(vms: readonly Vm[], share: Millis, work: Work): Promise<number> {
  const { virsh, config, tally, signal } = work;
  const began = performance.now();
  const remaining = () => asMillis(Math.max(0, Math.round(began + share - performance.now())));
  const left = new Map<Vm, string>();
  await sideBySide(vms, AT_ONCE, signal, async (vm) => {
    const answer = await virsh.tell('managedsave', vm, remaining(), signal);
    if (await isOff(vm, work)) {
      tally.end(vm.name, 'done');
      return;
    }
    if (signal.aborted) return;
    // virsh is gone, and its job is not: until it ends the VM takes no other order.
    if (!answer.ok && answer.error.kind === 'late') await virsh.tell('domjobabort', vm, ORDER, signal);
    if (!answer.ok) tally.heard(answer.error.output);
    left.set(vm, `cannot be saved${answer.ok ? '' : `: ${answer.error.text}`}`);
  });
  const waited = performance.now() - began;
  if (signal.aborted) return waited;
  if (!config.destroy) {
    for (const [{ name }, why] of left) tally.end(name, 'failed', why);
    return waited;
  }
  const instead = new Map([...left].map(([{ uuid }, why]) => [uuid, why]));
  return left.size === 0 ? waited : waited + (await shutDown([...left.keys()], remaining(), work, instead));
}
