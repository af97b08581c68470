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

const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};

/** The keys within a value, lists passed through. */
function within(path: string, value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((one) => within(path, one));
  return Object.entries(asRecord(value)).flatMap(([key, inner]) => [
    `${path}.${key}`,
    ...within(`${path}.${key}`, inner),
  ]);
}

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

  test('events of a group', () => {
    const section = /## Events of a group\n([\s\S]+?)\n## /.exec(read('docs/mqtt.md'))?.[1] ?? '';
    expect(rows(section)).toEqual([...GROUP_EVENT_TYPES]);
  });

  test.each([
    // A shutdown that has not come to its halt.
    ['shutdown', 'A shutdown', '', 'halt.'],
    ['runs', 'The last runs', 'runs.', 'none'],
  ])('keys of the topic of %s, in the example as well', (topic, title, of, absent) => {
    const section = new RegExp(`## ${title}\\n([\\s\\S]+?)\\n## `).exec(read('docs/mqtt.md'))?.[1] ?? '';
    const example: unknown = JSON.parse(/```json\n([\s\S]+?)```/.exec(section)?.[1] ?? '{}');
    const pattern = new RegExp(`group/servers/${topic} ([a-z_.]+)$`, 'gm');
    const published = [...read('tests/contracts/payload-keys.txt').matchAll(pattern)].map(([, key]) => key ?? '');
    const own = published.filter((key) => key.startsWith(of)).map((key) => key.slice(of.length));
    expect(rows(section).toSorted()).toEqual(own.filter((key) => !key.includes('.')));
    const written = Object.entries(asRecord(example)).flatMap(([key, value]) => [key, ...within(key, value)]);
    expect([...new Set(written)].toSorted()).toEqual(published.filter((key) => !key.startsWith(absent)));
  });

  test('metrics of a shutdown', () => {
    const names = [...read('tests/contracts/metric-names.txt').matchAll(/^gridwarden_group_\w+/gm)].map(
      ([name]) => name,
    );
    const ours = names.filter((name) => /_(?:shutdown|step|steps|halt|shed|time_left)_/.test(name));
    const page = read('docs/metrics.md');
    const listed = [...page.matchAll(/^\| `(gridwarden_group_\w+)/gm)].map(([, name]) => name);
    expect(listed.filter((name) => name !== 'gridwarden_group_state').toSorted()).toEqual(ours);
  });

  test('device triggers of a group', () => {
    const words = [...read('tests/contracts/words.txt').matchAll(/^device trigger: group_event (\w+)$/gm)];
    const listed = /\| Device triggers\s*\|([^|]+)\|/.exec(read('docs/home-assistant.md'))?.[1] ?? '';
    expect(listed.match(/[a-z_]+/g)?.toSorted()).toEqual(words.map(([, word]) => word));
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
