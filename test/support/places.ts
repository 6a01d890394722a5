// Four kinds of places for libraries and storages, with what a test does there behind the product's back.
import { readFile, rm } from 'node:fs/promises';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { startGsFront } from '../fakes/gs-front.ts';
import { type Front, startFront } from '../fakes/http-front.ts';
import type { ObjectFact } from '../oracle/facts.ts';
import { captureAzblob, captureFiles, captureGs, captureS3 } from '../oracle/objects.ts';
import {
  azuriteAccount,
  azuriteService,
  makeBucket,
  makeContainer,
  startAzurite,
  startFakeGcs,
} from './cloud-servers.ts';
import { type Lab, secretDocument, type Spec, writeKey } from './lab.ts';
import { type S3Server, startMoto } from './s3-servers.ts';

export interface Described {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface Place {
  readonly name: 'file' | 's3' | 'gs' | 'azblob';
  readonly keepsMetadata: boolean;
  /** The Secret of its locations, if they need one. */
  readonly secret: Spec | undefined;
  readonly front: Front | undefined;
  /** Makes a bucket, container or folder; with `versions` it keeps what is replaced, where the place can. */
  make(bucket: string, options?: { readonly versions?: boolean }): Promise<void>;
  /** What an environment says of it. */
  location(bucket: string): Spec;
  put(bucket: string, key: string, body: string | Uint8Array, described?: Described): Promise<void>;
  drop(bucket: string, key: string): Promise<void>;
  read(bucket: string, key: string): Promise<Buffer>;
  capture(bucket: string): Promise<ObjectFact[]>;
  stop(): Promise<void>;
}

export const startFolders = (lab: Lab): Place => ({
  name: 'file',
  keepsMetadata: false,
  secret: undefined,
  front: undefined,
  make: async (bucket) => void (await lab.library(bucket, {})),
  location: (bucket) => ({ url: `file://${lab.path(bucket)}` }),
  put: (bucket, key, body) => writeKey(lab.path(bucket), key, body),
  drop: (bucket, key) => rm(`${lab.path(bucket)}/${key}`, { force: true }),
  read: (bucket, key) => readFile(`${lab.path(bucket)}/${key}`),
  capture: (bucket) => captureFiles(lab.path(bucket)),
  stop: () => Promise.resolve(),
});

export const startS3 = async (): Promise<Place> => s3Place(await startMoto());

/** Stops the server with itself. */
export const s3Place = async (server: S3Server): Promise<Place> => {
  const front = await startFront(server.endpoint, { contentType: 'application/xml' });
  return {
    name: 's3',
    keepsMetadata: true,
    secret: secretDocument('s3', server.secrets),
    front,
    make: async (bucket, options) => void (await server.bucket(bucket, options)),
    location: (bucket) => ({
      url: `s3://${bucket}`,
      endpoint: front.endpoint,
      pathStyle: true,
      credentials: { secretName: 's3' },
    }),
    put: async (bucket, key, body, { contentType, metadata } = {}) => {
      const described = { ...(contentType !== undefined && { ContentType: contentType }), Metadata: { ...metadata } };
      await server.client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...described }));
    },
    drop: async (bucket, key) => void (await server.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))),
    read: async (bucket, key) => {
      const { Body } = await server.client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    },
    capture: (bucket) => captureS3({ endpoint: server.endpoint, bucket, region: 'us-east-1', ...server.secrets }),
    stop: async () => {
      await front.stop();
      await server.stop();
    },
  };
};

export const startGs = async (): Promise<Place> => {
  const server = await startFakeGcs();
  const front = await startGsFront(server.endpoint, { rewriteBytes: 1024 * 1024 });
  const ask = async (path: string, init: RequestInit): Promise<Buffer> => {
    const answer = await fetch(`${server.endpoint}${path}`, init);
    const body = Buffer.from(await answer.arrayBuffer());
    const isGone = init.method === 'DELETE' && answer.status === 404;
    if (!answer.ok && !isGone) throw new Error(`${path}: ${body.toString('utf8')}`);
    return body;
  };
  const pathOf = (bucket: string, key: string): string => `/storage/v1/b/${bucket}/o/${encodeURIComponent(key)}`;
  return {
    name: 'gs',
    keepsMetadata: true,
    secret: undefined,
    front,
    make: (bucket, options) => makeBucket(server, bucket, options),
    location: (bucket) => ({ url: `gs://${bucket}`, endpoint: front.endpoint }),
    put: async (bucket, key, body, { contentType = 'application/octet-stream', metadata = {} } = {}) => {
      const description = JSON.stringify({ name: key, contentType, metadata });
      const head = `--x\r\ncontent-type: application/json\r\n\r\n${description}\r\n--x\r\ncontent-type: ${contentType}\r\n\r\n`;
      await ask(`/upload/storage/v1/b/${bucket}/o?uploadType=multipart`, {
        method: 'POST',
        headers: { 'content-type': 'multipart/related; boundary=x' },
        body: Buffer.concat([Buffer.from(head), Buffer.from(body), Buffer.from('\r\n--x--\r\n')]),
      });
    },
    drop: async (bucket, key) => void (await ask(pathOf(bucket, key), { method: 'DELETE' })),
    read: (bucket, key) => ask(`${pathOf(bucket, key)}?alt=media`, {}),
    capture: (bucket) => captureGs({ endpoint: server.endpoint, bucket }),
    stop: async () => {
      await front.stop();
      await server.stop();
    },
  };
};

export const startAzblob = async (): Promise<Place> => {
  const server = await startAzurite();
  const front = await startFront(server.endpoint, { contentType: 'application/xml' });
  const service = azuriteService(server);
  const { accountName } = azuriteAccount;
  return {
    name: 'azblob',
    keepsMetadata: true,
    secret: secretDocument('azblob', azuriteAccount),
    front,
    make: (bucket) => makeContainer(server, bucket),
    location: (bucket) => ({
      url: `azblob://${accountName}/${bucket}`,
      endpoint: `${front.endpoint}/${accountName}`,
      credentials: { secretName: 'azblob' },
    }),
    put: async (bucket, key, body, { contentType, metadata = {} } = {}) => {
      const blob = service.getContainerClient(bucket).getBlockBlobClient(key);
      await blob.upload(body, Buffer.byteLength(body), {
        metadata: { ...metadata },
        ...(contentType !== undefined && { blobHTTPHeaders: { blobContentType: contentType } }),
      });
    },
    drop: async (bucket, key) => void (await service.getContainerClient(bucket).getBlobClient(key).deleteIfExists()),
    read: (bucket, key) => service.getContainerClient(bucket).getBlobClient(key).downloadToBuffer(),
    capture: (bucket) =>
      captureAzblob({ endpoint: `${server.endpoint}/${accountName}`, container: bucket, ...azuriteAccount }),
    stop: async () => {
      await front.stop();
      await server.stop();
    },
  };
};
