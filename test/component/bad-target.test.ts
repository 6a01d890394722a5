// What can be wrong with the place that is restored into: found by the preview, before anything is loaded.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import { captureFiles } from '../oracle/objects.ts';
import { runPsql } from '../oracle/psql.ts';
import {
  captureAt,
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  errorLines,
  type Lab,
  type Restored,
  type Sealed,
  secretDocument,
  type Spec,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type S3Server, startMoto } from '../support/s3-servers.ts';
import { PutObjectCommand } from '@aws-sdk/client-s3';

let server: PostgresServer;
let target: PostgresServer;
let s3: S3Server;
let lab: Lab;
let sealed: Sealed;

const on = async (where: PostgresServer, database: string, text: string): Promise<string> =>
  (await runPsql(connectTo(where, database), text)).trim();
const storage = (): Spec => ({ url: `file://${lab.storage}` });

/** prd as it was backed up, and uat as the test wants it. */
const write = (
  uat: Spec,
  secret: Spec = secretDocument('uat-db', { username: target.superuser, password: target.password }),
) =>
  lab.write('env.yaml', [
    environmentDocument('prd', { database: databaseSpec(server), storage: storage() }),
    environmentDocument('uat', { storage: storage(), ...uat }),
    databaseSecret(server),
    secret,
  ]);
const uatDatabase = (more: Spec = {}): Spec => ({
  database: { ...databaseSpec(target, more), credentials: { secretName: 'uat-db' } },
});
const into = ['--source', 'prd', '--into', 'uat', '--backup', 'latest', '--confirm', 'uat'];

const databases = () => on(target, 'postgres', 'SELECT string_agg(datname, $$,$$ ORDER BY datname) FROM pg_database');

const expectRefused = async (file: string, line: RegExp, args: readonly string[] = into): Promise<void> => {
  const before = await databases();
  const ended = await lab.cli('restore', '-f', file, ...args);
  expect([ended.status, errorLines(ended)]).toEqual([78, [expect.stringMatching(line)]]);
  expect(ended.stderr).not.toContain('Load databases');
  expect(await databases()).toBe(before);
};

beforeAll(async () => {
  [server, target, s3, lab] = await Promise.all([startPostgres(), startPostgres(), startMoto(), createLab()]);
  await on(server, 'postgres', 'CREATE ROLE app_owner; CREATE DATABASE app OWNER app_owner');
  await on(
    server,
    'app',
    `CREATE EXTENSION hstore; CREATE TABLE t (v text); INSERT INTO t VALUES ('one'); ALTER TABLE t OWNER TO app_owner`,
  );
  await on(
    target,
    'postgres',
    `CREATE ROLE uat_owner; CREATE ROLE plain LOGIN PASSWORD 'plain-word'; CREATE ROLE maker LOGIN CREATEDB PASSWORD 'maker-word'`,
  );
  sealed = await lab.json<Sealed>('backup', '-f', await write(uatDatabase()), '-e', 'prd');
});

afterEach(async () => {
  const names = (await databases()).split(',').filter((name) => name.startsWith('app'));
  for (const name of names) await on(target, 'postgres', `DROP DATABASE "${name}" WITH (FORCE)`);
});

afterAll(async () => {
  await Promise.all([server.stop(), target.stop(), s3.stop()]);
  await lab.remove();
});

