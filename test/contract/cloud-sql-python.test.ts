// The fake cloud driven by a client that shares no code with ours: Google's own, in Python.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { googleClient } from '../fakes/google/discovery.ts';
import { runSql } from '../fakes/cloud-sql/programs.ts';
import { type CloudLab, instanceOf, project, startCloudLab } from '../support/cloud-sql.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

let server: PostgresServer;
let cloud: CloudLab;

beforeAll(async () => {
  server = await startPostgres();
  cloud = await startCloudLab([instanceOf(server, 'main')]);
  await cloud.bucket('backups');
  await runSql(server, 'postgres', 'CREATE DATABASE shop');
  await runSql(server, 'postgres', 'CREATE DATABASE copy');
  await runSql(server, 'shop', 'CREATE TABLE orders AS SELECT generate_series(1, 10) AS id');
});

afterAll(async () => {
  await cloud.stop();
  await server.stop();
});

it('backs up, exports, imports and restores for Google’s own client, within Google’s description', async () => {
  // The client asks for what is refused while something is under way: that must not end meanwhile.
  cloud.fake.cloud.weather.slow = 1000;
  const about = { api: cloud.fake.endpoint, project, instance: 'main', bucket: 'backups' };
  const script = fileURLToPath(new URL('../support/cloud-sql-client.py', import.meta.url));
  const { stdout } = await promisify(execFile)(googleClient('bin/python'), [script, JSON.stringify(about)], {
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' },
  });
  const { done, host } = JSON.parse(stdout) as { readonly done: readonly string[]; readonly host: string };
  expect(done).toEqual([
    'backup',
    'export',
    'refused export',
    'conflict',
    'second export',
    'import',
    'restore',
    'instance',
    'restore into it',
    'small instance',
    'its end',
    'deletion',
  ]);
  expect(cloud.fake.violations).toEqual([]);
  expect(cloud.fake.cloud.backups).toEqual([]);
  // Restored to what the backup held: before the import.
  expect(await runSql(server, 'shop', 'SELECT count(*) FROM orders')).toEqual(['10']);
  expect(await runSql({ ...server, host }, 'shop', 'SELECT count(*) FROM orders')).toEqual(['10']);
  expect(await runSql(server, 'copy', `SELECT count(*) FROM pg_class WHERE relname = 'orders'`)).toEqual(['0']);
});
