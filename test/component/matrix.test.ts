// Any backup into any home: database and library of each, restored into each, equal; one table in the log.
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import type { Capture } from '../oracle/facts.ts';
import { runPsql } from '../oracle/psql.ts';
import { seedLiferay } from '../oracle/seed/liferay.ts';
import { settleSequences } from '../support/azure.ts';
import { type Home, type HomeName, homeNames, type Homes, startHomes } from '../support/homes.ts';
import { captureAt, connectTo, environmentDocument, filesOf, type Lab } from '../support/lab.ts';
import type { Place } from '../support/places.ts';

const keys = ['plain', 'a b+c%20', 'ünï/漢字 😀', 'deep/er/and/deeper', 'A', 'a', '%2e%2e', `'quoted' (x)!*`, '\uffe5'];
const described = { contentType: 'text/x-odd', metadata: { owner: 'somebody', title: 'A title' } };

let homes: Homes;
let lab: Lab;
let file: string;
const captured = new Map<HomeName, Capture>();
const results = new Map<string, string>();

const placeOf = (name: HomeName): Place => homes.of(name).place;
/** Of what is restored from one home into another; a home's own is restored into itself. */
const bucketFor = (from: HomeName, to: HomeName): string => (from === to ? 'library' : `from-${from}`);
const databaseFor = (from: HomeName, to: HomeName): string => (from === to ? 'lportal' : `from_${from}`);
const captureIn = async (name: HomeName, bucket: string, database: string): Promise<Capture> => ({
  ...(await captureAt(homes.of(name).server, database)),
  objects: await placeOf(name).capture(bucket),
});

/** An application with its documents. */
const fill = async (home: Home, seed: number): Promise<void> => {
  const { name, place, server } = home;
  await runPsql(connectTo(server), 'CREATE DATABASE lportal TEMPLATE template0');
  const root = lab.path(`documents-${name}`);
  await seedLiferay({ connection: connectTo(server, 'lportal'), root, seed, files: 40 });
  await settleSequences(server, 'lportal');
  for (const { key } of await filesOf(root))
    await place.put('library', key, await readFile(`${root}/${key}`), described);
  for (const key of keys) await place.put('library', key, `bytes of ${key} in ${name}`, described);
  await place.put('library', 'large', Buffer.alloc(3_000_000, name), described);
};

beforeAll(async () => {
  homes = await startHomes(homeNames);
  ({ lab } = homes);
  const environments = [];
  for (const [index, from] of homeNames.entries()) {
    const home = homes.of(from);
    for (const bucket of ['library', 'storage']) await home.place.make(bucket);
    await fill(home, index + 1);
    captured.set(from, await captureIn(from, 'library', 'lportal'));
    const storage = home.place.location('storage');
    const own = home.application({ library: 'library', database: 'lportal', isStoredHere: true });
    environments.push(environmentDocument(from, { ...own, storage }));
    for (const to of homeNames.filter((name) => name !== from)) {
      const [library, database] = [bucketFor(from, to), databaseFor(from, to)];
      await placeOf(to).make(library);
      const target = homes.of(to).application({ library, database, isStoredHere: false });
      environments.push(environmentDocument(`${from}-into-${to}`, { ...target, storage }));
    }
  }
  for (const [place, bucket] of [
    ['gcp', 'dotted'],
    ['azure', 'dotted'],
    ['azure', 'dotted-storage'],
  ] as const)
    await placeOf(place).make(bucket);
  const storage = placeOf('azure').location('dotted-storage');
  for (const [name, place] of [
    ['dotted', 'gcp'],
    ['dotted-into-azblob', 'azure'],
  ] as const) {
    const store = { name: 'documents', ...placeOf(place).location('dotted') };
    environments.push(environmentDocument(name, { objectStores: [store], storage }));
  }
  file = await lab.write('matrix.yaml', [...environments, ...homeNames.flatMap((name) => homes.of(name).secrets)]);
});

/** What our clients ask is what the vendors describe. */
afterEach(() => {
  const [violation] = homes.violations();
  if (violation !== undefined) throw new Error(violation);
});

afterAll(async () => {
  const rows = homeNames.map((from) => [from, ...homeNames.map((to) => results.get(`${from} ${to}`) ?? 'not run')]);
  const lines = [['from \\ into', ...homeNames], ...rows].map((row) => row.map((cell) => cell.padEnd(14)).join(''));
  process.stdout.write(`${lines.join('\n')}\n`);
  await homes.stop();
});

/** The live side is another one. */
const damage = async (name: HomeName): Promise<void> => {
  const { place, server } = homes.of(name);
  for (const [index, key] of keys.entries()) {
    if (index % 2 === 0) await place.drop('library', key);
    else await place.put('library', key, 'damaged');
  }
  await runPsql(connectTo(server, 'lportal'), 'DROP TABLE public.dlfileversion CASCADE; DELETE FROM public.user_');
};

