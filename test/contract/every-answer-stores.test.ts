// Each call to an object store, answered with each refusal, each failure, and not at all.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Lc2Error } from '../../core/errors.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { openMover } from '../../steps/movers/index.ts';
import { gsError } from '../fakes/gs-front.ts';
import type { Fault, Front, FrontRequest } from '../fakes/http-front.ts';
import { s3Error } from '../fakes/s3-front.ts';
import { type AnswerName, type Ends, endsOf } from '../support/every-answer.ts';
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

type Status = Exclude<AnswerName, 'reset'>;

/** In the words of each. */
const words: Readonly<Record<'s3' | 'gs' | 'azblob', Readonly<Record<Status, string>>>> = {
  s3: {
    '401': 'ExpiredToken',
    '403': 'AccessDenied',
    '404': 'NoSuchBucket',
    '409': 'OperationAborted',
    '412': 'PreconditionFailed',
    '429': 'TooManyRequests',
    '500': 'InternalError',
    '503': 'SlowDown',
  },
  gs: {
    '401': 'authError',
    '403': 'forbidden',
    '404': 'notFound',
    '409': 'conflict',
    '412': 'conditionNotMet',
    '429': 'rateLimitExceeded',
    '500': 'backendError',
    '503': 'backendError',
  },
  azblob: {
    '401': 'InvalidAuthenticationInfo',
    '403': 'AuthorizationPermissionMismatch',
    '404': 'ContainerNotFound',
    '409': 'BlobBeingRehydrated',
    '412': 'ConditionNotMet',
    '429': 'TooManyRequests',
    '500': 'InternalError',
    '503': 'ServerBusy',
  },
};
const kinds = ['s3', 'gs', 'azblob'] as const;
type Kind = (typeof kinds)[number];

const faultOf = (kind: Kind, name: AnswerName): Fault => {
  if (name === 'reset') return { kind: 'lose' };
  const code = words[kind][name];
  const status = Number(name);
  if (kind === 'gs') return { kind: 'answer', status, body: gsError(status, code) };
  if (kind === 's3') return { kind: 'answer', status, body: s3Error(code) };
  const body = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>injected</Message></Error>`;
  return { kind: 'answer', status, body, headers: { 'x-ms-error-code': code } };
};

const usual: Ends = {
  '401': 'STORE_DENIED',
  '403': 'STORE_DENIED',
  '404': 'STORE_NOT_FOUND',
  '409': 'STORE_FAILED',
  '412': 'STORE_FAILED',
  '429': 'STORE_FAILED',
  '500': 'STORE_FAILED',
  '503': 'STORE_FAILED',
  reset: 'STORE_FAILED',
};

const isRead = ({ method }: Pick<FrontRequest, 'method'>): boolean => method === 'GET' || method === 'HEAD';

interface Call {
  readonly name: string;
  /** Whether the requests that read are upset, or the others: these say what stands there. */
  readonly reads: boolean;
  readonly work: (store: ObjectStore) => Promise<unknown>;
  readonly more?: Partial<Record<Kind, Partial<Ends>>>;
}

let keys = 0;
const fresh = (): string => `new-${++keys}`;
/** Whether it was written, what stands there tells. */
const put = { '412': 'OBJECT_EXISTS', reset: 'done' } as const;
const changed = { '412': 'OBJECT_CHANGED' } as const;
/** Google does not say whether object or bucket is missing; the bucket has answered before. */
const absent = { '404': 'done' } as const;

const calls: readonly Call[] = [
  {
    name: 'head',
    reads: true,
    work: (store) => store.head('x'),
    // The answer to a HEAD says as little.
    more: { s3: absent, gs: { ...absent, ...changed } },
  },
  {
    name: 'get',
    reads: true,
    work: async (store) => bytesOf((await store.get('x')).bytes),
    more: { s3: changed, gs: { '404': 'OBJECT_NOT_FOUND', ...changed } },
  },
  { name: 'list', reads: true, work: (store) => keysOf(store) },
  {
    name: 'put',
    reads: false,
    work: (store) => store.put(fresh(), Buffer.from('x'), { createOnly: true }),
    more: { s3: put, gs: put, azblob: put },
  },
  {
    name: 'put in parts',
    reads: false,
    work: (store) => store.put(fresh(), chunks(3, 300_000), { createOnly: true }),
    more: { gs: { '412': 'OBJECT_EXISTS' } },
  },
  { name: 'delete', reads: false, work: (store) => store.delete(['x']), more: { gs: absent } },
];

/** Of copies within the store; what has changed is copied again. */
const copies: Partial<Record<Kind, Partial<Ends>>> = { s3: changed, gs: { '404': 'STORE_FAILED', ...changed } };

describe.each(kinds)('every answer to a call of %s', (kind) => {
  let fixture: StoreFixture & { readonly front: Front };

  beforeAll(async () => {
    const made = await { s3: makeMoto, gs: makeGs, azblob: makeAzblob }[kind]();
    if (made.front === undefined) throw new Error('it has a front');
    fixture = { ...made, front: made.front };
  });
  afterEach(() => fixture.front.reset());
  afterAll(() => fixture.close());

  /** What comes of each answer in the middle of a run: the store has answered before. */
  const endsAt = async (reads: boolean, work: (store: ObjectStore) => Promise<unknown>) => {
    const store = await openAt(fixture, 'f', { tuning: { attempts: 2 } });
    await store.put('x', Buffer.from('x'));
    const answer = (name: AnswerName): void => {
      fixture.front.reset();
      fixture.front.inject({ matches: (asked) => isRead(asked) === reads, times: 99, fault: faultOf(kind, name) });
    };
    const ends = await endsOf(answer, () => work(store));
    fixture.front.reset();
    await store.close();
    return ends;
  };

  it.each(calls)('at $name', async ({ reads, work, more = {} }) => {
    expect(await endsAt(reads, work)).toEqual({ ...usual, ...more[kind] });
  });

  it('at copy', async () => {
    const end = (subfolder: string) => ({ location: fixture.location, secrets: fixture.secrets, subfolder });
    const { signal } = new AbortController();
    const ends = await endsAt(false, async (source) => {
      const target = await openAt(fixture, 'to');
      const [from] = await listed(source, { prefix: 'x' });
      if (from === undefined) throw new Error('no x');
      const mover = await openMover('copy', { source, target, signal, from: end('f'), to: end('to') });
      const orders = async function* () {
        yield await Promise.resolve({ from, to: fresh(), createOnly: true });
      };
      for await (const { outcome } of mover.move(orders())) {
        if (outcome === 'changed') throw new Lc2Error('OBJECT_CHANGED', 'copied again');
        expect(outcome).toBe('copied');
      }
    });
    expect(ends).toEqual({ ...usual, ...copies[kind] });
  });
});
