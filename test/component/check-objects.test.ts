// `check --objects` says before a backup what it would copy and what of it nobody can read; verify and preview say it of copies.
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { azuriteService } from '../support/cloud-servers.ts';
import { createLab, environmentDocument, errorLines, type Lab, type Sealed, secretDocument } from '../support/lab.ts';
import { type Place, startAzblob } from '../support/places.ts';
import { startMoto } from '../support/s3-servers.ts';
import { startS3Front } from '../fakes/s3-front.ts';

let place: Place;
let lab: Lab;
let file: string;

const tier = (bucket: string, key: string, name: 'Archive' | 'Hot') => {
  if (place.front === undefined) throw new Error('it has a front');
  return azuriteService(place.front).getContainerClient(bucket).getBlobClient(key).setAccessTier(name);
};

beforeAll(async () => {
  [place, lab] = await Promise.all([startAzblob(), createLab()]);
  for (const bucket of ['documents', 'backups']) await place.make(bucket);
  for (const key of ['a', 'b', 'c', 'skip/old']) await place.put('documents', key, `bytes of ${key}`);
  file = await lab.write('env.yaml', [
    environmentDocument('prd', {
      objectStores: [{ name: 'documents', exclude: ['skip/'], ...place.location('documents') }],
      storage: place.location('backups'),
    }),
    ...(place.secret === undefined ? [] : [place.secret]),
  ]);
});
afterAll(async () => {
  await place.stop();
  await lab.remove();
});

const check = async (): Promise<{ readonly status: number | null; readonly lines: readonly string[] }> => {
  const { status, stdout } = await lab.cli('check', '-f', file, '--objects');
  return { status, lines: stdout.trimEnd().split('\n') };
};

test('an archived object that no backup has is an error of check, and of the backup', async () => {
  await tier('documents', 'b', 'Archive');
  await tier('documents', 'skip/old', 'Archive');
  const why =
    'error: OBJECT_UNREADABLE: documents: 1 of the objects to copy cannot be read: archived, or with a key of their own; the first is "b"';
  expect(await check()).toEqual({
    status: 78,
    lines: [why, 'objects of documents: 3 (30 B); a backup copies 3 (30 B)'],
  });
  const { status } = await lab.cli('check', '-f', file);
  expect(status).toBe(0);
  const backup = await lab.cli('backup', '-f', file);
  expect(backup.status).toBe(78);
  expect(errorLines(backup)).toEqual([expect.stringMatching(/^OBJECT_UNREADABLE: .*documents\/b/)]);
});

test('one that a backup has is none: it is not read again', async () => {
  await tier('documents', 'b', 'Hot');
  await lab.json<Sealed>('backup', '-f', file);
  await tier('documents', 'b', 'Archive');
  await place.put('documents', 'd', 'later');
  expect(await check()).toEqual({
    status: 0,
    lines: ['objects of documents: 4 (35 B); a backup copies 1 (5 B)', 'environment prd is usable'],
  });
  expect(await lab.json('backup', '-f', file)).toMatchObject({ phase: 'Succeeded' });
});

test('a copy that went into an archive is named by verify, and by a restore before it begins', async () => {
  for (const key of ['b', 'skip/old']) await tier('documents', key, 'Hot');
  await lab.json('backup', '-f', file);
  const copy = (await place.capture('backups')).map(({ key }) => key).find((key) => key.endsWith('/documents/c'));
  if (copy === undefined) throw new Error('no copy of c');
  await tier('backups', copy, 'Archive');
  for (const key of ['a', 'c']) await place.drop('documents', key);
  const verify = await lab.cli('verify', 'latest', '-f', file, '--json');
  const [problem] = (JSON.parse(verify.stdout) as { problems: { code: string; key: string }[] }).problems;
  expect(problem?.code).toBe('OBJECT_UNREADABLE');
  expect(copy.endsWith(problem?.key ?? '?')).toBe(true);
  const args = ['restore', '-f', file, '--backup', 'latest', '--objects-mode', 'mirror', '--confirm', 'prd'];
  const before = await place.capture('documents');
  expect(errorLines(await lab.cli(...args))).toEqual([expect.stringMatching(/^OBJECT_UNREADABLE: .*\/documents\/c/)]);
  expect(await place.capture('documents')).toEqual(before);
  await tier('backups', copy, 'Hot');
  expect(await lab.json(...args)).toMatchObject({ phase: 'Succeeded' });
  expect((await place.read('documents', 'c')).toString()).toBe('bytes of c');
});

test('where a listing does not say it, some objects are asked for themselves', async () => {
  const server = await startMoto();
  const front = await startS3Front(server.endpoint);
  try {
    const location = { ...(await server.bucket('keyed')), endpoint: front.endpoint, credentials: { secretName: 's3' } };
    const keys = Array.from({ length: 300 }, (_, index) => String(index).padStart(3, '0'));
    for (const Key of keys) await server.client.send(new PutObjectCommand({ Bucket: 'keyed', Key, Body: 'x' }));
    const s3 = await lab.write('s3.yaml', [
      environmentDocument('s3', {
        objectStores: [{ name: 'keyed', ...location }],
        storage: { url: `file://${lab.storage}` },
      }),
      secretDocument('s3', server.secrets),
    ]);
    // What Amazon answers to a HEAD without the key.
    const matches = ({ method, url }: { readonly method: string; readonly url: string }) =>
      method === 'HEAD' && /\/2\d\d$/.test(url);
    front.inject({ matches, times: 999, fault: { kind: 'answer', status: 400, body: '' } });
    const { status, stdout } = await lab.cli('check', '-f', s3, '--objects', '--json');
    expect(status).toBe(78);
    const asked = front.seen.filter((line) => line.startsWith('HEAD'));
    expect(asked.length).toBeLessThan(140);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      problems: [
        {
          code: 'OBJECT_UNREADABLE',
          message: expect.stringMatching(/^keyed: 25 of 75 objects .* one is "2\d\d": .*400/) as string,
        },
      ],
      objects: [{ name: 'keyed', objects: 300, bytes: 300, toCopy: { objects: 300, bytes: 300 } }],
    });
  } finally {
    await front.stop();
    await server.stop();
  }
});
