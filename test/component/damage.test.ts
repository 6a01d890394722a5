// Truth: one flipped bit in any file of a backup is named by verify and refused by restore before anything live changes.
import { copyFile, cp, readFile, rename, rm, truncate, appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ManifestBody, sealManifest } from '../../core/manifest/manifest.ts';
import { sha256 } from '../../steps/runtime/bytes.ts';
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
type Part = 'app' | 'other' | 'globals' | 'inventory' | 'object' | 'inherited' | 'escaped';
let keys: Record<Part, string>;

interface Manifest {
  readonly database: {
    readonly globals: { readonly key: string };
    readonly dumps: readonly { readonly database: string; readonly key: string }[];
  };
  readonly objectStores: readonly {
    readonly inventory: readonly { readonly key: string }[];
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
  library = await lab.library('library', { 'a/1': 'one', 'a/2': 'two', 'odd\nkey': 'odd' });
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
    object: `${stamp}/objects/documents/a/2`,
    inherited: `${older}/objects/documents/a/1`,
    escaped: `${stamp}/objects/documents/${stored.find((key) => key.startsWith('~')) ?? ''}`,
  };
  await sql('app', `UPDATE t SET v = 'live'`);
  for (const key of ['a/1', 'a/2', 'new\nkey']) await writeKey(library, key, 'live');
  pristine = lab.path('pristine');
  await cp(lab.storage, pristine, { recursive: true, preserveTimestamps: true });
});

afterEach(async () => {
  await rm(lab.storage, { recursive: true });
  await cp(pristine, lab.storage, { recursive: true, preserveTimestamps: true });
  for (const key of ['a/1', 'a/2', 'new\nkey']) await writeKey(library, key, 'live');
});

afterAll(async () => {
  await server.stop();
  await lab.remove();
});

const at = (key: string): string => join(root, key);

const exchange = async (): Promise<void> => {
  await rename(at(keys.app), at('swap'));
  await rename(at(keys.other), at(keys.app));
  await rename(at('swap'), at(keys.other));
};

type Damage = (key: string) => Promise<unknown>;

const flipAt =
  (part: number): Damage =>
  async (key) => {
    const bytes = await readFile(at(key));
    const index = Math.min(bytes.length - 1, Math.floor(bytes.length * part));
    bytes[index] = (bytes[index] ?? 0) ^ 1;
    await writeFile(at(key), bytes);
  };
const [flipFirst, flip, flipLast] = [flipAt(0), flipAt(0.5), flipAt(1)];
const cut: Damage = async (key) => truncate(at(key), Math.floor((await readFile(at(key))).length / 2));
const lengthen: Damage = (key) => appendFile(at(key), 'x');
const remove: Damage = (key) => rm(at(key));

const problemsOf = async (): Promise<string[]> => {
  const verified = await lab.cli('verify', backupId, '-f', file, '--json');
  expect([verified.status, verified.stderr]).toEqual([70, expect.not.stringContaining('    at ')]);
  const { ok, problems } = JSON.parse(verified.stdout) as { ok: boolean; problems: { key: string }[] };
  expect(ok).toBe(false);
  return problems.map(({ key }) => key).sort();
};

/** Refused, and the databases are as they were; so are the objects, unless it is one of them that is damaged. */
const expectRefused = async (damaged?: string): Promise<void> => {
  const before = await live();
  const restored = await lab.cli('restore', '-f', file, '--backup', backupId, '--confirm', 'prd');
  const line = /^(BACKUP_DAMAGED|MANIFEST_INVALID|MANIFEST_VERSION|OBJECT_NOT_FOUND): /u;
  expect([restored.status, errorLines(restored)]).toEqual([70, [expect.stringMatching(line)]]);
  const after = await live();
  expect({ ...after, objects: [] }).toEqual({ ...before, objects: [] });
  const untouched = (facts: typeof before) =>
    damaged === undefined ? facts.objects : facts.objects.filter(({ key }) => key === damaged);
  expect(untouched(after)).toEqual(untouched(before));
  expect(untouched(after)).not.toEqual([]);
};

