/**
 * Whether sudo would ask for a password, going by its own list.
 *
 * `sudo -n -l <command>` only says that a command is allowed: it also says so where a password is needed for it, as
 * long as some other command needs none. The last rule that names a command counts.
 *
 * @param listing answer to `sudo -n -l`
 * @param command as `sudo -n -l <command>` has answered it: whole path and arguments
 * @returns undefined where the list does not show it
 * @see sudoers(5), "Tag_Spec": a tag goes on for the rest of its rule
 */
export function asksPassword(listing: string, command: string): boolean | undefined {
  if (/^Matching Defaults.*\n(?:.*\S.*\n)*?.*!authenticate\b/m.test(listing)) return false;
  const [, rules = ''] = listing.split(/^User .* may run the following commands.*$/m);
  const unfolded = rules.replace(/\n {5,}/g, ' ');
  let asks: boolean | undefined;
  for (const [, rule = ''] of unfolded.matchAll(/^\s+\([^)]*\) (.*)$/gm)) {
    let free = false;
    for (const one of rule.split(/(?<!\\),\s*/)) {
      const [tags = ''] = /^(?:[A-Z_]+: ?)*/.exec(one) ?? [];
      if (tags.includes('NOPASSWD:')) free = true;
      else if (tags.includes('PASSWD:')) free = false;
      if (covers(one.slice(tags.length).replace(/\\([,:=\\])/g, '$1'), command)) asks = !free;
    }
  }
  return asks;
}

/** Whether a command of a rule is, or holds, this one: `ALL`, a program with any arguments, with these, or a folder. */
function covers(rule: string, command: string): boolean {
  const [program = ''] = command.split(' ');
  if (rule === 'ALL' || rule === program || rule === command) return true;
  if (rule === `${program} ""`) return command === program;
  if (rule.endsWith('/')) return program.startsWith(rule) && !program.slice(rule.length).includes('/');
  if (!/[*?[]/.test(rule)) return false;
  const pattern = rule.replace(/[.+^${}()|\\\]]/g, '\\$&').replace(/\[/g, '\\[');
  return new RegExp(`^${pattern.replace(/\*+/g, '.*').replace(/\?/g, '.')}$`).test(command);
}
