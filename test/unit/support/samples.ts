import { type Environment, parseEnvironment } from '../../../core/plan/environment.ts';
import { type Manifest, type ManifestBody, manifestVersion, sealManifest } from '../../../core/manifest/manifest.ts';
import { sha256 } from '../../../steps/runtime/bytes.ts';

/** An environment with everything, as an admin writes it. */
export const environmentInput = () => ({
  name: 'prd',
  namespace: 'proj',
  spec: {
    projectId: 'retail',
    profile: 'liferay',
    database: {
      server: { engine: 'postgresql', host: 'db.proj.svc', role: 'liferay' },
      credentials: { secretName: 'db' },
    },
    objectStores: [
      {
        name: 'documentLibrary',
        url: 's3://liferay-documents',
        endpoint: 'https://s3.example.com',
        pathStyle: true,
        credentials: { secretName: 'documents' },
        excludeGeneratedFiles: true,
        exclude: ['tmp/'],
      },
    ],
    storage: { url: 's3://retail-backups', credentials: { secretName: 'backups' } },
    restore: { allowed: true },
  },
});

export const environment = (): Environment => parseEnvironment(environmentInput(), 'sample');

const digest = 'a'.repeat(64);

export const manifestBody = (): ManifestBody => ({
  version: manifestVersion,
  backupId: 'retail-prd-backup-20251109-143000',
  timestamp: '2025-11-09T14:30:00Z',
  projectId: 'retail',
  environment: 'prd',
  profile: 'liferay',
  runUid: 'run-1',
  creationType: 'manual',
  creator: { name: 'Zoë', email: '' },
  components: ['database', 'documentLibrary'],
  points: [{ database: 'lportal', time: '2025-11-09T14:30:01Z', position: '0/16B3748' }],
  sizes: { database: 20, objects: 20, copied: 20 },
  database: {
    engine: 'postgresql',
    version: '15.6',
    major: 15,
    service: 'server',
    globals: { key: '20251109-143000/database/globals.x.sql.zst', digest, size: 3 },
    dumps: ['lportal', 'other'].map((database) => ({
      database,
      key: `20251109-143000/database/${database}.x.dump.zst`,
      size: 10,
      digest,
      tables: { 'public.user_': 2, 'public."Odd ""name"""': 0 },
      owner: 'liferay',
      encoding: 'UTF8',
      collate: 'C',
      ctype: 'C',
      connectionLimit: -1,
      settings: [],
      extensions: [{ name: 'plpgsql', version: '1.0' }],
      roles: ['liferay'],
      bytes: 100,
    })),
  },
  objectStores: [
    {
      name: 'documentLibrary',
      url: 's3://liferay-documents',
      objectCount: 1,
      bytes: 20,
      copied: { count: 1, bytes: 20 },
      excluded: { count: 0, bytes: 0, rules: [] },
      deletedSincePoint: { count: 0, parts: [] },
      inventory: [
        {
          key: '20251109-143000/inventory/documentLibrary/part-00000.x.ndjson.zst',
          digest,
          size: 5,
          first: 'a',
          last: 'a',
          objects: 1,
          bytes: 20,
        },
      ],
      references: [],
      mover: 'stream',
    },
  ],
  verification: { database: 'read', objects: 'listed', at: '2025-11-09T14:31:00Z' },
  leftovers: [],
  tool: 'lc2-backup 0.1.0',
});

export const sealed = (change: Partial<ManifestBody> = {}): { readonly manifest: Manifest; readonly text: string } =>
  sealManifest({ ...manifestBody(), ...change }, sha256);
