import { expect, test } from 'vitest';
import { stoppedOf, undoOf } from './undo.ts';

const [OURS, OTHER] = ['a1'.repeat(32), 'b2'.repeat(32)];

test('what is kept comes back from the journal, and nothing else does', () => {
  const whole = { engine: 'podman', user: 'bob', id: OURS, name: 'a', file: '/srv/c.yml', service: 'db' } as const;
  const bare = { engine: 'docker', id: OTHER, name: 'b' } as const;
  expect(stoppedOf(JSON.parse(JSON.stringify(undoOf([whole, bare]))))).toEqual([whole, bare]);
  for (const undo of [undefined, null, 'x', [bare], {}, { containers: {} }, { containers: [null, 'x', [], {}] }]) {
    expect(stoppedOf(undo)).toEqual([]);
  }
  const strange = [
    { ...bare, id: '--all' },
    { ...bare, engine: 'lxc' },
    { ...bare, name: 7 },
  ];
  expect(stoppedOf({ containers: strange })).toEqual([]);
});
