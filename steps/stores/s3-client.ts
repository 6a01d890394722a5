import { createHash } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  PutObjectRetentionCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { type ClientOptions, keysOf, sockets } from './s3-options.ts';

/** All that is used of the SDK; loaded by s3-sdk.ts alone. */
export const commands = {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  PutObjectRetentionCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} as const;

/**
 * A client that behaves as the location says and not as the process environment or a profile of this machine would
 * have it: only the default credential chain looks there, and only where the Secret gives no keys.
 */
export const createS3Client = ({ location, secrets, tuning = {} }: ClientOptions): S3Client => {
  const ca = secrets['ca.crt'];
  const credentials = keysOf(secrets);
  const pool = { keepAlive: true, maxSockets: sockets };
  const client = new S3Client({
    region: location.region,
    endpoint: location.endpoint ?? amazonEndpoint(location.region),
    forcePathStyle: location.pathStyle,
    ...(credentials !== undefined && { credentials }),
    requestHandler: {
      connectionTimeout: tuning.connectTimeout ?? 10_000,
      // Silence of a connection. A store that copies a large object says nothing for minutes.
      socketTimeout: tuning.socketTimeout ?? 300_000,
      httpAgent: new HttpAgent(pool),
      httpsAgent: new HttpsAgent({ ...pool, ...(ca !== undefined && ca.trim() !== '' && { ca }) }),
    },
    // Newer checksum headers are not known to every server; Content-MD5 is, and all our bodies carry it.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    retryMode: 'standard',
    maxAttempts: tuning.attempts ?? 4,
    defaultsMode: 'standard',
    useFipsEndpoint: false,
    useDualstackEndpoint: false,
    useArnRegion: false,
    disableMultiregionAccessPoints: true,
    disableS3ExpressSessionAuth: true,
    userAgentAppId: 'lc2-backup',
    logger: silent,
  });
  addContentMd5(client);
  return client;
};

const nothing = (): void => undefined;
const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Named, because otherwise the SDK takes an endpoint from the environment. */
const amazonEndpoint = (region: string): string =>
  `https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;

/** Deletions of many keys and locks must carry a checksum; older servers know only this one. */
const summed: ReadonlySet<unknown> = new Set(['DeleteObjectsCommand', 'PutObjectRetentionCommand']);

const addContentMd5 = (client: S3Client): void => {
  client.middlewareStack.add(
    (next, context) => (args) => {
      const { request } = args;
      if (summed.has(context['commandName']) && isBodyRequest(request)) {
        request.headers['content-md5'] = createHash('md5').update(request.body).digest('base64');
      }
      return next(args);
    },
    { step: 'build', name: 'contentMd5', priority: 'low' },
  );
};

const isBodyRequest = (
  request: unknown,
): request is { readonly headers: Record<string, string>; readonly body: string | Uint8Array } =>
  typeof request === 'object' &&
  request !== null &&
  'headers' in request &&
  'body' in request &&
  (typeof request.body === 'string' || request.body instanceof Uint8Array);