describe('verify', () => {
  const tables: readonly (readonly [string, Readonly<Partial<Record<Part, Damage>>>])[] = [
    [
      'one flipped bit in each',
      { app: flip, other: flip, globals: flip, object: flip, inherited: flip, escaped: flip },
    ],
    [
      'the first or last byte',
      { app: flipFirst, other: flipLast, globals: flipLast, object: flipFirst, inherited: flipLast },
    ],
    [
      'what is too short, too long, empty or missing',
      { app: cut, other: lengthen, globals: remove, object: cut, inherited: remove, escaped: lengthen },
    ],
    [
      'what is missing',
      { app: remove, other: (key) => truncate(at(key), 0), object: remove, escaped: remove, inherited: cut },
    ],
    ['a flipped bit of the inventory', { inventory: flip }],
    ['an inventory that is cut off', { inventory: cut }],
    ['an inventory that is missing', { inventory: remove }],
  ];
  test.for(tables)('names every file and no other, by its key: %s', async ([, damages]) => {
    const parts = Object.keys(damages) as Part[];
    for (const part of parts) await damages[part]?.(keys[part]);
    expect(await problemsOf()).toEqual(parts.map((part) => keys[part]).sort());
  });

  test('names both of two dumps that changed places', async () => {
    await exchange();
    expect(await problemsOf()).toEqual([keys.app, keys.other].sort());
  });

  test('names files that belong to nothing', async () => {
    const extra = [
      'database/extra.dump.zst',
      'inventory/documents/part-9.ndjson.zst',
      'objects/documents/a/0',
      'objects/documents/zz',
    ];
    for (const name of extra) await copyFile(at(keys.object), at(`${stamp}/${name}`));
    expect(await problemsOf()).toEqual(extra.map((name) => `${stamp}/${name}`));
  });

  test.for([
    ['first', flipFirst],
    ['middle', flip],
    ['last', flipLast],
    ['cut off', cut],
  ] as const)('names the manifest whose bytes are not those that were sealed: %s', async ([, damage]) => {
    await damage(`${stamp}/manifest.json`);
    expect(await problemsOf()).toEqual([`${stamp}/manifest.json`]);
    const listed = await lab.json<{ backups: { backupId: string; phase: string }[] }>('list', '-f', file);
    expect(listed.backups.find((each) => each.backupId === backupId)).toMatchObject({ phase: 'Damaged' });
  });
});

describe('restore refuses', () => {
  const table: readonly (readonly [string, Part, Damage, string?])[] = [
    ['a dump with a flipped bit', 'other', flip],
    ['a dump that is missing', 'app', remove],
    ['an inventory with a flipped bit', 'inventory', flip],
    ['an inventory that is missing', 'inventory', remove],
    ['an object with a flipped bit', 'object', flip, 'a/2'],
    ['an object of an older backup that is cut off', 'inherited', cut, 'a/1'],
    ['an object that is missing', 'escaped', remove, 'new\nkey'],
  ];
  test.for(table)('%s, and leaves what is live', async ([, part, damage, key]) => {
    await damage(keys[part]);
    await expectRefused(key);
  });

  test('dumps that changed places, and leaves what is live', async () => {
    await exchange();
    await expectRefused();
  });

  test('a manifest with a flipped bit, and leaves what is live', async () => {
    await flip(`${stamp}/manifest.json`);
    await expectRefused();
  });

  test('a manifest of an unknown version with 78, and one that was sealed for another environment', async () => {
    const text = await readFile(at(`${stamp}/manifest.json`), 'utf8');
    await writeFile(at(`${stamp}/manifest.json`), text.replace(/"version": ?"2\.0"/u, '"version":"3.0"'));
    const future = await lab.cli('restore', '-f', file, '--backup', backupId, '--confirm', 'prd');
    expect([future.status, errorLines(future)]).toEqual([78, [expect.stringMatching(/^MANIFEST_VERSION: .*3\.0/u)]]);
    await cp(root, join(lab.storage, 'retail/uat'), { recursive: true });
    await writeFile(join(lab.storage, 'retail/uat', stamp, 'manifest.json'), text);
    const foreign = await lab.write('foreign.yaml', [
      environmentDocument('uat', { database: databaseSpec(server), storage: { url: `file://${lab.storage}` } }),
      databaseSecret(server),
    ]);
    const before = await live();
    const ended = await lab.cli('restore', '-f', foreign, '--backup', 'latest', '--confirm', 'uat');
    expect([ended.status, errorLines(ended)]).toEqual([78, [expect.stringMatching(/^BACKUP_OF_OTHER_ENVIRONMENT: /u)]]);
    const verified = await lab.cli('verify', 'latest', '-f', foreign);
    expect([verified.status, errorLines(verified)]).toEqual([
      78,
      [expect.stringMatching(/^BACKUP_OF_OTHER_ENVIRONMENT: /u)],
    ]);
    expect(await live()).toEqual(before);
  });

  test('a manifest that points outside of its storage, however well it is sealed', async () => {
    const manifest = await readJson<ManifestBody & { digest?: string }>(at(`${stamp}/manifest.json`));
    delete manifest.digest;
    const dumps = manifest.database?.dumps.map((entry) => ({ ...entry, key: '../../../secret' })) ?? [];
    const database = manifest.database && { ...manifest.database, dumps };
    const { text } = sealManifest({ ...manifest, ...(database && { database }) }, sha256);
    await writeFile(at(`${stamp}/manifest.json`), text);
    await writeFile(lab.path('secret'), 'not for you');
    await expectRefused();
    expect((await problemsOf()).length).toBeGreaterThan(0);
  });
});

test('an intact backup passes verify by every level', async () => {
  for (const level of ['auto', 'listed', 'sampled', 'full'])
    expect(await lab.json('verify', backupId, '-f', file, '--objects', level)).toMatchObject({
      ok: true,
      problems: [],
    });
});
