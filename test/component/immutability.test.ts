// Backups that nobody can delete before their days are over, on a server that locks versions; and steps that die on the way there.
import {
  DeleteObjectCommand,
  GetObjectRetentionCommand,
  ListObjectVersionsCommand,
  type ObjectVersion,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Front, startFront } from '../fakes/http-front.ts';
import {
  createLab,
  environmentDocument,
  errorLines,
  type Lab,
  type Sealed,
  secretDocument,
  stampOf,
} from '../support/lab.ts';
import { waitFor } from '../support/processes.ts';
import { killStep, stepOf } from '../support/running-step.ts';
import { type S3Server, startVersitygw } from '../support/s3-servers.ts';

interface Manifest {
  readonly immutability: { readonly until: string; readonly mode: string };
  readonly records: readonly { readonly key: string }[];
  readonly objectStores: readonly { readonly references: readonly string[] }[];
}

let server: S3Server;
let front: Front;
let lab: Lab;
let file: string;

const environment = (bucket: string, immutability = { days: 30, mode: 'compliance' }) => [
  environmentDocument('prd', {
    objectStores: [{ name: 'documents', url: `file://${lab.path('library')}` }],
    storage: {
      url: `s3://${bucket}`,
      endpoint: front.endpoint,
      pathStyle: true,
      credentials: { secretName: 's3' },
      immutability,
    },
  }),
  secretDocument('s3', server.secrets),
];

beforeAll(async () => {
  [server, lab] = await Promise.all([startVersitygw({ versions: true }), createLab()]);
  front = await startFront(server.endpoint, { contentType: 'application/xml' });
  await server.bucket('backups', { locks: true });
  await server.bucket('plain');
  await lab.library('library', Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`k/${n}`, `object ${n}`])));
  file = await lab.write('env.yaml', environment('backups'));
});
afterAll(async () => {
  await front.stop();
  await server.stop();
  await lab.remove();
});

const versions = async (): Promise<{ all: ObjectVersion[]; markers: ObjectVersion[] }> => {
  const { Versions = [], DeleteMarkers = [] } = await server.client.send(
    new ListObjectVersionsCommand({ Bucket: 'backups', MaxKeys: 1000 }),
  );
  return { all: Versions, markers: DeleteMarkers };
};

/** What is locked until when, by key, as the server tells. */
const locks = async (): Promise<ReadonlyMap<string, string>> => {
  const found = new Map<string, string>();
  for (const { Key = '', VersionId } of (await versions()).all) {
    try {
      const asked = new GetObjectRetentionCommand({ Bucket: 'backups', Key, VersionId });
      const { Retention } = await server.client.send(asked);
      if (Retention?.RetainUntilDate)
        found.set(Key.replace('retail/prd/', ''), Retention.RetainUntilDate.toISOString());
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'NoSuchObjectLockConfiguration') throw error;
    }
  }
  return found;
};

