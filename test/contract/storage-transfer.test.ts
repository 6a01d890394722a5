// Storage Transfer against its fake: what the port promises, what Google's own conditions would do, and what a service refuses.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { compileFilter } from '../../core/plan/filter.ts';
import { listLine } from '../../core/plan/transfer-list.ts';
import type { TransferJob, TransferService } from '../../core/ports/transfer-service.ts';
import { openTransfer } from '../../steps/services/index.ts';
import { storageTransferPermissions } from '../../core/permissions/services.ts';
import { fairTransferWeather, type TransferWeather } from '../fakes/storage-transfer/cloud.ts';
import { startTransferLab, transferProject, type TransferLab } from '../support/storage-transfer.ts';
import { codeOf } from './store-fixture.ts';

let cloud: TransferLab;
let weather: TransferWeather;
let names = 0;
const open = (signal = new AbortController().signal, project = transferProject): TransferService =>
  openTransfer({ spec: { project, minimumObjects: 1, endpoint: cloud.fake.endpoint }, secrets: {}, signal });

const generationOf = async (key: string): Promise<string> => {
  const { endpoint = '' } = cloud.buckets.front ?? {};
  const answer = await fetch(`${endpoint}/storage/v1/b/from/o/${encodeURIComponent(key)}`);
  return ((await answer.json()) as { generation: string }).generation;
};

/** A job over these objects, which exist from now on with their names as bytes. */
const jobOf = async (...keys: readonly string[]): Promise<TransferJob> => {
  const number = ++names;
  let list = '';
  for (const key of keys) {
    await cloud.buckets.put('from', key, key);
    list += listLine({ key, version: await generationOf(key) });
  }
  await cloud.buckets.put('to', `${number}.csv`, list);
  return {
    kind: 'transfer',
    name: `transferJobs/lc2-${number}`,
    source: { bucket: 'from', path: '' },
    sink: { bucket: 'to', path: `${number}/` },
    list: `gs://to/${number}.csv`,
    count: keys.length,
    bytes: keys.reduce((sum, key) => sum + Buffer.byteLength(key), 0),
  };
};

const keysAt = async (path: string): Promise<string[]> =>
  (await cloud.buckets.capture('to')).flatMap(({ key }) => (key.startsWith(path) ? [key.slice(path.length)] : []));
const run = async (job: TransferJob, service = open()): Promise<string> =>
  (await service.wait(job, await service.start(job))).id;
const count = (method: string): number => cloud.fake.calls.filter((call) => call.endsWith(method)).length;

beforeAll(async () => {
  cloud = await startTransferLab();
  ({ weather } = cloud.fake.cloud);
  for (const bucket of ['from', 'to']) await cloud.buckets.make(bucket);
});
beforeEach(() => {
  const allowed = new Set(Object.keys(storageTransferPermissions));
  Object.assign(weather, fairTransferWeather(), { allowed });
});
afterEach(() => {
  const [violation] = cloud.fake.violations;
  if (violation !== undefined) throw new Error(violation);
});
afterAll(() => cloud.stop());

