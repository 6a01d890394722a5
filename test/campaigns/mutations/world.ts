// Two sealed backups, the newer one with references into the older, in a folder and in a bucket; each copied once per worker.
import { mkdir, mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { type Environment, parseEnvironment } from '../../../core/plan/environment.ts';
import { catchUp } from '../../../steps/catch-up.ts';
import { dump } from '../../../steps/dump.ts';
import { manifest } from '../../../steps/manifest.ts';
import { transfer } from '../../../steps/transfer.ts';
import { verify } from '../../../steps/verify.ts';
import { runPsql } from '../../oracle/psql.ts';
import { connectTo, type Spec } from '../../support/lab.ts';
import { type PostgresServer, startPostgres } from '../../support/postgres.ts';
import { type S3Server, startVersitygw } from '../../support/s3-servers.ts';
import { copyTree, openPlace, type Place } from './place.ts';
import { digestOf, type JsonObject, pack, seal, unpack } from './seal.ts';
import { contextFor, type Secrets } from '../../support/steps.ts';
import { resetTarget } from './target.ts';

export const older = { stamp: '20251108-010000', time: '2025-11-08T01:00:00Z', runUid: 'run-older' };
export const newer = { stamp: '20251109-020000', time: '2025-11-09T02:00:00Z', runUid: 'run-newer' };
export const idOf = (stamp: string): string => `retail-prd-backup-${stamp}`;

export type Medium = 'folder' | 'bucket';

/** Where one worker damages, verifies and restores. */
export interface Bench {
  readonly medium: Medium;
  readonly place: Place;
  readonly environment: Environment;
  readonly target: Environment;
  readonly secrets: Secrets;
  /** Databases of the target begin with it. */
  readonly prefix: string;
  readonly documents: string;
  readonly media: string;
  readonly folder: string;
}

export interface World {
  readonly server: PostgresServer;
  take(medium: Medium): Promise<Bench>;
  give(bench: Bench): void;
  stop(): Promise<void>;
}

interface Library {
  put(key: string, text: string): Promise<void>;
  remove(key: string): Promise<void>;
}

const folderLibrary = (root: string): Library => ({
  put: async (key, text) => {
    await mkdir(dirname(`${root}/${key}`), { recursive: true });
    await writeFile(`${root}/${key}`, text);
  },
  remove: (key) => unlink(`${root}/${key}`),
});

const bucketLibrary = ({ client }: S3Server, name: string): Library => ({
  put: async (key, text) =>
    void (await client.send(
      new PutObjectCommand({ Bucket: name, Key: key, Body: Buffer.from(text), ContentLength: Buffer.byteLength(text) }),
    )),
  remove: async (key) => void (await client.send(new DeleteObjectCommand({ Bucket: name, Key: key }))),
});

/** Keys whose copies cannot have their own names begin with `~`: both media take them. */
const documentFiles: Readonly<Record<string, string>> = {
  CASE: 'upper',
  case: 'lower',
  'a/1': 'one',
  'a/2': 'two',
  'a/3': 'six',
  'deep/er/and/deeper': 'deep'.repeat(20_000),
  empty: '',
  'same/1': 'the same bytes',
  'same/2': 'the same bytes',
  'ünï/漢字 😀': 'unicode',
  "a&b<c>'d": 'marks',
  '%2e%2e': 'dots',
  '~old': 'escaped, older',
  going: 'goes while the backup runs',
};
const mediaFiles: Readonly<Record<string, string>> = { 'm/1': 'one', 'm/2': 'two', 'm/empty': '', '~m': 'escaped' };

const fill = async (library: Library, files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [key, text] of Object.entries(files)) await library.put(key, text);
};

const changeDocuments = (library: Library): Promise<void> =>
  fill(library, {
    'a/2': 'two, changed',
    'a/4': 'new',
    'a/5': 'wen',
    'big/new': 'new'.repeat(30_000),
    'empty too': '',
    '~new': 'escaped, newer',
    'zz/last': 'last',
  });

/** Larger than the parts in which clients upload. */
const putInParts = async ({ client }: S3Server, key: string, word: string): Promise<void> => {
  const bucket = 'documents';
  const at = { Bucket: bucket, Key: key };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(at));
  const parts = [];
  for (const [index, size] of [5 * 1024 * 1024, 70_000].entries()) {
    const PartNumber = index + 1;
    const Body = Buffer.alloc(size, `${word} ${key} ${index} `);
    const { ETag } = await client.send(new UploadPartCommand({ ...at, UploadId, PartNumber, Body }));
    parts.push({ PartNumber, ETag });
  }
  await client.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts: parts } }));
};

