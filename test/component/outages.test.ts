// What goes away, fills up or is refused while a run runs: the run ends well, or with a reason and without a trace.
import { readFile, rm } from 'node:fs/promises';
import { createServer as createHttps } from 'node:https';
import { connect, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ListMultipartUploadsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type S3Front, s3Error, startS3Front } from '../fakes/s3-front.ts';
import { captureS3 } from '../oracle/objects.ts';
import { runPsql } from '../oracle/psql.ts';
import { createCertificates } from '../support/certificates.ts';
import {
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  errorLines,
  filesOf,
  type Lab,
  type Sealed,
  secretDocument,
  type Spec,
  stampOf,
} from '../support/lab.ts';
import { lockTable } from '../support/lock-table.ts';
import { freePort, type PostgresServer, startPostgres } from '../support/postgres.ts';
import { descendantsOf, waitFor } from '../support/processes.ts';
import { type S3Server, startVersitygw } from '../support/s3-servers.ts';

let server: PostgresServer;
let s3: S3Server;
let lab: Lab;
let front: S3Front;

beforeAll(async () => {
  [server, s3, lab] = await Promise.all([startPostgres(), startVersitygw(), createLab()]);
  front = await startS3Front(s3.endpoint);
  await s3.bucket('backups');
  await s3.bucket('documents');
  await runPsql(connectTo(server), 'CREATE DATABASE app');
  await runPsql(
    connectTo(server, 'app'),
    `CREATE TABLE t AS SELECT n, repeat(md5(n::text), 8) AS v FROM generate_series(1, 60000) n`,
  );
  for (let n = 0; n < 60; n++)
    await s3.client.send(
      new PutObjectCommand({ Bucket: 'documents', Key: `k/${String(n).padStart(2, '0')}`, Body: `document ${n}` }),
    );
});

afterEach(() => front.reset());

afterAll(async () => {
  await front.stop();
  await Promise.all([server.stop(), s3.stop()]);
  await lab.remove();
});

const place = (endpoint: string): Spec => ({ endpoint, pathStyle: true, credentials: { secretName: 's3' } });

interface Wish {
  readonly name: string;
  readonly database?: Spec;
  readonly documents?: boolean;
  readonly secret?: Spec;
}

/** Backups go through the front; documents come from it too, so that they are copied through us and one by one. */
const write = ({ name, database, documents = false, secret }: Wish): Promise<string> =>
  lab.write(`${name}.yaml`, [
    environmentDocument(name, {
      ...(database === undefined ? {} : { database }),
      ...(documents
        ? { objectStores: [{ name: 'documents', url: 's3://documents', mover: 'stream', ...place(front.endpoint) }] }
        : {}),
      storage: { url: 's3://backups', ...place(front.endpoint) },
    }),
    databaseSecret(server),
    secret ?? secretDocument('s3', s3.secrets),
  ]);

const stored = async (name: string): Promise<string[]> => {
  const all = await captureS3({ endpoint: s3.endpoint, bucket: 'backups', region: 'us-east-1', ...s3.secrets });
  return all.map(({ key }) => key).filter((key) => key.startsWith(`retail/${name}/`) && !key.endsWith('owner.json'));
};
const openUploads = async (): Promise<number> =>
  (await s3.client.send(new ListMultipartUploadsCommand({ Bucket: 'backups' }))).Uploads?.length ?? 0;

const expectNothingLeft = async (name: string): Promise<void> => {
  expect({ stored: await stored(name), uploads: await openUploads() }).toEqual({ stored: [], uploads: 0 });
  expect(await lab.leftBehind()).toEqual([]);
};

const answer = (status: number, code: string) => ({ kind: 'answer', status, body: s3Error(code) }) as const;
const isWrite = (method: string): boolean => method === 'PUT' || method === 'POST';
const backUp = (file: string) => lab.cli('backup', '-f', file, '--verbose');

/** A door to the server that can be shut: connections break, and new ones are refused. */
const startDoor = async () => {
  const port = await freePort();
  const open = new Set<{ destroy(): void }>();
  let door: Server | undefined;
  const shut = async (): Promise<void> => {
    for (const each of open) each.destroy();
    open.clear();
    const closing = door;
    door = undefined;
    await new Promise<void>((resolve) => (closing === undefined ? resolve() : closing.close(() => resolve())));
  };
  const reopen = async (): Promise<void> => {
    const next = createServer((inside) => {
      const outside = connect(server.port, server.host);
      for (const each of [inside, outside]) {
        open.add(each);
        each.on('error', () => undefined);
        each.on('close', () => {
          inside.destroy();
          outside.destroy();
        });
      }
      inside.pipe(outside).pipe(inside);
    });
    await new Promise<void>((resolve) => next.listen(port, '127.0.0.1', resolve));
    door = next;
  };
  await reopen();
  return { port, shut, reopen };
};

