// Storage Transfer copies the library into the backup: whole, in increments, after kills, and what moved meanwhile is right.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { storageTransferPermissions } from '../../core/permissions/services.ts';
import { fairTransferWeather, type TransferWeather } from '../fakes/storage-transfer/cloud.ts';
import { differences } from '../oracle/compare.ts';
import type { Capture } from '../oracle/facts.ts';
import { createLab, environmentDocument, errorLines, type Lab, type Sealed } from '../support/lab.ts';
import { descendantsOf, waitFor } from '../support/processes.ts';
import { killStep } from '../support/running-step.ts';
import { startTransferLab, type TransferLab } from '../support/storage-transfer.ts';

interface Manifest {
  readonly objectStores: readonly {
    readonly objectCount: number;
    readonly mover: string;
    readonly copied: { readonly count: number };
    readonly excluded: { readonly count: number };
  }[];
}

const described = { contentType: 'text/x-odd', metadata: { owner: 'somebody', title: 'A title' } };
const large = 12_000_000;
const keys = [
  'plain',
  'a b+c%20',
  'ünï/漢字 😀',
  'deep/er/and/deeper',
  '~tilde',
  'a,b',
  `"quoted", (x)!*`,
  'two//slashes',
];

let cloud: TransferLab;
let lab: Lab;
let runs = 0;
let bucket: string;
let file: string;
let weather: TransferWeather;
/** Of earlier tests. */
let earlier = { operations: 0, calls: 0 };
const traffic = () => cloud.buckets.front?.bytes.get('lc2-backup');
const capture = async (): Promise<Capture> => ({ format: 1, objects: await cloud.buckets.capture(bucket) });

beforeAll(async () => {
  [cloud, lab] = await Promise.all([startTransferLab(), createLab()]);
  ({ weather } = cloud.fake.cloud);
});
afterAll(async () => {
  await cloud.stop();
  await lab.remove();
});
/** What our client asks is what Google describes. */
afterEach(() => {
  const [violation] = cloud.fake.violations;
  if (violation !== undefined) throw new Error(violation);
});
beforeEach(async () => {
  const allowed = new Set(Object.keys(storageTransferPermissions));
  Object.assign(weather, fairTransferWeather(), { allowed });
  earlier = { operations: cloud.fake.cloud.operations.length, calls: cloud.fake.calls.length };
  bucket = `documents-${++runs}`;
  for (const name of [bucket, `backups-${runs}`]) await cloud.buckets.make(name);
  file = await environment({});
  cloud.buckets.front?.reset();
});

const environment = (more: Parameters<TransferLab['store']>[1], exclude: readonly string[] = []): Promise<string> =>
  lab.write(`env-${runs}.yaml`, [
    environmentDocument('prd', {
      objectStores: [{ name: 'documents', ...cloud.store(bucket, more), exclude: [...exclude] }],
      storage: { ...cloud.buckets.location(`backups-${runs}`), url: `gs://backups-${runs}/below/it` },
    }),
  ]);

const backup = (...more: readonly string[]): Promise<Sealed> => lab.json<Sealed>('backup', '-f', file, ...more);
const storeOf = async ({ backupId }: Sealed): Promise<Manifest['objectStores'][number] | undefined> =>
  (await lab.json<Manifest>('show', backupId, '-f', file)).objectStores[0];

/** Rows of the list that the service was given. */
const listOf = async (index: number): Promise<string[]> => {
  const [, from = '', key = ''] =
    /^gs:\/\/([^/]+)\/(.+)$/.exec(operations()[index]?.spec.transferManifest?.location ?? '') ?? [];
  const { endpoint = '' } = cloud.buckets.front ?? {};
  const answer = await fetch(`${endpoint}/storage/v1/b/${from}/o/${encodeURIComponent(key)}?alt=media`);
  return (await answer.text()).trim().split('\n');
};

const operations = () => cloud.fake.cloud.operations.slice(earlier.operations);
const calls = () => cloud.fake.calls.slice(earlier.calls);
const running = () => operations().find(({ status }) => status === 'IN_PROGRESS');

test('the service copies, no byte comes here, and everything comes back equal', async () => {
  for (const key of keys) await cloud.buckets.put(bucket, key, `bytes of ${key}`, described);
  await cloud.buckets.put(bucket, 'zero', '');
  await cloud.buckets.put(bucket, 'large', Buffer.alloc(large, 'part'), described);
  const before = await capture();
  const sealed = await backup();
  expect(await storeOf(sealed)).toMatchObject({
    objectCount: keys.length + 2,
    mover: 'storage-transfer',
    copied: { count: keys.length + 2 },
  });
  // Names that storage escapes are not the service's to make.
  expect(operations().map(({ status, counters }) => [status, counters.objectsCopiedToSink])).toEqual([
    ['SUCCESS', keys.length],
  ]);
  for (const key of [...keys, 'large', 'zero']) await cloud.buckets.drop(bucket, key);
  await cloud.buckets.put(bucket, 'surplus', 'surplus');
  await lab.json('restore', '-f', file, '--backup', sealed.backupId, '--objects-mode', 'mirror', '--confirm', 'prd');
  expect(differences(before, await capture())).toEqual([]);
  const { sent = 0, received = 0 } = traffic() ?? {};
  process.stdout.write(`bytes that passed a step: sent ${sent}, received ${received}\n`);
  expect([sent < large / 2, received < large / 2]).toEqual([true, true]);
  expect(await lab.json('verify', sealed.backupId, '-f', file, '--objects', 'full')).toMatchObject({ ok: true });
});

