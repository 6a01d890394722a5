// Each permission that a backup, a restore, a verification or a deletion needs at an object store, missing alone: it is named.
import { CreateMultipartUploadCommand, PutObjectTaggingCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasCode, Lc2Error } from '../../core/errors.ts';
import { storePermissions } from '../../core/permissions/stores.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { openMover } from '../../steps/movers/index.ts';
import type { Front } from '../fakes/http-front.ts';
import { needsOf } from '../support/store-permissions.ts';
import {
  bytesOf,
  chunks,
  keysOf,
  listed,
  makeAzblob,
  makeGs,
  makeMoto,
  openAt,
  type StoreFixture,
} from './store-fixture.ts';

const kinds = ['s3', 'gs', 'azblob'] as const;
type Kind = (typeof kinds)[number];

const who = 'arn:aws:iam::123456789012:user/keeper';

/** As each vendor says who lacks what, where it says it. */
const refusalOf = (kind: Kind, permission: string): { readonly body: string; readonly said: string } => {
  const said = {
    s3: `User: ${who} is not authorized to perform: ${permission} on resource: x`,
    gs: `keeper@retail.iam.gserviceaccount.com does not have ${permission} access to the Google Cloud Storage object.`,
    azblob: 'This request is not authorized to perform this operation using this permission.',
  }[kind];
  const code = kind === 's3' ? 'AccessDenied' : 'AuthorizationPermissionMismatch';
  const body =
    kind === 'gs'
      ? JSON.stringify({ error: { code: 403, message: said, errors: [{ reason: 'forbidden', message: said }] } })
      : `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${said}</Message></Error>`;
  return { body, said };
};

const permissionsOf = (kind: Kind): string[] => {
  const { library, storage, versions = [] } = storePermissions[kind];
  return [...new Set([...Object.values(library), ...Object.values(storage), versions].flat())].sort();
};

const refused = async (work: () => Promise<unknown>): Promise<Lc2Error | undefined> => {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof Lc2Error) return error;
    throw error;
  }
};

describe.each(kinds)('who lacks a permission at %s', (kind) => {
  let fixture: StoreFixture & { readonly front: Front };
  let keys = 0;

  beforeAll(async () => {
    const made = await { s3: makeMoto, gs: makeGs, azblob: makeAzblob }[kind]();
    if (made.front === undefined) throw new Error('it has a front');
    fixture = { ...made, front: made.front };
  });
  afterEach(() => fixture.front.reset());
  afterAll(() => fixture.close());

  /** An object with tags, where there are any, and an upload that nobody ended. */
  const prepare = async (store: ObjectStore): Promise<void> => {
    await store.put('x', Buffer.alloc(30_000, 'x'));
    const { client } = fixture.server ?? {};
    const place = { Bucket: 'contract', Key: 'f/x' };
    await client?.send(new PutObjectTaggingCommand({ ...place, Tagging: { TagSet: [{ Key: 'a', Value: 'b' }] } }));
    await client?.send(new CreateMultipartUploadCommand({ ...place, Key: `f/open${++keys}` }));
  };

  const copy = async (source: ObjectStore): Promise<void> => {
    const end = (subfolder: string) => ({ location: fixture.location, secrets: fixture.secrets, subfolder });
    const [target, { signal }] = [await openAt(fixture, 'to'), new AbortController()];
    // In parts, so that tags are read and given.
    const tuning = { copyLimit: 10_000 };
    const mover = await openMover('copy', { source, target, signal, from: end('f'), to: end('to'), tuning });
    const [from] = await listed(source, { prefix: 'x' });
    if (from === undefined) throw new Error('no x');
    const orders = async function* () {
      yield await Promise.resolve({ from, to: `x${++keys}`, createOnly: true });
    };
    for await (const { outcome } of mover.move(orders())) expect(outcome).toBe('copied');
  };

  /** Of a bucket that keeps no versions it is what there is. */
  const readPast = async ({ past }: ObjectStore): Promise<void> => {
    if (past === undefined) return;
    try {
      await past.probe();
    } catch (error) {
      if (!hasCode(error, 'VERSIONS_UNAVAILABLE')) throw error;
    }
    const store = past.at({ from: '2000-01-01T00:00:00Z', until: '3000-01-01T00:00:00Z' });
    expect(await keysOf(store, { prefix: 'x' })).toContain('x');
    await bytesOf((await store.get('x')).bytes);
    await store.head('x');
  };

  it.each(permissionsOf(kind))('%s: each call that needs it says so, and no other is refused', async (permission) => {
    const store = await openAt(fixture, 'f', { tuning: { attempts: 2 } });
    await prepare(store);
    const { body, said } = refusalOf(kind, permission);
    let asked = 0;
    fixture.front.inject({
      times: Infinity,
      fault: { kind: 'answer', status: 403, body, headers: { 'x-ms-error-code': 'AuthorizationPermissionMismatch' } },
      matches: (request) => {
        const isNeeded = needsOf[kind](request).some((need) => need.permission === permission);
        if (isNeeded) asked++;
        return isNeeded;
      },
    });
    const list = () => keysOf(store);
    const works = [
      () => store.head('x'),
      async () => bytesOf((await store.get('x')).bytes),
      () => store.put(`y${++keys}`, Buffer.from('y'), { createOnly: true }),
      () => store.put(`z${++keys}`, chunks(3, 300_000), { createOnly: true }),
      list,
      () => store.time(),
      () => readPast(store),
      () => copy(store),
      () => store.abortUploads(''),
      () => store.delete(['x']),
    ];
    const codes = new Set<string>();
    const silent: unknown[] = [];
    let told = 0;
    for (const work of works) {
      const before = asked;
      const error = await refused(work);
      // A listing looks at some objects for what it can do without.
      if (error !== undefined) codes.add(error.code);
      else if (work !== list && asked > before) silent.push(work);
      if (error?.what.includes(said)) told++;
    }
    expect(silent).toEqual([]);
    expect([...codes]).toEqual(['STORE_DENIED']);
    expect(told).toBeGreaterThan(0);
  });
});
