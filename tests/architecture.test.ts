import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');

/** The whole import law. A folder that is not listed may not exist. `schema.ts` files may also use the schema library. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  analysis: ['domain'],
  policy: ['domain', 'analysis'],
  sources: ['domain'],
  shutdown: ['domain'],
  mqtt: ['domain'],
  store: ['domain'],
  exporters: ['domain'],
  http: ['domain'],
  runtime: ['domain', 'policy'],
  config: ['domain', 'schema'],
  cli: [
    'domain',
    'policy',
    'config',
    'sources',
    'shutdown',
    'mqtt',
    'store',
    'runtime',
    'app',
    'step-runners',
    'ups-ports',
    'version',
  ],
};

/** The one file of each library: one library per job, wrapped once. */
const WRAPPED: Readonly<Record<string, readonly string[]>> = {
  mqtt: ['mqtt/session.ts'],
  aedes: ['mqtt/broker.ts'],
  pino: ['runtime/log.ts'],
  'pino-pretty': ['runtime/log.ts'],
  'prom-client': ['exporters/families.ts'],
  fastify: ['http/bounded.ts'],
  commander: ['main.ts'],
  croner: ['runtime/schedule.ts'],
  ssh2: ['shutdown/steps/ssh/connection.ts'],
};

const PURE = ['domain', 'analysis', 'policy'];

const files = (readdirSync(SRC, { recursive: true }) as string[]).filter(
  (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
);
const textOf = (file: string): string => readFileSync(join(SRC, file), 'utf8');
const folderOf = (file: string): string =>
  file.includes('/') ? (file.split('/')[0] ?? '') : file.replace(/\.ts$/, '');

interface Import {
  readonly from: string;
  readonly to: string;
  readonly library: boolean;
}

function importsOf(result: ICruiseResult, root: string): Import[] {
  const inside = (path: string) => path.replace(new RegExp(`^${root}/`), '');
  return result.modules
    .filter(({ source }) => source.startsWith(`${root}/`))
    .flatMap(({ source, dependencies }) =>
      dependencies.map(({ resolved, module }) => {
        const library = !module.startsWith('.');
        return { from: inside(source), to: library ? module : inside(resolved), library };
      }),
    );
}

async function read(folder: string, root: string): Promise<ICruiseResult> {
  const { output } = await cruise([root], {
    baseDir: folder,
    tsPreCompilationDeps: true,
    ruleSet: { forbidden: [{ name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } }] },
    validate: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.test\\.ts$' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  } as Parameters<typeof cruise>[1]);
  return output as ICruiseResult; // without a reporter the result is the object, not text
}

const cyclesOf = ({ summary }: ICruiseResult): string[] =>
  summary.violations.filter(({ rule }) => rule.name === 'no-cycle').map(({ from, to }) => `${from} -> ${to}`);

let imports: readonly Import[] = [];
let cycles: readonly string[] = [];
beforeAll(async () => {
  const result = await read(ROOT, 'src');
  imports = importsOf(result, 'src');
  cycles = cyclesOf(result);
});

describe('the import law', () => {
  test('sees the modules and their imports', () => {
    expect(new Set(imports.map(({ from }) => from)).size).toBeGreaterThan(60);
    expect(imports.filter(({ library }) => !library).length).toBeGreaterThan(200);
  });

  test('every folder is a room', () => {
    const rooms = new Set(files.filter((file) => file.includes('/')).map(folderOf));
    expect([...rooms].filter((room) => MAY_IMPORT[room] === undefined)).toEqual([]);
  });

  test('every import goes down', () => {
    const allowed = ({ from, to }: Import): boolean => {
      const may = MAY_IMPORT[folderOf(from)];
      if (may === undefined || folderOf(from) === folderOf(to) || may.includes(folderOf(to))) return true;
      return may.includes('schema') && to.endsWith('/schema.ts');
    };
    const broken = imports.filter((one) => !one.library && !allowed(one)).map(({ from, to }) => `${from} -> ${to}`);
    expect(broken).toEqual([]);
  });

  test('there is no cycle, types included', () => {
    expect(cycles).toEqual([]);
  });

  test('each library has one door', () => {
    const broken = imports
      .filter(({ library, to }) => library && WRAPPED[to] !== undefined)
      .filter(({ from, to }) => !WRAPPED[to]?.includes(from))
      .map(({ from, to }) => `${from} -> ${to}`);
    expect(broken).toEqual([]);
  });

  test('the pure folders use no library', () => {
    const broken = imports.filter(({ from, library }) => library && PURE.includes(folderOf(from)));
    expect(broken.filter(({ from, to }) => !(from.endsWith('schema.ts') && to === 'zod'))).toEqual([]);
  });
});

test('the pure folders touch nothing', () => {
  const impure =
    /Date\.now|new Date\(\)|Math\.random|performance\.|process\.\w|setTimeout|setInterval|setImmediate|fetch\(|\basync |\bawait /;
  const broken = files.filter((file) => PURE.includes(folderOf(file)) && impure.test(textOf(file)));
  expect(broken).toEqual([]);
});

test('there is no barrel and no default export', () => {
  const broken = files.filter((file) => /^export \* from|^export default/m.test(textOf(file)));
  expect(broken).toEqual([]);
});

test('the map in docs/ARCHITECTURE.md lists the rooms that there are', () => {
  const map = readFileSync(join(ROOT, 'docs', 'ARCHITECTURE.md'), 'utf8');
  const listed = [...map.matchAll(/^\| `src\/([a-z]+)\/`\s*\|/gm)].map(([, room]) => room);
  const rooms = [...new Set(files.filter((file) => file.includes('/')).map(folderOf))];
  expect(listed.toSorted()).toEqual(rooms.toSorted());
});

describe('the law test itself', () => {
  let folder = '';
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('refuses a cycle of types alone', async () => {
    folder = mkdtempSync(join(tmpdir(), 'law-'));
    mkdirSync(join(folder, 'src', 'domain'), { recursive: true });
    writeFileSync(join(folder, 'src', 'domain', 'a.ts'), "import type { B } from './b.ts';\nexport type A = B | 1;\n");
    writeFileSync(join(folder, 'src', 'domain', 'b.ts'), "import type { A } from './a.ts';\nexport type B = A | 2;\n");
    expect(cyclesOf(await read(folder, 'src'))).not.toEqual([]);
  });
});