test('a check says what the account may not do, and a preview who will move', async () => {
  await cloud.buckets.put(bucket, 'a', 'a');
  expect(await lab.json('check', '-f', file)).toMatchObject({ ok: true });
  const { backupId } = await backup();
  const preview = await lab.cli('restore', '-f', file, '--backup', backupId, '--preview');
  expect(preview.stdout + preview.stderr).toMatch(/merge into gs:\/\/documents-\d+ by copy/);
  weather.missing.add('storagetransfer.jobs.get');
  const refused = await lab.cli('check', '-f', file);
  expect([refused.status, refused.stdout]).toEqual([
    78,
    expect.stringMatching(/SERVICE_DENIED: .*storagetransfer\.jobs\.get/),
  ]);
});

test('no object costs a request of ours, and rules that are globs exclude what they describe', async () => {
  const names = Array.from({ length: 300 }, (_, index) => `doc/${index}.pdf`);
  const hidden = ['doc/1.pdf.thumbnail.png', 'x/0.thumbnail.'];
  await Promise.all([...names, ...hidden].map((key) => cloud.buckets.put(bucket, key, key)));
  file = await environment({}, ['**.thumbnail.**']);
  cloud.buckets.front?.reset();
  const sealed = await backup();
  const { requests = 0 } = traffic() ?? {};
  process.stdout.write(`requests of a backup of ${names.length} objects: ${requests}\n`);
  expect(requests).toBeLessThan(names.length / 3);
  expect(await storeOf(sealed)).toMatchObject({ objectCount: names.length, excluded: { count: hidden.length } });
  expect((await cloud.buckets.capture(`backups-${runs}`)).filter(({ key }) => key.includes('thumbnail'))).toEqual([]);
});

test('a later backup gives the service what is new only, and few objects are copied without it', async () => {
  for (const key of keys) await cloud.buckets.put(bucket, key, key);
  await backup();
  await cloud.buckets.put(bucket, 'new', 'new');
  await cloud.buckets.put(bucket, 'plain', 'changed');
  const before = await capture();
  const second = await backup();
  expect(await storeOf(second)).toMatchObject({ mover: 'storage-transfer', copied: { count: 2 } });
  expect((await listOf(1)).map((row) => row.replace(/,\d+$/, ''))).toEqual(['"new"', '"plain"']);
  file = await environment({ minimumObjects: 2 });
  await cloud.buckets.put(bucket, 'one more', 'one more');
  expect(await storeOf(await backup())).toMatchObject({ mover: 'copy', copied: { count: 1 } });
  expect(operations()).toHaveLength(2);
  await cloud.buckets.drop(bucket, 'plain');
  await lab.json('restore', '-f', file, '--backup', second.backupId, '--objects-mode', 'mirror', '--confirm', 'prd');
  expect(differences(before, await capture())).toEqual([]);
});

test.each([
  ['exactly the versions that it is given', false],
  ['whatever has the name', true],
])('where the service copies %s, what moved meanwhile is as it is after the point', async (_, ignoresVersions) => {
  weather.ignoresVersions = ignoresVersions;
  for (const key of ['deleted', 'overwritten', 'same']) await cloud.buckets.put(bucket, key, `old ${key}`);
  weather.beforeObject = async (name) => {
    if (name === 'deleted') await cloud.buckets.drop(bucket, name);
    if (name === 'overwritten') await cloud.buckets.put(bucket, name, 'new');
  };
  const sealed = await backup();
  const after = await capture();
  const gone = ignoresVersions ? ['NOT_FOUND'] : ['NOT_FOUND', 'NOT_FOUND'];
  expect(operations().map(({ status, failed }) => [status, failed.map(({ code }) => code)])).toEqual([
    ['FAILED', gone],
  ]);
  expect(await storeOf(sealed)).toMatchObject({ objectCount: 2 });
  for (const key of ['overwritten', 'same']) await cloud.buckets.drop(bucket, key);
  await lab.json('restore', '-f', file, '--backup', sealed.backupId, '--confirm', 'prd');
  expect(differences(after, await capture())).toEqual([]);
});

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'a step that is killed in flight by %s is followed by one that goes on with the same job',
  async (signal) => {
    for (const key of keys) await cloud.buckets.put(bucket, key, key);
    weather.held = true;
    const cli = lab.start(['backup', '-f', file, '--json']);
    await waitFor(running, cli.ended);
    // The handle is written down, or is about to be.
    await sleep(Math.random() * 300);
    await killStep(cli, 'transfer', signal);
    weather.held = false;
    const { status, stderr } = await cli.ended;
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    expect([operations().length, calls().filter((call) => call.endsWith('.run')).length]).toEqual([1, 1]);
  },
);