/** Keeps pg_dump waiting until it is let go. */
const holdTable = () => lockTable(connectTo(server, 'app'), 't');

describe('a database', () => {
  /** Starts a backup and shuts the door while it dumps; says when that is done. */
  const interrupted = async (name: string) => {
    const door = await startDoor();
    const file = await write({ name, database: databaseSpec(server, { port: door.port }) });
    const held = await holdTable();
    const running = lab.start(['backup', '-f', file, '--verbose'], { LC2_RETRY_SECONDS: '0.3' });
    const dumping = () => descendantsOf(running.pid).find((each) => each.name === 'pg_dump');
    expect(await waitFor(dumping, running.ended)).toBeDefined();
    await door.shut();
    await held.release();
    return { door, running };
  };

  test('that goes away while it is dumped and stays away fails the run, and nothing is left', async () => {
    const { running } = await interrupted('gone');
    const ended = await running.ended;
    expect([ended.status, errorLines(ended).at(-1)]).toEqual([75, expect.stringMatching(/^DATABASE_FAILED: /u)]);
    await expectNothingLeft('gone');
  });

  test('that is back before the repetitions end costs a pause and no backup', async () => {
    const { door, running } = await interrupted('back');
    // Long enough that a repetition meets a refusal.
    await sleep(1200);
    await door.reopen();
    const ended = await running.ended;
    await door.shut();
    expect([ended.status, ended.stderr]).toEqual([0, expect.stringContaining('DATABASE_FAILED')]);
    expect((await stored('back')).filter((key) => key.endsWith('manifest.json'))).toHaveLength(1);
  });

  test('whose table stays locked for longer than lockTimeout is DUMP_FAILED and says so', async () => {
    const file = await write({ name: 'locked', database: databaseSpec(server, { lockTimeout: 1 }) });
    const held = await holdTable();
    const ended = await backUp(file);
    await held.release();
    expect([ended.status, errorLines(ended)]).toEqual([
      70,
      [expect.stringMatching(/^DUMP_FAILED: .*timeout.*LOCK TABLE/u)],
    ]);
    await expectNothingLeft('locked');
  });
});

