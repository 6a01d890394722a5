// Backups of a Cloud SQL instance: snapshot and exports by the (fake) cloud, restored by its import, judged by the oracle.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { cloudSqlPermissions } from '../../core/permissions/services.ts';
import { differences } from '../oracle/compare.ts';
import { runPsql } from '../oracle/psql.ts';
import { seedEverything, seedRoles } from '../oracle/seed/everything.ts';
import { type CloudLab, instanceOf, startCloudLab } from '../support/cloud-sql.ts';
import {
  captureAt,
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  errorLines,
  type Lab,
  type Sealed,
  type Spec,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

let server: PostgresServer;
let other: PostgresServer;
let cloud: CloudLab;
let lab: Lab;

beforeAll(async () => {
  [server, other, lab] = await Promise.all([startPostgres(), startPostgres(), createLab()]);
  cloud = await startCloudLab([instanceOf(server, 'main'), instanceOf(other, 'other')]);
  await cloud.bucket('backups');
  cloud.fake.cloud.weather.allowed = new Set(Object.keys(cloudSqlPermissions));
  for (const each of [server, other]) await seedRoles(connectTo(each));
  await runPsql(connectTo(server), 'CREATE DATABASE everything TEMPLATE template0');
  await seedEverything(connectTo(server, 'everything'), { eventTriggers: true });
});

afterAll(async () => {
  await cloud.stop();
  await Promise.all([server.stop(), other.stop()]);
  await lab.remove();
});

/** What our client asks is what Google describes. */
afterEach(() => {
  const [violation] = cloud.fake.violations;
  if (violation !== undefined) throw new Error(violation);
});

interface Manifest {
  readonly database: {
    readonly service: string;
    readonly snapshotId?: string;
    readonly dumps: readonly {
      readonly format?: string;
      readonly key: string;
      readonly tables: Record<string, number>;
    }[];
  };
}

const environment = (name: string, more: Spec = {}): Spec =>
  environmentDocument(name, {
    database: cloud.database(server, 'main'),
    storage: cloud.storage('backups'),
    ...more,
  });

test('an instance is snapshot and exported by the cloud, imported by it, and equal', async () => {
  const database = cloud.database(server, 'main', { snapshot: { location: 'europe-west4' } });
  const file = await lab.write('cloud.yaml', [environment('prd', { database }), databaseSecret(server)]);
  const before = await captureAt(server, 'everything');
  const sealed = await lab.json<Sealed>('backup', '-f', file);
  const manifest = await lab.json<Manifest>('show', sealed.backupId, '-f', file);
  expect(manifest.database).toMatchObject({
    service: 'cloudSql',
    snapshotLocation: 'europe-west4',
    dumps: [{ format: 'plain' }],
  });
  expect(cloud.fake.cloud.backups.map(({ name }) => name)).toEqual([manifest.database.snapshotId]);
  expect(await lab.json('verify', sealed.backupId, '-f', file)).toMatchObject({ ok: true, problems: [] });
  await runPsql(connectTo(server, 'everything'), 'DROP SCHEMA app CASCADE');
  await lab.json('restore', '-f', file, '--backup', 'latest', '--confirm', 'prd');
  expect(cloud.fake.cloud.counts().done).toEqual({ BACKUP_VOLUME: 1, EXPORT: 1, IMPORT: 1 });
  expect(differences(before, await captureAt(server, 'everything'), { subscriptionsDisabled: true })).toEqual([]);
});

const restore = (file: string, into: string) =>
  lab.json('restore', '-f', file, '--source', 'prd', '--into', into, '--backup', 'latest', '--confirm', into);

test('what the cloud exported is loaded by psql elsewhere, and what a server dumped is loaded into an instance', async () => {
  const before = await captureAt(server, 'everything');
  const storage = cloud.storage('backups');
  const own = await lab.write('both.yaml', [environment('prd'), databaseSecret(server)]);
  await lab.json('backup', '-f', own);
  await runPsql(connectTo(other), 'CREATE ROLE keeper SUPERUSER');
  const elsewhere = await lab.write('elsewhere.yaml', [
    environmentDocument('prd', { storage }),
    environmentDocument('plain', { database: databaseSpec(other, { role: 'keeper' }), storage }),
    databaseSecret(other),
  ]);
  await restore(elsewhere, 'plain');
  const owners = await runPsql(
    connectTo(other, 'everything'),
    `SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'app'::regnamespace`,
  );
  expect(owners.trim()).toBe('keeper');
  const options = {
    ignoreOwners: true,
    ignoreAcl: true,
    ignoreTablespaces: true,
    // Of the server, or only for a superuser, or of the environment that was left.
    ignoreKinds: ['database setting', 'membership', 'role', 'event trigger', 'subscription'],
  };
  // What the user may not do who is no superuser there.
  expect(differences(before, await captureAt(other, 'everything'), options)).toEqual([
    'comment event trigger note_changes: missing',
    expect.stringMatching(/^comment extension hstore: /),
  ]);
  // And back: a dump of pg_dump's own form into an instance, over SQL, in the same environment.
  const imports = cloud.fake.cloud.counts().begun['IMPORT'];
  const dumping = await lab.write('dumping.yaml', [
    environment('prd', { database: cloud.database(server, 'main', { method: 'dump', snapshot: { enabled: false } }) }),
    databaseSecret(server),
  ]);
  const sealed = await lab.json<Sealed>('backup', '-f', dumping);
  const manifest = await lab.json<Manifest>('show', sealed.backupId, '-f', dumping);
  expect(manifest.database.dumps[0]?.key).toMatch(/\.dump\.zst$/);
  expect(manifest.database.snapshotId).toBeUndefined();
  await runPsql(connectTo(server, 'everything'), 'DROP SCHEMA app CASCADE');
  await lab.json('restore', '-f', own, '--backup', 'latest', '--confirm', 'prd');
  expect(differences(before, await captureAt(server, 'everything'), { subscriptionsDisabled: true })).toEqual([]);
  expect(cloud.fake.cloud.counts().begun['IMPORT']).toBe(imports);
});

test('what the cloud loads is read without the settings of its database, and views are filled with them', async () => {
  const fresh = 'SET default_transaction_read_only = off;';
  await runPsql(connectTo(server), 'CREATE DATABASE settled TEMPLATE template0');
  await runPsql(
    connectTo(server, 'settled'),
    `CREATE TABLE t (v text[]); INSERT INTO t VALUES ('{a,NULL}');
     ALTER DATABASE settled SET array_nulls = off; ALTER DATABASE settled SET default_transaction_read_only = on;
     ALTER DATABASE settled SET timezone = 'Asia/Kolkata'; ALTER DATABASE settled SET default_text_search_config = 'german';`,
  );
  await runPsql(
    connectTo(server, 'settled'),
    `${fresh} CREATE MATERIALIZED VIEW reports AS SELECT date_trunc('day', timestamptz '2020-02-01 20:00+00')::date AS day,
       to_tsvector('die Häuser') AS words;`,
  );
  const database = cloud.database(server, 'main', { databases: ['settled'] });
  const file = await lab.write('settled.yaml', [environment('settled', { database }), databaseSecret(server)]);
  const before = await captureAt(server, 'settled');
  await lab.json('backup', '-f', file);
  await runPsql(connectTo(server, 'settled'), `${fresh} DELETE FROM t`);
  await lab.json('restore', '-f', file, '--backup', 'latest', '--confirm', 'settled');
  expect(differences(before, await captureAt(server, 'settled'))).toEqual([]);
});

test('in-place needs a dump that knows what it replaces, and says so before anything', async () => {
  const file = await lab.write('in-place.yaml', [environment('prd'), databaseSecret(server)]);
  await lab.json('backup', '-f', file);
  const args = ['restore', '-f', file, '--backup', 'latest', '--database-mode', 'in-place', '--confirm', 'prd'];
  const result = await lab.cli(...args);
  expect(result.status).toBe(78);
  expect(errorLines(result).at(-1)).toMatch(/^INPUT_INVALID: .*plain SQL/);
});

test('a table cannot be taken out of a plain dump; the whole can', async () => {
  const file = await lab.write('get.yaml', [environment('prd'), databaseSecret(server)]);
  const get = (...more: readonly string[]) =>
    lab.cli('get', 'latest', '-f', file, '--database', 'everything', '--out', lab.path('out.sql.gz'), ...more);
  expect((await get()).status).toBe(0);
  const { tables } = (await lab.json<Manifest>('show', 'latest', '-f', file)).database.dumps[0] ?? { tables: {} };
  const refused = await get('--table', Object.keys(tables)[0] ?? '');
  expect(refused.status).toBe(78);
  expect(errorLines(refused).at(-1)).toMatch(/^INPUT_INVALID: .*plain SQL/);
});

test('an export into another store than Google’s is refused before anything', async () => {
  const storage = { url: `file://${lab.storage}` };
  const file = await lab.write('refused.yaml', [environment('prd', { storage }), databaseSecret(server)]);
  const result = await lab.cli('backup', '-f', file);
  expect(result.status).toBe(78);
  expect(errorLines(result)).toEqual([expect.stringMatching(/^ENVIRONMENT_INVALID: .*gs:\/\/ only: .*method to dump/)]);
});

test('a deleted backup takes its snapshot along, and check looks at the instance', async () => {
  const file = await lab.write('delete.yaml', [environment('prd'), databaseSecret(server)]);
  const sealed = await lab.json<Sealed>('backup', '-f', file);
  const { snapshotId } = (await lab.json<Manifest>('show', sealed.backupId, '-f', file)).database;
  const ids = () => cloud.fake.cloud.backups.map(({ name }) => name);
  expect(ids()).toContain(snapshotId);
  await lab.json('delete', sealed.backupId, '-f', file, '--confirm', sealed.backupId);
  await expect.poll(ids).not.toContain(snapshotId);
  expect((await lab.cli('check', '-f', file)).status).toBe(0);
  cloud.fake.cloud.weather.missing.add('cloudsql.instances.get');
  const refused = await lab.cli('check', '-f', file);
  cloud.fake.cloud.weather.missing.clear();
  expect(refused.status).toBe(78);
  expect(refused.stdout).toMatch(/error: SERVICE_DENIED: permission cloudsql\.instances\.get is missing/);
});
