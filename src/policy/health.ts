import type { Json } from '../domain/requests.ts';
import type { Link, State } from '../domain/state.ts';

/** How everything stands, for the `health` request: what is heard, what is lost and why. */
export function health(state: State): { readonly [key: string]: Json } {
  const links = <T extends { readonly link: Link }>(all: ReadonlyMap<string, T>) =>
    Object.fromEntries([...all].map(([name, { link }]) => [name, told(link)]));
  const sources = links(state.sources);
  const devices = links(state.devices);
  const healthy = [...state.sources.values(), ...state.devices.values()].every(({ link }) => link.kind === 'up');
  return { healthy, sources, devices };
}

function told(link: Link): Json {
  if (link.kind !== 'lost') return link.kind;
  return { lost: link.trouble.kind, detail: link.trouble.detail, since: new Date(link.sinceWall).toISOString() };
}
