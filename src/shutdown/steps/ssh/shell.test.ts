import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  carried,
  commandOf,
  haltOf,
  harmless,
  INQUIRY,
  type Machine,
  machineOf,
  plainWords,
  together,
  withSudo,
} from './shell.ts';

const sh = (command: string): string => execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8' });

describe('data in a carried script', () => {
  const argument = fc
    .string({ unit: 'binary-ascii', minLength: 1, maxLength: 30 })
    .filter((text) => !/\p{Cc}/u.test(text));

  test('reaches the program as it is, and nothing of it is run', () => {
    fc.assert(
      fc.property(fc.array(argument, { minLength: 1, maxLength: 4 }), (args) => {
        expect(sh(carried(commandOf(['printf', '[%s]', ...args], false)))).toBe(args.map((one) => `[${one}]`).join(''));
      }),
      { seed: 1, numRuns: 40 },
    );
  });

  test('a script of several lines is a mistake of ours', () => {
    expect(() => carried('true\nfalse')).toThrow('one line');
  });
});

test.each([
  ['web', true],
  ['my vm', true],
  ["o'neill; rm -rf /", true],
  ['', false],
  ['-rf', false],
  ['two\nlines', false],
])('%j may be an argument: %s', (text, expected) => {
  expect(harmless(text)).toBe(expected);
});

test('sudo never asks', () => {
  expect(commandOf(['virsh', 'shutdown', 'my vm'], true)).toBe("sudo -n virsh shutdown 'my vm'");
  expect(withSudo('systemctl poweroff', true)).toBe('sudo -n systemctl poweroff');
  expect(withSudo('sudo systemctl poweroff', true)).toBe('sudo systemctl poweroff');
  expect(withSudo('systemctl poweroff', false)).toBe('systemctl poweroff');
});

test('commands side by side are waited for', () => {
  expect(sh(carried(together(['{ sleep 0.2; echo b; }', 'echo a'])))).toBe('a\nb\n');
});

describe('the inquiry', () => {
  test('is answered by a POSIX shell', () => {
    const machine = machineOf(sh(INQUIRY));
    expect(machine?.system).toBe(sh('uname -s').trim());
    expect(machine?.root).toBe(process.getuid?.() === 0);
    expect(machine?.programs.has('sync')).toBe(true);
  });

  test.each([
    ['nothing', ''],
    ['a refusal', '% Invalid input detected'],
    ['an echo', INQUIRY],
    ['an echo of the script', 'gridwarden:$((6*7)):$(uname -s)\nuid:0\n'],
    ['a marker without a system', 'gridwarden:42:\n'],
  ])('is not answered by %s', (_what, answer) => {
    expect(machineOf(answer)).toBeUndefined();
  });

  test('a greeting before the answer is passed over', () => {
    expect(machineOf('Welcome!\r\ngridwarden:42:FreeBSD\r\nuid:1001\r\nhas:shutdown\r\n')).toEqual({
      system: 'FreeBSD',
      root: false,
      systemd: false,
      programs: new Set(['shutdown']),
    });
  });
});

const machine = (system: string, systemd: boolean, ...programs: readonly string[]): Machine => ({
  system,
  root: true,
  systemd,
  programs: new Set(programs),
});

test.each([
  ['systemd', machine('Linux', true, 'shutdown', 'systemctl', 'poweroff'), 'shutdown -h now'],
  ['systemd without the old words', machine('Linux', true, 'systemctl'), 'systemctl poweroff'],
  ['systemctl that does not run', machine('Linux', false, 'systemctl', 'poweroff'), 'poweroff'],
  ['BusyBox', machine('Linux', false, 'poweroff'), 'poweroff'],
  ['ESXi', machine('VMkernel', false, 'poweroff', 'vim-cmd'), 'poweroff'],
  ['FreeBSD', machine('FreeBSD', false, 'shutdown', 'poweroff'), 'shutdown -p now'],
  ['macOS', machine('Darwin', false, 'shutdown'), 'shutdown -h now'],
  ['nothing of the kind', machine('Linux', true, 'docker'), undefined],
])('the usual final command of %s', (_what, of, expected) => {
  expect(haltOf(of)?.join(' ')).toBe(expected);
});

test.each([
  ['shutdown -h now', ['shutdown', '-h', 'now']],
  ['  /sbin/poweroff ', ['/sbin/poweroff']],
  ['shutdown -h now "power is out"', ['shutdown', '-h', 'now', 'power is out']],
  ["wall 'gone'", ['wall', 'gone']],
  ['a && b', undefined],
  ['a; b', undefined],
  ['echo $HOME', undefined],
  ['echo `id`', undefined],
  ['echo "$(id)"', undefined],
  ['ls *', undefined],
  ['a > b', undefined],
  ['LANG=C ls', undefined],
])('the words of %s', (command, expected) => {
  expect(plainWords(command)).toEqual(expected);
});
