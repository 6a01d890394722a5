// A backup in other places: another bucket of the same service, another cloud, a folder. Restored from there, with no original left.
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import { captureFiles } from '../oracle/objects.ts';
import { runPsql } from '../oracle/psql.ts';
import {
  captureAt,
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  errorLines,
  type Lab,
  type Sealed,
  type Spec,
  secretDocument,
} from '../support/lab.ts';
import { type Place, startGs, startS3 } from '../support/places.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { waitFor } from '../support/processes.ts';
import { killStep } from '../support/running-step.ts';

let server: PostgresServer;
let s3: Place;
let gs: Place;
let lab: Lab;
let file: string;
let places: Readonly<Record<'region' | 'cloud' | 'folder', Spec>>;

interface Copied extends Sealed {
  readonly copies: readonly { readonly name: string }[];
}

const environment = (storage: Spec): Spec[] => [
  environmentDocument('prd', {
    database: databaseSpec(server, { databases: ['app'] }),
    objectStores: [{ name: 'documents', url: `file://${lab.path('library')}` }],
    storage,
  }),
  databaseSecret(server),
  ...(s3.secret ? [s3.secret] : []),
  // One Secret serves all copies, whatever their cloud: keys of other stores do not matter.
  secretDocument('copies', s3.secret ? (s3.secret['stringData'] as Readonly<Record<string, string>>) : {}),
];

const copy = (name: string, location: Spec): Spec => ({ name, ...location, credentials: { secretName: 'copies' } });

beforeAll(async () => {
  [server, s3, gs, lab] = await Promise.all([startPostgres(), startS3(), startGs(), createLab()]);
  for (const bucket of ['backups', 'region']) await s3.make(bucket);
  await gs.make('cloud');
  await lab.library('folder', {});
  await runPsql(connectTo(server), 'CREATE DATABASE app');
  await runPsql(
    connectTo(server, 'app'),
    'CREATE TABLE t AS SELECT n, md5(n::text) AS v FROM generate_series(1, 2000) n',
  );
  await lab.library('library', {
    ...Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`k/${n}`, `object ${n}`])),
    large: Buffer.alloc(9_000_000, 'large'),
  });
  places = {
    region: s3.location('region'),
    cloud: gs.location('cloud'),
    folder: { url: `file://${lab.path('folder')}` },
  };
  const copies = [copy('region', places.region), copy('cloud', places.cloud), copy('folder', places.folder)];
  file = await lab.write('env.yaml', environment({ ...s3.location('backups'), copies }));
});
afterAll(async () => {
  await Promise.all([server.stop(), s3.stop(), gs.stop()]);
  await lab.remove();
});

const at = (name: keyof typeof places): Promise<string> => lab.write(`${name}.yaml`, environment(places[name]));

