// Buckets and objects that whoever asks cannot read as it asks: no repetition mends that, and a backup without them is none.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Lc2Error } from '../../core/errors.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { openMover } from '../../steps/movers/index.ts';
import type { Front } from '../fakes/http-front.ts';
import { bytesOf, keysOf, listed, makeAzblob, makeGs, makeMoto, openAt, type StoreFixture } from './store-fixture.ts';

type Kind = 's3' | 'gs' | 'azblob';

interface Refused {
  readonly of: Kind;
  readonly what: string;
  readonly status: number;
  readonly word: string;
  readonly message: string;
  readonly code: string;
  /** All of the bucket is refused, or its objects alone. */
  readonly whole?: true;
}

const denied = 'STORE_DENIED';
const unreadable = 'OBJECT_UNREADABLE';
const rows: readonly Refused[] = [
  {
    of: 's3',
    what: 'a bucket in another region',
    status: 301,
    word: 'PermanentRedirect',
    message: 'The bucket you are attempting to access must be addressed using the specified endpoint.',
    code: 'STORE_NOT_FOUND',
    whole: true,
  },
  {
    of: 's3',
    what: 'a bucket in another region than is signed for',
    status: 400,
    word: 'AuthorizationHeaderMalformed',
    message: "the region 'us-east-1' is wrong; expecting 'eu-central-1'",
    code: denied,
    whole: true,
  },
  {
    of: 's3',
    what: 'a bucket in a region with endpoints of its own',
    status: 400,
    word: 'IllegalLocationConstraintException',
    message: 'The location constraint is incompatible for the region specific endpoint this request was sent to.',
    code: 'STORE_NOT_FOUND',
  },
  {
    of: 's3',
    what: 'a requester-pays bucket',
    status: 403,
    word: 'AccessDenied',
    message: 'no',
    code: denied,
    whole: true,
  },
  {
    of: 's3',
    what: 'an object with a key of the customer',
    status: 400,
    word: 'InvalidRequest',
    message:
      'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.',
    code: unreadable,
  },
  {
    of: 's3',
    what: 'an archived object',
    status: 403,
    word: 'InvalidObjectState',
    message: "The operation is not valid for the object's storage class",
    code: unreadable,
  },
  ...['KMS.DisabledException', 'KMS.KMSInvalidStateException', 'KMS.NotFoundException'].map((word): Refused => ({
    of: 's3',
    what: `a KMS key that cannot be used (${word})`,
    status: 400,
    word,
    message: 'arn:aws:kms:eu-central-1:123456789012:key/x is disabled.',
    code: denied,
  })),
  {
    of: 'gs',
    what: 'a requester-pays bucket (required)',
    status: 400,
    word: 'required',
    message: 'Bucket is a requester pays bucket but no user project provided.',
    code: denied,
    whole: true,
  },
  {
    of: 'gs',
    what: 'a requester-pays bucket (userProjectMissing)',
    status: 400,
    word: 'userProjectMissing',
    message: 'Bucket is a requester pays bucket but no user project provided.',
    code: denied,
    whole: true,
  },
  {
    of: 'gs',
    what: 'what a policy of the organization forbids',
    status: 412,
    word: 'orgPolicyConstraintFailed',
    message: "Constraint 'constraints/gcp.resourceLocations' violated.",
    code: denied,
  },
  {
    of: 'gs',
    what: 'a hold on an object',
    status: 403,
    word: 'objectUnderActiveHold',
    message: 'Object is under active Event-Based hold and cannot be deleted, overwritten or archived.',
    code: 'OBJECT_LOCKED',
  },
  {
    of: 'gs',
    what: 'an object with a key of the customer',
    status: 400,
    word: 'resourceIsEncryptedWithCustomerEncryptionKey',
    message: 'The target object is encrypted by a customer-supplied encryption key.',
    code: unreadable,
  },
  ...['cloudKmsDisabledKey', 'cloudKmsDecryptionKeyNotFound', 'cloudKmsBadKey'].map((word): Refused => ({
    of: 'gs',
    what: `a KMS key that cannot be used (${word})`,
    status: 400,
    word,
    message: 'The Cloud KMS key cannot be used.',
    code: denied,
  })),
  {
    of: 'azblob',
    what: 'an archived object',
    status: 409,
    word: 'BlobArchived',
    message: 'This operation is not permitted on an archived blob.',
    code: unreadable,
  },
  {
    of: 'azblob',
    what: 'an object with a key of the customer',
    status: 409,
    word: 'BlobUsesCustomerSpecifiedEncryption',
    message: 'The blob is encrypted with customer specified encryption, but it was not provided in the request.',
    code: unreadable,
  },
  ...['KeyVaultEncryptionKeyNotFound', 'KeyVaultAccessTokenCannotBeAcquired'].map((word): Refused => ({
    of: 'azblob',
    what: `a key vault that gives no key (${word})`,
    status: 403,
    word,
    message: 'The key vault key is not found to unwrap the encryption key.',
    code: denied,
  })),
];

