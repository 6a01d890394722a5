import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  azuriteAccount,
  azuriteService,
  makeBucket,
  makeContainer,
  startAzurite,
  startFakeGcs,
} from '../support/cloud-servers.ts';
import type { RunningProgram } from '../support/server-program.ts';
import { byUtf8 } from './facts.ts';
import { captureAzblob, captureGs } from './objects.ts';

const keys = ['plain', 'a b+c%20', 'ünï/漢字 😀', '\ufffd', "it's (odd) & <so>", 'deep/er', ...many()];

function many(): string[] {
  return Array.from({ length: 30 }, (_, number) => `many/${number}`);
}

const expected = keys.toSorted(byUtf8).map((key) => ({
  key,
  size: Buffer.byteLength(key),
  sha256: createHash('sha256').update(key).digest('hex'),
  contentType: 'text/x-odd',
  metadata: { a: 'one', b: 'two' },
}));

let gcs: RunningProgram;
let azurite: RunningProgram;
beforeAll(async () => {
  [gcs, azurite] = await Promise.all([startFakeGcs(), startAzurite()]);
  await makeBucket(gcs, 'library');
  await makeContainer(azurite, 'library');
});
afterAll(() => Promise.all([gcs.stop(), azurite.stop()]));

test('reads every object of a bucket in Google Cloud Storage', async () => {
  for (const name of keys) {
    const description = { name, contentType: 'text/x-odd', metadata: { b: 'two', a: 'one' } };
    const body = `--x\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(description)}\r\n--x\r\ncontent-type: text/x-odd\r\n\r\n${name}\r\n--x--\r\n`;
    const headers = { 'content-type': 'multipart/related; boundary=x' };
    await fetch(`${gcs.endpoint}/upload/storage/v1/b/library/o?uploadType=multipart`, {
      method: 'POST',
      headers,
      body,
    });
  }
  expect(await captureGs({ endpoint: gcs.endpoint, bucket: 'library' })).toEqual(expected);
  const below = await captureGs({ endpoint: gcs.endpoint, bucket: 'library', prefix: 'many/1' });
  expect(below).toHaveLength(11);
  await expect(captureGs({ endpoint: gcs.endpoint, bucket: 'other' })).rejects.toThrow('GCS answered 404');
});

test('reads every object of a container in Azure', async () => {
  const container = azuriteService(azurite).getContainerClient('library');
  for (const key of keys) {
    await container.getBlockBlobClient(key).upload(key, Buffer.byteLength(key), {
      blobHTTPHeaders: { blobContentType: 'text/x-odd' },
      metadata: { b: 'two', a: 'one' },
    });
  }
  const location = { endpoint: `${azurite.endpoint}/devstoreaccount1`, container: 'library', ...azuriteAccount };
  expect(await captureAzblob(location)).toEqual(expected);
  expect(await captureAzblob({ ...location, prefix: 'many/1' })).toHaveLength(11);
  await expect(captureAzblob({ ...location, container: 'other' })).rejects.toThrow('Azure answered 404');
  await expect(captureAzblob({ ...location, accountKey: 'a2V5' })).rejects.toThrow('Azure answered 403');
});
