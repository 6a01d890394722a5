// Any backup into any store: library and storage in one kind of place, restored into each kind.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import { createLab, environmentDocument, type Lab } from '../support/lab.ts';
import { type Place, startAzblob, startFolders, startGs, startS3 } from '../support/places.ts';

const names = ['file', 's3', 'gs', 'azblob'] as const;
const keys = ['plain', 'a b+c%20', 'ünï/漢字 😀', 'deep/er/and/deeper', 'A', 'a', '%2e%2e', `'quoted' (x)!*`, '\uffe5'];
const described = { contentType: 'text/x-odd', metadata: { owner: 'somebody', title: 'A title' } };

let lab: Lab;
let file: string;
const places = new Map<string, Place>();
const results = new Map<string, string>();

const placeOf = (name: string): Place => {
  const place = places.get(name);
  if (place === undefined) throw new Error(`no ${name}`);
  return place;
};

beforeAll(async () => {
  lab = await createLab();
  for (const place of [startFolders(lab), ...(await Promise.all([startS3(), startGs(), startAzblob()]))])
    places.set(place.name, place);
  const environments = [];
  for (const from of names) {
    const place = placeOf(from);
    for (const bucket of ['library', 'storage']) await place.make(bucket);
    for (const key of keys) await place.put('library', key, `bytes of ${key} in ${from}`, described);
    await place.put('library', 'large', Buffer.alloc(3_000_000, from), described);
    const storage = place.location('storage');
    environments.push(
      environmentDocument(from, { objectStores: [{ name: 'documents', ...place.location('library') }], storage }),
    );
    for (const to of names) {
      await placeOf(to).make(`from-${from}`);
      const target = { name: 'documents', ...placeOf(to).location(`from-${from}`) };
      environments.push(environmentDocument(`${from}-into-${to}`, { objectStores: [target], storage }));
    }
  }
  for (const [place, bucket] of [
    ['gs', 'dotted'],
    ['azblob', 'dotted'],
    ['azblob', 'dotted-storage'],
  ] as const)
    await placeOf(place).make(bucket);
  const storage = placeOf('azblob').location('dotted-storage');
  for (const [name, place] of [
    ['dotted', 'gs'],
    ['dotted-into-azblob', 'azblob'],
  ] as const) {
    const store = { name: 'documents', ...placeOf(place).location('dotted') };
    environments.push(environmentDocument(name, { objectStores: [store], storage }));
  }
  const secrets = [...places.values()].flatMap(({ secret }) => (secret === undefined ? [] : [secret]));
  file = await lab.write('matrix.yaml', [...environments, ...secrets]);
});

afterAll(async () => {
  const rows = names.map((from) => [from, ...names.map((to) => results.get(`${from} ${to}`) ?? 'not run')]);
  const lines = [['from \\ into', ...names], ...rows].map((row) => row.map((cell) => cell.padEnd(12)).join(''));
  process.stdout.write(`${lines.join('\n')}\n`);
  await Promise.all([...places.values()].map((place) => place.stop()));
  await lab.remove();
});

describe.each(names)('a backup of a library in %s, stored there', (from) => {
  test('is sealed', async () => {
    expect(await lab.json('backup', '-f', file, '-e', from)).toMatchObject({ phase: 'Succeeded' });
  });

  test.each(names)('is restored into %s, equal', async (to) => {
    const into = `${from}-into-${to}`;
    const args = ['restore', '-f', file, '--source', from, '--into', into, '--backup', 'latest'] as const;
    const isLost = placeOf(from).keepsMetadata && !placeOf(to).keepsMetadata;
    const preview = await lab.cli(...args, '--preview');
    expect(preview.stdout.includes('content types and metadata that objects have are lost')).toBe(isLost);
    await lab.json(...args, '--confirm', into);
    const [before, after] = [await placeOf(from).capture('library'), await placeOf(to).capture(`from-${from}`)];
    expect(after).toHaveLength(keys.length + 1);
    expect(differences({ format: 1, objects: before }, { format: 1, objects: after })).toEqual([]);
    const one = after.find(({ key }) => key === 'plain');
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
    const gs = placeOf('gs');
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
    expect(await placeOf('azblob').capture('dotted')).toEqual([]);
  });
});

test('metadata that Azure cannot name is counted by the preview', async () => {
  const [s3, azblob, folders] = [placeOf('s3'), placeOf('azblob'), placeOf('file')];
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