/** Into another environment neither owners nor grants go along; roles and their settings are those of its server. */
const differencesElsewhere = (before: Capture, after: Capture, name: string): string[] =>
  differences(before, after, {
    renameDatabase: name,
    ignoreOwners: true,
    ignoreAcl: true,
    ignoreKinds: ['role', 'role membership', 'role setting'],
  }).filter((line) => !/^database setting \w+ of role /.test(line));

describe.each(homeNames)('a backup of %s, stored there', (from) => {
  test('is sealed', async () => {
    expect(await lab.json('backup', '-f', file, '-e', from)).toMatchObject({ phase: 'Succeeded' });
  });

  test.each(homeNames)('is restored into %s, equal', async (to) => {
    const [into, database] = [from === to ? from : `${from}-into-${to}`, databaseFor(from, to)];
    const which = ['--source', from, '--into', into, '--backup', 'latest', '--database', `lportal=${database}`];
    const isLost = placeOf(from).keepsMetadata && !placeOf(to).keepsMetadata;
    const preview = await lab.cli('restore', '-f', file, ...which, '--preview');
    expect(preview.stdout.includes('content types and metadata that objects have are lost')).toBe(isLost);
    if (from === to) await damage(from);
    await lab.json('restore', '-f', file, ...which, '--confirm', into);
    const before = captured.get(from) ?? { format: 1 };
    const after = await captureIn(to, bucketFor(from, to), database);
    expect(after.objects?.length).toBeGreaterThan(40 + keys.length);
    expect(from === to ? differences(before, after) : differencesElsewhere(before, after, database)).toEqual([]);
    const one = after.objects?.find(({ key }) => key === 'plain');
    const isKept = placeOf(from).keepsMetadata && placeOf(to).keepsMetadata;
    expect([one?.contentType === described.contentType, one?.metadata?.['owner']]).toEqual(
      isKept ? [true, described.metadata.owner] : [false, undefined],
    );
    results.set(`${from} ${to}`, isKept ? 'equal' : 'equal bytes');
  });
});

describe('keys that Azure cannot hold', () => {
  const odd = ['a./b', 'back\\slash', 'end.', 'plain', 'tab\there'];
  const restore = ['restore', '-f', '', '--source', 'dotted', '--backup', 'latest'];

  test('are stored there under other names, and come back equal', async () => {
    const gs = placeOf('gcp');
    for (const key of odd) await gs.put('dotted', key, `bytes of ${key}`, described);
    const objects = await gs.capture('dotted');
    const sealed = await lab.json<{ readonly backupId: string }>('backup', '-f', file, '-e', 'dotted');
    const args = ['verify', sealed.backupId, '-f', file, '-e', 'dotted', '--objects', 'full'];
    expect(await lab.json(...args)).toMatchObject({ ok: true });
    for (const key of odd) await gs.drop('dotted', key);
    await lab.json(...restore.with(2, file), '--into', 'dotted', '--confirm', 'dotted');
    expect(differences({ format: 1, objects }, { format: 1, objects: await gs.capture('dotted') })).toEqual([]);
  });

  test('are named by the preview of a restore into it, and nothing is written', async () => {
    const into = ['--into', 'dotted-into-azblob'];
    for (const last of [['--preview'], ['--confirm', 'dotted-into-azblob']]) {
      const result = await lab.cli(...restore.with(2, file), ...into, ...last);
      expect([result.status, result.stderr]).toEqual([78, expect.stringMatching(/KEY_UNSUPPORTED: .*a\.\/b/)]);
    }
    expect(await placeOf('azure').capture('dotted')).toEqual([]);
  });
});

test('metadata that Azure cannot name is counted by the preview', async () => {
  const [s3, azblob, folders] = [placeOf('aws'), placeOf('azure'), placeOf('server')];
  for (const place of [s3, azblob, folders]) await place.make('named');
  await s3.put('named', 'one', 'one', { metadata: { 'odd-name': 'x', plain: 'y' } });
  await s3.put('named', 'two', 'two', { metadata: { plain: 'y' } });
  const environments = [s3, azblob].map((place) => {
    const store = { name: 'documents', ...place.location('named') };
    return environmentDocument(`named-${place.name}`, { objectStores: [store], storage: folders.location('named') });
  });
  const secrets = [s3, azblob].flatMap(({ secret }) => (secret === undefined ? [] : [secret]));
  const named = await lab.write('named.yaml', [...environments, ...secrets]);
  await lab.json('backup', '-f', named, '-e', 'named-s3');
  const args = ['restore', '-f', named, '--source', 'named-s3', '--into', 'named-azblob', '--backup', 'latest'];
  const preview = await lab.cli(...args, '--preview');
  expect(preview.stdout).toContain('metadata of 1 objects is lost whose names the target cannot hold');
  await lab.json(...args, '--confirm', 'named-azblob');
  expect((await azblob.capture('named')).map(({ metadata }) => metadata)).toEqual([{ plain: 'y' }, { plain: 'y' }]);
});
