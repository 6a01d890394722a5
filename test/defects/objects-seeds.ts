import { contract, golden, type Seed, unit } from './seed.ts';

const calls = (name: string) => contract('s3-calls', `calls of S3 without the SDK > ${name}`);

/** What the calls of S3 that go without the SDK must not lose of what it does. */
export const objectsSeeds: readonly Seed[] = [
  {
    breaks: 'a condition travels outside the signature',
    file: 'steps/stores/s3-sign.ts',
    find: "const names = [...Object.keys(headers), 'host'].sort();",
    replace: "const names = [...Object.keys(headers), 'host'].filter((name) => name !== 'if-none-match').sort();",
    test: unit('s3-sign', 'signatures of S3 > cover every header that is sent'),
  },
  {
    breaks: 'a copy does not ask for the version that was listed',
    file: 'steps/stores/s3-calls.ts',
    find: "  'x-amz-copy-source-if-match': input.CopySourceIfMatch,\n",
    replace: '',
    test: calls('carry their conditions, under the signature'),
  },
  {
    breaks: 'a copy that failed after its 200 counts as done',
    file: 'steps/stores/s3-calls.ts',
    find: 'return etag === undefined ? undefined : { ...marksOf(answer), ETag: etag };',
    replace: 'return { ...marksOf(answer), ETag: etag };',
    test: calls('take a success that carries an error for an error, and ask again'),
  },
  {
    breaks: 'a request whose answer was lost is not counted',
    file: 'steps/stores/s3-exchange.ts',
    find: 'attempts: failureOf(error).attempts + 1',
    replace: 'attempts: failureOf(error).attempts',
    test: calls('are repeated by the SDK after a lost answer, and counted'),
  },
  {
    breaks: 'signatures go by our clock for ever',
    file: 'steps/stores/s3-exchange.ts',
    find: 'Date.now() + sdk.clockOffset()',
    replace: 'Date.now()',
    test: calls('go by the service’s clock once it has told the time'),
  },
  {
    breaks: 'directory buckets are taken for plain ones',
    file: 'steps/stores/s3-endpoint.ts',
    find: 'const plainBucket = /^(?!.*--)',
    replace: 'const plainBucket = /^',
    test: unit('s3-endpoint', 'endpoints of S3 without the SDK > are those of the SDK’s rules'),
  },
  {
    breaks: 'every step that uses S3 loads the SDK',
    file: 'steps/stores/s3-sdk.ts',
    find: "import type { commands } from './s3-client.ts';",
    replace: "import { commands } from './s3-client.ts';\nvoid commands;",
    test: golden('late-parts', 'parts that come late > are the SDK of S3, for opening a store and for copies'),
  },
];
