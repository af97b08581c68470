import { expect, test } from 'vitest';
import { takenOf, together, undoOf } from './undo.ts';

const ID = '6695eb01-f6a4-8304-79aa-97f2502e193f';

test('what is kept comes back from the journal, and nothing else does', () => {
  const taken = { uuid: ID, name: 'a', how: 'save' } as const;
  expect(takenOf(JSON.parse(JSON.stringify(undoOf([taken]))))).toEqual([taken]);
  for (const undo of [undefined, null, 'x', 7, [taken], {}, { vms: {} }, { vms: [null, 'x', { uuid: 'x' }, []] }]) {
    expect(takenOf(undo)).toEqual([]);
  }
  expect(takenOf({ vms: [{ ...taken, how: 'burn' }, { ...taken, uuid: '--help' }, taken] })).toEqual([taken]);
});

test('what an earlier try has left stays, each once, and what is done now counts', () => {
  const vm = (digit: string) => ({ uuid: ID.replace('6', digit), name: digit, how: 'suspend' as const });
  const [a, b, c] = [vm('1'), vm('2'), vm('3')] as const;
  const now = [{ ...b, how: 'shutdown' as const }, c];
  expect(together(undoOf([a, b]), now)).toEqual([a, ...now]);
  expect(together(undefined, now)).toEqual(now);
  expect(together(undoOf([a, b]), [])).toEqual([a, b]);
});
