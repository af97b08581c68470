import { expect, test } from 'vitest';
import { containersAmong } from './compose.ts';
import { containersOf } from './engine.ts';

const [OURS, OTHER] = ['a1'.repeat(32), 'b2'.repeat(32)];

test('short ids of compose are found among whole ones', () => {
  const running = containersOf(`${OURS}|a|\n${OTHER}|b|`);
  expect(containersAmong(running, [OTHER.slice(0, 12)]).map(({ name }) => name)).toEqual(['b']);
  expect(containersAmong(running, [])).toEqual([]);
});