const ofKind = (kind: Kind) => rows.filter(({ of }) => of === kind).map((row) => [row.what, row.code, row] as const);

const bodyOf = ({ of, word, message, status }: Refused): string =>
  of === 'gs'
    ? JSON.stringify({ error: { code: status, message, errors: [{ domain: 'global', reason: word, message }] } })
    : `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${word}</Code><Message>${message}</Message></Error>`;

const copy = async (fixture: StoreFixture, source: ObjectStore, from: Awaited<ReturnType<typeof listed>>[number]) => {
  const end = (subfolder: string) => ({ location: fixture.location, secrets: fixture.secrets, subfolder });
  const [target, { signal }] = [await openAt(fixture, 'to'), new AbortController()];
  const mover = await openMover('copy', { source, target, signal, from: end('f'), to: end('to') });
  const orders = async function* () {
    yield await Promise.resolve({ from, to: from.key, createOnly: true });
  };
  for await (const { outcome } of mover.move(orders())) throw new Error(outcome);
};

const ended = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'done';
  } catch (error) {
    return error instanceof Lc2Error ? `${error.code}: ${error.what}` : String(error);
  }
};

describe.each(['s3', 'gs', 'azblob'] as const)('out of reach in %s', (kind) => {
  let fixture: StoreFixture & { readonly front: Front };

  beforeAll(async () => {
    const made = await { s3: makeMoto, gs: makeGs, azblob: makeAzblob }[kind]();
    if (made.front === undefined) throw new Error('it has a front');
    fixture = { ...made, front: made.front };
  });
  afterEach(() => fixture.front.reset());
  afterAll(() => fixture.close());

  it.each(ofKind(kind))('%s is %s', async (_what, code, row) => {
    const store = await openAt(fixture, 'f', { tuning: { attempts: 2 } });
    await store.put('x', Buffer.from('x'));
    const [from] = await listed(store, { prefix: 'x' });
    if (from === undefined) throw new Error('no x');
    const { status, word, message } = row;
    const fault = { kind: 'answer', status, body: bodyOf(row), headers: { 'x-ms-error-code': word } } as const;
    // To list a bucket needs no key of its objects, and to look at one tells what describes it.
    const isOfBytes = ({ method, url }: { readonly method: string; readonly url: string }): boolean =>
      method !== 'HEAD' &&
      !url.includes('list') &&
      (!url.includes('/storage/v1/') || /rewriteTo|alt=media|upload/.test(url));
    fixture.front.inject({ matches: row.whole ? () => true : isOfBytes, times: 99, fault });
    const works = [
      async () => bytesOf((await store.get('x')).bytes),
      () => store.put('y', Buffer.from('y')),
      ...(row.whole ? [() => keysOf(store), () => store.head('x')] : []),
      () => copy(fixture, store, from),
    ];
    const said: string[] = [];
    for (const work of works) said.push(await ended(work()));
    expect(said.map((each) => each.split(': ')[0])).toEqual(works.map(() => code));
    expect(said[0]).toContain(message);
  });
});
