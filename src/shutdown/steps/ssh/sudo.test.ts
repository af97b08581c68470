import { expect, test } from 'vitest';
import { asksPassword } from './sudo.ts';

/** As sudo 1.9 of Debian 12 writes it. */
const listing = (...rules: readonly string[]): string =>
  `Matching Defaults entries for gw on nas:
    env_reset, secure_path=/usr/sbin\\:/usr/bin

User gw may run the following commands on nas:
${rules.map((rule) => `    ${rule}`).join('\n')}
`;
const HALT = '/usr/sbin/shutdown -h now';

test.each([
  ['the exact command', ['(root) NOPASSWD: /usr/sbin/shutdown -h now'], false],
  ['the same with a password', ['(root) /usr/sbin/shutdown -h now'], true],
  ['everything', ['(ALL : ALL) NOPASSWD: ALL'], false],
  ['everything with a password', ['(ALL : ALL) ALL'], true],
  ['the last rule that names it', ['(root) NOPASSWD: /usr/sbin/shutdown', '(ALL) ALL'], true],
  ['the last rule that names it, free', ['(ALL) ALL', '(root) NOPASSWD: /usr/sbin/shutdown'], false],
  ['a tag that goes on', ['(root) NOPASSWD: /usr/bin/id, /usr/sbin/shutdown'], false],
  ['a tag that is taken back', ['(root) NOPASSWD: /usr/bin/id, PASSWD: /usr/sbin/shutdown'], true],
  ['other tags', ['(root) NOEXEC: NOPASSWD: /usr/sbin/shutdown'], false],
  ['a folder', ['(root) NOPASSWD: /usr/sbin/'], false],
  ['another folder', ['(root) NOPASSWD: /usr/'], undefined],
  ['a pattern', ['(root) NOPASSWD: /usr/sbin/shutdown -h *'], false],
  ['other arguments', ['(root) NOPASSWD: /usr/sbin/shutdown -r now'], undefined],
  ['no arguments', ['(root) NOPASSWD: /usr/sbin/shutdown ""'], undefined],
  ['a folded line', ['(root) NOPASSWD: /usr/bin/id,\n        /usr/sbin/shutdown'], false],
  ['other commands', ['(root) NOPASSWD: /usr/bin/id'], undefined],
  ['nothing', [], undefined],
])('%s', (_what, rules, expected) => {
  expect(asksPassword(listing(...rules), HALT)).toBe(expected);
});

test('a setting that asks nobody', () => {
  const text = listing('(ALL) ALL').replace('env_reset', 'env_reset, !authenticate');
  expect(asksPassword(text, HALT)).toBe(false);
});

test('a program without arguments', () => {
  expect(asksPassword(listing('(root) NOPASSWD: /usr/sbin/poweroff ""'), '/usr/sbin/poweroff')).toBe(false);
});

test('a comma in an argument', () => {
  expect(asksPassword(listing('(root) NOPASSWD: /usr/bin/umount -o a\\,b /x'), '/usr/bin/umount -o a,b /x')).toBe(
    false,
  );
});
