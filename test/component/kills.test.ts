// Truth under kill -9: no false success, no manifest of a failed run, no survivor, and the next run is good.
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { captureFiles, captureS3 } from '../oracle/objects.ts';
import type { ObjectFact } from '../oracle/facts.ts';
import { runPsql } from '../oracle/psql.ts';
import {
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  errorLines,
  type Lab,
  type Sealed,
  secretDocument,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { descendantsOf, type Process, survivorsOf, waitFor } from '../support/processes.ts';
import { isStep } from '../support/running-step.ts';
import { type S3Server, startVersitygw } from '../support/s3-servers.ts';

let server: PostgresServer;
let s3: S3Server;
let lab: Lab;

interface Place {
  readonly name: string;
  file(): Promise<string>;
  stored(): Promise<readonly ObjectFact[]>;
  openUploads(): Promise<number>;
}

const sql = async (database: string, text: string): Promise<string> =>
  (await runPsql(connectTo(server, database), text)).trim();

const environment = (storage: Parameters<typeof environmentDocument>[1], name: string) => [
  environmentDocument('prd', {
    database: databaseSpec(server),
    objectStores: [{ name: 'documents', url: `file://${lab.path('library')}` }],
    storage,
  }),
  databaseSecret(server),
  ...(name === 's3' ? [secretDocument('s3', s3.secrets)] : []),
];

const folder: Place = {
  name: 'a folder',
  file: () => lab.write('file.yaml', environment({ url: `file://${lab.storage}` }, 'file')),
  stored: () => captureFiles(lab.storage),
  openUploads: async () => (await captureFiles(lab.storage)).filter(({ key }) => key.includes('.lc2-tmp-')).length,
};

const bucket: Place = {
  name: 'a bucket',
  file: () => {
    const credentials = { secretName: 's3' };
    return lab.write(
      's3.yaml',
      environment({ url: 's3://backups', endpoint: s3.endpoint, pathStyle: true, credentials }, 's3'),
    );
  },
  stored: () => captureS3({ endpoint: s3.endpoint, bucket: 'backups', region: 'us-east-1', ...s3.secrets }),
  openUploads: async () =>
    (await s3.client.send(new ListMultipartUploadsCommand({ Bucket: 'backups' }))).Uploads?.length ?? 0,
};

beforeAll(async () => {
  [server, s3, lab] = await Promise.all([startPostgres(), startVersitygw(), createLab()]);
  await s3.bucket('backups');
  await sql('postgres', 'CREATE DATABASE app');
  // Random text: zstd and pg_dump are busy for a while.
  await sql(
    'app',
    `CREATE TABLE big AS SELECT n, (SELECT string_agg(md5(n::text || i::text), '') FROM generate_series(1, 12) i) AS v
       FROM generate_series(1, 120000) n`,
  );
  await lab.library('library', Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`k/${n}`, `object ${n}`])));
});

afterAll(async () => {
  await Promise.all([server.stop(), s3.stop()]);
  await lab.remove();
});

const isManifest = ({ key }: ObjectFact): boolean => key.endsWith('/manifest.json');
const isNamed = (name: string) => (each: Process) => each.name === name;

/** Kills one program of a running backup and judges what it left. */
const killInFlight = async (place: Place, victim: (each: Process) => boolean): Promise<number> => {
  const file = await place.file();
  const before = await place.stored();
  const running = lab.start(['backup', '-f', file, '--json']);
  const found = await waitFor(() => descendantsOf(running.pid).find(victim), running.ended);
  if (found === undefined) throw new Error(`the victim never ran: ${running.stderr()}`);
  const family = descendantsOf(running.pid);
  process.kill(found.pid, 'SIGKILL');
  const ended = await running.ended;
  expect(await survivorsOf(family)).toEqual([]);
  const after = await place.stored();
  // What was there is there, byte for byte.
  const now = new Map(after.map((fact) => [fact.key, fact]));
  expect(before.filter(({ key, sha256 }) => now.get(key)?.sha256 !== sha256)).toEqual([]);
  expect(after.filter(isManifest)).toHaveLength(before.filter(isManifest).length + (ended.status === 0 ? 1 : 0));
  if (ended.status === 0) {
    const { backupId } = JSON.parse(ended.stdout) as Sealed;
    expect(await lab.json('verify', backupId, '-f', file, '--objects', 'full')).toMatchObject({ ok: true });
  } else {
    expect(errorLines(ended)).toHaveLength(1);
    expect(JSON.parse(ended.stdout)).toMatchObject({ phase: 'Failed' });
  }
  return ended.status;
};

