/** What may be asked for when the configuration does not say: nothing here can switch a load off. */
export const DEFAULT_ALLOW: readonly string[] = [
  'beeper.*',
  'test.battery.*',
  'bridge.reload',
  'bridge.health',
  'bridge.plan',
  'bridge.cancel',
  'bridge.disarm',
  'bridge.notify_test',
];

/** The form of an entry: a command (`beeper.mute`), `set:<variable>` or `bridge.<verb>`; a `*` stands for any run of characters. */
export const ALLOW_ENTRY = /^(?:set:)?[A-Za-z0-9_.*-]+$/;

/**
 * Whether the allow-list covers what is asked for.
 *
 * @param what a command's name, `set:<variable>` or `bridge.<verb>`; a bare `*` covers commands only, never settings or verbs
 */
export function isAllowed(allow: readonly string[], what: string): boolean {
  return allow.some((entry) => matches(entry, what));
}

function matches(entry: string, what: string): boolean {
  const kindOf = (text: string) =>
    text.startsWith('set:') ? 'set' : text.startsWith('bridge.') ? 'bridge' : 'command';
  if (kindOf(entry) !== kindOf(what)) return false;
  const pattern = entry.split('*').map((part) => part.replace(/[.\\^$+?()[\]{}|-]/g, '\\$&'));
  return new RegExp(`^${pattern.join('.*')}$`, 'i').test(what);
}
