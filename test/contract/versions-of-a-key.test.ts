// A bucket that keeps versions, and a key with very many of them: only the current one counts, whatever the others are.
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { openMover } from '../../steps/movers/index.ts';
import { openStore } from '../../steps/stores/index.ts';
import { type Front, startFront } from '../fakes/http-front.ts';
import { type S3Server, startVersitygw } from '../support/s3-servers.ts';
import { listed, readText } from './store-fixture.ts';

const versions = 10_000;
const atOnce = 50;

let server: S3Server;
let front: Front;

beforeAll(async () => {
  server = await startVersitygw({ versions: true });
  front = await startFront(server.endpoint, { contentType: 'application/xml' });
  await server.bucket('library', { versions: true });
  for (let done = 0; done < versions; done += atOnce)
    await Promise.all(
      Array.from({ length: atOnce }, (_, index) =>
        server.client.send(new PutObjectCommand({ Bucket: 'library', Key: 'busy', Body: String(done + index) })),
      ),
    );
  await server.client.send(new PutObjectCommand({ Bucket: 'library', Key: 'busy', Body: 'current' }));
});
afterAll(async () => {
  await front.stop();
  await server.stop();
});

const open = async (bucket: string, subfolder?: string): Promise<ObjectStore> => {
  const location = { url: `s3://${bucket}`, endpoint: front.endpoint, region: 'us-east-1', pathStyle: true };
  const { signal } = new AbortController();
  return openStore({ location, secrets: server.secrets, signal, ...(subfolder === undefined ? {} : { subfolder }) });
};

it('a key with 10,000 versions is one object, listed and copied as it is now by a handful of requests', async () => {
  const [source, target] = [await open('library'), await open('library', 'copies')];
  const [from, ...others] = await listed(source);
  expect([from?.key, others]).toEqual(['busy', []]);
  expect(await readText(source, 'busy')).toBe('current');
  if (from === undefined) throw new Error('nothing is listed');
  const { signal } = new AbortController();
  const end = (subfolder: string) => ({
    location: { url: 's3://library', endpoint: front.endpoint, region: 'us-east-1', pathStyle: true },
    secrets: server.secrets,
    subfolder,
  });
  const mover = await openMover('copy', { source, target, signal, from: end(''), to: end('copies') });
  const orders = async function* () {
    yield await Promise.resolve({ from, to: 'busy', createOnly: true });
  };
  for await (const { outcome } of mover.move(orders())) expect(outcome).toBe('copied');
  expect(await readText(target, 'busy')).toBe('current');
  expect(front.seen.length).toBeLessThan(12);
  expect(front.seen.filter((line) => line.includes('versions'))).toEqual([]);
});

it('a key with 10,000 versions that is deleted is gone, and none of them comes back', async () => {
  const store = await open('library');
  await store.delete(['busy']);
  expect(await store.head('busy')).toBeUndefined();
  expect((await listed(store)).map(({ key }) => key)).not.toContain('busy');
});
