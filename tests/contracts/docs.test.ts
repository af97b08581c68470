import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BRIDGE_EVENT_TYPES, DEVICE_EVENT_TYPES, GROUP_EVENT_TYPES } from '../../src/domain/facts.ts';
import { TROUBLE_KINDS } from '../../src/domain/trouble.ts';
import { VERBS } from '../../src/policy/on-verb.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const pages = ['README.md', 'CHANGELOG.md', ...readdirSync(join(ROOT, 'docs')).map((file) => `docs/${file}`)].filter(
  (file) => file.endsWith('.md'),
);

/** Words in backquotes at the beginning of the rows of a table. */
const rows = (text: string): string[] => [...text.matchAll(/^\| `([^`]+)`\s*\|/gm)].map(([, word]) => word ?? '');

describe('what the pages list is what there is', () => {
  test('troubles of a source', () => {
    expect(rows(read('docs/nut.md')).toSorted()).toEqual(TROUBLE_KINDS.toSorted());
  });

  test('verbs', () => {
    const listed = /`bridge\/request\/<verb>`\s*\|([^;]+);/.exec(read('docs/mqtt.md'))?.[1] ?? '';
    expect(listed.match(/[a-z_]+/g)).toEqual([...VERBS]);
  });

  test('error codes', () => {
    const source = read('src/domain/requests.ts');
    const union = /export type RefusalCode =([^;]+);/.exec(source)?.[1] ?? '';
    const codes = [...union.matchAll(/'([a-z-]+)'/g)].map(([, code]) => code ?? '');
    const listed = /Error codes: ([^.]+)\./.exec(read('docs/mqtt.md'))?.[1] ?? '';
    expect([...listed.matchAll(/`([a-z-]+)`/g)].map(([, code]) => code)).toEqual(codes);
  });

  test('commands', () => {
    const program = read('src/main.ts');
    const commands = [...program.matchAll(/\.command\('([a-z]+)'\)/g)].map(([, name]) => name);
    const listed = rows(read('README.md'))
      .filter((row) => row.startsWith('gridwarden '))
      .map((row) => row.split(' ')[1]);
    expect(listed).toEqual(commands);
  });

  test('events have one spelling each', () => {
    const all = [...DEVICE_EVENT_TYPES, ...GROUP_EVENT_TYPES, ...BRIDGE_EVENT_TYPES];
    expect(all.filter((type, index) => all.indexOf(type) !== index)).toEqual([]);
  });
});

test.each(pages)('%s links to what is there', (page) => {
  const folder = page.includes('/') ? 'docs' : '.';
  const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => link ?? '');
  const broken = links.filter((link) => !existsSync(join(ROOT, folder, link)));
  expect(broken).toEqual([]);
});
