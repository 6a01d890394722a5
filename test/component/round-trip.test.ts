// Backup, incremental backup, damage, restore: everything comes back, on folders. The oracle judges, the product does not.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import { byUtf8, type Capture } from '../oracle/facts.ts';
import { captureFiles } from '../oracle/objects.ts';
import { identifier, runPsql } from '../oracle/psql.ts';
import { seedEverything, seedRoles } from '../oracle/seed/everything.ts';
import { contentOf, fileKeys } from '../support/hostile-keys.ts';
import {
  captureAt,
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  filesOf,
  type Lab,
  type Restored,
  type Sealed,
  writeKey,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

const oddDatabases = [
  'with space',
  `quo"te'd`,
  'ünï 漢字 😀',
  'x'.repeat(63),
  `${'y'.repeat(60)}漢`,
  'semi;colon, comma',
  '100%=value&a=b',
  'back\\slash',
  'postgres://u@h/x?a=b',
  'dbname=template1 user=nobody',
  '-rf $(id) `id`',
];
const rich = 'everything; "Ünï" = %, x';

let server: PostgresServer;
let lab: Lab;
let library: string;
let file: string;

interface Manifest {
  readonly database: { readonly dumps: readonly { readonly database: string; readonly key: string }[] };
  readonly objectStores: readonly {
    readonly objectCount: number;
    readonly copied: { readonly count: number };
    readonly references: readonly string[];
    readonly deletedSincePoint: { readonly count: number };
  }[];
}

const databases = [rich, ...oddDatabases];
const captureAll = async (): Promise<Map<string, Capture>> => {
  const captures = new Map<string, Capture>();
  for (const name of databases) captures.set(name, await captureAt(server, name));
  captures.set('library', { format: 1, objects: await captureFiles(library) });
  return captures;
};
const compareAll = (before: Map<string, Capture>, after: Map<string, Capture>): string[] =>
  [...before].flatMap(([name, capture]) =>
    differences(capture, after.get(name) ?? { format: 1 }, { subscriptionsDisabled: true }).map(
      (line) => `${name}: ${line}`,
    ),
  );
const listDatabases = async (): Promise<string[]> =>
  (await runPsql(connectTo(server), 'SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1'))
    .trim()
    .split('\n');

beforeAll(async () => {
  [server, lab] = await Promise.all([startPostgres(), createLab()]);
  await seedRoles(connectTo(server));
  for (const name of databases)
    await runPsql(connectTo(server), `CREATE DATABASE ${identifier(name)} TEMPLATE template0`);
  await seedEverything(connectTo(server, rich), { eventTriggers: true });
  for (const name of oddDatabases) {
    const note = `COMMENT ON DATABASE ${identifier(name)} IS 'the odd one'; ALTER DATABASE ${identifier(name)} OWNER TO seed_owner;`;
    await runPsql(
      connectTo(server, name),
      `CREATE TABLE t (id serial PRIMARY KEY, v text); INSERT INTO t (v) VALUES ('a'), ('b'); ${note}`,
    );
  }
  library = await lab.library('library', Object.fromEntries(fileKeys.map((key) => [key, contentOf(key)])));
  await writeKey(library, 'zero', '');
  await writeKey(library, 'multipart', Buffer.alloc(20_000_000, 'multi'));
  file = await lab.write('env.yaml', [
    environmentDocument('prd', {
      database: databaseSpec(server),
      objectStores: [{ name: 'documentLibrary', url: `file://${library}` }],
      storage: { url: `file://${lab.storage}` },
    }),
    databaseSecret(server),
  ]);
});

afterAll(async () => {
  await server.stop();
  await lab.remove();
});

describe('a round trip through folders', () => {
  let first: Map<string, Capture>;
  let second: Map<string, Capture>;
  let oldest: Sealed;

  test('backs up every database and every hostile key', async () => {
    first = await captureAll();
    oldest = await lab.json<Sealed>('backup', '-f', file);
    expect(oldest).toMatchObject({ phase: 'Succeeded', components: ['database', 'documentLibrary'] });
    const manifest = await lab.json<Manifest>('show', oldest.backupId, '-f', file);
    expect(manifest.database.dumps.map(({ database }) => database).sort(byUtf8)).toEqual([...databases].sort(byUtf8));
    const keys = manifest.database.dumps.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(manifest.objectStores).toMatchObject([
      { objectCount: fileKeys.length + 2, copied: { count: fileKeys.length + 2 } },
    ]);
  });

  test('copies only what changed when it runs again', async () => {
    await writeKey(library, 'plain.txt', contentOf('plain.txt', 2));
    await writeKey(library, '漢字/added 😀', 'new');
    await rm(join(library, 'sorted/a'));
    await runPsql(connectTo(server, oddDatabases[2]), `INSERT INTO t (v) VALUES ('later')`);
    second = await captureAll();
    const sealed = await lab.json<Sealed>('backup', '-f', file);
    const manifest = await lab.json<Manifest>('show', sealed.backupId, '-f', file);
    expect(manifest.objectStores).toMatchObject([
      { objectCount: fileKeys.length + 2, copied: { count: 2 }, references: [oldest.backupId.slice(-15)] },
    ]);
  });

  test('restores the newest backup after damage, equal in every fact and byte', async () => {
    for (const name of oddDatabases.slice(0, 4)) await runPsql(connectTo(server, name), 'DROP TABLE t');
    await runPsql(connectTo(server), `DROP DATABASE ${identifier(oddDatabases[5] ?? '')}`);
    await runPsql(connectTo(server, rich), 'DROP SCHEMA app CASCADE');
    for (const key of fileKeys.slice(0, 9)) await rm(join(library, key), { force: true });
    await writeKey(library, 'multipart', 'damaged');
    await writeKey(library, 'zero', 'not zero any more');
    const restored = await lab.json<Restored>('restore', '-f', file, '--backup', 'latest', '--confirm', 'prd');
    expect(restored).toMatchObject({ into: 'prd', phase: 'Succeeded', components: ['database', 'documentLibrary'] });
    expect(compareAll(second, await captureAll())).toEqual([]);
    // Each replaced database is kept, the dropped one had nothing to keep.
    expect(restored.previous).toHaveLength(databases.length - 1);
    expect((await listDatabases()).filter((name) => name.includes('_before_'))).toEqual([...restored.previous].sort());
    expect(restored.previous.every((name) => Buffer.byteLength(name) <= 63)).toBe(true);
    expect((await listDatabases()).filter((name) => name.includes('_restore_'))).toEqual([]);
  });

  test('restores the older backup by mirroring it, equal in every fact and byte', async () => {
    await lab.json('restore', '-f', file, '--backup', oldest.backupId, '--objects-mode', 'mirror', '--confirm', 'prd');
    expect(compareAll(first, await captureAll())).toEqual([]);
  });

  test('does not take kept databases into the next backup, and leaves no temporary file', async () => {
    const sealed = await lab.json<Sealed>('backup', '-f', file);
    const manifest = await lab.json<Manifest>('show', sealed.backupId, '-f', file);
    expect(manifest.database.dumps).toHaveLength(databases.length);
    for (const id of [oldest.backupId, sealed.backupId])
      expect(await lab.json('verify', id, '-f', file, '--objects', 'full')).toMatchObject({ ok: true, problems: [] });
    expect(await lab.leftBehind()).toEqual([]);
    expect((await filesOf(lab.storage)).filter(({ key }) => key.includes('.lc2-tmp-'))).toEqual([]);
  });
});
