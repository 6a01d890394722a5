// A folder or a bucket that holds a library or a storage: what a case does to it behind the product's back, and what is in it.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { ObjectFact } from '../../oracle/facts.ts';
import { captureS3 } from '../../oracle/objects.ts';
import { filesOf, type Spec, writeKey } from '../../support/lab.ts';
import type { S3Server } from '../../support/s3-servers.ts';

export interface Place {
  /** `url` and what belongs to it in the spec of an environment. */
  readonly spec: Spec;
  /** Where it is, for whoever watches a folder. */
  readonly folder: string | undefined;
  facts(): Promise<ObjectFact[]>;
  read(key: string): Promise<Buffer>;
  put(key: string, bytes: string | Uint8Array): Promise<void>;
  remove(key: string): Promise<void>;
  /** Open uploads, working files. */
  unfinished(): Promise<string[]>;
}

const temporary = /(^|\/)\.lc2-tmp-/;

export const folderPlace = async (folder: string): Promise<Place> => {
  await mkdir(folder, { recursive: true });
  return {
    spec: { url: `file://${folder}` },
    folder,
    facts: async () => (await filesOf(folder)).filter(({ key }) => !temporary.test(key)),
    read: (key) => readFile(`${folder}/${key}`),
    put: (key, bytes) => writeKey(folder, key, bytes),
    remove: (key) => rm(`${folder}/${key}`, { force: true }),
    unfinished: async () =>
      existsSync(folder) ? (await readdir(folder, { recursive: true })).filter((name) => temporary.test(name)) : [],
  };
};

/** `endpoint` is that of the front; a case itself speaks to the server. */
export const bucketPlace = async (server: S3Server, bucket: string, endpoint: string): Promise<Place> => {
  await server.bucket(bucket);
  const { client } = server;
  return {
    spec: { url: `s3://${bucket}`, endpoint, pathStyle: true },
    folder: undefined,
    facts: () => captureS3({ endpoint: server.endpoint, bucket, region: 'us-east-1', ...server.secrets }),
    read: async (key) => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    },
    put: async (key, bytes) => {
      if (key.includes('parts/')) await putInParts(server, { Bucket: bucket, Key: key }, bytes);
      else await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes }));
    },
    remove: async (key) => void (await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))),
    unfinished: async () => {
      const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
      return (Uploads ?? []).map(({ Key }) => `upload of ${Key ?? ''}`);
    },
  };
};

/** One part is enough to make a store treat it, and all its copies, as an object of parts. */
const putInParts = async (
  { client }: S3Server,
  target: { readonly Bucket: string; readonly Key: string },
  body: string | Uint8Array,
): Promise<void> => {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
  const { ETag } = await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber: 1, Body: body }));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  await client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload }));
};
