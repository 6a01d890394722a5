import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { stringify } from 'yaml';
import type { Connection } from '../../test/oracle/psql.ts';

export interface Places {
  readonly folder: string;
  readonly documents: string;
  readonly storage: string;
  readonly file: string;
}

/** The file that kubectl would apply, too: an environment and its Secret. */
export const writeEnvironment = ({ host, port, user, password }: Connection, places: Places): void => {
  const environment = {
    apiVersion: 'backup.lc2.dev/v1alpha1',
    kind: 'BackupEnvironment',
    metadata: { name: 'prd' },
    spec: {
      projectId: 'retail',
      profile: 'liferay',
      database: {
        server: { engine: 'postgresql', host, port, tls: { mode: 'disable' } },
        credentials: { secretName: 'database' },
      },
      objectStores: [
        { name: 'documentLibrary', url: pathToFileURL(places.documents).href, excludeGeneratedFiles: true },
      ],
      storage: { url: pathToFileURL(places.storage).href },
      restore: { allowed: true },
    },
  };
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'database' },
    stringData: { username: user, password: password ?? '' },
  };
  // kubectl reads YAML 1.1.
  const text = [environment, secret]
    .map((document) => stringify(document, { version: '1.1', lineWidth: 0 }))
    .join('---\n');
  writeFileSync(places.file, text, { mode: 0o600 });
};
