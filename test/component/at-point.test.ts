// `versions: atPoint`: out of a bucket that keeps versions comes what was there at the point of the databases, although it was
// deleted or written over before anybody copied it.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storePermissions } from '../../core/permissions/stores.ts';
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
  type Spec,
} from '../support/lab.ts';
import { type Place, startGs, startS3 } from '../support/places.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { waitFor } from '../support/processes.ts';
import { watchPermissions } from '../support/store-permissions.ts';

/** Times of objects are of whole seconds, and clocks are read with a slack of two. */
const apart = 5000;

describe.each([
  ['s3', startS3],
  ['gs', startGs],
] as const)('a bucket with versions in %s', (kind, start) => {
  let server: PostgresServer;
  let place: Place;
  let lab: Lab;
  let file: string;

  const sql = (database: string, text: string) => runPsql(connectTo(server, database), text);
  const environment = (name: string, bucket: string, more: Spec = {}): Spec =>
    environmentDocument(name, {
      database: databaseSpec(server),
      objectStores: [{ name: 'documents', ...place.location(bucket), ...more }],
      storage: { url: `file://${lab.storage}` },
    });

  beforeAll(async () => {
    [server, place, lab] = await Promise.all([startPostgres(), start(), createLab()]);
    for (const bucket of ['library', 'busy']) await place.make(bucket, { versions: true });
    for (const bucket of ['plain', 'restored', 'caught']) await place.make(bucket);
    await sql('postgres', 'CREATE DATABASE app');
    await sql('app', 'CREATE TABLE documents (key text PRIMARY KEY, size integer NOT NULL)');
    file = await lab.write('env.yaml', [
      environment('prd', 'library', { versions: 'atPoint' }),
      environment('busy', 'busy', { versions: 'atPoint' }),
      environment('plain', 'plain', { versions: 'atPoint' }),
      environmentDocument('unpaired', {
        objectStores: [{ name: 'documents', versions: 'atPoint', ...place.location('plain') }],
        storage: { url: `file://${lab.storage}` },
      }),
      environment('uat', 'restored'),
      environment('caught', 'caught'),
      databaseSecret(server),
      ...(place.secret === undefined ? [] : [place.secret]),
    ]);
  });
  afterAll(async () => {
    await Promise.all([server.stop(), place.stop()]);
    await lab.remove();
  });

  const restore = (backupId: string, source: string, into: string) => {
    const args = ['--source', source, '--into', into, '--backup', backupId, '--objects-mode', 'mirror'];
    return lab.json('restore', '-f', file, ...args, '--database', 'app=copy', '--confirm', into);
  };

  /** Whether a run is there whose databases are dumped and that is not sealed. */
  const isDumped = (): boolean => {
    const folder = join(lab.storage, 'retail', 'prd');
    return (existsSync(folder) ? readdirSync(folder) : []).some(
      (run) => existsSync(join(folder, run, 'steps/dump.json')) && !existsSync(join(folder, run, 'manifest.json')),
    );
  };
  /** A backup whose store is listed only when `change` is done, well after the point. */
  const backUpAround = async (change: () => Promise<void>, ...flags: readonly string[]) => {
    const listing = Promise.withResolvers<void>();
    place.front?.inject({
      matches: ({ method, url }) => method === 'GET' && /list-type=2|\/o\?/.test(url),
      times: 1,
      fault: { kind: 'hold', until: listing.promise },
    });
    const running = lab.start(['backup', '-f', file, '-e', 'prd', ...flags, '--json']);
    if (await waitFor(() => isDumped() || undefined, running.ended)) await sleep(apart);
    await change();
    listing.resolve();
    return running.ended;
  };

  test('is backed up as it was at the point, although all of it changes before the first listing', async () => {
    for (const key of ['changed', 'deleted', 'gone', 'kept', 'large']) await place.put('library', key, `${key} before`);
    await place.put('library', 'large', Buffer.alloc(9_000_000, 'large before'));
    await place.drop('library', 'gone');
    const then = await place.capture('library');
    await sleep(apart);
    const ended = await backUpAround(async () => {
      for (const key of ['changed', 'created', 'large']) await place.put('library', key, `${key} after`);
      await place.drop('library', 'deleted');
    });
    expect(ended.stderr).toContain('Seal');
    expect(ended.status).toBe(0);
    const { backupId } = JSON.parse(ended.stdout) as Sealed;
    await restore(backupId, 'prd', 'uat');
    const restored = await place.capture('restored');
    // What was copied although it came later does no harm: no row of the point knows it.
    expect(restored.filter(({ key }) => key !== 'created')).toEqual(then);
    expect(restored.map(({ key }) => key)).toEqual(['changed', 'created', 'deleted', 'kept', 'large']);
    expect(await lab.json('verify', backupId, '-f', file, '-e', 'prd', '--objects', 'full')).toMatchObject({
      problems: [],
    });
  });

  test('and a writer who deletes while it is backed up leaves no row without its document', async () => {
    let working = true;
    let written = 0;
    const write = async (): Promise<void> => {
      for (; working; written++) {
        const key = `d-${written}`;
        await place.put('busy', key, 'x'.repeat(100 + written));
        await sql('app', `INSERT INTO documents VALUES ('${key}', ${100 + written})`);
        if (written < 10) continue;
        await sql('app', `DELETE FROM documents WHERE key = 'd-${written - 10}'`);
        await place.drop('busy', `d-${written - 10}`);
      }
    };
    const done = write();
    await expect.poll(() => written).toBeGreaterThan(12);
    const before = written;
    const { backupId } = await lab.json<Sealed>('backup', '-f', file, '-e', 'busy');
    working = false;
    await done;
    expect(written).toBeGreaterThan(before + 1);
    await restore(backupId, 'busy', 'caught');
    const sizes = new Map((await place.capture('caught')).map(({ key, size }) => [key, size]));
    const rows = (await sql('copy', `SELECT key || ' ' || size FROM documents`)).trim().split('\n');
    expect(rows.length).toBeGreaterThanOrEqual(10);
    const lonely = rows.map((row) => row.split(' ')).filter(([key = '', size]) => sizes.get(key) !== Number(size));
    expect(lonely).toEqual([]);
  });

  test('must keep them: check and a backup say so before anything is copied', async () => {
    await place.put('plain', 'a', 'a');
    const check = await lab.cli('check', '-f', file, '-e', 'plain');
    expect([check.status, check.stdout]).toEqual([78, expect.stringContaining('VERSIONS_UNAVAILABLE: documents: ')]);
    const backup = await lab.cli('backup', '-f', file, '-e', 'plain');
    expect([backup.status, errorLines(backup)]).toEqual([78, [expect.stringMatching(/^VERSIONS_UNAVAILABLE: /)]]);
    expect(backup.stderr).toContain('✗ Transfer objects');
    // Without a database there is no point.
    expect(await lab.json('backup', '-f', file, '-e', 'unpaired')).toMatchObject({ phase: 'Succeeded' });
  });

  test('is read with the rights of the page, each of which is needed', async () => {
    const { library, versions = [] } = storePermissions[kind];
    const wanted = [...library.backup, ...versions];
    const backUp = async (allowed: readonly string[]) => {
      if (place.front === undefined) throw new Error('it has a front');
      const watched = watchPermissions(place.front, kind, ({ permission }) => allowed.includes(permission));
      await place.put('library', 'doomed', 'still there');
      // Gone when somebody copies it: it comes out of the past.
      const { status } = await backUpAround(() => place.drop('library', 'doomed'), '--full');
      place.front.reset();
      return { status, used: watched.used.get('library'), refused: watched.refused };
    };
    const done = await backUp(wanted);
    expect([done.status, done.refused]).toEqual([0, []]);
    for (const permission of versions) {
      expect(done.used).toContain(permission);
      expect(await backUp(wanted.filter((one) => one !== permission))).toMatchObject({ status: 78 });
    }
  });
});
