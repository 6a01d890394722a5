import { contract, golden, type Seed, unit } from './seed.ts';

const copies = (way: string) => contract('copy-keeps', `a copy within S3 on moto > ${way}`);
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
  {
    breaks: 'a copy in parts loses its tags',
    file: 'steps/movers/copy-s3.ts',
    find: "    ...(Tagging !== '' && { Tagging }),\n",
    replace: '',
    test: copies('in parts > keeps content headers, metadata and tags'),
  },
  {
    breaks: 'a copy in parts loses when it expires in caches',
    file: 'steps/movers/copy-s3.ts',
    find: '    ...(!Number.isNaN(Expires.getTime()) && { Expires }),\n',
    replace: '',
    test: copies('in parts > keeps content headers, metadata and tags'),
  },
  {
    breaks: 'a copy in parts goes to the usual class',
    file: 'steps/movers/copy-s3.ts',
    find: '    StorageClass: classOf(described.StorageClass),\n',
    replace: '',
    test: copies('in parts > asks for the class of the source where that can be read at once'),
  },
  {
    breaks: 'a copy in one request goes to the usual class',
    file: 'steps/stores/s3-calls.ts',
    find: "  'x-amz-storage-class': input.StorageClass,\n",
    replace: '',
    test: copies('in one request > asks for the class of the source where that can be read at once'),
  },
  {
    breaks: 'a listing says nothing of classes',
    file: 'steps/stores/s3-xml.ts',
    find: "classOf(textOf(xml, 'StorageClass'))",
    replace: 'classOf(undefined)',
    test: copies('in one request > asks for the class of the source where that can be read at once'),
  },
  {
    breaks: 'parts are copied of whatever version there is',
    file: 'steps/movers/copy-s3.ts',
    find: '        CopySourceIfMatch: ifMatch(order),\n        CopySourceRange: range,',
    replace: '        CopySourceRange: range,',
    test: copies('in parts is of the version that was listed, or nothing'),
  },
  {
    breaks: 'a copy in parts writes over what came meanwhile',
    file: 'steps/movers/copy-s3.ts',
    find: "      MultipartUpload: { Parts: parts },\n      ...(order.createOnly && { IfNoneMatch: '*' }),",
    replace: '      MultipartUpload: { Parts: parts },',
    test: copies('in parts writes over nothing that came meanwhile'),
  },
  {
    breaks: 'tags that may not be read count as none',
    file: 'steps/movers/copy-s3.ts',
    find: "if (status === 501 || name === 'NoSuchTagSet')",
    replace: "if (status !== undefined || name === 'NoSuchTagSet')",
    test: copies('in parts copies where a server knows no tags, and fails where they may not be read'),
  },
];
