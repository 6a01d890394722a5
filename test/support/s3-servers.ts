import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import type { Location } from '../../core/api/location.ts';
import { program, type Program, startProgram } from './server-program.ts';

export interface S3Server {
  readonly name: 'versitygw' | 'moto';
  readonly endpoint: string;
  readonly pid: number;
  /** Where the gateway keeps buckets as folders and objects as files: for damage that happens behind its back. */
  readonly data: string;
  readonly secrets: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Makes a bucket and says where it is. */
  bucket(name: string, options?: { readonly locks?: boolean; readonly versions?: boolean }): Promise<Location>;
  /** For what a test does behind the product's back. */
  readonly client: S3Client;
  stop(): Promise<void>;
}

const secrets = { accessKeyId: 'test-access-key', secretAccessKey: 'test-secret-key' } as const;

const versitygw = (versions: boolean): Program & { readonly name: 'versitygw' } => ({
  name: 'versitygw',
  argv: (port, folder) => {
    const server = ['--port', `127.0.0.1:${port}`, '--health', '/health', '--quiet'];
    for (const name of ['data', 'versions']) mkdirSync(join(folder, name), { recursive: true });
    const keeping = versions ? ['--versioning-dir', join(folder, 'versions')] : [];
    return [program('versitygw'), ...server, 'posix', ...keeping, join(folder, 'data')];
  },
  env: { ROOT_ACCESS_KEY: secrets.accessKeyId, ROOT_SECRET_KEY: secrets.secretAccessKey },
  ready: '/health',
});

const moto: Program & { readonly name: 'moto' } = {
  name: 'moto',
  argv: (port) => [program('moto_server'), '-H', '127.0.0.1', '-p', String(port)],
  env: { S3_UPLOAD_PART_MIN_SIZE: '1' },
  ready: '/moto-api/data.json',
};

/** A gateway that keeps objects as files: checks signatures and checksums, needs extended attributes of the file system. */
export const startVersitygw = ({ versions = false }: { readonly versions?: boolean } = {}): Promise<S3Server> =>
  start(versitygw(versions));

/** An imitation in memory: exact in races and with odd keys, checks neither signatures nor checksums. */
export const startMoto = (): Promise<S3Server> => start(moto);

async function start(what: Program & { readonly name: S3Server['name'] }): Promise<S3Server> {
  const { endpoint, pid, folder, stop } = await startProgram(what);
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { ...secrets } });
  return {
    name: what.name,
    endpoint,
    pid,
    data: join(folder, 'data'),
    secrets: { ...secrets },
    client,
    bucket: async (name, { locks = false, versions = false } = {}) => {
      await client.send(new CreateBucketCommand({ Bucket: name, ...(locks && { ObjectLockEnabledForBucket: true }) }));
      if (versions)
        await client.send(
          new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: 'Enabled' } }),
        );
      return { url: `s3://${name}`, endpoint, region: 'us-east-1', pathStyle: true };
    },
    stop: async () => {
      client.destroy();
      await stop();
    },
  };
}
