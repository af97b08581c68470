// Bundles the program for a fast start: one entry, libraries in chunks that load only when they are used.
import { rmSync } from 'node:fs';
import { install, root } from './ready.mjs';

install();
const { build } = await import('esbuild');
rmSync(`${root}/dist`, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: { gridwarden: 'src/main.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  platform: 'node',
  target: 'node20',
  format: 'esm',
  minifySyntax: true,
  sourcemap: true,
  legalComments: 'linked',
  external: ['ssh2', 'better-sqlite3'],
  banner: {
    js: [
      '#!/usr/bin/env node',
      "import { createRequire as gridwardenRequire } from 'node:module';",
      'const require = gridwardenRequire(import.meta.url);',
    ].join('\n'),
  },
  logLevel: 'warning',
});
const { chmodSync } = await import('node:fs');
chmodSync(`${root}/dist/gridwarden.js`, 0o755);