describe('a target', () => {
  test('whose user has no CREATEDB is DATABASE_PRIVILEGE', async () => {
    const secret = secretDocument('uat-db', { username: 'plain', password: 'plain-word' });
    await expectRefused(await write(uatDatabase(), secret), /^DATABASE_PRIVILEGE: .*CREATEDB/u);
  });

  test('without the role that shall own everything is TARGET_LACKS', async () => {
    await expectRefused(await write(uatDatabase({ role: 'no_such_role' })), /^TARGET_LACKS: .*"no_such_role"/u);
  });

  test('without the roles of its own backup is TARGET_LACKS', async () => {
    const moved = await lab.write('moved.yaml', [
      environmentDocument('prd', { ...uatDatabase(), storage: storage() }),
      secretDocument('uat-db', { username: target.superuser, password: target.password }),
    ]);
    await expectRefused(moved, /^TARGET_LACKS: .*"app_owner"/u, ['--backup', 'latest', '--confirm', 'prd']);
  });

  test('whose user is no member of the role that shall own everything is DATABASE_PRIVILEGE and loses nothing', async () => {
    const secret = secretDocument('uat-db', { username: 'maker', password: 'maker-word' });
    const file = await write(uatDatabase({ role: 'uat_owner' }), secret);
    const before = await databases();
    const ended = await lab.cli('restore', '-f', file, ...into);
    expect([ended.status, errorLines(ended)]).toEqual([78, [expect.stringMatching(/^DATABASE_PRIVILEGE: /u)]]);
    expect(await databases()).toBe(before);
  });

  test('whose database has sessions shows them in the preview and ends them at the swap', async () => {
    const file = await write(uatDatabase());
    await on(target, 'postgres', 'CREATE DATABASE app');
    const session = on(target, 'app', `SET application_name = 'the portal'; SELECT pg_sleep(60)`);
    const ended = session.then(
      () => 'not ended',
      (error: unknown) => String(error),
    );
    while (
      (await on(target, 'postgres', `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'the portal'`)) !==
      '1'
    );
    const preview = await lab.json<{ preview: string[] }>('restore', '-f', file, ...into, '--preview');
    expect(preview.preview.join('\n')).toMatch(/ends 1 session\(s\) of postgres \(the portal\) on app/u);
    const restored = await lab.json<Restored>('restore', '-f', file, ...into);
    expect(restored.previous).toHaveLength(1);
    expect(await ended).toMatch(/terminat/u);
    expect(await on(target, 'app', 'SELECT v FROM t')).toBe('one');
  });

  test('whose maintenance database would be replaced is NAME_TAKEN', async () => {
    const args = [...into, '--database', 'app=postgres'];
    await expectRefused(await write(uatDatabase()), /^NAME_TAKEN: .*postgres/u, args);
  });

  test('without the tablespace of the backup takes its own default', async () => {
    await on(server, 'postgres', 'CREATE DATABASE app_spaced');
    await on(server, 'postgres', `SET allow_in_place_tablespaces = on; CREATE TABLESPACE fast LOCATION ''`);
    await on(server, 'app_spaced', `CREATE TABLE t (v text) TABLESPACE fast; INSERT INTO t VALUES ('one')`);
    const spaced = (database: Spec): Spec =>
      environmentDocument('spaced', { ...database, storage: { url: `file://${lab.path('spaced')}` } });
    await lab.library('spaced', {});
    const secret = secretDocument('uat-db', { username: target.superuser, password: target.password });
    const file = await lab.write('spaced.yaml', [
      spaced({ database: databaseSpec(server, { databases: ['app_spaced'] }) }),
      environmentDocument('uat', { storage: storage(), ...uatDatabase() }),
      databaseSecret(server),
      secret,
    ]);
    const { backupId } = await lab.json<Sealed>('backup', '-f', file, '-e', 'spaced');
    const args = ['--source', 'spaced', '--into', 'uat', '--backup', backupId, '--confirm', 'uat'];
    await lab.json('restore', '-f', file, ...args);
    expect(await on(target, 'app_spaced', 'SELECT v FROM t')).toBe('one');
    // In its own environment everything is to be as it was: there a tablespace that is not there is named.
    const moved = await lab.write('moved.yaml', [spaced(uatDatabase()), secret]);
    const before = await databases();
    const ended = await lab.cli('restore', '-f', moved, '--backup', backupId, '--confirm', 'spaced');
    expect([ended.status, errorLines(ended)]).toEqual([70, [expect.stringMatching(/^LOAD_FAILED: .*fast/u)]]);
    expect(await databases()).toBe(before);
    await on(server, 'postgres', 'DROP DATABASE app_spaced WITH (FORCE)');
    await on(server, 'postgres', 'DROP TABLESPACE fast');
  });

  test('without the database is DATABASE_NOT_FOUND in-place', async () => {
    await expectRefused(await write(uatDatabase()), /^DATABASE_NOT_FOUND: .*app/u, [
      ...into,
      '--database-mode',
      'in-place',
    ]);
  });

  test('for a database that the backup has not, or one name for two, is refused', async () => {
    const file = await write(uatDatabase());
    await expectRefused(file, /^DATABASE_NOT_FOUND: .*"none"/u, [...into, '--database', 'none']);
    await expectRefused(file, /^INPUT_INVALID: .*same name/u, [...into, '--database', 'app=x', '--database', 'app=x']);
    await expectRefused(file, /^INPUT_INVALID: /u, [...into, '--database', `app=${'x'.repeat(64)}`]);
    for (const name of ['漢'.repeat(22), 'a\nb', '{{x}}'])
      await expectRefused(file, /^DATABASE_NAME_UNSUPPORTED: /u, [...into, '--database', `app=${name}`]);
  });

  test('of object stores only has no component in common with a backup of databases only', async () => {
    const folder = await lab.library('objects', {});
    const file = await write({ objectStores: [{ name: 'documents', url: `file://${folder}` }] });
    await expectRefused(file, /^NOTHING_SELECTED: /u);
    await expectRefused(file, /^COMPONENT_UNKNOWN: .*"database"/u, [...into, '--components', 'database']);
  });

  test('that two restores mean at once ends with one good database, and whoever lost says why', async () => {
    const file = await write(uatDatabase());
    await lab.json('restore', '-f', file, ...into);
    const before = await captureAt(target, 'app');
    const [first, second] = await Promise.all([
      lab.cli('restore', '-f', file, ...into),
      lab.cli('restore', '-f', file, ...into),
    ]);
    // Both may succeed, one after the other; whoever does not, says why and leaves nothing.
    for (const ended of [first, second]) expect(ended.status === 0 || errorLines(ended).length === 1).toBe(true);
    expect([first.status, second.status]).toContain(0);
    expect(differences(before, await captureAt(target, 'app'))).toEqual([]);
    expect(await databases()).not.toContain('_restore_');
  });
});

