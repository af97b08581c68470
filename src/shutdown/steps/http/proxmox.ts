import type { ItemProgress } from '../../../domain/progress.ts';
import { type Millis, seconds } from '../../../domain/time.ts';
import { pause, within } from '../../pause.ts';
import type { Outcome } from '../../step.ts';
import { ask, askJson, at, type FormContext } from './answers.ts';
import { type GuestKind, PROXMOX } from './calls.ts';
import type { ProxmoxForm } from './forms.ts';

/** One VM or container that was running. */
interface Guest {
  readonly kind: GuestKind;
  readonly vmid: number;
  /** `VM 101 mail`, for people. */
  readonly item: string;
}

interface Options extends FormContext {
  readonly progress: (item: ItemProgress) => void;
  /** Between two looks at what still runs. */
  readonly poll: Millis;
}

const KINDS: Readonly<Record<GuestKind, string>> = { qemu: 'VM', lxc: 'container' };

/** Requests on their way at a time: each forks a task on the node. */
const AT_ONCE = 8;
/** Guests of one node that are told apart; far more than one carries. */
const MOST_GUESTS = 5000;
/** For one look. A node that has gone does not even refuse. */
const LOOK = seconds(5);
/** A node is taken for gone after so many looks without an answer. */
const UNANSWERED = 2;

/** Shuts down every running guest of a node, and waits until none runs: the node ends those that do not react. */
export async function shutGuestsDown(form: ProxmoxForm, options: Options): Promise<Outcome> {
  const [vms, containers] = await Promise.all([running(form, 'qemu', options), running(form, 'lxc', options)]);
  const unlisted = [vms, containers].flatMap((list) => (typeof list === 'string' ? [list] : []));
  const guests = [vms, containers].flatMap((list) => (typeof list === 'string' ? [] : list));
  const failures = new Map<string, string>();
  const told: Guest[] = [];
  for (let from = 0; from < guests.length && !options.signal.aborted; from += AT_ONCE) {
    const some = guests.slice(from, from + AT_ONCE);
    await Promise.all(
      some.map(async (guest) => {
        const why = await tell(form, guest, options);
        if (why === undefined) told.push(guest);
        else failures.set(guest.item, why);
      }),
    );
  }
  const left = await untilOff(form, told, options);
  for (const { item } of left) failures.set(item, 'still runs');
  return outcomeOf(form, guests.length, failures, unlisted);
}

function outcomeOf(
  { node }: ProxmoxForm,
  count: number,
  failures: ReadonlyMap<string, string>,
  unlisted: readonly string[],
): Outcome {
  const troubles = [...unlisted, ...[...failures].map(([item, why]) => `${item}: ${why}`)];
  const off = count - failures.size;
  if (troubles.length > 0) {
    const text = `${off} of ${count} guests of ${node} are off; ${troubles.slice(0, 3).join('; ')}`.slice(0, 500);
    return { kind: 'failed', text, output: troubles.join('\n').slice(0, 4000) };
  }
  return { kind: 'done', text: count === 0 ? `no guest of ${node} runs` : `the ${count} guests of ${node} are off` };
}

async function tell(form: ProxmoxForm, guest: Guest, options: Options): Promise<string | undefined> {
  options.progress({ item: guest.item, state: 'running' });
  const answer = await ask(PROXMOX.shutGuestDown(form, guest.kind, guest.vmid), options);
  if (answer.ok) return undefined;
  options.progress({ item: guest.item, state: 'failed', text: answer.error.text });
  return answer.error.text;
}

/** Looks until none of them runs or time is up. @returns those that still run, as far as was seen */
async function untilOff(form: ProxmoxForm, told: readonly Guest[], options: Options): Promise<readonly Guest[]> {
  const { signal, progress, poll } = options;
  let left = told;
  while (left.length > 0 && !signal.aborted) {
    await pause(poll, signal);
    const [vms, containers] = await within(LOOK, signal, (late) => {
      const look = { ...options, signal: late };
      return Promise.all([running(form, 'qemu', look), running(form, 'lxc', look)]);
    });
    const seen = { qemu: vms, lxc: containers };
    const isOff = ({ kind, vmid }: Guest): boolean => {
      const list = seen[kind];
      return typeof list !== 'string' && !list.some((guest) => guest.vmid === vmid);
    };
    for (const { item } of left.filter(isOff)) progress({ item, state: 'done' });
    left = left.filter((guest) => !isOff(guest));
  }
  for (const { item } of left) progress({ item, state: 'failed', text: 'still runs' });
  return left;
}

/** The running guests of a kind, or why they cannot be listed. */
async function running(form: ProxmoxForm, kind: GuestKind, context: FormContext): Promise<readonly Guest[] | string> {
  const answer = await askJson(PROXMOX.guests(form, kind), context);
  if (!answer.ok) return `${form.node} ${answer.error.text}`;
  const list = at(answer.value, 'data');
  if (!Array.isArray(list)) return `${form.node} answered without a list of its guests`;
  return list.slice(0, MOST_GUESTS).flatMap((entry: unknown): Guest[] => {
    // Containers have had theirs as text.
    const vmid = Number(at(entry, 'vmid'));
    if (at(entry, 'status') !== 'running' || !Number.isSafeInteger(vmid) || vmid <= 0) return [];
    const name = at(entry, 'name');
    const called = typeof name === 'string' ? ` ${name.slice(0, 64).replace(/[^\x21-\x7e]/g, '?')}` : '';
    return [{ kind, vmid, item: `${KINDS[kind]} ${vmid}${called}` }];
  });
}

/** Shuts down a node, which stops its guests itself, and waits until it is gone. */
export async function shutNodeDown(form: ProxmoxForm, options: Options): Promise<Outcome> {
  const { node } = form;
  const answer = await ask(PROXMOX.shutNodeDown(form), options);
  if (!answer.ok) return { kind: 'failed', text: `${node} ${answer.error.text}`, ...output(answer.error.output) };
  options.progress({ item: node, state: 'running' });
  if (await untilGone(form, options)) {
    options.progress({ item: node, state: 'done' });
    return { kind: 'done', text: `${node} has shut down` };
  }
  options.progress({ item: node, state: 'failed', text: 'still answers' });
  return { kind: 'failed', text: `${node} has accepted to shut down, but still answers` };
}

const output = (text: string | undefined): { readonly output?: string } => (text === undefined ? {} : { output: text });

/** Another node of the cluster says so, or the node itself no longer answers. */
async function untilGone(form: ProxmoxForm, options: Options): Promise<boolean> {
  let unanswered = 0;
  while (!options.signal.aborted) {
    await pause(options.poll, options.signal);
    if (options.signal.aborted) return false;
    const nodes = await within(LOOK, options.signal, (late) =>
      askJson(PROXMOX.nodes(form), { ...options, signal: late }),
    );
    if (options.signal.aborted) return false;
    if (nodes.ok && isOffline(nodes.value, form.node)) return true;
    unanswered = !nodes.ok && nodes.error.status === undefined ? unanswered + 1 : 0;
    if (unanswered >= UNANSWERED) return true;
  }
  return false;
}

function isOffline(value: unknown, node: string): boolean {
  const list = at(value, 'data');
  return (
    Array.isArray(list) &&
    list.some((entry: unknown) => at(entry, 'node') === node && at(entry, 'status') === 'offline')
  );
}
