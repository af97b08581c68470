import { type Millis, seconds } from '../../../domain/time.ts';
import { pause, within } from '../../pause.ts';
import type { Outcome } from '../../step.ts';
import { ask, askJson, at, type FormContext } from './answers.ts';
import { REDFISH } from './calls.ts';
import type { RedfishForm } from './forms.ts';

interface Options extends FormContext {
  /** Between two looks at the power of the machine. */
  readonly poll: Millis;
}

/** For one look: controllers are slow. */
const LOOK = seconds(10);

/** What the machine has to be afterwards; a power button does what the machine makes of it. */
const AFTER: Readonly<Record<RedfishForm['reset'], 'On' | 'Off' | undefined>> = {
  GracefulShutdown: 'Off',
  ForceOff: 'Off',
  On: 'On',
  PushPowerButton: undefined,
};

/** Resets a machine and waits until its power is what it has to be. Not asked where it is already: many refuse that. */
export async function reset(form: RedfishForm, options: Options): Promise<Outcome> {
  const { hostname } = new URL(form.url);
  const wanted = AFTER[form.reset];
  if (wanted !== undefined && (await powerOf(form, options)) === wanted) {
    return { kind: 'done', text: `the machine of ${hostname} is ${wanted} already` };
  }
  const answer = await ask(REDFISH.reset(form), options);
  if (!answer.ok) {
    const { text, output } = answer.error;
    return { kind: 'failed', text: `${hostname} ${text}`, ...(output !== undefined && { output }) };
  }
  if (wanted === undefined) return { kind: 'done', text: `${hostname} has accepted ${form.reset}` };
  let power: string | undefined;
  while (!options.signal.aborted) {
    await pause(options.poll, options.signal);
    power = (await powerOf(form, options)) ?? power;
    if (power === wanted) return { kind: 'done', text: `the machine of ${hostname} is ${wanted}` };
  }
  const seen = power === undefined ? 'does not tell its power' : `shows the machine as ${power}`;
  return { kind: 'failed', text: `${hostname} has accepted ${form.reset}, but ${seen}` };
}

/** `On`, `Off`, `PoweringOn`, `PoweringOff` or `Paused`; undefined where the controller does not say. */
async function powerOf(form: RedfishForm, options: FormContext): Promise<string | undefined> {
  const system = await within(LOOK, options.signal, (late) =>
    askJson(REDFISH.system(form), { ...options, signal: late }),
  );
  const power = system.ok ? at(system.value, 'PowerState') : undefined;
  return typeof power === 'string' && /^[A-Za-z]{1,20}$/.test(power) ? power : undefined;
}

/** What a controller says it can do to the machine; undefined where it does not list it. */
export function resetTypes(system: unknown): readonly unknown[] | undefined {
  const action = at(at(system, 'Actions'), '#ComputerSystem.Reset');
  const listed = at(action, 'ResetType@Redfish.AllowableValues');
  return Array.isArray(listed) ? listed : undefined;
}