describe('a job of Storage Transfer', () => {
  it('copies what its list names, in the versions that it names, and nothing else', async () => {
    const job = await jobOf('a', 'b,"c"', 'changed', 'gone');
    await cloud.buckets.put('from', 'not listed', 'x');
    await cloud.buckets.put('from', 'changed', 'other');
    await cloud.buckets.drop('from', 'gone');
    await run(job);
    expect(await keysAt(job.sink.path)).toEqual(['a', 'b,"c"']);
  });

  it('writes over nothing, drops holds and keeps no access lists', async () => {
    const job = await jobOf('a', 'b');
    await cloud.buckets.put('to', `${job.sink.path}a`, 'sealed');
    await run(job);
    const stored = await cloud.buckets.capture('to');
    expect(stored.find(({ key }) => key === `${job.sink.path}a`)?.size).toBe('sealed'.length);
    expect(cloud.fake.cloud.jobs.at(-1)?.body.transferSpec?.transferOptions).toMatchObject({
      overwriteWhen: 'NEVER',
      metadataOptions: { temporaryHold: 'TEMPORARY_HOLD_SKIP', acl: 'ACL_DESTINATION_BUCKET_DEFAULT' },
    });
  });

  it('is found by its name, page or no page, and unknown before it is asked for', async () => {
    const job = await jobOf('a');
    expect(await open().find(job)).toBeUndefined();
    const handle = await run(job);
    expect(await open().find(job)).toBe(handle);
  });

  it.each(['create', 'run'])('is taken once where the answer to %s was lost', async (method) => {
    const [jobs, operations] = [cloud.fake.cloud.jobs.length, cloud.fake.cloud.operations.length];
    const job = await jobOf('a');
    weather.lost.push({ method: `storagetransfer.transferJobs.${method}`, times: 1 });
    const service = open();
    expect(await codeOf(service.start(job))).toBe('SERVICE_FAILED');
    const handle = (await service.find(job)) ?? (await service.start(job));
    await service.wait(job, handle);
    expect(cloud.fake.cloud.jobs.length - jobs).toBe(1);
    expect(cloud.fake.cloud.operations.length - operations).toBe(1);
  });

  it('is one operation where two ask for it at once', async () => {
    const job = await jobOf('a');
    weather.held = true;
    const operations = cloud.fake.cloud.operations.length;
    const first = await open().start(job);
    expect(await open().start(job)).toBe(first);
    weather.held = false;
    await open().wait(job, first);
    // Also when it has ended.
    expect(await open().start(job)).toBe(first);
    expect(cloud.fake.cloud.operations.length - operations).toBe(1);
  });

  it('is waited for while it is queued', async () => {
    weather.atOnce = 1;
    weather.held = true;
    const [one, two] = [await jobOf('a'), await jobOf('b')];
    const handles = [await open().start(one), await open().start(two)];
    await expect
      .poll(() => cloud.fake.cloud.operations.slice(-2).map(({ status }) => status))
      .toEqual(['IN_PROGRESS', 'QUEUED']);
    weather.held = false;
    await Promise.all([open().wait(one, handles[0] ?? ''), open().wait(two, handles[1] ?? '')]);
    expect([await keysAt(one.sink.path), await keysAt(two.sink.path)]).toEqual([['a'], ['b']]);
  });

  it('can be given up by whoever was told to stop, and one that has ended is left alone', async () => {
    const job = await jobOf('a');
    weather.held = true;
    const abort = new AbortController();
    const service = open(abort.signal);
    const handle = await service.start(job);
    const waiting = codeOf(service.wait(job, handle));
    abort.abort();
    await waiting;
    await service.cancel(handle);
    expect(await codeOf(open().wait(job, handle))).toBe('SERVICE_INTERRUPTED');
    const before = count('transferOperations.cancel');
    await open().cancel(handle);
    expect(count('transferOperations.cancel')).toBe(before);
  });
});

describe('weather', () => {
  it.each([
    ['create', 503, 'UNAVAILABLE', 'SERVICE_FAILED'],
    ['create', 429, 'RESOURCE_EXHAUSTED', 'SERVICE_BUSY'],
    ['create', 400, 'INVALID_ARGUMENT', 'TRANSFER_FAILED'],
    ['create', 403, 'PERMISSION_DENIED', 'SERVICE_DENIED'],
    ['run', 503, 'UNAVAILABLE', 'SERVICE_FAILED'],
    ['run', 400, 'FAILED_PRECONDITION', 'TRANSFER_FAILED'],
  ])('%s %s %s is an error of the catalogue, asked once', async (method, status, reason, code) => {
    const job = await jobOf('a');
    const before = count(`transferJobs.${method}`);
    weather.answers.push({ method: `storagetransfer.transferJobs.${method}`, status, reason, times: 1 });
    expect(await codeOf(open().start(job))).toBe(code);
    expect(count(`transferJobs.${method}`) - before).toBe(1);
  });

  it('does not end the wait', async () => {
    const job = await jobOf('a');
    const handle = await open().start(job);
    const method = 'storagetransfer.transferOperations.get';
    weather.answers.push({ method, status: 503, reason: 'UNAVAILABLE', times: 6 });
    weather.answers.push({ method, status: 429, reason: 'RESOURCE_EXHAUSTED', times: 6 });
    expect(await open().wait(job, handle)).toEqual({ id: handle });
  });

  it.each([
    ['another project', () => open(undefined, 'somebody-elses'), 'SERVICE_DENIED'],
    ['no server', () => openTransferAt('http://127.0.0.1:9'), 'SERVICE_UNREACHABLE'],
  ])('%s is %s', async (_, service, code) => {
    expect(await codeOf(service().start(await jobOf('a')))).toBe(code);
  });

  it('never carries credentials over plain http', () => {
    const spec = { project: transferProject, minimumObjects: 1, endpoint: cloud.fake.endpoint };
    const { signal } = new AbortController();
    expect(() => openTransfer({ spec, secrets: { 'credentials.json': '{}' }, signal })).toThrow('plain http');
  });
});

