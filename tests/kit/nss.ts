import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './process.ts';

const PASSWORD = 'gridwarden';
const CERTIFICATE = 'nutsrv';

/** Where upsd's own certificate is: it is its own authority. */
export interface NssCertificate {
  /** The lines of upsd.conf that use it. */
  readonly upsdConf: readonly string[];
  readonly caFile: string;
  readonly fingerprint: string;
}

/** Debian builds NUT with NSS, which takes its certificates from a database folder only. */
export async function makeNssDatabase(folder: string): Promise<NssCertificate> {
  await mkdir(folder);
  const password = join(folder, 'password');
  const noise = join(folder, 'noise');
  await writeFile(password, `${PASSWORD}\n`);
  await writeFile(noise, String(Math.random()).repeat(100));
  const database = ['-d', `sql:${folder}`, '-f', password];
  await run('certutil', ['-N', ...database]);
  const names = ['-s', 'CN=localhost', '--extSAN', 'ip:127.0.0.1,dns:localhost'];
  const trust = ['-x', '-t', 'CTu,CTu,CTu', '-v', '2', '-z', noise];
  await run('certutil', ['-S', ...database, '-n', CERTIFICATE, ...names, ...trust]);
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, `${await run('certutil', ['-L', ...database, '-n', CERTIFICATE, '-a'])}\n`);
  const fingerprint = await run('openssl', ['x509', '-in', caFile, '-noout', '-fingerprint', '-sha256']);
  const upsdConf = [`CERTPATH ${folder}`, `CERTIDENT "${CERTIFICATE}" "${PASSWORD}"`];
  return { upsdConf, caFile, fingerprint: fingerprint.replace(/^.*=/s, '').trim() };
}
