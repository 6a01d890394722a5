import { realpathSync } from 'node:fs';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { program, type Program, type RunningProgram, startProgram } from './server-program.ts';

const fakeGcs: Program = {
  name: 'fake-gcs-server',
  argv: (port) => [
    program('fake-gcs-server'),
    '-scheme=http',
    '-host=127.0.0.1',
    `-port=${port}`,
    '-backend=memory',
    '-log-level=error',
    `-external-url=http://127.0.0.1:${port}`,
    `-public-host=127.0.0.1:${port}`,
  ],
  ready: '/_internal/healthcheck',
};

const azurite: Program = {
  name: 'azurite',
  argv: (port) => [
    process.execPath,
    realpathSync(program('azurite-blob')),
    '--blobHost',
    '127.0.0.1',
    '--blobPort',
    String(port),
    '--inMemoryPersistence',
    '--silent',
    '--skipApiVersionCheck',
    '--disableTelemetry',
  ],
  ready: '/devstoreaccount1/none?restype=container',
  // Nobody says who asks: that is refused by whoever is awake.
  readyStatus: 403,
};

/** Keeps objects in memory. What it does not know of Google's conditions is done by test/fakes/gs-front.ts. */
export const startFakeGcs = (): Promise<RunningProgram> => startProgram(fakeGcs);

/** Microsoft's own imitation, in memory. */
export const startAzurite = (): Promise<RunningProgram> => startProgram(azurite);

/** With `locks`, of a server behind the front that knows them; with `versions` it keeps what is replaced. */
export const makeBucket = async (
  server: Pick<RunningProgram, 'endpoint'>,
  name: string,
  { locks = false, versions = false }: { readonly locks?: boolean; readonly versions?: boolean } = {},
): Promise<void> => {
  const made = await fetch(`${server.endpoint}/storage/v1/b${locks ? '?enableObjectRetention=true' : ''}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, ...(versions && { versioning: { enabled: true } }) }),
  });
  if (!made.ok) throw new Error(await made.text());
};

/** The account that every Azurite has, as Microsoft publishes it. */
export const azuriteAccount = {
  accountName: 'devstoreaccount1',
  accountKey: 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==',
} as const;

/** For what a test does behind the product's back. */
export const azuriteService = (server: Pick<RunningProgram, 'endpoint'>): BlobServiceClient =>
  new BlobServiceClient(
    `${server.endpoint}/${azuriteAccount.accountName}`,
    new StorageSharedKeyCredential(azuriteAccount.accountName, azuriteAccount.accountKey),
  );

export const makeContainer = async (server: Pick<RunningProgram, 'endpoint'>, name: string): Promise<void> => {
  await azuriteService(server).createContainer(name);
};
