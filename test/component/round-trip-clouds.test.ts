// The same within Google Cloud Storage and within Azure: the service copies, and everything comes back.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import type { Capture } from '../oracle/facts.ts';
import { runPsql } from '../oracle/psql.ts';
import { seedEverything, seedRoles } from '../oracle/seed/everything.ts';
import {
  captureAt,
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  type Lab,
  type Sealed,
} from '../support/lab.ts';
import { type Place, startAzblob, startGs } from '../support/places.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

interface Manifest {
  readonly objectStores: readonly {
    readonly objectCount: number;
    readonly mover: string;
    readonly copied: { readonly count: number };
  }[];
}

const described = { contentType: 'text/x-odd', metadata: { owner: 'somebody', title: 'A title' } };
const large = 12_000_000;
const keys = [
  'plain',
  'a b+c%20',
  'ünï/漢字 😀',
  'deep/er/and/deeper',
  '~tilde',
  '%2e%2e',
  'a&b<c>"d',
  `'quoted' (x)!*`,
  '\uffe5/wide',
];

describe.each([
  ['gs', startGs],
  ['azblob', startAzblob],
] as const)('a round trip within %s', (name, start) => {
  let server: PostgresServer;
  let place: Place;
  let lab: Lab;
  let file: string;
  const capture = async (): Promise<Capture> => ({ format: 1, objects: await place.capture('documents') });

  beforeAll(async () => {
    [server, place, lab] = await Promise.all([startPostgres(), start(), createLab()]);
    await seedRoles(connectTo(server));
    await runPsql(connectTo(server), 'CREATE DATABASE everything TEMPLATE template0');
    await seedEverything(connectTo(server, 'everything'), { eventTriggers: true });
    for (const bucket of ['documents', 'backups']) await place.make(bucket);
    file = await lab.write('env.yaml', [
      environmentDocument('prd', {
        database: databaseSpec(server),
        objectStores: [{ name: 'documents', ...place.location('documents') }],
        storage: place.location('backups'),
      }),
      databaseSecret(server),
      ...(place.secret === undefined ? [] : [place.secret]),
    ]);
  });
  afterAll(async () => {
    await Promise.all([server.stop(), place.stop()]);
    await lab.remove();
  });

  test('copies by the service, and brings everything back equal', async () => {
    for (const key of keys) await place.put('documents', key, `bytes of ${key}`, described);
    await place.put('documents', 'zero', '');
    await place.put('documents', 'large', Buffer.alloc(large, 'part'), described);
    const [database, objects] = [await captureAt(server, 'everything'), await capture()];
    place.front?.reset();
    const sealed = await lab.json<Sealed>('backup', '-f', file);
    expect((await lab.json<Manifest>('show', sealed.backupId, '-f', file)).objectStores).toMatchObject([
      { objectCount: keys.length + 2, mover: 'copy', copied: { count: keys.length + 2 } },
    ]);
    await place.put('documents', 'plain', 'changed later');
    const again = await lab.json<Sealed>('backup', '-f', file);
    expect((await lab.json<Manifest>('show', again.backupId, '-f', file)).objectStores).toMatchObject([
      { copied: { count: 1 } },
    ]);
    for (const [index, key] of [...keys, 'large', 'zero'].entries()) {
      if (index % 2 === 0) await place.drop('documents', key);
      else await place.put('documents', key, 'damaged');
    }
    await place.put('documents', 'surplus', 'surplus');
    await runPsql(connectTo(server, 'everything'), 'DROP SCHEMA app CASCADE');
    await lab.json('restore', '-f', file, '--backup', sealed.backupId, '--objects-mode', 'mirror', '--confirm', 'prd');
    expect(differences(objects, await capture())).toEqual([]);
    expect(differences(database, await captureAt(server, 'everything'), { subscriptionsDisabled: true })).toEqual([]);
    const { sent = 0, received = 0 } = place.front?.bytes.get('lc2-backup') ?? {};
    process.stdout.write(`bytes that passed a step within ${name}: sent ${sent}, received ${received}\n`);
    expect([sent < large / 2, received < large / 2]).toEqual([true, true]);
    // Only now are objects read, because that was asked for.
    expect(await lab.json('verify', again.backupId, '-f', file, '--objects', 'full')).toMatchObject({ ok: true });
  });

  test('finds an object of a backup that was replaced or removed', async () => {
    const sealed = await lab.json<Sealed>('backup', '-f', file, '--full');
    const stored = (await place.capture('backups')).map((fact) => fact.key);
    const key = stored.findLast((name) => name.endsWith('/documents/large')) ?? '';
    await place.put('backups', key, Buffer.alloc(large, 'other'));
    const replaced = await lab.cli('verify', sealed.backupId, '-f', file, '--json');
    expect([replaced.status, replaced.stdout]).toEqual([70, expect.stringContaining('documents/large')]);
    await place.drop('backups', key);
    const removed = await lab.cli('verify', sealed.backupId, '-f', file, '--json');
    expect([removed.status, removed.stdout]).toEqual([70, expect.stringContaining('is missing')]);
  });
});
