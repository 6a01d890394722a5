// Copies of snapshots in another region: two fakes, of which one copies from the other, and everything that AWS refuses.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseService, SnapshotCopies, SnapshotCopyJob } from '../../core/ports/database-service.ts';
import { runSql } from '../fakes/cloud-sql/programs.ts';
import { fairWeather } from '../fakes/rds/cloud.ts';
import { type RdsFake, startRdsFake } from '../fakes/rds/server.ts';
import { region } from '../fakes/rds/things.ts';
import { freePort, type PostgresServer, startPostgres } from '../support/postgres.ts';
import {
  clusterOf,
  codeOf,
  copyJob,
  elsewhere,
  instanceOf,
  keyOf,
  openRdsService,
  restoreThere,
  snapshotJob,
} from '../support/rds.ts';

let server: PostgresServer;
let here: RdsFake;
let there: RdsFake;

type Given = Readonly<Record<string, unknown>>;
const both = [
  ['an instance', { instance: 'main' }],
  ['a cluster', { cluster: 'aurora' }],
] as const;
const [[, instance], [, aurora]] = both;
const encrypted = { instance: 'encrypted' };

const copyTo = (more: Given = {}): Given => ({ region: elsewhere, endpoint: there.endpoint, ...more });
const open = (more: Given, copy: Given = {}): DatabaseService =>
  openRdsService(here, { ...more, snapshotCopies: [copyTo(copy)] });

const copies = (service: DatabaseService): SnapshotCopies => {
  if (!service.snapshotCopies) throw new Error('no copies');
  return service.snapshotCopies;
};
const run = async (job: SnapshotCopyJob, service: DatabaseService) =>
  copies(service).wait(job, await copies(service).start(job));
const snapshotOf = async (more: Given): Promise<string> => {
  const [service, job] = [open(more), snapshotJob()];
  return (await service.wait(job, await service.start(job))).id;
};
/** How many were begun since, and the states of those that are there. */
const counter = () => {
  const before = there.cloud.counts().begun.snapshots;
  return () => [there.cloud.counts().begun.snapshots - before, ...there.cloud.snapshots.map(({ status }) => status)];
};

beforeAll(async () => {
  server = await startPostgres();
  await runSql(server, 'postgres', 'CREATE DATABASE shop');
  await runSql(server, 'shop', 'CREATE TABLE orders AS SELECT generate_series(1, 10) AS id');
  const { cluster, writer } = clusterOf(server, 'aurora');
  const instances = [instanceOf(server, 'main'), instanceOf(server, 'encrypted', { kmsKeyId: keyOf(region) }), writer];
  here = await startRdsFake({ instances, clusters: [cluster] });
  there = await startRdsFake({ region: elsewhere, others: [here] });
});

beforeEach(() => {
  for (const { cloud } of [here, there]) Object.assign(cloud.weather, fairWeather());
});

/** What our client asks is what AWS describes. */
afterEach(async () => {
  for (const { cloud, violations } of [there, here]) {
    cloud.weather.held = false;
    await cloud.clear();
    const [violation] = violations.splice(0);
    if (violation !== undefined) throw new Error(violation);
  }
});

afterAll(async () => {
  await there.stop();
  await here.stop();
  await server.stop();
});

