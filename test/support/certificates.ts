// A certificate authority and a server certificate, made by the openssl program, for servers that tests start.
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Certificates {
  readonly folder: string;
  /** PEM file of the authority that clients should trust. */
  readonly ca: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
}

/** Valid for one day and for the given names or addresses. */
export async function createCertificates(folder: string, names: readonly string[]): Promise<Certificates> {
  await mkdir(folder, { recursive: true });
  const at = (name: string) => join(folder, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const authority = ['-subj', '/CN=LC2 test authority', '-addext', 'keyUsage=critical,keyCertSign'];
  await run('openssl', [
    'req',
    '-x509',
    ...key,
    '-days',
    '1',
    ...authority,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.crt'),
  ]);
  await run('openssl', [
    'req',
    ...key,
    '-subj',
    `/CN=${names[0] ?? 'localhost'}`,
    '-keyout',
    at('server.key'),
    '-out',
    at('server.csr'),
  ]);
  const alternatives = names.map((name) => `${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`).join(',');
  await writeFile(at('server.ext'), `subjectAltName=${alternatives}\nextendedKeyUsage=serverAuth\n`);
  const signing = [
    '-CA',
    at('ca.crt'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-days',
    '1',
    '-extfile',
    at('server.ext'),
  ];
  await run('openssl', ['x509', '-req', '-in', at('server.csr'), ...signing, '-out', at('server.crt')]);
  return { folder, ca: at('ca.crt'), serverCertificate: at('server.crt'), serverKey: at('server.key') };
}
