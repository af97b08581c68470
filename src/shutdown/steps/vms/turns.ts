import type { VmsConfig } from './schema.ts';
import type { Vm } from './virsh.ts';

/** Of these, the ones that the configuration means. */
export function meant<V extends { readonly name: string }>(
  vms: readonly V[],
  { only, except }: Pick<VmsConfig, 'only' | 'except'>,
): readonly V[] {
  return vms.filter(({ name }) => (only?.includes(name) ?? true) && !except.includes(name));
}

/** Who goes when: those of `first` one by one, the rest side by side, those of `last` one by one. No turn is empty. */
export function turnsOf<V extends Pick<Vm, 'name'>>(
  vms: readonly V[],
  { first, last }: Pick<VmsConfig, 'first' | 'last'>,
): readonly (readonly V[])[] {
  const oneByOne = (names: readonly string[]) => names.map((name) => vms.filter((vm) => vm.name === name));
  const rest = vms.filter(({ name }) => !first.includes(name) && !last.includes(name));
  return [...oneByOne(first), rest, ...oneByOne(last)].filter(({ length }) => length > 0);
}
