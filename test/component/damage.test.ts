// Truth: one flipped bit in any file of a backup is named by verify and refused by restore before anything live changes.
import { copyFile, cp, readFile, rename, rm, truncate, appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { captureFiles } from '../oracle/objects.ts';
import { runPsql } from '../oracle/psql.ts';
import {
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  errorLines,
  type Lab,
  readJson,
  type Sealed,
  stampOf,
  writeKey,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

let server: PostgresServer;
let lab: Lab;
let file: string;
let library: string;
/** Of the sealed files, to put them back after each damage. */
let pristine: string;
let root: string;
let backupId: string;
let stamp: string;
let older: string;
let keys: Record<'app' | 'other' | 'globals' | 'inventory' | 'deleted' | 'object' | 'inherited' | 'escaped', string>;

interface Manifest {
  readonly database: {
    readonly globals: { readonly key: string };
    readonly dumps: readonly { readonly database: string; readonly key: string }[];
  };
  readonly objectStores: readonly {
    readonly inventory: readonly { readonly key: string }[];
    readonly deletedSincePoint: { readonly parts: readonly { readonly key: string }[] };
  }[];
}

const sql = async (database: string, text: string): Promise<string> =>
  (await runPsql(connectTo(server, database), text)).trim();

const live = async () => ({
  rows: await sql('app', 'SELECT v FROM t'),
  databases: await sql('postgres', 'SELECT string_agg(datname, $$,$$ ORDER BY datname) FROM pg_database'),
  objects: await captureFiles(library),
});

beforeAll(async () => {
  [server, lab] = await Promise.all([startPostgres(), createLab()]);
  await sql('postgres', 'CREATE DATABASE app; CREATE DATABASE other;');
  await sql('app', `CREATE TABLE t (v text); INSERT INTO t VALUES ('sealed')`);
  await sql('other', `CREATE TABLE t (v text); INSERT INTO t VALUES ('sealed')`);
  library = await lab.library('library', { 'a/1': 'one', 'a/2': 'two', 'odd\nkey': 'odd', 'z/gone': 'gone' });
  file = await lab.write('env.yaml', [
    environmentDocument('prd', {
      database: databaseSpec(server),
      objectStores: [{ name: 'documents', url: `file://${library}` }],
      storage: { url: `file://${lab.storage}` },
    }),
    databaseSecret(server),
  ]);
  older = stampOf(await lab.json<Sealed>('backup', '-f', file));
  await writeKey(library, 'a/2', 'two, changed');
  await writeKey(library, 'new\nkey', 'odd and new');
  backupId = (await lab.json<Sealed>('backup', '-f', file)).backupId;
  stamp = stampOf({ backupId });
  root = join(lab.storage, 'retail/prd');
  const manifest = await readJson<Manifest>(join(root, stamp, 'manifest.json'));
  const dumpKey = (name: string) => manifest.database.dumps.find(({ database }) => database === name)?.key ?? '';
  const stored = (await captureFiles(join(root, stamp, 'objects/documents'))).map(({ key }) => key);
  keys = {
    app: dumpKey('app'),
    other: dumpKey('other'),
    globals: manifest.database.globals.key,
    inventory: manifest.objectStores[0]?.inventory[0]?.key ?? '',
    deleted: manifest.objectStores[0]?.deletedSincePoint.parts[0]?.key ?? '',
    object: `${stamp}/objects/documents/a/2`,
    inherited: `${older}/objects/documents/a/1`,
    escaped: `${stamp}/objects/documents/${stored.find((key) => key.startsWith('~')) ?? ''}`,
  };
  await sql('app', `UPDATE t SET v = 'live'`);
  await writeKey(library, 'a/1', 'live');
  pristine = lab.path('pristine');
  await cp(lab.storage, pristine, { recursive: true, preserveTimestamps: true });
});

afterEach(async () => {
  await rm(lab.storage, { recursive: true });
  await cp(pristine, lab.storage, { recursive: true, preserveTimestamps: true });
});

afterAll(async () => {
  await server.stop();
  await lab.remove();
});

const at = (key: string): string => join(root, key);

const flip = async (key: string, position: 'first' | 'middle' | 'last'): Promise<void> => {
  const bytes = await readFile(at(key));
  const index = position === 'first' ? 0 : position === 'last' ? bytes.length - 1 : Math.floor(bytes.length / 2);
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  await writeFile(at(key), bytes);
};

/** What both commands must say about a damaged backup. */
const expectFound = async (key: string): Promise<void> => {
  const verified = await lab.cli('verify', backupId, '-f', file, '--json');
  expect([verified.status, verified.stderr]).toEqual([70, expect.not.stringContaining('    at ')]);
  const { ok, problems } = JSON.parse(verified.stdout) as { ok: boolean; problems: { key: string; code: string }[] };
  expect(ok).toBe(false);
  expect(problems.map((problem) => problem.key)).toContain(key);
  const before = await live();
  const restored = await lab.cli('restore', '-f', file, '--backup', backupId, '--confirm', 'prd');
  expect([restored.status, errorLines(restored)]).toEqual([70, [expect.stringMatching(/^(BACKUP_DAMAGED|MANIFEST_INVALID): /u)]]);
  expect(await live()).toEqual(before);
};

describe('one flipped bit', () => {
  const parts = ['app', 'other', 'inventory', 'object', 'inherited', 'escaped'] as const;
  for (const part of parts) {
    test(`in the middle of ${part} is named by verify and refused by restore`, async () => {
      await flip(keys[part], 'middle');
      await expectFound(keys[part]);
    });
  }

  for (const position of ['first', 'last'] as const) {
    test(`in the ${position} byte of a dump is named by verify and refused by restore`, async () => {
      await flip(keys.app, position);
      await expectFound(keys.app);
    });
  }

  for (const position of ['first', 'middle', 'last'] as const) {
    test(`in the ${position} byte of the manifest is refused by every command`, async () => {
      await flip(`${stamp}/manifest.json`, position);
      await expectFound(`${stamp}/manifest.json`);
      const listed = await lab.json<{ backups: { backupId: string; phase: string }[] }>('list', '-f', file);
      expect(listed.backups.find((each) => each.backupId === backupId)).toMatchObject({ phase: 'Damaged' });
    });
  }

  test('in the globals, which no restore reads, is named by verify', async () => {
    await flip(keys.globals, 'middle');
    const verified = await lab.cli('verify', backupId, '-f', file, '--json');
    expect([verified.status, verified.stdout]).toEqual([70, expect.stringContaining(JSON.stringify(keys.globals))]);
  });
});

describe('a file that is', () => {
  const damages: readonly { readonly what: string; readonly part: keyof typeof keys; readonly damage: (key: string) => Promise<unknown> }[] = [
    { what: 'a truncated dump', part: 'app', damage: async (key) => truncate(at(key), Math.floor((await readFile(at(key))).length / 2)) },
    { what: 'an empty dump', part: 'app', damage: (key) => truncate(at(key), 0) },
    { what: 'a dump with a byte more', part: 'app', damage: (key) => appendFile(at(key), 'x') },
    { what: 'a missing dump', part: 'app', damage: (key) => rm(at(key)) },
    { what: 'a truncated inventory', part: 'inventory', damage: (key) => truncate(at(key), 20) },
    { what: 'a missing inventory', part: 'inventory', damage: (key) => rm(at(key)) },
    { what: 'a truncated object', part: 'object', damage: (key) => truncate(at(key), 3) },
    { what: 'a missing object', part: 'object', damage: (key) => rm(at(key)) },
    { what: 'a missing object of an older backup', part: 'inherited', damage: (key) => rm(at(key)) },
    { what: 'an object with a byte more', part: 'escaped', damage: (key) => appendFile(at(key), 'x') },
  ];
  for (const { what, part, damage } of damages) {
    test(`${what} is named by verify and refused by restore`, async () => {
      await damage(keys[part]);
      await expectFound(keys[part]);
    });
  }

  test('two dumps that changed places are both named', async () => {
    await rename(at(keys.app), at('swap'));
    await rename(at(keys.other), at(keys.app));
    await rename(at('swap'), at(keys.other));
    await expectFound(keys.app);
    await expectFound(keys.other);
  });

  test('a truncated manifest is refused', async () => {
    await truncate(at(`${stamp}/manifest.json`), 100);
    await expectFound(`${stamp}/manifest.json`);
  });

  for (const extra of ['database/extra.dump.zst', 'inventory/documents/part-9.ndjson.zst', 'objects/documents/a/0', 'objects/documents/zz']) {
    test(`extra (${extra}) is named by verify`, async () => {
      await copyFile(at(keys.object), at(`${stamp}/${extra}`));
      const verified = await lab.cli('verify', backupId, '-f', file, '--json');
      expect([verified.status, verified.stdout]).toEqual([70, expect.stringContaining(JSON.stringify(`${stamp}/${extra}`))]);
    });
  }
});

test('an intact backup passes verify by every level', async () => {
  for (const level of ['auto', 'listed', 'sampled', 'full'])
    expect(await lab.json('verify', backupId, '-f', file, '--objects', level)).toMatchObject({ ok: true, problems: [] });
});