interface Maker {
  readonly environment: Environment;
  readonly secrets: Secrets;
  readonly place: Place;
}

const backUp = async (
  { environment, secrets, place }: Maker,
  run: typeof older,
  between: () => Promise<void>,
): Promise<void> => {
  const { runUid, time } = run;
  const options = {
    flow: 'lc2-backup',
    runUid,
    time,
    environment,
    secrets,
    parameters: { environment: 'prd' },
  } as const;
  await dump(contextFor('dump', options));
  await transfer(contextFor('transfer', options));
  await between();
  await catchUp(contextFor('catch-up', options));
  // What an attempt leaves that died: the manifest names it.
  await place.write(`${run.stamp}/database/app.dead-attempt.dump.zst`, Buffer.from('half a dump'));
  await verify(contextFor('verify', options));
  await manifest(contextFor('manifest', options));
};

interface Part {
  readonly key: string;
  readonly name: string;
}

/** The writer begins a new part after 10,000 lines; here the one it wrote is cut into three, as it would have cut it. */
const cutInventory = async (place: Place, stamp: string): Promise<void> => {
  const key = `${stamp}/manifest.json`;
  const sealed = JSON.parse(String(await place.read(key))) as JsonObject & {
    objectStores: (JsonObject & { name: string; inventory: (JsonObject & Part)[] })[];
  };
  const [store] = sealed.objectStores;
  const [whole] = store?.inventory ?? [];
  const packed = whole && (await place.read(whole.key));
  if (!store || !whole || !packed) throw new Error('there is no inventory to cut');
  const lines = unpack(packed);
  const third = Math.ceil(lines.length / 3);
  store.inventory = [];
  for (let n = 0; n < 3; n++) {
    const some = lines.slice(n * third, (n + 1) * third);
    const bytes = pack(some);
    const digest = digestOf(bytes);
    const part = `${stamp}/inventory/${store.name}/part-0000${n}.${digest.slice(0, 12)}.ndjson.zst`;
    await place.write(part, bytes);
    store.inventory.push({
      key: part,
      name: '',
      digest,
      size: bytes.byteLength,
      first: some[0]?.['key'] ?? '',
      last: some.at(-1)?.['key'] ?? '',
      objects: some.length,
      bytes: some.reduce((sum, line) => sum + Number(line['size']), 0),
    });
  }
  for (const part of store.inventory) delete (part as JsonObject)['name'];
  await place.remove(whole.key);
  await place.write(key, seal(sealed));
};

const plainSecrets = (server: PostgresServer, s3: S3Server): Secrets => ({
  database: { username: server.superuser, password: server.password },
  objects: { ...s3.secrets },
  storage: { ...s3.secrets },
  copies: {},
});

export const databaseSpecOf = (server: PostgresServer, databases: readonly string[]): Spec => ({
  server: {
    engine: 'postgresql',
    host: server.host,
    port: server.port,
    tls: { mode: 'disable' },
    databases: [...databases],
  },
  credentials: { secretName: 'db' },
});

const tables = [
  ['app', 't', 'sealed'],
  ['other', 'u', 'sealed'],
  ['live', 't', 'live'],
] as const;