describe('a backup with copies', () => {
  let first: Copied;
  let second: Copied;

  test('stands in every place, whole, and says so', async () => {
    first = await lab.json<Copied>('backup', '-f', file);
    expect(first.copies.map(({ name }) => name)).toEqual(['region', 'cloud', 'folder']);
    await lab.library('library', { 'k/1': 'changed' });
    second = await lab.json<Copied>('backup', '-f', file);
    for (const name of ['region', 'cloud', 'folder'] as const) {
      const there = await at(name);
      for (const { backupId } of [first, second])
        expect(await lab.json('verify', backupId, '-f', there, '--objects', 'full')).toMatchObject({ ok: true });
    }
    const { backups } = await lab.json<{ backups: { copies: string[] }[] }>('list', '-f', file);
    expect(backups.map(({ copies }) => copies)).toEqual([
      ['cloud', 'folder', 'region'],
      ['cloud', 'folder', 'region'],
    ]);
    expect(await lab.json('check', '-f', file)).toMatchObject({
      ok: true,
      copies: [
        { name: 'region', mover: 'copy', requests: 31 },
        { name: 'cloud', mover: 'stream', requests: 62 },
        { name: 'folder', mover: 'stream' },
      ],
    });
  });

  test('whose step dies in flight goes on with the copy alone', async () => {
    gs.front?.reset();
    const isUpload = ({ method, url }: { method: string; url: string }) => method === 'POST' && url.includes('/cloud/');
    const afterSome = 12;
    gs.front?.inject({ matches: isUpload, times: afterSome, fault: { kind: 'delay', milliseconds: 0 } });
    gs.front?.inject({ matches: isUpload, times: 1, fault: { kind: 'delay', milliseconds: Number.POSITIVE_INFINITY } });
    const running = lab.start(['backup', '-f', file, '--full', '--json']);
    const isSeen = (line: string): boolean => line.startsWith('POST ') && line.includes('/cloud/');
    await waitFor(() => gs.front?.seen.filter(isSeen)[afterSome], running.ended);
    await killStep(running, 'copy');
    const ended = await running.ended;
    expect(ended.status).toBe(0);
    const { backupId, copies } = JSON.parse(ended.stdout) as Copied;
    expect(copies).toHaveLength(3);
    expect(await lab.json('verify', backupId, '-f', await at('cloud'), '--objects', 'full')).toMatchObject({
      ok: true,
    });
  });

  test('is sealed where a copy fails, which ends the run', async () => {
    gs.front?.reset();
    const body = '{"error":{"code":403,"message":"no","errors":[{"reason":"forbidden","message":"no"}]}}';
    const matches = ({ method }: { method: string }) => method === 'POST';
    gs.front?.inject({ matches, times: 1000, fault: { kind: 'answer', status: 403, body } });
    const failed = await lab.cli('backup', '-f', file);
    gs.front?.reset();
    expect([failed.status, errorLines(failed)]).toEqual([
      78,
      [expect.stringMatching(/^STORE_DENIED: copy cloud: .*the backup itself is sealed/)],
    ]);
    const { backups } = await lab.json<{ backups: { phase: string; copies: string[] }[] }>('list', '-f', file);
    expect(backups[0]).toMatchObject({ phase: 'Succeeded', copies: ['folder', 'region'] });
  });

  /** Of an environment that names no other place. */
  const backUp = async (): Promise<Sealed> =>
    lab.json<Sealed>('backup', '-f', await lab.write('alone.yaml', environment(s3.location('backups'))));

  test('that is missing somewhere is copied there later, to the places that the environment names by then', async () => {
    const { backupId } = await backUp();
    const later = { url: `file://${await lab.library('later', {})}` };
    const copies = [...Object.entries(places), ['later', later] as const].map(([name, place]) => copy(name, place));
    const now = await lab.write('now.yaml', environment({ ...s3.location('backups'), copies }));
    const { copies: made } = await lab.json<Copied>('copy', backupId, '-f', now);
    expect(made.map(({ name }) => name)).toEqual(['region', 'cloud', 'folder', 'later']);
    const { backups } = await lab.json<{ backups: { copies: string[] }[] }>('list', '-f', now);
    expect(backups[0]?.copies).toEqual(['cloud', 'folder', 'later', 'region']);
    for (const there of [await at('cloud'), await lab.write('later.yaml', environment(later))])
      expect(await lab.json('verify', backupId, '-f', there, '--objects', 'full')).toMatchObject({ ok: true });
    expect(await lab.json('copy', 'latest', '-f', now)).toEqual({ backupId, copies: made });
    const nowhere = await lab.cli(
      'copy',
      backupId,
      '-f',
      await lab.write('none.yaml', environment(s3.location('backups'))),
    );
    expect([nowhere.status, errorLines(nowhere)]).toEqual([78, [expect.stringMatching(/^NOTHING_SELECTED: /)]]);
  });

  test('whose copy fails once more says so again', async () => {
    const { backupId } = await backUp();
    const owner = JSON.stringify({ version: '1', projectId: 'retail', environment: 'prd', owner: 'somebody' });
    const occupied = { url: `file://${await lab.library('occupied', { 'retail/prd/owner.json': owner })}` };
    const wrong = await lab.write(
      'wrong.yaml',
      environment({ ...s3.location('backups'), copies: [copy('x', occupied)] }),
    );
    const failed = await lab.cli('copy', backupId, '-f', wrong);
    expect([failed.status, errorLines(failed)]).toEqual([78, [expect.stringMatching(/^STORAGE_OWNED: copy x: /)]]);
  });

  test('leaves every place when it is deleted', async () => {
    const { backupId } = await lab.json<Sealed>('backup', '-f', file);
    await lab.json('delete', backupId, '-f', file, '--confirm', backupId);
    const stamp = backupId.slice(-15);
    for (const facts of [
      await s3.capture('backups'),
      await s3.capture('region'),
      await gs.capture('cloud'),
      await captureFiles(lab.path('folder')),
    ])
      expect(facts.filter(({ key }) => key.includes(stamp))).toEqual([]);
  });

  test.each(['region', 'cloud', 'folder'] as const)('is restored from %s with no original left', async (name) => {
    for (const { key } of await s3.capture('backups')) await s3.drop('backups', key);
    const objects = async () => ({ format: 1 as const, objects: await captureFiles(lab.path('library')) });
    const [database, library] = [await captureAt(server, 'app'), await objects()];
    await runPsql(connectTo(server, 'app'), 'DROP TABLE t');
    await rm(`${lab.path('library')}/k/3`);
    await lab.library('library', { large: 'damaged', surplus: 'surplus' });
    const there = await at(name);
    const mirror = ['--objects-mode', 'mirror', '--confirm', 'prd'];
    await lab.json('restore', '-f', there, '--backup', second.backupId, ...mirror);
    expect(differences(database, await captureAt(server, 'app'))).toEqual([]);
    expect(differences(library, await objects())).toEqual([]);
  });
});