test('a backup that is told to stop gives its operation up and leaves no file', async () => {
  for (const key of keys) await cloud.buckets.put(bucket, key, key);
  weather.held = true;
  const cli = lab.start(['backup', '-f', file]);
  await waitFor(running, cli.ended);
  cli.kill('SIGTERM');
  expect((await cli.ended).status).toBe(143);
  await expect.poll(() => operations().map(({ status }) => status)).toEqual(['ABORTED']);
  expect((await cloud.buckets.capture(`backups-${runs}`)).map(({ key }) => key)).toEqual([
    'below/it/retail/prd/owner.json',
  ]);
});

test('the operation of a run that died without its clean-up is given up by the next run', async () => {
  for (const key of keys) await cloud.buckets.put(bucket, key, key);
  weather.held = true;
  const cli = lab.start(['backup', '-f', file]);
  await waitFor(running, cli.ended);
  // Only then its handle is written down.
  await waitFor(() => calls().find((call) => call.endsWith('transferOperations.get')), cli.ended);
  const steps = descendantsOf(cli.pid);
  cli.kill('SIGKILL');
  for (const { pid } of steps) process.kill(pid, 'SIGKILL');
  await cli.ended;
  const next = lab.start(['backup', '-f', file, '--json']);
  await waitFor(() => operations()[1], next.ended);
  weather.held = false;
  expect((await next.ended).status).toBe(0);
  expect(operations().map(({ status }) => status)).toEqual(['ABORTED', 'SUCCESS']);
});

test('what Google interrupts itself is asked for again, under a new name', async () => {
  for (const key of ['a', 'b', 'c']) await cloud.buckets.put(bucket, key, key);
  let times = 0;
  weather.poisoned.set('b', 'UNAVAILABLE');
  weather.beforeObject = (name) => {
    if (name === 'b' && ++times > 1) weather.poisoned.clear();
    return Promise.resolve();
  };
  expect(await storeOf(await backup())).toMatchObject({ objectCount: 3 });
  expect(operations().map(({ status }) => status)).toEqual(['FAILED', 'SUCCESS']);
  expect(new Set(operations().map(({ job }) => job.body.name)).size).toBe(2);
  expect(operations()[1]?.counters).toMatchObject({ objectsFromSourceSkippedBySync: 2, objectsCopiedToSink: 1 });
});

test.each<[string, () => void, number, RegExp]>([
  [
    'no permission to create a job',
    () => weather.missing.add('storagetransfer.jobs.create'),
    78,
    /^SERVICE_DENIED: .*storagetransfer\.jobs\.create/,
  ],
  [
    'no permission to run a job',
    () => weather.missing.add('storagetransfer.jobs.run'),
    78,
    /^SERVICE_DENIED: .*storagetransfer\.jobs\.run/,
  ],
  [
    'a service agent that may not read the library',
    () => weather.forbidden.add(`${bucket} storage.objects.get`),
    70,
    /^TRANSFER_FAILED: .*PERMISSION_DENIED.*storage\.objects\.get/,
  ],
  [
    'a service agent that may not write the storage',
    () => weather.forbidden.add(`backups-${runs} storage.objects.create`),
    70,
    /^TRANSFER_FAILED: .*PERMISSION_DENIED.*storage\.objects\.create/,
  ],
  [
    'an object that cannot be copied',
    () => weather.poisoned.set('plain', 'DATA_LOSS'),
    70,
    /^TRANSFER_FAILED: .*DATA_LOSS of 1 object.*documents-\d+\/plain/,
  ],
  [
    'counters that contradict each other',
    () => (weather.miscount = (counters) => void (counters.objectsCopiedToSink -= 1)),
    70,
    /^TRANSFER_FAILED: .*found 2 objects and copied 1/,
  ],
])('%s ends the backup with one clear line', async (_, upset, status, line) => {
  for (const key of ['plain', 'other']) await cloud.buckets.put(bucket, key, key);
  upset();
  const result = await lab.cli('backup', '-f', file);
  expect(errorLines(result).at(-1)).toMatch(line);
  expect(result.status).toBe(status);
  expect(await lab.json('list', '-f', file)).toMatchObject({ backups: [] });
});

test.each([
  ['a job', 'storagetransfer.jobs.get'],
  ['an operation', 'storagetransfer.operations.get'],
])('no permission to look at %s ends the backup, and its files stay for a run that may', async (_, permission) => {
  await cloud.buckets.put(bucket, 'plain', 'plain');
  weather.missing.add(permission);
  const result = await lab.cli('backup', '-f', file);
  expect(errorLines(result).at(-1)).toMatch(/^SERVICE_DENIED: /);
  expect(errorLines(result).at(-1)).toContain(permission);
  expect(result.status).toBe(78);
  // Whoever may not look cannot know whether something still writes there.
  expect(await lab.json('list', '-f', file)).toMatchObject({ backups: [{ phase: 'Unsealed' }] });
  weather.missing.clear();
  const { backupId } = await backup();
  expect(await lab.json('list', '-f', file)).toMatchObject({ backups: [{ backupId }] });
});
