import { expect, test } from 'vitest';
import { takenOf, undoOf } from './undo.ts';

const ID = '6695eb01-f6a4-8304-79aa-97f2502e193f';

test('what is kept comes back from the journal, and nothing else does', () => {
  const taken = { uuid: ID, name: 'a', how: 'save' } as const;
  expect(takenOf(JSON.parse(JSON.stringify(undoOf([taken]))))).toEqual([taken]);
  for (const undo of [undefined, null, 'x', 7, [taken], {}, { vms: {} }, { vms: [null, 'x', { uuid: 'x' }, []] }]) {
    expect(takenOf(undo)).toEqual([]);
  }
  expect(takenOf({ vms: [{ ...taken, how: 'burn' }, { ...taken, uuid: '--help' }, taken] })).toEqual([taken]);
});