describe('a bucket', () => {
  test('that fills up halfway is STORE_FULL, and neither a part nor a file is left', async () => {
    const file = await write({ name: 'full', database: databaseSpec(server), documents: true });
    // The claim and the first objects are taken, then nothing more is; deletions still work.
    front.inject({
      matches: ({ method, url }) => isWrite(method) && url.includes('/objects/documents/k/3'),
      times: 9999,
      fault: answer(507, 'QuotaExceeded'),
    });
    const ended = await backUp(file);
    expect([ended.status, errorLines(ended)]).toEqual([70, [expect.stringMatching(/^STORE_FULL: /u)]]);
    expect(front.seen.filter((line) => /^PUT .*\/objects\/documents\/k\//u.test(line)).length).toBeGreaterThan(3);
    front.reset();
    await expectNothingLeft('full');
    expect((await backUp(file)).status).toBe(0);
  });

  test('whose rights are revoked while objects are copied is STORE_DENIED, and the next backup is whole', async () => {
    const file = await write({ name: 'revoked', documents: true });
    front.inject({
      matches: ({ method, url }) => method === 'GET' && url.startsWith('/documents/k/3'),
      times: 9999,
      fault: answer(403, 'AccessDenied'),
    });
    const ended = await backUp(file);
    expect([ended.status, errorLines(ended)]).toEqual([
      78,
      [expect.stringMatching(/^STORE_DENIED: .*documents\/k\/3/u)],
    ]);
    // Refused is refused: the same object is not asked for again and again.
    expect(front.seen.filter((line) => line.startsWith('GET /documents/k/30')).length).toBeLessThanOrEqual(1);
    front.reset();
    await expectNothingLeft('revoked');
    const sealed = await lab.json<Sealed>('backup', '-f', file);
    const shown = await lab.json<{ objectStores: { objectCount: number; copied: { count: number } }[] }>(
      'show',
      sealed.backupId,
      '-f',
      file,
    );
    expect(shown.objectStores[0]).toMatchObject({ objectCount: 60, copied: { count: 60 } });
  });

  test('that goes away in the middle of a run is tried again, then fails, and the next backup is good', async () => {
    const own = await startS3Front(s3.endpoint);
    const file = await lab.write('away.yaml', [
      environmentDocument('away', {
        database: databaseSpec(server),
        storage: { url: 's3://backups', ...place(own.endpoint) },
      }),
      databaseSecret(server),
      secretDocument('s3', s3.secrets),
    ]);
    const held = await holdTable();
    const running = lab.start(['backup', '-f', file, '--verbose']);
    while (!own.seen.some((line) => line.startsWith('PUT ') && line.includes('run.json'))) await sleep(20);
    await own.stop();
    await held.release();
    const ended = await running.ended;
    expect([ended.status, errorLines(ended).at(-1)]).toEqual([75, expect.stringMatching(/^STORE_FAILED: /u)]);
    expect((await stored('away')).filter((key) => key.endsWith('manifest.json'))).toEqual([]);
    const again = await write({ name: 'away', database: databaseSpec(server) });
    await lab.json<Sealed>('backup', '-f', again);
    expect(await openUploads()).toBe(0);
    const stamps = new Set((await stored('away')).map((key) => key.split('/')[2]));
    expect(stamps.size).toBe(1);
    expect(await lab.leftBehind()).toEqual([]);
  });

  test('that takes everything but the manifest holds no backup', async () => {
    const file = await write({ name: 'unsealed', database: databaseSpec(server) });
    front.inject({
      matches: ({ method, url }) => isWrite(method) && url.includes('manifest.json'),
      times: 9999,
      fault: answer(500, 'InternalError'),
    });
    const ended = await backUp(file);
    expect([ended.status, errorLines(ended).at(-1)]).toEqual([
      75,
      expect.stringMatching(/^STORE_FAILED: .*manifest\.json/u),
    ]);
    front.reset();
    await expectNothingLeft('unsealed');
    expect(await lab.json('list', '-f', file)).toEqual({ backups: [] });
  });

  test('that takes the manifest at last holds a backup', async () => {
    const file = await write({ name: 'late', database: databaseSpec(server) });
    front.inject({
      matches: ({ method, url }) => isWrite(method) && url.includes('manifest.json'),
      times: 6,
      fault: answer(500, 'InternalError'),
    });
    const sealed = await lab.json<Sealed>('backup', '-f', file);
    expect(await lab.json('verify', sealed.backupId, '-f', file)).toMatchObject({ ok: true });
    expect((await stored('late')).filter((key) => key.endsWith('manifest.json'))).toHaveLength(1);
  });

  test('whose endpoint has a certificate that nobody trusts is STORE_TLS_FAILED, at once', async () => {
    const certificates = await createCertificates(lab.path('tls'), ['127.0.0.1']);
    const https = createHttps(
      { cert: await readFile(certificates.serverCertificate), key: await readFile(certificates.serverKey) },
      (_request, response) => response.writeHead(404).end(),
    );
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
    const address = https.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const file = await lab.write('tls.yaml', [
      environmentDocument('tls', {
        database: databaseSpec(server),
        storage: { url: 's3://backups', ...place(`https://127.0.0.1:${port}`) },
      }),
      databaseSecret(server),
      secretDocument('s3', s3.secrets),
    ]);
    for (const args of [['backup'], ['list'], ['restore', '--backup', 'latest', '--confirm', 'tls']]) {
      const ended = await lab.cli(...args, '-f', file);
      expect([args[0], ended.status, errorLines(ended)]).toEqual([
        args[0],
        78,
        [expect.stringMatching(/^STORE_TLS_FAILED: /u)],
      ]);
    }
    https.closeAllConnections();
    https.close();
  });
});

describe('a backup', () => {
  test('is not deleted while a run that may build on it runs', async () => {
    const file = await write({ name: 'needed', documents: true });
    const first = await lab.json<Sealed>('backup', '-f', file);
    // The second run has listed and read what it builds on, and waits for its last listing.
    const decided = Promise.withResolvers<void>();
    front.inject({
      matches: ({ method, url }) => method === 'PUT' && url.includes('/steps/transfer.json'),
      times: 1,
      fault: { kind: 'hold', until: decided.promise },
    });
    const running = lab.start(['backup', '-f', file, '--json']);
    while (
      !front.seen.some(
        (line) => line.startsWith('PUT ') && line.includes('/steps/transfer.json') && !line.includes(stampOf(first)),
      )
    )
      await sleep(20);
    const remove = () => lab.cli('delete', first.backupId, '-f', file, '--confirm', first.backupId);
    const refused = await remove();
    expect([refused.status, errorLines(refused)]).toEqual([
      78,
      [expect.stringMatching(/^BACKUP_REFERENCED: .*not sealed/u)],
    ]);
    decided.resolve();
    const ended = await running.ended;
    expect(ended.status).toBe(0);
    const { backupId } = JSON.parse(ended.stdout) as Sealed;
    expect(await lab.json('verify', backupId, '-f', file)).toMatchObject({ ok: true });
    expect(errorLines(await remove())).toEqual([expect.stringMatching(/^BACKUP_REFERENCED: .*uses/u)]);
  });
});

test('nothing of all that is left on this machine', async () => {
  await rm(lab.path('tls'), { recursive: true, force: true });
  expect(await lab.leftBehind()).toEqual([]);
  expect(await filesOf(lab.storage)).toEqual([]);
});
