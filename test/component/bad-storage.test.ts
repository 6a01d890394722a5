// What can be wrong with a storage or an object store: one clear line, its exit status, nothing half done.
import { chmod, cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { s3Error, startS3Front } from '../fakes/s3-front.ts';
import { captureFiles } from '../oracle/objects.ts';
import { runPsql } from '../oracle/psql.ts';
import { backupIdOf, stampOf } from '../../core/plan/backup-id.ts';
import {
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  errorLines,
  filesOf,
  type Lab,
  readJson,
  type Sealed,
  secretDocument,
  type Spec,
  writeKey,
} from '../support/lab.ts';
import { freePort, type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type S3Server, startVersitygw } from '../support/s3-servers.ts';

let server: PostgresServer;
let s3: S3Server;
let lab: Lab;
let library: string;

interface Wish {
  readonly storage?: Spec;
  readonly objectStores?: readonly Spec[];
  readonly secrets?: readonly Spec[];
  readonly spec?: Spec;
}

const write = ({ storage, objectStores, secrets = [], spec = {} }: Wish): Promise<string> =>
  lab.write('env.yaml', [
    environmentDocument('prd', {
      database: databaseSpec(server),
      objectStores: objectStores ?? [{ name: 'documents', url: `file://${library}` }],
      storage: storage ?? { url: `file://${lab.storage}` },
      ...spec,
    }),
    databaseSecret(server),
    ...secrets,
  ]);

const bucket = (name: string, more: Spec = {}): Spec => ({
  url: `s3://${name}`,
  endpoint: s3.endpoint,
  pathStyle: true,
  credentials: { secretName: 's3' },
  ...more,
});

const expectFailed = async (file: string, line: RegExp, status = 78): Promise<void> => {
  const ended = await lab.cli('backup', '-f', file, '--json');
  expect([ended.status, errorLines(ended)]).toEqual([status, [expect.stringMatching(line)]]);
  expect(JSON.parse(ended.stdout)).toMatchObject({ phase: 'Failed' });
  expect((await filesOf(lab.storage)).filter(({ key }) => key.endsWith('manifest.json'))).toEqual([]);
  expect(await lab.leftBehind()).toEqual([]);
};

beforeAll(async () => {
  [server, s3, lab] = await Promise.all([startPostgres(), startVersitygw(), createLab()]);
  await runPsql(connectTo(server), 'CREATE DATABASE app');
  await runPsql(connectTo(server, 'app'), `CREATE TABLE t (v text); INSERT INTO t VALUES ('one')`);
  library = await lab.library('library', { 'a/1': 'one' });
  await s3.bucket('backups');
});

beforeEach(async () => {
  await rm(lab.storage, { recursive: true, force: true });
  await mkdir(lab.storage);
});

afterAll(async () => {
  await Promise.all([server.stop(), s3.stop()]);
  await lab.remove();
});

describe('a storage', () => {
  test('that is no folder is STORE_NOT_FOUND', async () => {
    await expectFailed(
      await write({ storage: { url: `file://${lab.path('nowhere/at/all')}` } }),
      /^STORE_NOT_FOUND: .*nowhere/u,
    );
  });

  test('that is a file is refused', async () => {
    await writeFile(lab.path('plain'), '');
    await expectFailed(
      await write({ storage: { url: `file://${lab.path('plain')}` } }),
      /^(STORE_NOT_FOUND|STORE_DENIED|KEY_UNSUPPORTED): .*plain/u,
    );
  });

  test('that cannot be written to is STORE_DENIED', async () => {
    // As root, permissions stop nobody: this file system takes no folders from anyone.
    await expectFailed(await write({ storage: { url: 'file:///sys' } }), /^STORE_DENIED: .*/u);
  });

  test('that is full is STORE_FULL with 70', async () => {
    const front = await startS3Front(s3.endpoint);
    const file = await write({
      storage: bucket('backups', { endpoint: front.endpoint }),
      secrets: [secretDocument('s3', s3.secrets)],
    });
    front.inject({
      matches: ({ method, url }) => (method === 'PUT' || method === 'POST') && url.includes('/database/'),
      times: 1000,
      fault: { kind: 'answer', status: 507, body: s3Error('QuotaExceeded') },
    });
    await expectFailed(file, /^STORE_FULL: /u, 70);
    await front.stop();
  });

  test('that is a bucket which does not exist is STORE_NOT_FOUND', async () => {
    await expectFailed(
      await write({ storage: bucket('no-such-bucket'), secrets: [secretDocument('s3', s3.secrets)] }),
      /^STORE_NOT_FOUND: .*no-such-bucket/u,
    );
  });

  test('with wrong keys is STORE_DENIED and does not show them', async () => {
    const secret = secretDocument('s3', { ...s3.secrets, secretAccessKey: 'wrong-secret-word' });
    await expectFailed(
      await write({ storage: bucket('backups'), secrets: [secret] }),
      /^STORE_DENIED: (?!.*wrong-secret-word)/u,
    );
  });

  test('with half a key pair is SECRET_MISSING', async () => {
    const secret = secretDocument('s3', { accessKeyId: 'x' });
    await expectFailed(
      await write({ storage: bucket('backups'), secrets: [secret] }),
      /^SECRET_MISSING: .*secretAccessKey/u,
    );
  });

  test('at an endpoint that does not answer is STORE_UNREACHABLE', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    await expectFailed(
      await write({ storage: bucket('backups', { endpoint }), secrets: [secretDocument('s3', s3.secrets)] }),
      /^STORE_UNREACHABLE: /u,
    );
  });

  test('that another cluster writes to is STORAGE_OWNED, until it is adopted', async () => {
    await writeKey(
      lab.storage,
      'retail/prd/owner.json',
      JSON.stringify({ version: '1', projectId: 'retail', environment: 'prd', owner: '42' }),
    );
    const before = await captureFiles(lab.storage);
    await expectFailed(await write({}), /^STORAGE_OWNED: .*42/u);
    expect(await captureFiles(lab.storage)).toEqual(before);
    const file = await write({ storage: { url: `file://${lab.storage}`, adopt: true } });
    expect(await lab.json<Sealed>('backup', '-f', file)).toMatchObject({ phase: 'Succeeded' });
    expect(await lab.json<Sealed>('backup', '-f', await write({}))).toMatchObject({ phase: 'Succeeded' });
  });

  test('in which another run has taken the id is BACKUP_ID_TAKEN, and that run keeps all it has', async () => {
    const file = await write({});
    const sealed = await lab.json<Sealed>('backup', '-f', file);
    const stamp = sealed.backupId.slice(-15);
    const claim = await readJson<{ runUid: string }>(join(lab.storage, 'retail/prd', stamp, 'run.json'));
    await rm(join(lab.storage, 'retail/prd', stamp), { recursive: true });
    // Every second of the near future belongs to somebody else.
    const now = Date.now();
    for (let second = 0; second < 20; second++) {
      const taken = stampOf(new Date(now + second * 1000));
      const backupId = backupIdOf({ projectId: 'retail', environment: 'prd', stamp: taken });
      await writeKey(
        lab.storage,
        `retail/prd/${taken}/run.json`,
        JSON.stringify({ ...claim, runUid: 'somebody-else', backupId }),
      );
    }
    const before = await captureFiles(lab.storage);
    await expectFailed(file, /^BACKUP_ID_TAKEN: .*somebody-else/u);
    expect(await captureFiles(lab.storage)).toEqual(before);
  });

  test('whose owner or run record is damaged is BACKUP_DAMAGED with 70', async () => {
    await writeKey(lab.storage, 'retail/prd/owner.json', '{"version": "1"');
    await expectFailed(await write({}), /^BACKUP_DAMAGED: .*owner\.json/u, 70);
  });

  test('that fails now and then is tried again and good in the end', async () => {
    const front = await startS3Front(s3.endpoint);
    const file = await write({
      storage: bucket('backups', { endpoint: front.endpoint }),
      secrets: [secretDocument('s3', s3.secrets)],
    });
    front.inject({
      matches: ({ method }) => method === 'PUT' || method === 'GET',
      times: 6,
      fault: { kind: 'answer', status: 503, body: s3Error('SlowDown') },
    });
    expect(await lab.json<Sealed>('backup', '-f', file)).toMatchObject({ phase: 'Succeeded' });
    await front.stop();
  });
});

