// A project as it is: a user who is no superuser, library and backups in buckets. Google moves the bytes, and the library is
// caught up after the export.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import { runPsql } from '../oracle/psql.ts';
import { type CloudLab, instanceOf, startCloudLab } from '../support/cloud-sql.ts';
import {
  captureAt,
  connectTo,
  createLab,
  environmentDocument,
  type Lab,
  type Sealed,
  secretDocument,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

let server: PostgresServer;
let cloud: CloudLab;
let lab: Lab;

const put = async (bucket: string, name: string, body: string): Promise<void> => {
  const query = new URLSearchParams({ uploadType: 'media', name });
  const answer = await fetch(`${cloud.buckets.endpoint}/upload/storage/v1/b/${bucket}/o?${query.toString()}`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain', 'user-agent': 'application' },
    body,
  });
  if (answer.status !== 200) throw new Error(await answer.text());
};

beforeAll(async () => {
  [server, lab] = await Promise.all([startPostgres(), createLab()]);
  cloud = await startCloudLab([instanceOf(server, 'main')]);
  for (const bucket of ['backups', 'documents']) await cloud.bucket(bucket);
  const admin = connectTo(server);
  await runPsql(
    admin,
    `CREATE ROLE keeper LOGIN PASSWORD 'keeper of all' CREATEDB CREATEROLE; CREATE ROLE app; GRANT app TO keeper;
     GRANT pg_read_all_settings, pg_monitor TO keeper`,
  );
  await runPsql(admin, 'CREATE DATABASE shop OWNER app');
  await runPsql(
    connectTo(server, 'shop'),
    `SET ROLE app; CREATE TABLE documents (key text PRIMARY KEY, body text);
     INSERT INTO documents SELECT 'd/' || n, repeat(md5(n::text), 300) FROM generate_series(1, 500) n;
     CREATE VIEW shown AS SELECT key FROM documents; GRANT SELECT ON shown TO PUBLIC; SET ROLE keeper;
     CREATE EXTENSION pgcrypto`,
  );
  for (const n of [1, 2, 3]) await put('documents', `d/${n}`, `document ${n} `.repeat(50_000));
});

afterAll(async () => {
  await cloud.stop();
  await server.stop();
  await lab.remove();
});

test('is backed up and restored by a user who is no superuser, and Google moves the bytes', async () => {
  const file = await lab.write('project.yaml', [
    environmentDocument('prd', {
      database: cloud.database(server, 'main', { databases: ['shop'] }),
      objectStores: [{ name: 'documents', ...cloud.storage('documents') }],
      storage: cloud.storage('backups'),
    }),
    secretDocument('db', { username: 'keeper', password: 'keeper of all' }),
  ]);
  const before = await captureAt(server, 'shop');
  // A document whose row comes while the cloud exports: written after the transfer has listed.
  cloud.fake.cloud.weather.slow = 2_500;
  const backup = lab.start(['backup', '-f', file, '--json']);
  await expect
    .poll(
      () =>
        cloud.fake.cloud.operations.some(
          ({ operationType, status }) => operationType === 'EXPORT' && status === 'RUNNING',
        ),
      {
        timeout: 60_000,
      },
    )
    .toBe(true);
  await put('documents', 'd/late', 'written while the cloud exports');
  const { status, stdout, stderr } = await backup.ended;
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  cloud.fake.cloud.weather.slow = 0;
  const { backupId } = JSON.parse(stdout) as Sealed;
  const manifest = await lab.json<{ objectStores: readonly { objectCount: number; mover: string }[] }>(
    'show',
    backupId,
    '-f',
    file,
  );
  expect(manifest.objectStores).toMatchObject([{ objectCount: 4, mover: 'copy' }]);
  await runPsql(connectTo(server, 'shop'), 'DROP VIEW shown; DELETE FROM documents WHERE length(key) > 3');
  await lab.json('restore', '-f', file, '--backup', backupId, '--components', 'database', '--confirm', 'prd');
  expect(differences(before, await captureAt(server, 'shop'))).toEqual([]);
  expect(cloud.fake.cloud.counts().done).toEqual({ BACKUP_VOLUME: 1, EXPORT: 1, IMPORT: 1 });
  expect(cloud.fake.violations).toEqual([]);
  // What our steps sent are records, an inventory and the globals: neither documents nor dumps.
  const ours = [...cloud.buckets.bytes].filter(([client]) => !['cloud-sql-fake', 'application'].includes(client));
  expect(ours.reduce((sum, [, { sent }]) => sum + sent, 0)).toBeLessThan(64 * 1024);
});