/** Everything in the folder of a sealed backup is locked, but for what no manifest names. */
const expectLocked = async (sealed: Sealed): Promise<void> => {
  const stamp = stampOf(sealed);
  const { immutability } = await lab.json<Manifest>('show', sealed.backupId, '-f', file);
  const found = await locks();
  const standing = (await versions()).all.map(({ Key = '' }) => Key.replace('retail/prd/', ''));
  const own = standing.filter((key) => key.startsWith(`${stamp}/`));
  const working = own.filter((key) => /^\d{8}-\d{6}\/steps\/[^/]+\//.test(key));
  expect(own.filter((key) => !found.has(key)).toSorted()).toEqual(working.toSorted());
  expect(found.get(`${stamp}/manifest.json`)).toBe(immutability.until);
  expect(await lab.json('verify', sealed.backupId, '-f', file, '--objects', 'full')).toMatchObject({ ok: true });
};

const isLock = (key: string) => (request: { readonly method: string; readonly url: string }) =>
  request.method === 'PUT' && /[?&]retention/.test(request.url) && request.url.includes(key);

const isSeen = (line: string, key: string): boolean => {
  const [method = '', url = ''] = line.split(' ');
  return isLock(key)({ method, url });
};

describe('an immutable backup', () => {
  let first: Sealed;

  test('is locked whole, with what it shares, and delete refuses it before it touches anything', async () => {
    first = await lab.json<Sealed>('backup', '-f', file);
    await expectLocked(first);
    await lab.library('library', { 'k/1': 'changed' });
    const second = await lab.json<Sealed>('backup', '-f', file);
    await expectLocked(second);
    const { immutability, objectStores } = await lab.json<Manifest>('show', second.backupId, '-f', file);
    expect(objectStores[0]?.references).toEqual([stampOf(first)]);
    const found = await locks();
    expect(found.get(`${stampOf(first)}/objects/documents/k/2`)).toBe(immutability.until);
    const refused = await lab.cli('delete', second.backupId, '-f', file, '--confirm', second.backupId);
    expect([refused.status, errorLines(refused)]).toEqual([
      78,
      [expect.stringContaining(`is locked until ${immutability.until} (compliance)`)],
    ]);
    expect((await versions()).markers.filter(({ Key }) => Key?.includes('probe') !== true)).toEqual([]);
    const { backups } = await lab.json<{ backups: { lockedUntil: string }[] }>('list', '-f', file);
    expect(backups[0]?.lockedUntil).toBe(immutability.until);
  });

  test('that a thief has hidden comes back when the markers go', async () => {
    const before = new Set((await versions()).all.map(({ Key }) => Key));
    for (const Key of before) await server.client.send(new DeleteObjectCommand({ Bucket: 'backups', Key }));
    const { problems } = JSON.parse((await lab.cli('verify', first.backupId, '-f', file, '--json')).stdout) as {
      problems: { code: string }[];
    };
    expect(problems.map(({ code }) => code)).toEqual(['BACKUP_NOT_FOUND']);
    for (const { Key, VersionId } of (await versions()).markers)
      await server.client.send(new DeleteObjectCommand({ Bucket: 'backups', Key, VersionId }));
    await expectLocked(first);
  });
});

describe('a step that seals', () => {
  test.each(['/objects/documents/k/7', '/run.json', '/manifest.json'])(
    'and dies when it locks %s is done again, and all is locked',
    async (key) => {
      front.reset();
      front.inject({
        matches: isLock(key),
        times: 1,
        fault: { kind: 'delay', milliseconds: Number.POSITIVE_INFINITY },
      });
      // A copy of its own: what is locked for long enough is not locked again.
      const running = lab.start(['backup', '-f', file, '--full', '--json']);
      await waitFor(() => front.seen.find((line) => isSeen(line, key)), running.ended);
      expect(stepOf(running, 'manifest')).toBeDefined();
      await killStep(running, 'manifest');
      const ended = await running.ended;
      expect([ended.status, ended.stderr]).toEqual([0, expect.any(String)]);
      await expectLocked(JSON.parse(ended.stdout) as Sealed);
    },
  );

  test('and dies with its runner leaves no seal, and the next backup is good', async () => {
    front.reset();
    const key = '/objects/documents/k/9';
    front.inject({ matches: isLock(key), times: 1, fault: { kind: 'delay', milliseconds: Number.POSITIVE_INFINITY } });
    const running = lab.start(['backup', '-f', file, '--full', '--json']);
    await waitFor(() => front.seen.find((line) => isSeen(line, key)), running.ended);
    const step = stepOf(running, 'manifest');
    process.kill(running.pid, 'SIGKILL');
    if (step) process.kill(step.pid, 'SIGKILL');
    await running.ended;
    front.reset();
    const next = await lab.json<Sealed>('backup', '-f', file);
    await expectLocked(next);
    const { backups } = await lab.json<{ backups: { phase: string }[] }>('list', '-f', file);
    expect(backups.filter(({ phase }) => phase !== 'Succeeded')).toEqual([]);
  });
});

describe('a place that cannot lock', () => {
  test('is told at check, and no backup begins', async () => {
    const plain = await lab.write('plain.yaml', environment('plain'));
    const checked = await lab.cli('check', '-f', plain, '--json');
    expect([checked.status, JSON.parse(checked.stdout)]).toEqual([
      78,
      { ok: false, problems: [expect.objectContaining({ code: 'LOCK_UNAVAILABLE', severity: 'error' })] },
    ]);
    const refused = await lab.cli('backup', '-f', plain);
    expect([refused.status, errorLines(refused)]).toEqual([78, [expect.stringContaining('LOCK_UNAVAILABLE')]]);
    expect((await lab.json<{ backups: unknown[] }>('list', '-f', plain)).backups).toEqual([]);
    expect(await lab.json('check', '-f', file)).toMatchObject({ ok: true, problems: [] });
  });
});
