// What locks need, beside what a backup needs: these rights suffice, and none of them is idle.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storePermissions } from '../../core/permissions/stores.ts';
import { startAzblobFront } from '../fakes/azblob-front.ts';
import { startGsFront } from '../fakes/gs-front.ts';
import { type Front, startFront } from '../fakes/http-front.ts';
import { azuriteAccount, makeBucket, makeContainer, startAzurite, startFakeGcs } from '../support/cloud-servers.ts';
import { createLab, environmentDocument, errorLines, type Lab, secretDocument, type Spec } from '../support/lab.ts';
import { startVersitygw } from '../support/s3-servers.ts';
import { watchPermissions } from '../support/store-permissions.ts';

/** A bucket that can lock, behind a front that refuses. */
interface Locking {
  readonly front: Front;
  readonly location: Spec;
  readonly secrets: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

const startS3 = async (): Promise<Locking> => {
  const server = await startVersitygw({ versions: true });
  const front = await startFront(server.endpoint, { contentType: 'application/xml' });
  await server.bucket('locking', { locks: true });
  const location = { url: 's3://locking', endpoint: front.endpoint, pathStyle: true };
  return { front, location, secrets: server.secrets, stop: () => server.stop() };
};

const startGs = async (): Promise<Locking> => {
  const server = await startFakeGcs();
  const front = await startGsFront(server.endpoint, { retention: true });
  await makeBucket(front, 'locking', { locks: true });
  const location = { url: 'gs://locking', endpoint: front.endpoint };
  return { front, location, secrets: {}, stop: () => server.stop() };
};

const startAzblob = async (): Promise<Locking> => {
  const server = await startAzurite();
  const front = await startAzblobFront(server.endpoint, { immutable: ['locking'] });
  await makeContainer(server, 'locking');
  const { accountName } = azuriteAccount;
  return {
    front,
    location: { url: `azblob://${accountName}/locking`, endpoint: `${front.endpoint}/${accountName}` },
    secrets: azuriteAccount,
    stop: () => server.stop(),
  };
};

describe.each([
  ['s3', startS3],
  ['gs', startGs],
  ['azblob', startAzblob],
] as const)('locks in %s', (kind, start) => {
  const { storage, locks } = storePermissions[kind];
  let place: Locking;
  let lab: Lab;
  let file: string;

  beforeAll(async () => {
    [place, lab] = await Promise.all([start(), createLab()]);
    await lab.library('library', { a: 'a', b: 'b' });
    const hasSecret = Object.keys(place.secrets).length > 0;
    file = await lab.write('env.yaml', [
      environmentDocument('prd', {
        objectStores: [{ name: 'documents', url: `file://${lab.path('library')}` }],
        storage: {
          ...place.location,
          ...(hasSecret && { credentials: { secretName: 'keys' } }),
          immutability: { days: 1, mode: 'governance' },
        },
      }),
      ...(hasSecret ? [secretDocument('keys', place.secrets)] : []),
    ]);
  });
  afterAll(async () => {
    await place.front.stop();
    await place.stop();
    await lab.remove();
  });

  const sealed = async (): Promise<string[]> => {
    const { backups } = await lab.json<{ backups: { backupId: string; phase: string }[] }>('list', '-f', file);
    return backups.filter(({ phase }) => phase !== 'Unsealed').map(({ backupId }) => backupId);
  };

  const watch = (allowed: readonly string[]) =>
    watchPermissions(place.front, kind, ({ permission }) => allowed.includes(permission));

  test.each<[keyof typeof locks, () => Promise<void>]>([
    ['backup', async () => void (await lab.json('backup', '-f', file))],
    ['verify', async () => void (await lab.json('verify', 'latest', '-f', file, '--objects', 'full'))],
    [
      'delete',
      async () => {
        const { backupId } = await lab.json<{ backupId: string }>('show', 'latest', '-f', file);
        const refusal = errorLines(await lab.cli('delete', backupId, '-f', file, '--confirm', backupId));
        expect(refusal).toEqual([expect.stringMatching(/^OBJECT_LOCKED/)]);
      },
    ],
  ])('%s', async (work, action) => {
    const { used, refused } = watch([...storage[work], ...locks[work]]);
    await action();
    expect(refused).toEqual([]);
    expect([...used.values()].flatMap((some) => [...some])).toEqual(expect.arrayContaining([...locks[work]]));
  });

  test.each(locks.backup)('a backup without %s is refused, and not sealed', async (missing) => {
    const before = await sealed();
    watch([...storage.backup, ...locks.backup].filter((one) => one !== missing));
    const { status, stderr } = await lab.cli('backup', '-f', file);
    expect(status).toBe(78);
    expect(stderr).toContain('STORE_DENIED');
    place.front.reset();
    expect(await sealed()).toEqual(before);
  });
});