const openTransferAt = (endpoint: string): TransferService =>
  openTransfer({
    spec: { project: transferProject, minimumObjects: 1, endpoint },
    secrets: {},
    signal: new AbortController().signal,
  });

describe('who lacks a permission', () => {
  const cases: readonly [string, (service: TransferService, job: TransferJob) => Promise<unknown>][] = [
    ['storagetransfer.jobs.create', (service, job) => service.start(job)],
    ['storagetransfer.jobs.get', (service, job) => service.find(job)],
    ['storagetransfer.jobs.run', (service, job) => service.start(job)],
    ['storagetransfer.operations.get', (service, job) => run(job, service)],
    [
      'storagetransfer.operations.cancel',
      async (service, job) => {
        weather.held = true;
        await service.cancel(await service.start(job));
      },
    ],
  ];

  it('is of all that the page of permissions names', () => {
    expect(new Set(cases.map(([permission]) => permission))).toEqual(new Set(Object.keys(storageTransferPermissions)));
  });

  it.each(cases)('%s is told which', async (permission, work) => {
    const job = await jobOf('a');
    weather.missing.add(permission);
    expect(await codeOf(work(open(), job))).toBe('SERVICE_DENIED');
    weather.held = false;
  });
});

describe('Google’s own conditions', () => {
  const ask = async (body: object): Promise<number> => {
    const answer = await fetch(`${cloud.fake.endpoint}/v1/transferJobs`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    await answer.arrayBuffer();
    return answer.status;
  };
  const specOf = (sink: string, more: object) => ({
    projectId: transferProject,
    status: 'ENABLED',
    transferSpec: {
      gcsDataSource: { bucketName: 'thumbnails' },
      gcsDataSink: { bucketName: 'to', path: sink },
      ...more,
    },
  });

  it('take a glob for a name: as a prefix it excludes nothing, as our rule it does', async () => {
    await cloud.buckets.make('thumbnails');
    const keys = ['a.pdf', 'a.pdf.thumbnail.png', 'b/x.thumbnail.jpg'];
    for (const key of keys) await cloud.buckets.put('thumbnails', key, key);
    const rule = '**.thumbnail.**';
    const name = `transferJobs/glob-${++names}`;
    expect(await ask({ ...specOf('glob/', { objectConditions: { excludePrefixes: [rule] } }), name })).toBe(200);
    const job = { ...(await jobOf('a')), name, count: 3, bytes: keys.join('').length };
    await run(job);
    expect(await keysAt('glob/')).toEqual(keys);
    const filter = compileFilter([rule]);
    expect(keys.filter((key) => filter.match(key) < 0)).toEqual(['a.pdf']);
  });

  it.each<[string, object]>([
    ['a name twice', { name: 'transferJobs/twice' }],
    ['a name with a slash at its end', { name: 'transferJobs/x/' }],
    ['a name of Google’s own', { name: 'transferJobs/OPI1' }],
    ['a long name', { name: `transferJobs/${'x'.repeat(128)}` }],
    ['no status', { status: undefined }],
    [
      'an exclude outside of the includes',
      specOf('x/', { objectConditions: { includePrefixes: ['a'], excludePrefixes: ['b'] } }),
    ],
    ['a prefix of a prefix', specOf('x/', { objectConditions: { excludePrefixes: ['a', 'ab'] } })],
    ['a prefix that begins with a slash', specOf('x/', { objectConditions: { excludePrefixes: ['/a'] } })],
    [
      '1001 prefixes',
      specOf('x/', { objectConditions: { excludePrefixes: Array.from({ length: 1001 }, (_, i) => `${i}/`) } }),
    ],
    ['a path without a slash', specOf('x', {})],
    ['a path that begins with one', specOf('/x/', {})],
    ['a list that is elsewhere', specOf('x/', { transferManifest: { location: 's3://b/x.csv' } })],
    [
      'both ways to delete',
      specOf('x/', {
        transferOptions: { deleteObjectsUniqueInSink: true, deleteObjectsFromSourceAfterTransfer: true },
      }),
    ],
  ])('refuse %s', async (what, more) => {
    await cloud.buckets.make('thumbnails').catch(() => undefined);
    if (what === 'a name twice') await ask({ ...specOf('x/', {}), ...more });
    const answer = await ask({ ...specOf('x/', {}), name: `transferJobs/bad-${++names}`, ...more });
    expect(answer).toBe(what === 'a name twice' ? 409 : 400);
  });
});
