// The least rights of docs/reference/permissions.md suffice for what they are for, and none of them is idle.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storePermissions, type Work } from '../../core/permissions/stores.ts';
import { s3Error } from '../fakes/s3-front.ts';
import { createLab, environmentDocument, type Lab, type Sealed } from '../support/lab.ts';
import { type Place, startAzblob, startFolders, startGs, startS3 } from '../support/places.ts';
import { watchPermissions } from '../support/store-permissions.ts';

const kinds = ['s3', 'gs', 'azblob'] as const;
type Kind = (typeof kinds)[number];
type Side = 'library' | 'storage';
const environments = ['copy', 'stream', 'folder'] as const;

let lab: Lab;
const places = new Map<Kind, Place>();
const placeOf = (kind: Kind): Place => {
  const place = places.get(kind);
  if (place === undefined) throw new Error(`no ${kind}`);
  return place;
};

beforeAll(async () => {
  lab = await createLab();
  const [s3, gs, azblob] = await Promise.all([startS3(), startGs(), startAzblob()]);
  for (const [kind, place] of [
    ['s3', s3],
    ['gs', gs],
    ['azblob', azblob],
  ] as const)
    places.set(kind, place);
});

afterAll(async () => {
  await Promise.all([...places.values()].map((place) => place.stop()));
  await lab.remove();
});

/** Refuses what is not allowed, and writes down what is used. */
const watch = (kind: Kind, allowed: Readonly<Record<Side, readonly string[]>>) => {
  const { front } = placeOf(kind);
  if (front === undefined) throw new Error(`${kind} has no front`);
  const watched = watchPermissions(front, kind, ({ bucket, permission }) =>
    allowed[bucket.endsWith('library') ? 'library' : 'storage'].includes(permission),
  );
  // An upload in parts that fails is ended, and the step begins anew.
  front.inject({
    times: 1,
    fault: { kind: 'answer', status: 400, body: s3Error('BadDigest') },
    matches: ({ method, url }) => method === 'PUT' && url.includes('partNumber='),
  });
  return watched;
};

describe.each(kinds)('%s', (kind) => {
  const names = { library: `${kind}-library`, storage: `${kind}-storage` };
  let file: string;
  const sealed = new Map<string, string>();

  const allowed = (work: Work): Record<Side, readonly string[]> => ({
    library: work === 'backup' || work === 'restore' ? storePermissions[kind].library[work] : [],
    storage: storePermissions[kind].storage[work],
  });

  /** By both movers, since each asks in its own way, and with a storage that keeps other checksums. */
  const doing = async (work: Work, action: (name: string) => Promise<void>): Promise<void> => {
    const watched = watch(kind, allowed(work));
    for (const name of environments) await action(name);
    placeOf(kind).front?.reset();
    expect(watched.refused).toEqual([]);
    for (const side of ['library', 'storage'] as const)
      expect([...(watched.used.get(names[side]) ?? [])].sort()).toEqual([...allowed(work)[side]].sort());
  };

  beforeAll(async () => {
    const place = placeOf(kind);
    for (const bucket of Object.values(names)) await place.make(bucket);
    const folders = startFolders(lab);
    await folders.make(`${names.storage}/folder`);
    await place.put(names.library, 'a', 'a');
    await place.put(names.library, 'large', Buffer.alloc(20_000_000, 'part'));
    const documents = environments.map((name) =>
      environmentDocument(name, {
        objectStores: [
          { name: 'documents', mover: name === 'copy' ? 'copy' : 'stream', ...place.location(names.library) },
        ],
        storage: (name === 'folder' ? folders : place).location(`${names.storage}/${name}`),
      }),
    );
    file = await lab.write(`${kind}.yaml`, [...documents, ...(place.secret === undefined ? [] : [place.secret])]);
  });

  test('backup', () =>
    doing('backup', async (name) => {
      await lab.json<Sealed>('backup', '-f', file, '-e', name);
      await placeOf(kind).put(names.library, `new ${name}`, 'new');
      const { backupId } = await lab.json<Sealed>('backup', '-f', file, '-e', name);
      sealed.set(name, backupId);
    }));

  test('verify', () =>
    doing('verify', async (name) => {
      await lab.json('verify', 'latest', '-f', file, '-e', name, '--objects', 'full');
    }));

  test('restore', () =>
    doing('restore', async (name) => {
      const place = placeOf(kind);
      await place.drop(names.library, 'large');
      await place.put(names.library, 'a', 'damaged');
      await place.put(names.library, 'surplus', 'surplus');
      const args = ['--backup', 'latest', '--objects-mode', 'mirror', '--confirm', name];
      await lab.json('restore', '-f', file, '-e', name, ...args);
    }));

  test('delete', () =>
    doing('delete', async (name) => {
      const id = sealed.get(name) ?? '';
      await lab.json('delete', id, '-f', file, '-e', name, '--confirm', id);
    }));
});
