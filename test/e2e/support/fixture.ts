// Small environments of their own, one per test, so that tests can run beside each other and lock what they want.
import { DeleteObjectCommand, ListMultipartUploadsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { captureDatabase } from '../../oracle/database.ts';
import { differences } from '../../oracle/compare.ts';
import type { Capture, ObjectFact } from '../../oracle/facts.ts';
import { captureS3 } from '../../oracle/objects.ts';
import { type Connection, identifier, runPsql } from '../../oracle/psql.ts';
import type { S3Location } from '../../oracle/s3.ts';
import { until } from './kube.ts';
import { namespaces } from './manifests.ts';
import { path } from './objects.ts';
import { buckets, type World } from './world.ts';

export interface Fixture {
  readonly name: string;
  readonly namespace: string;
  readonly database: Connection;
  /** Where its documents are. */
  readonly documents: S3Location;
  /** Its folder in storage. */
  readonly storage: S3Location;
  capture(): Promise<Capture>;
}

export const projectId = 'retail';
const objects = 24;
const rows = 3000;

const location = (world: World, bucket: string, prefix: string): S3Location => ({
  endpoint: world.s3.endpoint,
  region: 'us-east-1',
  bucket,
  prefix,
  ...world.s3.secrets,
});

/** Of the S3 server as pods reach it. */
export const place = (world: World, url: string, secretName: string): object => ({
  url,
  endpoint: world.front.endpoint,
  pathStyle: true,
  credentials: { secretName },
});

export const server = (namespace: string, more: object): object => ({
  engine: 'postgresql',
  host: `postgres.${namespace}.svc`,
  tls: { mode: 'disable' },
  ...more,
});

export const putObject = async (world: World, bucket: string, key: string, body: Buffer): Promise<void> => {
  await world.s3.client.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: body,
      ContentType: 'application/x-e2e',
      Metadata: { made: 'by test' },
    }),
  );
};

export const putFolder = async (world: World, folder: string, prefix: string): Promise<number> => {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const keys = files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).values();
  const worker = async (): Promise<void> => {
    for (const key of keys)
      await putObject(world, buckets.documents, `${prefix}${key}`, await readFile(join(folder, key)));
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return files.length;
};

export const createEnvironment = async (world: World, namespace: string, name: string, spec: object): Promise<void> => {
  await world.kube.create(path.environments(namespace), {
    apiVersion: 'backup.lc2.dev/v1alpha1',
    kind: 'BackupEnvironment',
    metadata: { name },
    spec: { projectId, ...spec },
  });
  await until(
    `the controller renders environment ${name}`,
    () => world.kube.get(`/api/v1/namespaces/${namespace}/configmaps/backup-environment-${name}`),
    60,
  );
};

export const captureOf = async (database: Connection, documents: S3Location): Promise<Capture> => ({
  format: 1,
  database: await captureDatabase(database),
  objects: await captureS3(documents),
});

const seedDatabase = `
CREATE TABLE public.item (id integer PRIMARY KEY, note text NOT NULL, at timestamptz DEFAULT now());
INSERT INTO public.item SELECT n, md5(n::text) || repeat(md5((n * 7)::text), 8) FROM generate_series(1, ${rows}) n;
CREATE TABLE public.slow (id integer PRIMARY KEY, note text);
INSERT INTO public.slow SELECT n, 'row ' || n FROM generate_series(1, 50) n;
CREATE SEQUENCE public.counter START 41;
SELECT nextval('public.counter') \\g /dev/null
`;

/** Database, documents and BackupEnvironment, all called `name`, in the namespace of prd. */
export const createFixture = async (
  world: World,
  name: string,
  options: { readonly secret?: string } = {},
): Promise<Fixture> => {
  const namespace = namespaces.prd;
  await runPsql(world.database('prd', 'postgres'), `CREATE DATABASE ${identifier(name)} TEMPLATE template0;`);
  const database = world.database('prd', name);
  await runPsql(database, seedDatabase);
  for (let number = 0; number < objects; number += 1) {
    const digest = createHash('sha512').update(`${name} ${number}`).digest();
    await putObject(
      world,
      buckets.documents,
      `${name}/folder ${number % 3}/${number}.bin`,
      Buffer.concat(Array(20 + number).fill(digest)),
    );
  }
  await createEnvironment(world, namespace, name, {
    database: {
      server: server(namespace, { databases: [name] }),
      credentials: { secretName: options.secret ?? 'database' },
    },
    objectStores: [{ name: 'documents', ...place(world, `s3://${buckets.documents}/${name}`, 'documents') }],
    storage: place(world, `s3://${buckets.backups}`, 'backups'),
    restore: { allowed: true },
  });
  const documents = location(world, buckets.documents, `${name}/`);
  return {
    name,
    namespace,
    database,
    documents,
    storage: location(world, buckets.backups, `${projectId}/${name}/`),
    capture: () => captureOf(database, documents),
  };
};

/** Rows changed and gone, a table gone, objects changed, gone and new. */
export const damage = async (world: World, fixture: Fixture): Promise<void> => {
  await runPsql(
    fixture.database,
    `DROP TABLE public.slow; DELETE FROM public.item WHERE id % 3 = 0; UPDATE public.item SET note = 'damaged' WHERE id % 7 = 0;`,
  );
  const facts = await captureS3(fixture.documents);
  for (const [index, { key }] of facts.entries()) {
    if (index % 4 === 0) await world.s3.client.send(new DeleteObjectCommand({ Bucket: buckets.documents, Key: key }));
    if (index % 4 === 1) await putObject(world, buckets.documents, key, Buffer.from('damaged'));
  }
};

/** Differences between two states as the oracle sees them; empty means equal. */
export const compare = (before: Capture, after: Capture): readonly string[] => differences(before, after);

export const storedObjects = (fixture: Pick<Fixture, 'storage'>): Promise<ObjectFact[]> => captureS3(fixture.storage);

export const manifestsIn = async (fixture: Pick<Fixture, 'storage'>): Promise<readonly string[]> =>
  (await storedObjects(fixture)).map(({ key }) => key).filter((key) => key.endsWith('/manifest.json'));

/** Multipart uploads that were begun below the folder and neither completed nor ended. */
export const openUploads = async (world: World, fixture: Pick<Fixture, 'storage'>): Promise<readonly string[]> => {
  const { Uploads } = await world.s3.client.send(
    new ListMultipartUploadsCommand({ Bucket: fixture.storage.bucket, Prefix: fixture.storage.prefix }),
  );
  return (Uploads ?? []).map(({ Key }) => Key ?? '');
};

/** Until pg_dump waits for the lock: from here it is in flight, and stays there. */
export const dumpWaits = async (world: World, fixture: Fixture): Promise<void> => {
  await until(`pg_dump of ${fixture.name} waits`, async () => {
    const query = `SELECT count(*) FROM pg_stat_activity WHERE datname = '${fixture.name}' AND wait_event_type = 'Lock'
      AND query LIKE 'LOCK TABLE%'`;
    return Number(await runPsql(world.database('prd', 'postgres'), query)) > 0 ? true : undefined;
  });
};
