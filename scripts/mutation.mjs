// `npm run mutation [-- FILES]`: changes the code of the pure folders in one place at a time, and tells which changes no
// test notices. Minutes for a file, hours for all of them.
import { dirname } from 'node:path';
import { install, tool } from './ready.mjs';

install();
const files = process.argv.slice(2).filter((file) => !file.endsWith('.test.ts'));
const folders = [...new Set(files.map((file) => dirname(file)))];
tool('stryker', ['run', ...(files.length === 0 ? [] : ['--mutate', files.join(',')])], {
  env: { ...process.env, GRIDWARDEN_MUTATION: folders.join(',') },
});