describe.each(both)('a copy of a snapshot of %s', (_, more) => {
  it('is made once, however often it is asked for, holds what the snapshot holds, and can be deleted twice', async () => {
    const since = counter();
    const snapshotId = await snapshotOf(more);
    const [service, job] = [open(more), copyJob(snapshotId)];
    const action = more === aurora ? 'CopyDBClusterSnapshot' : 'CopyDBSnapshot';
    there.cloud.weather.lost.push({ action, times: 1 });
    there.cloud.weather.held = true;
    expect(await copies(service).find(job)).toBeUndefined();
    const handle = await copies(service).start(job);
    expect(await copies(open(more)).start(job)).toBe(handle);
    expect(await copies(service).find(job)).toBe(handle);
    const { id } = await copies(service).wait(job, handle, (fraction) => {
      if (fraction === 0.5) there.cloud.weather.held = false;
    });
    expect(id).toBe(snapshotId.replace(region, elsewhere));
    expect(since()).toEqual([1, 'available']);
    const [copy] = there.cloud.snapshots;
    expect(copy?.tags.map(({ Key, Value }) => `${Key}=${Value}`)).toEqual([
      `lc2-backup=${job.description}`,
      'lc2-backup-environment=retail/prd',
    ]);
    await service.remove({ kind: 'snapshot', id: snapshotId });
    expect(copy && (await runSql(await restoreThere(there, copy), 'shop', 'SELECT count(*) FROM orders'))).toEqual([
      '10',
    ]);
    await copies(service).remove(job);
    await copies(service).remove(job);
    expect(since()).toEqual([1]);
  });

  it('that has failed is made anew when it is asked for again', async () => {
    const since = counter();
    const job = copyJob(await snapshotOf(more));
    there.cloud.weather.snapshots.push('failed');
    expect(await codeOf(run(job, open(more)))).toMatch(
      /^SNAPSHOT_FAILED: the copy of the snapshot is failed \(eu-west-1/,
    );
    expect(await copies(open(more)).find(job)).toBeUndefined();
    await run(job, open(more));
    expect(since()).toEqual([2, 'available']);
  });

  it('that is not made in time is waited for no longer, and goes on', async () => {
    const since = counter();
    const snapshotId = await snapshotOf(more);
    there.cloud.weather.held = true;
    expect(await codeOf(run(copyJob(snapshotId, 1), open(more)))).toMatch(
      /^SNAPSHOT_FAILED: .*was not available in time/,
    );
    there.cloud.weather.held = false;
    await run(copyJob(snapshotId), open(more));
    expect(since()).toEqual([1, 'available']);
  });

  it('ends with its deletion while it is made', async () => {
    const job = copyJob(await snapshotOf(more));
    there.cloud.weather.held = true;
    await copies(open(more)).start(job);
    await copies(open(more)).remove(job);
    expect(there.cloud.snapshots).toEqual([]);
  });
});

describe('copies of snapshots', () => {
  it('are not taken from others', async () => {
    const snapshotId = await snapshotOf(instance);
    await run(copyJob(snapshotId), open(instance));
    Object.assign(there.cloud.snapshots[0] ?? {}, { copyOf: snapshotId.replace(/lc2-.*/, 'lc2-other') });
    expect(await copies(open(instance)).find(copyJob(snapshotId))).toBeUndefined();
    expect(await codeOf(run(copyJob(snapshotId), open(instance)))).toMatch(/^SNAPSHOT_FAILED: .*exists and is not of/);
  });

  it('are encrypted by a key of their region', async () => {
    await run(copyJob(await snapshotOf(encrypted)), open(encrypted, { kmsKeyId: keyOf(elsewhere) }));
    expect(there.cloud.snapshots.map(({ kmsKeyId }) => kmsKeyId)).toEqual([keyOf(elsewhere)]);
  });

  it.each<[string, readonly [server: Given, copy: Given], () => unknown, RegExp]>([
    ['without a key', [encrypted, {}], () => 0, /^SNAPSHOT_FAILED: .*was refused: .*KMS key/],
    [
      'with a key that is disabled',
      [encrypted, { kmsKeyId: 'alias/off' }],
      () => there.cloud.weather.disabledKeys.add('alias/off'),
      /^SERVICE_NOT_READY: the KMS key cannot be used/,
    ],
    ['over the quota', [instance, {}], () => (there.cloud.weather.quotas.snapshots = 0), /^SERVICE_QUOTA: /],
    [
      'without the permission',
      [instance, {}],
      () => there.cloud.weather.missing.add('rds:CopyDBSnapshot'),
      /^SERVICE_DENIED: permission rds:CopyDBSnapshot is missing/,
    ],
    [
      'of a cluster without the permission',
      [aurora, {}],
      () => there.cloud.weather.missing.add('rds:CopyDBClusterSnapshot'),
      /^SERVICE_DENIED: permission rds:CopyDBClusterSnapshot is missing/,
    ],
    [
      'without the permission to tag',
      [instance, {}],
      () => there.cloud.weather.missing.add('rds:AddTagsToResource'),
      /^SERVICE_DENIED: permission rds:AddTagsToResource is missing/,
    ],
  ])('%s are not made', async (_, [more, copy], upset, line) => {
    const snapshotId = await snapshotOf(more);
    upset();
    const since = counter();
    expect(await codeOf(run(copyJob(snapshotId), open(more, copy)))).toMatch(line);
    expect(since()).toEqual([0]);
  });

  it('of a snapshot that is gone say so', async () => {
    const gone = 'arn:aws:rds:eu-central-1:123456789012:snapshot:lc2-gone';
    expect(await codeOf(run(copyJob(gone), open(instance)))).toMatch(/^SERVICE_NOT_FOUND: .*lc2-gone not found/);
  });
});

describe('a check', () => {
  it.each<[string, Given, Given]>([
    ['a region that answers', instance, {}],
    ['an encrypted server and a key', encrypted, { kmsKeyId: 'alias/retail' }],
  ])('says nothing of %s', async (_, more, copy) => {
    expect(await open(more, copy).problems()).toEqual([]);
  });

  it.each<[string, Given, Given, RegExp]>([
    [
      'an encrypted server and no key',
      encrypted,
      {},
      /^ENVIRONMENT_INVALID: snapshotCopies eu-west-1: .*give kmsKeyId/,
    ],
    [
      'a cluster that is not encrypted, and a key',
      aurora,
      { kmsKeyId: 'alias/retail' },
      /^ENVIRONMENT_INVALID: .*leave/,
    ],
    [
      'a region that does not answer',
      instance,
      { endpoint: 'none' },
      /^SERVICE_UNREACHABLE: snapshotCopies eu-west-1: /,
    ],
    [
      'a region by the endpoint of another',
      instance,
      { endpoint: 'other' },
      /^SERVICE_DENIED: snapshotCopies eu-west-1: /,
    ],
  ])('says what is wrong with %s', async (_, more, copy, line) => {
    const endpoints: Readonly<Record<string, string>> = {
      none: `http://127.0.0.1:${await freePort()}`,
      other: here.endpoint,
    };
    const wish = { ...copy, ...('endpoint' in copy ? { endpoint: endpoints[String(copy['endpoint'])] } : {}) };
    const problems = (await open(more, wish).problems()).map(({ code, message }) => `${code}: ${message}`);
    expect(problems).toEqual([expect.stringMatching(line)]);
  });

  it('names the permission that is missing there', async () => {
    there.cloud.weather.missing.add('rds:DescribeDBSnapshots');
    expect(await open(instance).problems()).toMatchObject([
      {
        code: 'SERVICE_DENIED',
        message: expect.stringMatching(/^snapshotCopies eu-west-1: .*rds:DescribeDBSnapshots/),
      },
    ]);
  });
});

describe('an environment', () => {
  it.each<[string, Given, RegExp]>([
    ['a region twice', { snapshotCopies: [{ region: elsewhere }, { region: elsewhere }] }, /different regions/],
    ['its own region', { snapshotCopies: [{ region }] }, /different regions/],
    ['no snapshot', { dumpFrom: 'live', snapshot: { enabled: false } }, /nothing to copy/],
    [
      'a key of another region',
      { snapshotCopies: [{ region: elsewhere, kmsKeyId: keyOf(region) }] },
      /kmsKeyId must be of the region/,
    ],
    ['no region', { snapshotCopies: [{ region: 'Ireland' }] }, /must be a region of AWS/],
  ])('with %s to copy to is refused', (_, more, line) => {
    expect(() => openRdsService(here, { ...instance, snapshotCopies: [{ region: elsewhere }], ...more })).toThrow(line);
  });
});
