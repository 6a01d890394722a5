// Where objects are: a folder, or a bucket of one of two S3 servers. What an application does there, behind the product's back.
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { ObjectFact } from '../../oracle/facts.ts';
import { captureFiles, captureS3 } from '../../oracle/objects.ts';
import type { Spec } from '../../support/lab.ts';
import type { S3Server } from '../../support/s3-servers.ts';

export type PlaceKind = 'file' | 'gateway' | 'memory';

export interface DrawnObject {
  readonly key: string;
  readonly body: Buffer;
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Sizes of the parts that it is uploaded in. */
  readonly parts?: readonly number[];
}

export interface Place {
  readonly kind: PlaceKind;
  /** As an environment names it. */
  readonly location: Spec;
  put(object: DrawnObject): Promise<void>;
  remove(key: string): Promise<void>;
  read(key: string): Promise<Uint8Array>;
  /** It was written before this time, in milliseconds of this machine's clock. */
  writtenBefore(key: string): Promise<number>;
  capture(): Promise<ObjectFact[]>;
}

export const folderPlace = async (folder: string): Promise<Place> => {
  await mkdir(folder, { recursive: true });
  return {
    kind: 'file',
    location: { url: `file://${folder}` },
    put: async ({ key, body }) => {
      await mkdir(dirname(`${folder}/${key}`), { recursive: true });
      // Whole from the start, as applications that care do it: a file that is being written is listed, too.
      const whole = `${folder}.${randomUUID()}`;
      await writeFile(whole, body);
      await rename(whole, `${folder}/${key}`);
    },
    remove: (key) => rm(join(folder, key)),
    read: (key) => readFile(`${folder}/${key}`),
    writtenBefore: async (key) => (await stat(`${folder}/${key}`)).mtimeMs + 1,
    capture: () => captureFiles(folder),
  };
};

export const bucketPlace = async (server: S3Server, bucket: string): Promise<Place> => {
  await server.bucket(bucket);
  const { client, endpoint, secrets } = server;
  return {
    kind: server.name === 'moto' ? 'memory' : 'gateway',
    location: { url: `s3://${bucket}`, endpoint, pathStyle: true, credentials: { secretName: 's3' } },
    put: (object) =>
      object.parts === undefined ? putWhole(server, bucket, object) : putInParts(server, bucket, object),
    remove: async (key) => void (await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))),
    read: async (key) => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return (await Body?.transformToByteArray()) ?? new Uint8Array();
    },
    writtenBefore: async (key) => {
      const { LastModified } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
      return (LastModified?.getTime() ?? 0) + 1000;
    },
    capture: () => captureS3({ endpoint, bucket, region: 'us-east-1', ...secrets }),
  };
};

const about = ({ contentType, metadata }: DrawnObject): object => ({
  ...(contentType !== undefined && { ContentType: contentType }),
  ...(metadata && { Metadata: { ...metadata } }),
});

const putWhole = async ({ client }: S3Server, bucket: string, object: DrawnObject): Promise<void> => {
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: object.key, Body: object.body, ...about(object) }));
};

const putInParts = async ({ client }: S3Server, bucket: string, object: DrawnObject): Promise<void> => {
  const at = { Bucket: bucket, Key: object.key };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at, ...about(object) }));
  const done: { PartNumber: number; ETag: string }[] = [];
  let start = 0;
  for (const [index, size] of (object.parts ?? []).entries()) {
    const part = { ...at, UploadId, PartNumber: index + 1, Body: object.body.subarray(start, start + size) };
    const { ETag = '' } = await client.send(new UploadPartCommand(part));
    done.push({ PartNumber: index + 1, ETag });
    start += size;
  }
  await client.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts: done } }));
};