const expectNextGood = async (place: Place): Promise<void> => {
  const file = await place.file();
  const sealed = await lab.json<Sealed>('backup', '-f', file);
  expect(await lab.json('verify', sealed.backupId, '-f', file, '--objects', 'full')).toMatchObject({
    ok: true,
    problems: [],
  });
  // Nothing is left of those that did not come so far.
  const { backups } = await lab.json<{ backups: { phase: string }[] }>('list', '-f', file);
  expect(backups.filter(({ phase }) => phase !== 'Succeeded')).toEqual([]);
  expect(await place.openUploads()).toBe(0);
};

describe.each([folder, bucket])('a backup into $name', (place) => {
  test('begins with a good one', () => expectNextGood(place));

  test('whose pg_dump is killed fails, and the next one is good', async () => {
    expect(await killInFlight(place, isNamed('pg_dump'))).toBe(70);
    await expectNextGood(place);
  });

  test('whose runner is killed leaves no child and no manifest, and the next one is good', async () => {
    const file = await place.file();
    const before = await place.stored();
    const running = lab.start(['backup', '-f', file]);
    expect(await waitFor(() => descendantsOf(running.pid).find(isNamed('pg_dump')), running.ended)).toBeDefined();
    const family = descendantsOf(running.pid);
    running.kill('SIGKILL');
    expect((await running.ended).status).toBe(137);
    expect(await survivorsOf(family)).toEqual([]);
    expect((await place.stored()).filter(isManifest)).toEqual(before.filter(isManifest));
    await expectNextGood(place);
  });
});

describe('a backup', () => {
  test('whose zstd is killed fails, and the next one is good', async () => {
    expect(await killInFlight(folder, isNamed('zstd'))).toBe(70);
    await expectNextGood(folder);
  });

  test('whose transfer step is killed is tried again and good in the end', async () => {
    expect(await killInFlight(folder, isStep('transfer'))).toBe(0);
  });

  test('whose dump step is killed is tried again and good in the end', async () => {
    expect(await killInFlight(folder, isStep('dump'))).toBe(0);
  });

  test('whose server process is killed is tried again and good in the end', async () => {
    const file = await folder.file();
    const running = lab.start(['backup', '-f', file, '--json']);
    expect(await waitFor(() => descendantsOf(running.pid).find(isNamed('pg_dump')), running.ended)).toBeDefined();
    const pid = await sql(
      'postgres',
      `SELECT pid FROM pg_stat_activity WHERE datname = 'app' AND application_name = 'lc2-backup' LIMIT 1`,
    );
    process.kill(Number(pid), 'SIGKILL');
    const ended = await running.ended;
    expect([ended.status, ended.stderr]).toEqual([0, expect.stringContaining('again in 0.3 s: DATABASE_FAILED')]);
    const { backupId } = JSON.parse(ended.stdout) as Sealed;
    expect(await lab.json('verify', backupId, '-f', file)).toMatchObject({ ok: true });
  });

  test('that is told to stop ends with 143, seals nothing and cleans up', async () => {
    const file = await folder.file();
    const before = await folder.stored();
    const running = lab.start(['backup', '-f', file, '--json']);
    expect(await waitFor(() => descendantsOf(running.pid).find(isNamed('pg_dump')), running.ended)).toBeDefined();
    const family = descendantsOf(running.pid);
    running.kill('SIGTERM');
    const ended = await running.ended;
    expect([ended.status, errorLines(ended)]).toEqual([143, [expect.stringMatching(/^CANCELLED: /u)]]);
    expect(JSON.parse(ended.stdout)).toMatchObject({ phase: 'Cancelled' });
    expect(await survivorsOf(family)).toEqual([]);
    expect(await folder.stored()).toEqual(before);
  });
});
