// The fake service driven by a client that shares no code with ours: Google's own, in Python.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { googleClient } from '../fakes/google/discovery.ts';
import { startTransferLab, type TransferLab, transferProject } from '../support/storage-transfer.ts';

let cloud: TransferLab;

beforeAll(async () => {
  cloud = await startTransferLab();
  for (const bucket of ['from', 'to']) await cloud.buckets.make(bucket);
  for (const key of ['a', 'b', 'c']) await cloud.buckets.put('from', key, key);
  await cloud.buckets.put('to', 'list.csv', 'a\n"b",1\n');
});

afterAll(() => cloud.stop());

it('creates, runs, lists and ends jobs for Google’s own client, within Google’s description', async () => {
  // The client asks for what is refused while something is under way: that must not end meanwhile.
  cloud.fake.cloud.weather.slow = 1000;
  const about = { api: cloud.fake.endpoint, project: transferProject, source: 'from', sink: 'to' };
  const script = fileURLToPath(new URL('../support/storage-transfer-client.py', import.meta.url));
  const { stdout } = await promisify(execFile)(googleClient('bin/python'), [script, JSON.stringify(about)], {
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' },
  });
  expect(JSON.parse(stdout)).toEqual(['all', 'nothing twice', 'names', 'prefixes', 'list', 'patch and list']);
  expect(cloud.fake.violations).toEqual([]);
  const stored = (await cloud.buckets.capture('to')).map(({ key }) => key);
  expect(stored).toEqual(['all/a', 'all/b', 'all/c', 'list.csv', 'listed/a', 'some/a']);
});
