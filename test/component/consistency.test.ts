// What was written while the backup ran: after a restore no row lacks its document.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { captureFiles } from '../oracle/objects.ts';
import { runPsql } from '../oracle/psql.ts';
import { startS3Front } from '../fakes/s3-front.ts';
import {
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  type Lab,
  type Sealed,
  secretDocument,
  stampOf,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type S3Server, startVersitygw } from '../support/s3-servers.ts';
import { PutObjectCommand, DeleteObjectCommand, GetObjectCommand } from '@aws-sdk/client-s3';

let server: PostgresServer;
let s3: S3Server;
let lab: Lab;

const sql = (database: string, text: string) => runPsql(connectTo(server, database), text);

beforeAll(async () => {
  [server, s3, lab] = await Promise.all([startPostgres(), startVersitygw(), createLab()]);
  await sql('postgres', 'CREATE DATABASE app');
  await sql('app', 'CREATE TABLE documents (key text PRIMARY KEY, size integer NOT NULL)');
});

afterAll(async () => {
  await Promise.all([server.stop(), s3.stop()]);
  await lab.remove();
});

/** An application at work: a document is there before its row, and still there until its row is gone. */
const startWriter = (library: string, { deletes }: { readonly deletes: boolean }) => {
  let working = true;
  const written: string[] = [];
  const deleted = new Set<string>();
  const add = async (number: number): Promise<void> => {
    const key = `${number % 7}/late-${number}`;
    await writeFile(join(library, key), 'x'.repeat(100 + number));
    await sql('app', `INSERT INTO documents VALUES ('${key}', ${100 + number})`);
    written.push(key);
  };
  const remove = async (): Promise<void> => {
    const key = written.shift();
    if (key === undefined) return;
    await sql('app', `DELETE FROM documents WHERE key = '${key}'`);
    await rm(join(library, key));
    deleted.add(key);
  };
  const work = async (): Promise<number> => {
    for (let number = 1; ; number++) {
      if (!working) return number;
      await add(number);
      if (deletes && number % 3 === 0) await remove();
    }
  };
  const done = work();
  const stop = (): Promise<number> => {
    working = false;
    return done;
  };
  return { count: () => written.length, deleted, stop };
};

test('a writer at work never makes a pair of which a row has no document', async () => {
  const old = Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`${n % 7}/old-${n}`, `old ${n}`]));
  const library = await lab.library('library', old);
  const rows = Object.entries(old).map(([key, text]) => `('${key}', ${text.length})`);
  await sql('app', `INSERT INTO documents VALUES ${rows.join(', ')}`);
  const target = await lab.library('target', {});
  const environment = (name: string, folder: string) =>
    environmentDocument(name, {
      database: databaseSpec(server),
      objectStores: [{ name: 'documents', url: `file://${folder}` }],
      storage: { url: `file://${lab.storage}` },
    });
  const file = await lab.write('env.yaml', [
    environment('prd', library),
    environment('uat', target),
    databaseSecret(server),
  ]);
  /** Rows of the restored database whose document is not in the restored library. */
  const lonelyRows = async (backupId: string): Promise<string[]> => {
    const args = ['--source', 'prd', '--into', 'uat', '--backup', backupId, '--objects-mode', 'mirror'];
    await lab.json('restore', '-f', file, ...args, '--database', 'app=copy', '--confirm', 'uat');
    const sizes = new Map((await captureFiles(target)).map(({ key, size }) => [key, size]));
    const lines = (await sql('copy', `SELECT key || ' ' || size FROM documents`)).trim().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(600);
    const pairs = lines.map((line) => line.split(' '));
    return pairs.flatMap(([key = '', size]) => (sizes.get(key) === Number(size) ? [] : [key]));
  };
  const backUpWith = async (options: { readonly deletes: boolean }) => {
    const writer = startWriter(library, options);
    while (writer.count() < 5) await sleep(10);
    const sealed = await lab.json<Sealed>('backup', '-f', file, '-e', 'prd');
    expect(await writer.stop()).toBeGreaterThan(10);
    return { lonely: await lonelyRows(sealed.backupId), deleted: writer.deleted };
  };
  expect((await backUpWith({ deletes: false })).lonely).toEqual([]);
  await sql('app', `DELETE FROM documents WHERE key LIKE '%late%'`);
  // Without versions in the store, a document that was deleted after the point and before its copy is gone for everybody.
  const { lonely, deleted } = await backUpWith({ deletes: true });
  expect(lonely.filter((key) => !deleted.has(key))).toEqual([]);
});

test('objects that change, vanish or appear while they are copied end as catch-up finds them', async () => {
  const source = await s3.bucket('moving');
  const storage = await s3.bucket('moving-storage');
  const put = (key: string, text: string) =>
    s3.client.send(new PutObjectCommand({ Bucket: 'moving', Key: key, Body: text }));
  for (let n = 0; n < 40; n++) await put(`k-${String(n).padStart(2, '0')}`, `first ${n}`);
  const front = await startS3Front(s3.endpoint);
  try {
    const store = (name: string, endpoint: string | undefined, bucket: string) => ({
      name,
      url: `s3://${bucket}`,
      endpoint: endpoint ?? '',
      pathStyle: true,
      credentials: { secretName: 's3' },
    });
    const target = await s3.bucket('moved');
    expect([source.url, target.url]).toEqual(['s3://moving', 's3://moved']);
    const { name: _name, ...place } = store('', s3.endpoint, storage.url.slice('s3://'.length));
    const environment = (name: string, endpoint: string, bucket: string) =>
      environmentDocument(name, { objectStores: [store('documents', endpoint, bucket)], storage: place });
    const file = await lab.write('moving.yaml', [
      environment('prd', front.endpoint, 'moving'),
      environment('uat', s3.endpoint, 'moved'),
      secretDocument('s3', s3.secrets),
    ]);
    // The first read of an object waits: meanwhile the store moves on.
    const moved = Promise.withResolvers<void>();
    const hold = (key: string) =>
      front.inject({
        matches: ({ method, url }) => method === 'GET' && url.includes(`/moving/${key}`),
        times: 1,
        fault: { kind: 'hold', until: moved.promise },
      });
    for (const key of ['k-05', 'k-06', 'k-07']) hold(key);
    const running = lab.start(['backup', '-f', file, '-e', 'prd', '--json']);
    while (!front.seen.some((line) => line.startsWith('GET /moving/k-0'))) await sleep(5);
    await put('k-05', 'second, and longer');
    await s3.client.send(new DeleteObjectCommand({ Bucket: 'moving', Key: 'k-06' }));
    await put('k-99', 'appeared');
    moved.resolve();
    const ended = await running.ended;
    expect([ended.status, ended.stderr]).toEqual([0, expect.stringContaining('Catch up')]);
    const { backupId } = JSON.parse(ended.stdout) as Sealed;
    await lab.json('restore', '-f', file, '--source', 'prd', '--into', 'uat', '--backup', backupId, '--confirm', 'uat');
    const text = async (key: string) => {
      const answer = await s3.client.send(new GetObjectCommand({ Bucket: 'moved', Key: key }));
      return answer.Body?.transformToString();
    };
    expect(await text('k-05')).toBe('second, and longer');
    expect(await text('k-07')).toBe('first 7');
    expect(await text('k-99')).toBe('appeared');
    await expect(text('k-06')).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect(stampOf({ backupId })).toMatch(/^\d{8}-\d{6}$/u);
  } finally {
    await front.stop();
  }
});
