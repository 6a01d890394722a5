// Restoring a part, or elsewhere: what was chosen comes back, and nothing else changes.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import type { Capture } from '../oracle/facts.ts';
import { captureFiles } from '../oracle/objects.ts';
import { runPsql } from '../oracle/psql.ts';
import { seedLiferay } from '../oracle/seed/liferay.ts';
import {
  captureAt,
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  type Lab,
  type Restored,
  type Sealed,
  secretDocument,
  writeKey,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

let server: PostgresServer;
let other: PostgresServer;
let lab: Lab;
let file: string;
let library: string;
let avatars: string;
let elsewhere: string;
let oldest: Sealed;
let newest: Sealed;
let sealed: {
  readonly lportal: Capture;
  readonly second: Capture;
  readonly library: Capture;
  readonly avatars: Capture;
};

const isGenerated = (key: string): boolean => /^\d+\/0\/document_(preview|thumbnail)\//u.test(key);
const files = async (root: string): Promise<Capture> => ({ format: 1, objects: await captureFiles(root) });
const captureAll = async () => ({
  lportal: await captureAt(server, 'lportal'),
  second: await captureAt(server, 'second'),
  library: await files(library),
  avatars: await files(avatars),
});
const restore = (...args: string[]) => lab.json<Restored>('restore', '-f', file, ...args);
const sql = (database: string, text: string) => runPsql(connectTo(server, database), text);
const exists = async (database: string): Promise<boolean> =>
  (await sql('postgres', `SELECT 'yes' FROM pg_database WHERE datname = '${database}'`)).trim() === 'yes';
const dropKept = async (): Promise<void> => {
  const names = await sql(
    'postgres',
    `SELECT datname FROM pg_database WHERE datname LIKE '%\\_before\\_%' OR datname IN ('copy', 'uat')`,
  );
  for (const name of names.split('\n').filter(Boolean)) await sql('postgres', `DROP DATABASE "${name}" WITH (FORCE)`);
};

beforeAll(async () => {
  [server, other, lab] = await Promise.all([startPostgres(), startPostgres(), createLab()]);
  await sql('postgres', 'CREATE DATABASE lportal; CREATE DATABASE second;');
  library = lab.path('library');
  await seedLiferay({ connection: connectTo(server, 'lportal'), root: library, files: 400 });
  await sql('second', `CREATE TABLE t (v text); INSERT INTO t VALUES ('one');`);
  avatars = await lab.library('avatars', { 'a/1': 'one', 'a/2': 'two', 'b/1': 'three' });
  elsewhere = await lab.library('elsewhere', { 'foreign.txt': 'not ours' });
  await runPsql(
    connectTo(other),
    `CREATE ROLE uat_owner; CREATE ROLE uat_admin LOGIN CREATEDB PASSWORD 'uat-word'; GRANT uat_owner TO uat_admin;`,
  );
  const server1 = databaseSpec(server);
  const store = (name: string, folder: string, more = {}) => ({ name, url: `file://${folder}`, ...more });
  file = await lab.write('env.yaml', [
    environmentDocument('prd', {
      profile: 'liferay',
      database: server1,
      objectStores: [store('documentLibrary', library, { excludeGeneratedFiles: true }), store('avatars', avatars)],
      storage: { url: `file://${lab.storage}` },
    }),
    environmentDocument('uat', {
      database: { ...databaseSpec(other, { role: 'uat_owner' }), credentials: { secretName: 'uat-db' } },
      objectStores: [store('documentLibrary', elsewhere)],
      storage: { url: `file://${lab.path('uat-storage')}` },
    }),
    databaseSecret(server),
    secretDocument('uat-db', { username: 'uat_admin', password: 'uat-word' }),
  ]);
  oldest = await lab.json<Sealed>('backup', '-f', file, '-e', 'prd');
  await sql('second', `INSERT INTO t VALUES ('two');`);
  await writeKey(avatars, 'a/3', 'late');
  sealed = await captureAll();
  newest = await lab.json<Sealed>('backup', '-f', file, '-e', 'prd');
});

afterAll(async () => {
  await Promise.all([server.stop(), other.stop()]);
  await lab.remove();
});

describe('a restore of a part', () => {
  beforeEach(async () => {
    await dropKept();
    await sql('lportal', 'DROP TABLE IF EXISTS public.image CASCADE');
    await sql('second', `DELETE FROM t; INSERT INTO t VALUES ('damaged')`);
    await rm(join(avatars, 'a/1'), { force: true });
    await writeKey(avatars, 'b/1', 'damaged');
    await writeKey(avatars, 'b/new', 'surplus');
  });

  test('by --components database leaves every object alone', async () => {
    const before = await files(avatars);
    const restored = await restore('-e', 'prd', '--backup', 'latest', '--components', 'database', '--confirm', 'prd');
    expect(restored.components).toEqual(['database']);
    expect(differences(sealed.lportal, await captureAt(server, 'lportal'))).toEqual([]);
    expect(differences(sealed.second, await captureAt(server, 'second'))).toEqual([]);
    expect(differences(before, await files(avatars))).toEqual([]);
  });

  test('by --components of one store leaves databases and other stores alone', async () => {
    await rm(join(library, '20097/0'), { recursive: true });
    const [before, database] = [await files(library), await captureAt(server, 'second')];
    await restore('-e', 'prd', '--backup', 'latest', '--components', 'avatars', '--confirm', 'prd');
    const surplus = (key: string) => key === 'b/new';
    expect(differences(sealed.avatars, await files(avatars), { ignoreObject: surplus })).toEqual([]);
    expect(differences(before, await files(library))).toEqual([]);
    expect(differences(database, await captureAt(server, 'second'))).toEqual([]);
  });

  test('by --database NAME=AS makes a second database and leaves the first alone', async () => {
    const before = await captureAt(server, 'second');
    await restore(
      '-e',
      'prd',
      '--backup',
      'latest',
      '--components',
      'database',
      '--database',
      'second=copy',
      '--confirm',
      'prd',
    );
    expect(differences(sealed.second, await captureAt(server, 'copy'), { renameDatabase: 'copy' })).toEqual([]);
    expect(differences(before, await captureAt(server, 'second'))).toEqual([]);
    expect(await exists('second_before_')).toBe(false);
  });

  test('by --prefix restores those keys only', async () => {
    await restore('-e', 'prd', '--backup', 'latest', '--components', 'avatars', '--prefix', 'a/', '--confirm', 'prd');
    const keys = (await captureFiles(avatars)).map(({ key }) => key);
    expect(keys).toEqual(['a/1', 'a/2', 'a/3', 'b/1', 'b/new']);
    const inside = (key: string) => !key.startsWith('a/');
    expect(differences(sealed.avatars, await files(avatars), { ignoreObject: inside })).toEqual([]);
    const damaged = (await captureFiles(avatars)).find(({ key }) => key === 'b/1');
    expect(damaged?.size).toBe('damaged'.length);
  });

  test('by --prefix and mirror deletes nothing outside of the prefix', async () => {
    await writeKey(avatars, 'a/new', 'surplus');
    const args = ['--components', 'avatars', '--prefix', 'a/', '--objects-mode', 'mirror'];
    await restore('-e', 'prd', '--backup', 'latest', ...args, '--confirm', 'prd');
    expect((await captureFiles(avatars)).map(({ key }) => key)).toEqual(['a/1', 'a/2', 'a/3', 'b/1', 'b/new']);
  });

  test('by merge keeps what the backup does not have, by mirror deletes it but not what its rules exclude', async () => {
    await writeKey(library, '20097/20121/surplus/1.0', 'surplus');
    await writeKey(library, '20097/0/document_preview/new.png', 'generated');
    const generated = (await captureFiles(library)).filter(({ key }) => isGenerated(key));
    expect(generated.length).toBeGreaterThan(1);
    const args = ['-e', 'prd', '--backup', 'latest', '--components', 'avatars,documentLibrary'];
    await restore(...args, '--confirm', 'prd');
    expect((await captureFiles(library)).map(({ key }) => key)).toContain('20097/20121/surplus/1.0');
    expect((await captureFiles(avatars)).map(({ key }) => key)).toContain('b/new');
    await restore(...args, '--objects-mode', 'mirror', '--confirm', 'prd');
    expect(differences(sealed.avatars, await files(avatars))).toEqual([]);
    expect(differences(sealed.library, await files(library), { ignoreObject: isGenerated })).toEqual([]);
    expect((await captureFiles(library)).filter(({ key }) => isGenerated(key))).toEqual(generated);
  });

  test('in-place replaces the contents of the live database itself', async () => {
    const oid = await sql('postgres', `SELECT oid FROM pg_database WHERE datname = 'second'`);
    const args = ['--components', 'database', '--database', 'second', '--database-mode', 'in-place'];
    const restored = await restore('-e', 'prd', '--backup', 'latest', ...args, '--confirm', 'prd');
    expect(restored.previous).toEqual([]);
    expect(differences(sealed.second, await captureAt(server, 'second'))).toEqual([]);
    expect(await sql('postgres', `SELECT oid FROM pg_database WHERE datname = 'second'`)).toBe(oid);
  });

  test('recreate keeps no previous database', async () => {
    const args = ['--components', 'database', '--database', 'lportal', '--database-mode', 'recreate'];
    const restored = await restore('-e', 'prd', '--backup', 'latest', ...args, '--confirm', 'prd');
    expect(restored.previous).toEqual([]);
    expect(differences(sealed.lportal, await captureAt(server, 'lportal'))).toEqual([]);
    expect(await sql('postgres', `SELECT datname FROM pg_database WHERE datname LIKE '%\\_before\\_%'`)).toBe('');
  });

  test('by --before takes the newest backup up to that time', async () => {
    const between = new Date(new Date(oldest.startedAt).getTime() + 1000).toISOString();
    const args = ['--backup', 'latest', '--before', between, '--components', 'database', '--database', 'second=copy'];
    const restored = await restore('-e', 'prd', ...args, '--confirm', 'prd');
    expect(restored.backupId).toBe(oldest.backupId);
    expect((await sql('copy', 'SELECT v FROM t')).trim()).toBe('one');
  });

  test('by the url of its manifest needs no environment of that name', async () => {
    const lonely = await lab.write('lonely.yaml', [
      environmentDocument('rescue', {
        projectId: 'other',
        database: databaseSpec(server),
        storage: { url: `file://${lab.storage}` },
      }),
      databaseSecret(server),
    ]);
    const args = ['--backup', newest.manifest.url, '--database', 'second=copy', '--confirm', 'rescue'];
    const restored = await lab.json<Restored>('restore', '-f', lonely, ...args);
    expect(restored).toMatchObject({ backupId: newest.backupId, into: 'rescue', phase: 'Succeeded' });
    expect((await sql('copy', 'SELECT v FROM t ORDER BY v')).trim()).toBe('one\ntwo');
  });

  test('previews without a trace: nothing changes in database, objects or storage', async () => {
    const before = [await captureAll(), await captureFiles(lab.storage)];
    const preview = await lab.json<Restored & { preview: string[] }>(
      'restore',
      '-f',
      file,
      '-e',
      'prd',
      '--backup',
      'latest',
      '--preview',
    );
    expect(preview).toMatchObject({ phase: 'Previewed', into: 'prd', backupId: newest.backupId });
    expect(preview.preview.join('\n')).toContain(
      'database lportal -> lportal (swap, replaces the live one, kept as lportal_before_',
    );
    expect([await captureAll(), await captureFiles(lab.storage)]).toEqual(before);
  });
});

describe('a restore into another environment', () => {
  test('gives everything to its role, without the grants and settings of roles it does not know', async () => {
    const args = ['--into', 'uat', '--source', 'prd', '--backup', 'latest', '--components', 'database,documentLibrary'];
    const restored = await restore(...args, '--confirm', 'uat');
    expect(restored).toMatchObject({ into: 'uat', backupId: newest.backupId, previous: [] });
    const options = { ignoreOwners: true, ignoreAcl: true, ignoreKinds: ['database setting', 'membership', 'role'] };
    const after = await captureAt(other, 'lportal');
    expect(differences(sealed.lportal, after, options)).toEqual([]);
    const owners = new Set(after.database?.facts.flatMap(({ attributes }) => attributes['owner'] ?? []));
    expect(
      [...owners].filter((owner) => owner !== 'uat_owner' && owner !== 'postgres' && owner !== 'pg_database_owner'),
    ).toEqual([]);
    const own = (key: string) => key === 'foreign.txt' || isGenerated(key);
    expect(differences(sealed.library, await files(elsewhere), { ignoreObject: own })).toEqual([]);
  });

  test('again keeps what it replaces and equals again', async () => {
    const args = ['--into', 'uat', '--source', 'prd', '--backup', 'latest', '--components', 'database'];
    const restored = await restore(...args, '--confirm', 'uat');
    expect(restored.previous).toHaveLength(2);
    expect((await runPsql(connectTo(other, 'second'), 'SELECT v FROM t ORDER BY v')).trim()).toBe('one\ntwo');
  });
});
