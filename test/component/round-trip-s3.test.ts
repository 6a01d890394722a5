// The same through object stores: hostile keys, metadata, objects in several parts, between stores and folders.
import { PutObjectCommand, DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import type { Capture } from '../oracle/facts.ts';
import { captureFiles, captureS3 } from '../oracle/objects.ts';
import { runPsql } from '../oracle/psql.ts';
import { seedEverything, seedRoles } from '../oracle/seed/everything.ts';
import { bucketKeys, contentOf, fileKeys } from '../support/hostile-keys.ts';
import {
  captureAt,
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  type Lab,
  type Sealed,
  secretDocument,
  type Spec,
  writeKey,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type S3Server, startMoto, startVersitygw } from '../support/s3-servers.ts';

let server: PostgresServer;
let gateway: S3Server;
let moto: S3Server;
let lab: Lab;

const bucket = (s3: S3Server, name: string): Spec => ({
  url: `s3://${name}`,
  endpoint: s3.endpoint,
  pathStyle: true,
  credentials: { secretName: s3.name },
});
const capture = async (s3: S3Server, name: string): Promise<Capture> => ({
  format: 1,
  objects: await captureS3({ endpoint: s3.endpoint, bucket: name, region: 'us-east-1', ...s3.secrets }),
});
const put = (s3: S3Server, name: string, key: string, more: object = {}) =>
  s3.client.send(new PutObjectCommand({ Bucket: name, Key: key, Body: contentOf(key), ...more }));
const drop = (s3: S3Server, name: string, key: string) =>
  s3.client.send(new DeleteObjectCommand({ Bucket: name, Key: key }));

/** The imitation takes no key with a line break. */
const isRoutable = (key: string): boolean => !/[\r\n\u2028]/u.test(key);

interface Manifest {
  readonly objectStores: readonly {
    readonly objectCount: number;
    readonly mover: string;
    readonly copied: { readonly count: number };
  }[];
}

beforeAll(async () => {
  [server, gateway, moto, lab] = await Promise.all([startPostgres(), startVersitygw(), startMoto(), createLab()]);
  await seedRoles(connectTo(server));
  await runPsql(connectTo(server), 'CREATE DATABASE everything TEMPLATE template0');
  await seedEverything(connectTo(server, 'everything'), { eventTriggers: true });
});

afterAll(async () => {
  await Promise.all([server.stop(), gateway.stop(), moto.stop()]);
  await lab.remove();
});

const damage = async (s3: S3Server, name: string, keys: readonly string[]): Promise<void> => {
  for (const [index, key] of keys.entries()) {
    if (index % 2 === 0) await drop(s3, name, key);
    else await put(s3, name, key, { Body: 'damaged' });
  }
  await put(s3, name, 'surplus', { Body: 'surplus' });
};

test('a database and a bucket go through a bucket of the same service, copied by the service, and come back equal', async () => {
  for (const name of ['documents', 'backups']) await gateway.bucket(name);
  const keys = [
    'plain',
    'a b+c%20',
    'ünï/漢字 😀',
    'new line',
    'deep/er/and/deeper',
    '~tilde',
    '%2e%2e',
    'a&b<c>"d',
    `'quoted'`,
  ];
  for (const key of keys)
    await put(gateway, 'documents', key, {
      ContentType: 'text/x-odd',
      Metadata: { owner: 'somebody', title: 'A title' },
    });
  await put(gateway, 'documents', 'zero', { Body: Buffer.alloc(0) });
  await put(gateway, 'documents', 'parts', { Body: Buffer.alloc(18_000_000, 'part') });
  const file = await lab.write('same.yaml', [
    environmentDocument('prd', {
      database: databaseSpec(server),
      objectStores: [{ name: 'documents', ...bucket(gateway, 'documents') }],
      storage: bucket(gateway, 'backups'),
    }),
    databaseSecret(server),
    secretDocument('versitygw', gateway.secrets),
  ]);
  const [database, objects] = [await captureAt(server, 'everything'), await capture(gateway, 'documents')];
  const sealed = await lab.json<Sealed>('backup', '-f', file);
  const manifest = await lab.json<Manifest>('show', sealed.backupId, '-f', file);
  expect(manifest.objectStores).toMatchObject([
    { objectCount: keys.length + 2, mover: 'copy', copied: { count: keys.length + 2 } },
  ]);
  await put(gateway, 'documents', 'plain', { Body: 'changed later' });
  const again = await lab.json<Sealed>('backup', '-f', file);
  expect((await lab.json<Manifest>('show', again.backupId, '-f', file)).objectStores).toMatchObject([
    { copied: { count: 1 } },
  ]);
  expect(await lab.json('verify', again.backupId, '-f', file, '--objects', 'full')).toMatchObject({ ok: true });
  await damage(gateway, 'documents', [...keys, 'parts', 'zero']);
  await runPsql(connectTo(server, 'everything'), 'DROP SCHEMA app CASCADE');
  await lab.json('restore', '-f', file, '--backup', sealed.backupId, '--objects-mode', 'mirror', '--confirm', 'prd');
  expect(differences(objects, await capture(gateway, 'documents'))).toEqual([]);
  expect(differences(database, await captureAt(server, 'everything'), { subscriptionsDisabled: true })).toEqual([]);
});

describe('hostile keys of a bucket', () => {
  const keys = bucketKeys.filter(isRoutable);

  test.for(['a folder', 'another bucket'] as const)('go through %s and come back equal', async (kind) => {
    const name = kind === 'a folder' ? 'hostile-one' : 'hostile-two';
    await moto.bucket(name);
    for (const key of keys) await put(moto, name, key, { Metadata: { note: 'kept' }, ContentType: 'text/odd' });
    await gateway.bucket(`${name}-storage`);
    const storage = kind === 'a folder' ? { url: `file://${lab.storage}` } : bucket(gateway, `${name}-storage`);
    const file = await lab.write('hostile.yaml', [
      environmentDocument(name, { objectStores: [{ name: 'documents', ...bucket(moto, name) }], storage }),
      secretDocument('moto', moto.secrets),
      secretDocument('versitygw', gateway.secrets),
    ]);
    const before = await capture(moto, name);
    const sealed = await lab.json<Sealed>('backup', '-f', file);
    const [store] = (await lab.json<Manifest>('show', sealed.backupId, '-f', file)).objectStores;
    expect(store).toMatchObject({ objectCount: keys.length, mover: 'stream' });
    const second = await lab.json<Sealed>('backup', '-f', file);
    expect((await lab.json<Manifest>('show', second.backupId, '-f', file)).objectStores).toMatchObject([
      { copied: { count: 0 } },
    ]);
    expect(await lab.json('verify', second.backupId, '-f', file, '--objects', 'full')).toMatchObject({
      ok: true,
      problems: [],
    });
    await damage(moto, name, keys);
    await lab.json('restore', '-f', file, '--backup', 'latest', '--objects-mode', 'mirror', '--confirm', name);
    expect(differences(before, await capture(moto, name))).toEqual([]);
  });
});

test('a folder is restored into a bucket, and that bucket into a folder', async () => {
  const library = await lab.library(
    'library',
    Object.fromEntries(fileKeys.filter(isRoutable).map((key) => [key, contentOf(key)])),
  );
  await writeKey(library, 'zero', '');
  const back = await lab.library('back', {});
  await moto.bucket('between');
  const storage = { url: `file://${lab.storage}` };
  const file = await lab.write('between.yaml', [
    environmentDocument('here', { objectStores: [{ name: 'documents', url: `file://${library}` }], storage }),
    environmentDocument('there', { objectStores: [{ name: 'documents', ...bucket(moto, 'between') }], storage }),
    environmentDocument('again', { objectStores: [{ name: 'documents', url: `file://${back}` }], storage }),
    secretDocument('moto', moto.secrets),
  ]);
  await lab.json('backup', '-f', file, '-e', 'here');
  await lab.json(
    'restore',
    '-f',
    file,
    '--source',
    'here',
    '--into',
    'there',
    '--backup',
    'latest',
    '--confirm',
    'there',
  );
  const objects = await captureFiles(library);
  expect(differences({ format: 1, objects }, await capture(moto, 'between'))).toEqual([]);
  await lab.json('backup', '-f', file, '-e', 'there');
  await lab.json(
    'restore',
    '-f',
    file,
    '--source',
    'there',
    '--into',
    'again',
    '--backup',
    'latest',
    '--confirm',
    'again',
  );
  expect(await captureFiles(back)).toEqual(objects);
});
