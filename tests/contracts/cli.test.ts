import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** The words of the command line, in their order: commands, what they take, and their flags. */
function words(source: string): readonly string[] {
  const shared = /const CONFIG = \[\s*'([^']+)'/.exec(source)?.[1] ?? '';
  const found = [...source.matchAll(/\.(command|argument|option|version)\(\s*(?:VERSION, )?('([^']+)'|\.\.\.CONFIG)/g)];
  return found.map(([, kind, , text]) => `${kind === 'command' ? '' : '  '}${text ?? shared}`);
}

test('commands and flags are a contract', async () => {
  const found = words(readFileSync(join(import.meta.dirname, '..', '..', 'src', 'main.ts'), 'utf8'));
  expect(found.length).toBeGreaterThan(20);
  await expect(`${found.join('\n')}\n`).toMatchFileSnapshot('cli.txt');
});