describe('an object store', () => {
  test('that does not exist is STORE_NOT_FOUND', async () => {
    await expectFailed(
      await write({ objectStores: [{ name: 'documents', url: `file://${lab.path('missing')}` }] }),
      /^STORE_NOT_FOUND: .*missing/u,
    );
  });

  test('with a link below it is refused by name', async () => {
    const linked = await lab.library('linked', { 'a/1': 'one' });
    await symlink('/etc/passwd', join(linked, 'a/link'));
    await expectFailed(
      await write({ objectStores: [{ name: 'documents', url: `file://${linked}` }] }),
      /^[A-Z_]+: .*a\/link/u,
    );
  });

  test('that is empty, beside an empty database, is backed up and restored empty', async () => {
    await runPsql(connectTo(server), 'CREATE DATABASE empty');
    const folder = await lab.library('empty', {});
    const file = await write({
      objectStores: [{ name: 'documents', url: `file://${folder}` }],
      spec: { database: databaseSpec(server, { databases: ['empty'] }) },
    });
    const sealed = await lab.json<Sealed>('backup', '-f', file);
    expect(await lab.json('verify', sealed.backupId, '-f', file)).toMatchObject({ ok: true });
    expect(
      await lab.json('restore', '-f', file, '--backup', 'latest', '--objects-mode', 'mirror', '--confirm', 'prd'),
    ).toMatchObject({ phase: 'Succeeded' });
    expect(await captureFiles(folder)).toEqual([]);
    await runPsql(connectTo(server), `DROP DATABASE empty`);
    const kept = await runPsql(connectTo(server), `SELECT datname FROM pg_database WHERE datname LIKE 'empty%'`);
    for (const name of kept.split('\n').filter(Boolean)) await runPsql(connectTo(server), `DROP DATABASE "${name}"`);
  });
});

