import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './process.ts';

/** Files of a throw-away certificate authority and of what it signed. All paths are absolute, all files PEM. */
export interface Certificates {
  readonly caFile: string;
  /** For `127.0.0.1` and `localhost`. */
  readonly serverCert: string;
  readonly serverKey: string;
  /** Common name `client`. */
  readonly clientCert: string;
  readonly clientKey: string;
}

const DAYS = '2';
const SERVER_NAMES = 'subjectAltName=IP:127.0.0.1,DNS:localhost';

/** Makes a certificate authority, a server certificate and a client certificate with openssl in `folder`. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const file = (name: string) => join(folder, name);
  await newKey(file('ca.key'));
  const subject = ['-subj', '/CN=Gridwarden test authority'];
  await openssl('req', '-x509', '-new', '-key', file('ca.key'), '-days', DAYS, ...subject, '-out', file('ca.crt'));
  await Promise.all([
    sign(file, 'server', '/CN=localhost', `${SERVER_NAMES}\nextendedKeyUsage=serverAuth\n`),
    sign(file, 'client', '/CN=client', 'extendedKeyUsage=clientAuth\n'),
  ]);
  return {
    caFile: file('ca.crt'),
    serverCert: file('server.crt'),
    serverKey: file('server.key'),
    clientCert: file('client.crt'),
    clientKey: file('client.key'),
  };
}

async function sign(file: (name: string) => string, name: string, subject: string, extensions: string): Promise<void> {
  await newKey(file(`${name}.key`));
  await writeFile(file(`${name}.ext`), extensions);
  await openssl('req', '-new', '-key', file(`${name}.key`), '-subj', subject, '-out', file(`${name}.csr`));
  const authority = ['-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-CAserial', file(`${name}.srl`)];
  const request = ['-req', '-in', file(`${name}.csr`), '-extfile', file(`${name}.ext`), '-days', DAYS];
  await openssl('x509', ...request, ...authority, '-CAcreateserial', '-out', file(`${name}.crt`));
}

async function newKey(path: string): Promise<void> {
  await openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', path);
}

async function openssl(...args: readonly string[]): Promise<void> {
  await run('openssl', args);
}