test('keys that a folder cannot hold are named by the preview, and nothing is restored', async () => {
  await s3.bucket('odd');
  for (const key of ['fine', 'a//b'])
    await s3.client.send(new PutObjectCommand({ Bucket: 'odd', Key: key, Body: key }));
  const folder = await lab.library('odd-target', { keep: 'me' });
  const bucket = {
    name: 'odd',
    url: 's3://odd',
    endpoint: s3.endpoint,
    pathStyle: true,
    credentials: { secretName: 's3' },
  };
  const file = await lab.write('odd.yaml', [
    environmentDocument('odd', { objectStores: [bucket], storage: storage() }),
    environmentDocument('flat', { objectStores: [{ name: 'odd', url: `file://${folder}` }], storage: storage() }),
    secretDocument('s3', s3.secrets),
  ]);
  await lab.json('backup', '-f', file, '-e', 'odd');
  const args = ['--source', 'odd', '--into', 'flat', '--backup', 'latest', '--confirm', 'flat'];
  const ended = await lab.cli('restore', '-f', file, ...args);
  expect([ended.status, errorLines(ended)]).toEqual([78, [expect.stringMatching(/^KEY_UNSUPPORTED: .*"a\/\/b"/u)]]);
  expect((await captureFiles(folder)).map(({ key }) => key)).toEqual(['keep']);
  await lab.json('restore', '-f', file, ...args, '--prefix', 'fine');
  expect((await captureFiles(folder)).map(({ key }) => key)).toEqual(['fine', 'keep']);
  expect(sealed.phase).toBe('Succeeded');
});