describe('a clock that is an hour ahead', () => {
  const skewed = [
    'const real = Date;',
    'const now = () => real.now() + 3600000;',
    'globalThis.Date = class extends real {',
    '  constructor(...given) { if (given.length > 0) super(...given); else super(now()); }',
    '  static now() { return now(); }',
    '};',
  ].join('\n');
  const ahead = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(skewed)}` };
  const run = (args: readonly string[]) => lab.start(args, ahead).ended;

  test('is named by check and does not spoil a backup', async () => {
    const file = await write({});
    const checked = await run(['check', '-f', file]);
    expect([checked.status, checked.stdout]).toEqual([0, expect.stringMatching(/CLOCK_SKEW: .*database/u)]);
    const ended = await run(['backup', '-f', file, '--json']);
    expect([ended.status, ended.stderr]).toEqual([0, expect.stringContaining('Seal')]);
    const { backupId } = JSON.parse(ended.stdout) as Sealed;
    expect(await lab.json('verify', backupId, '-f', file)).toMatchObject({ ok: true });
    // Once the clock is right again, backups of an earlier name use objects of this one.
    await lab.json<Sealed>('backup', '-f', file);
    const deleted = await lab.cli('delete', backupId, '-f', file, '--confirm', backupId);
    expect([deleted.status, errorLines(deleted)]).toEqual([78, [expect.stringMatching(/^BACKUP_REFERENCED: /u)]]);
  });

  test('is either corrected or named where the store checks signatures', async () => {
    const file = await write({ storage: bucket('backups'), secrets: [secretDocument('s3', s3.secrets)] });
    const ended = await run(['backup', '-f', file]);
    const isClear =
      ended.status === 0 || (ended.status === 78 && errorLines(ended)[0]?.startsWith('CLOCK_SKEW: ') === true);
    expect([isClear, ended.stderr]).toEqual([true, expect.any(String)]);
  });
});

test('nothing of a library is ever touched by a backup', async () => {
  await chmod(join(library, 'a/1'), 0o400);
  const copy = lab.path('copy');
  await cp(library, copy, { recursive: true, preserveTimestamps: true });
  await lab.json<Sealed>('backup', '-f', await write({}));
  expect(await captureFiles(library)).toEqual(await captureFiles(copy));
  expect(await readFile(join(library, 'a/1'), 'utf8')).toBe('one');
});
