import { expect, test } from 'vitest';
import { type Vm, vmsOf } from './virsh.ts';

const ID = '6695eb01-f6a4-8304-79aa-97f2502e193f';

test.each<[string, string, readonly Vm[]]>([
  ['as virsh 9 has it', `${ID} test                \n\n`, [{ uuid: ID, name: 'test' }]],
  ['any name', `${ID} web server "it's"\n`, [{ uuid: ID, name: `web server "it's"` }]],
  ['a number, an option', `${ID} 7\n${ID} -dash\n`, ['7', '-dash'].map((name) => ({ uuid: ID, name }))],
  ['what a terminal obeys', `${ID} a\u001b[2Jb\n`, [{ uuid: ID, name: 'a?[2Jb' }]],
  ['long ones are cut', `${ID} ${'x'.repeat(500)}\n`, [{ uuid: ID, name: 'x'.repeat(128) }]],
  ['the machine itself, on Xen', '00000000-0000-0000-0000-000000000000 Domain-0\n', []],
  ['not a list', ' Id   Name   State\n------\n 1    test   running\n', []],
  ['nothing', '', []],
])('a list: %s', (_what, text, vms) => {
  expect(vmsOf(text)).toEqual(vms);
});