export const createWorld = async (benches: number, media: readonly Medium[]): Promise<World> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-mutations-'));
  const [server, s3] = await Promise.all([startPostgres(), startVersitygw()]);
  const stop = async (): Promise<void> => {
    await Promise.all([server.stop(), s3.stop()]);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await runPsql(connectTo(server), 'CREATE DATABASE app; CREATE DATABASE other; CREATE DATABASE live;');
    for (const [name, table, word] of tables)
      await runPsql(
        connectTo(server, name),
        `CREATE TABLE ${table} (n int, v text); INSERT INTO ${table} SELECT n, '${word}' FROM generate_series(1, 1000) n`,
      );
    const free: Bench[] = [];
    const waiting: { readonly medium: Medium; readonly go: (bench: Bench) => void }[] = [];
    for (const medium of media) free.push(...(await makeBenches({ folder, server, s3, medium, benches })));
    for (const bench of free) await resetTarget(server, bench);
    return {
      server,
      take: (medium) => {
        const index = free.findIndex((bench) => bench.medium === medium);
        const [bench] = index === -1 ? [] : free.splice(index, 1);
        return bench ? Promise.resolve(bench) : new Promise((go) => waiting.push({ medium, go }));
      },
      give: (bench) => {
        const next = waiting.findIndex(({ medium }) => medium === bench.medium);
        if (next === -1) free.push(bench);
        else waiting.splice(next, 1)[0]?.go(bench);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};

const makeBenches = async (task: {
  folder: string;
  server: PostgresServer;
  s3: S3Server;
  medium: Medium;
  benches: number;
}): Promise<Bench[]> => {
  const { server, s3, medium, benches } = task;
  const folder = join(task.folder, medium);
  const storage = medium === 'folder' ? join(folder, 'storage') : join(s3.data, 'backups');
  const [documentsFolder, mediaFolder] = [join(folder, 'documents'), join(folder, 'media')];
  await mkdir(documentsFolder, { recursive: true });
  await mkdir(mediaFolder);
  if (medium === 'folder') await mkdir(storage);
  else for (const name of ['backups', 'documents']) await s3.bucket(name);
  const here = { endpoint: s3.endpoint, pathStyle: true, credentials: { secretName: 's3' } };
  const urlOf = (name: string): Spec =>
    medium === 'folder' ? { url: `file://${storage}/${name}` } : { url: `s3://backups/${name}`, ...here };
  const environmentOf = (name: string): Environment =>
    parseEnvironment(
      {
        name: 'prd',
        spec: {
          projectId: 'retail',
          database: databaseSpecOf(server, ['app', 'other']),
          objectStores: [
            medium === 'folder'
              ? { name: 'documents', url: `file://${documentsFolder}` }
              : { name: 'documents', url: 's3://documents', ...here },
            {
              name: 'media',
              url: `file://${mediaFolder}`,
              ...(medium === 'bucket' && { credentials: here.credentials }),
            },
          ],
          storage: urlOf(name),
          restore: { allowed: true },
        },
      },
      'campaign',
    );
  const rootOf = (name: string): string => join(storage, name, 'retail/prd');
  const bucketOf = (name: string) =>
    medium === 'folder' ? {} : { bucket: { client: s3.client, name: 'backups', prefix: `${name}/retail/prd` } };
  const placeOf = (name: string): Place =>
    openPlace({ root: rootOf(name), pristine: rootOf('pristine'), ...bucketOf(name) });
  const secrets = plainSecrets(server, s3);
  if (medium === 'folder') await mkdir(join(storage, 'pristine'));
  const maker: Maker = { environment: environmentOf('pristine'), secrets, place: placeOf('pristine') };
  const library = medium === 'folder' ? folderLibrary(documentsFolder) : bucketLibrary(s3, 'documents');
  await fill(library, documentFiles);
  await fill(folderLibrary(mediaFolder), mediaFiles);
  if (medium === 'bucket') for (const key of ['parts/older', 'parts/newer']) await putInParts(s3, key, 'one');
  await backUp(maker, older, () => Promise.resolve());
  await changeDocuments(library);
  if (medium === 'bucket') await putInParts(s3, 'parts/newer', 'two');
  await folderLibrary(mediaFolder).put('m/2', 'TWO');
  await library.put('going too', 'is copied, and goes');
  await backUp(maker, newer, async () => {
    for (const key of ['going', 'going too']) await library.remove(key);
  });
  await cutInventory(maker.place, newer.stamp);
  const made: Bench[] = [];
  for (let n = 0; n < benches; n++) {
    await copyTree(join(storage, 'pristine'), join(storage, `w${n}`));
    const prefix = `${medium}${n}`;
    const own = join(folder, prefix);
    made.push({
      medium,
      place: placeOf(`w${n}`),
      environment: environmentOf(`w${n}`),
      target: targetOf({ server, own, storage: urlOf(`w${n}`) }),
      secrets,
      prefix,
      documents: join(own, 'documents'),
      media: join(own, 'media'),
      folder: own,
    });
  }
  return made;
};

const targetOf = ({ server, own, storage }: { server: PostgresServer; own: string; storage: Spec }): Environment =>
  parseEnvironment(
    {
      name: 'target',
      spec: {
        projectId: 'retail',
        database: databaseSpecOf(server, []),
        objectStores: [
          { name: 'documents', url: `file://${own}/documents` },
          { name: 'media', url: `file://${own}/media` },
        ],
        storage,
        restore: { allowed: true },
      },
    },
    'campaign',
  );
