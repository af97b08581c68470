import { expect, test } from 'vitest';
import { stoppedOf, together, undoOf } from './undo.ts';

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

test('what an earlier try has left stays, each once, and what is done now counts', () => {
  const [one, two] = [
    { engine: 'docker', id: OURS, name: 'a' },
    { engine: 'podman', id: OTHER, name: 'b', user: 'bob' },
  ] as const;
  const now = [{ ...one, file: '/srv/c.yml' }];
  expect(together(undoOf([two, one]), now)).toEqual([two, ...now]);
  expect(together(undefined, now)).toEqual(now);
  expect(together(undoOf([two, one]), [])).toEqual([two, one]);
});
