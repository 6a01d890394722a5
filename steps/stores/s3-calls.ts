import type { Readable } from 'node:stream';
import type {
  CopyObjectCommandInput,
  GetObjectCommandInput,
  GetObjectCommandOutput,
  HeadObjectCommandOutput,
  HeadObjectCommandInput,
  ListObjectsV2CommandInput,
  PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { type Answer, createExchange, textOf } from './s3-exchange.ts';
import type { ClientOptions } from './s3-options.ts';
import { listedClassOf } from './s3-classes.ts';
import { lateSdk, type Sdk } from './s3-sdk.ts';
import { etagOfCopy, holdsUploads, type Listing, listingOf } from './s3-xml.ts';

/** The calls that are made once per object, page or step, in the words of the SDK; everything else is the SDK's. */
export interface S3Calls {
  readonly sdk: () => Promise<Sdk>;
  head(input: Place & Pick<HeadObjectCommandInput, 'IfMatch' | 'VersionId'>, signal: AbortSignal): Promise<Described>;
  get(input: Place & Pick<GetObjectCommandInput, 'IfMatch' | 'Range' | 'VersionId'>, signal: AbortSignal): Promise<Got>;
  put(input: PutInput, signal: AbortSignal): Promise<Marks>;
  copy(input: CopyInput, signal: AbortSignal): Promise<Marks>;
  list(input: ListObjectsV2CommandInput & { readonly Bucket: string }, signal: AbortSignal): Promise<Listing>;
  /** `time` is by the service's own clock. */
  headBucket(input: Pick<Place, 'Bucket'>, signal: AbortSignal): Promise<{ readonly time: string | undefined }>;
  /** Whether there may be uploads that nobody ended. Which ones, the SDK tells: mostly there are none. */
  hasUploads(input: UploadsInput, signal: AbortSignal): Promise<boolean>;
  close(): Promise<void>;
}

interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

type UploadsInput = Pick<Place, 'Bucket'> & { readonly Prefix: string };

type PutInput = Place &
  Pick<PutObjectCommandInput, 'ContentMD5' | 'ContentType' | 'Metadata' | 'IfNoneMatch'> & {
    readonly Body: Uint8Array;
  };

type CopyInput = Place &
  Pick<CopyObjectCommandInput, 'CopySourceIfMatch' | 'IfNoneMatch' | 'StorageClass'> & { readonly CopySource: string };

/** What a service says of an object that it wrote. */
type Marks = Pick<GetObjectCommandOutput, 'ETag' | 'ServerSideEncryption' | 'SSECustomerAlgorithm'>;

type Described = Marks &
  Pick<
    HeadObjectCommandOutput,
    'ContentLength' | 'ContentType' | 'LastModified' | 'Metadata' | 'StorageClass' | 'Restore' | 'ArchiveStatus'
  >;

type Got = Described &
  Pick<GetObjectCommandOutput, 'ContentRange'> & {
    /** A short body whole, or what came of it before `failure`. */
    readonly Body?: GetObjectCommandOutput['Body'] | Readable | Buffer;
    readonly failure?: Error | undefined;
  };

/** From this size on the bytes cost more than the call. */
const worthTheSdk = 1024 * 1024;

export const createS3Calls = (options: ClientOptions): S3Calls => {
  const late = lateSdk(options);
  const sdk = late.load;
  const exchange = createExchange(late, options);
  const ask: typeof exchange.ask = (asked, how) => exchange.ask(asked, how);
  return {
    sdk,
    head: (input, abortSignal) =>
      ask<Described>(
        { method: 'HEAD', ...at(input), ...versionOf(input), headers: { 'if-match': input.IfMatch } },
        {
          signal: abortSignal,
          read: describedOf,
          sdk: async () => {
            const { client, HeadObjectCommand } = await sdk();
            return client.send(new HeadObjectCommand(input), { abortSignal });
          },
        },
      ),
    get: (input, abortSignal) =>
      ask<Got>(
        {
          method: 'GET',
          ...at(input),
          ...versionOf(input),
          headers: { 'if-match': input.IfMatch, range: input.Range },
        },
        {
          signal: abortSignal,
          read: (answer) => ({
            ...describedOf(answer),
            ContentRange: answer.header('content-range'),
            Body: answer.body,
            failure: answer.failure,
          }),
          sdk: async (): Promise<Got> => {
            const { client, GetObjectCommand } = await sdk();
            return client.send(new GetObjectCommand(input), { abortSignal });
          },
        },
      ),
    put: (input, abortSignal) => {
      const send = async () => {
        const { client, PutObjectCommand } = await sdk();
        const command = new PutObjectCommand({ ...input, ContentLength: input.Body.byteLength });
        return client.send(command, { abortSignal });
      };
      if (input.Body.byteLength > worthTheSdk) return send();
      return ask<Marks>(
        { method: 'PUT', ...at(input), body: input.Body, headers: putHeaders(input) },
        { signal: abortSignal, read: readMarks, sdk: send },
      );
    },
    copy: (input, abortSignal) =>
      ask<Marks>(
        { method: 'PUT', ...at(input), headers: copyHeaders(input) },
        { signal: abortSignal, read: readCopy, sdk: async () => copyBySdk(await sdk(), input, abortSignal) },
      ),
    list: (input, abortSignal) =>
      ask<Listing>(
        { method: 'GET', bucket: input.Bucket, query: listQuery(input) },
        {
          signal: abortSignal,
          read: async (answer) => listingOf(await textOf(answer)),
          sdk: async () => {
            const { client, ListObjectsV2Command } = await sdk();
            return client.send(new ListObjectsV2Command(input), { abortSignal });
          },
        },
      ),
    headBucket: (input, abortSignal) =>
      ask<{ readonly time: string | undefined }>(
        { method: 'HEAD', bucket: input.Bucket },
        {
          signal: abortSignal,
          read: ({ header }) => ({ time: header('date') }),
          sdk: async () => headBucketBySdk(await sdk(), input, abortSignal),
        },
      ),
    hasUploads: (input, abortSignal) =>
      ask<boolean>(
        { method: 'GET', bucket: input.Bucket, query: { uploads: '', prefix: input.Prefix, 'encoding-type': 'url' } },
        {
          signal: abortSignal,
          read: async (answer) => holdsUploads(await textOf(answer)),
          sdk: () => Promise.resolve(true),
        },
      ),
    close: async () => {
      late.close();
      await exchange.close();
    },
  };
};

const at = ({ Bucket, Key }: Place) => ({ bucket: Bucket, key: Key });

const versionOf = ({ VersionId }: Pick<GetObjectCommandInput, 'VersionId'>) =>
  VersionId === undefined ? {} : { query: { versionId: VersionId } };

const putHeaders = (input: PutInput): Record<string, string | undefined> => ({
  'content-md5': input.ContentMD5,
  'content-type': input.ContentType ?? 'application/octet-stream',
  'if-none-match': input.IfNoneMatch,
  ...Object.fromEntries(
    Object.entries(input.Metadata ?? {}).map(([name, value]) => [`x-amz-meta-${name.toLowerCase()}`, value]),
  ),
});

const copyHeaders = (input: CopyInput): Record<string, string | undefined> => ({
  'x-amz-copy-source': input.CopySource,
  'x-amz-copy-source-if-match': input.CopySourceIfMatch,
  'x-amz-storage-class': input.StorageClass,
  'if-none-match': input.IfNoneMatch,
});

const listQuery = (input: ListObjectsV2CommandInput): Record<string, string> => ({
  'list-type': '2',
  prefix: input.Prefix ?? '',
  ...(input.EncodingType !== undefined && { 'encoding-type': input.EncodingType }),
  ...(input.MaxKeys !== undefined && { 'max-keys': String(input.MaxKeys) }),
  ...(input.StartAfter !== undefined && { 'start-after': input.StartAfter }),
  ...(input.ContinuationToken !== undefined && { 'continuation-token': input.ContinuationToken }),
});

const marksOf = ({ header }: Answer): Marks => ({
  ETag: header('etag'),
  SSECustomerAlgorithm: header('x-amz-server-side-encryption-customer-algorithm'),
  ServerSideEncryption: encryptionOf(header('x-amz-server-side-encryption')),
});

/** Only whether it is one with keys of its own matters. */
const encryptionOf = (text: string | undefined): Marks['ServerSideEncryption'] =>
  text?.startsWith('aws:kms') === true ? 'aws:kms' : undefined;

/** Only whether it is in one matters. */
const archiveOf = (text: string | undefined): Described['ArchiveStatus'] =>
  text === undefined ? undefined : 'ARCHIVE_ACCESS';

const describedOf = (answer: Answer): Described => {
  const { header, headers } = answer;
  const time = new Date(header('last-modified') ?? '');
  const length = header('content-length');
  const metadata = Object.keys(headers).filter((name) => name.startsWith('x-amz-meta-'));
  return {
    ...marksOf(answer),
    ContentType: header('content-type'),
    StorageClass: listedClassOf(header('x-amz-storage-class')),
    Restore: header('x-amz-restore'),
    ArchiveStatus: archiveOf(header('x-amz-archive-status')),
    Metadata: Object.fromEntries(metadata.map((name) => [name.slice('x-amz-meta-'.length), header(name) ?? ''])),
    ...(length !== undefined && { ContentLength: Number(length) }),
    ...(!Number.isNaN(time.getTime()) && { LastModified: time }),
  };
};

const readMarks = (answer: Answer): Marks | undefined => {
  const marks = marksOf(answer);
  return marks.ETag === undefined ? undefined : marks;
};

/** A copy is answered before it is done: what became of it stands in the body, and errors there are the SDK's to read. */
const readCopy = async (answer: Answer): Promise<Marks | undefined> => {
  const etag = etagOfCopy(await textOf(answer));
  return etag === undefined ? undefined : { ...marksOf(answer), ETag: etag };
};

const copyBySdk = async (sdk: Sdk, input: CopyInput, abortSignal: AbortSignal): Promise<Marks> => {
  const { client, CopyObjectCommand } = sdk;
  const { CopyObjectResult, ...rest } = await client.send(new CopyObjectCommand(input), { abortSignal });
  return { ...rest, ETag: CopyObjectResult?.ETag };
};

/** The SDK keeps the headers of an answer to itself. */
const headBucketBySdk = async (
  sdk: Sdk,
  input: { readonly Bucket: string },
  abortSignal: AbortSignal,
): Promise<{ readonly time: string | undefined }> => {
  const command = new sdk.HeadBucketCommand(input);
  let time: string | undefined;
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      if (hasHeaders(result.response)) time = result.response.headers['date'];
      return result;
    },
    { step: 'deserialize' },
  );
  await sdk.client.send(command, { abortSignal });
  return { time };
};

const hasHeaders = (response: unknown): response is { readonly headers: Readonly<Record<string, string>> } =>
  typeof response === 'object' && response !== null && 'headers' in response;
