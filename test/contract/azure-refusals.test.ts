// What Azure and Microsoft Entra refuse, and bad weather, as the service azureFlexibleServer tells it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseService } from '../../core/ports/database-service.ts';
import { fairWeather, type Weather } from '../fakes/azure-arm/cloud.ts';
import {
  application,
  type AzureLab,
  azureWork,
  openAzureService,
  serverJob,
  snapshotJob,
  startAzureLab,
  trust,
} from '../support/azure.ts';
import { createCertificates } from '../support/certificates.ts';
import type { Spec } from '../support/lab.ts';
import { codeOf } from '../support/rds.ts';

let lab: AzureLab;
let weather: Weather;

const open = (more: Spec = {}, secrets?: Readonly<Record<string, string>>): DatabaseService =>
  openAzureService(lab, { dumpFrom: 'point', ...more }, secrets);

const { run } = azureWork;

beforeAll(async () => {
  lab = await startAzureLab();
  ({ weather } = lab.fake.cloud);
  await trust(lab);
});

beforeEach(() => {
  Object.assign(weather, fairWeather());
  Object.assign(lab.main, { state: 'Ready', tier: 'GeneralPurpose', replicationRole: 'Primary' });
});

/** What our client asks is what Microsoft describes. */
afterEach(async () => {
  await lab.fake.cloud.clear();
  const [violation] = lab.fake.violations.splice(0);
  if (violation !== undefined) throw new Error(violation);
});

afterAll(() => lab.stop());

describe('a server of which no backup can be taken', () => {
  it.each([
    ['is stopped', { state: 'Stopped' }, 'SERVICE_NOT_READY: .*is Stopped'],
    ['is being stopped', { state: 'Stopping' }, 'SERVICE_NOT_READY: .*is Stopping'],
    ['is disabled', { state: 'Disabled' }, 'SERVICE_NOT_READY: .*is Disabled'],
    ['has lost its key', { state: 'Inaccessible' }, 'SERVICE_NOT_READY: .*is Inaccessible'],
    ['is a replica', { replicationRole: 'AsyncReplica' }, 'SERVICE_NOT_READY: .*is a read replica'],
    ['is burstable', { tier: 'Burstable' }, 'ENVIRONMENT_INVALID: .*is Burstable.*set snapshot.enabled to false'],
  ])('%s: nothing is asked for, and check says so', async (_, state, line) => {
    const { snapshots } = lab.fake.cloud.counts().begun;
    Object.assign(lab.main, state);
    expect(await codeOf(open().start(snapshotJob()))).toMatch(new RegExp(`^${line}`));
    expect(lab.fake.cloud.counts().begun.snapshots).toBe(snapshots);
    const [problem] = await open({ dumpFrom: 'live', snapshot: { enabled: true } }).problems();
    expect(`${problem?.code ?? ''}: ${problem?.message ?? ''}`).toMatch(new RegExp(`^${line}`));
    expect(await open({ dumpFrom: 'live' }).problems()).toEqual([]);
  });

  it.each(['Updating', 'Restarting', 'Starting'])('is %s now, which passes', async (state) => {
    lab.main.state = state;
    expect(await codeOf(open().start(snapshotJob()))).toMatch(/^SERVICE_BUSY: ServerIsNotReady/);
    expect(await open({ snapshot: { enabled: true } }).problems()).toEqual([]);
  });
});

describe('who lacks a permission', () => {
  const cases: readonly [string, (service: DatabaseService, snapshot: string) => Promise<unknown>][] = [
    ['flexibleServers/read', (service) => service.problems()],
    ['flexibleServers/write', (service) => run(serverJob(), service)],
    ['flexibleServers/delete', (service, id) => service.remove({ kind: 'temporary-server', id: nameIn(id) })],
    ['flexibleServers/backups/read', (service) => service.find(snapshotJob())],
    ['flexibleServers/backups/write', (service) => service.start(snapshotJob())],
    ['flexibleServers/backups/delete', (service, id) => service.remove({ kind: 'snapshot', id })],
    ['locations/azureAsyncOperation/read', (service) => run(snapshotJob(), service)],
  ];
  const nameIn = (id: string): string => id.slice(id.lastIndexOf('/') + 1);

  it.each(cases)('%s is told which, and who', async (what, work) => {
    const service = open();
    const { id } = await run(snapshotJob(), service);
    const permission = `Microsoft.DBforPostgreSQL/${what}`;
    weather.missing.add(permission);
    expect(await codeOf(work(service, id))).toMatch(
      new RegExp(`^SERVICE_DENIED: permission ${permission} is missing: The client 'lc2-backup' with object id`),
    );
  });
});

describe('what is wrong with a place', () => {
  it.each([
    ['no such server', { server: 'maine' }, /^SERVICE_NOT_FOUND: ResourceNotFound: .*maine/],
    ['no such group', { resourceGroup: 'retail-uat' }, /^SERVICE_NOT_FOUND: ResourceGroupNotFound/],
    [
      'no such subscription',
      { subscription: '00000000-2222-3333-4444-555555555555' },
      /^SERVICE_NOT_FOUND: SubscriptionNotFound/,
    ],
    ['nobody there', { endpoint: 'https://127.0.0.1:2', authority: 'https://127.0.0.1:2' }, /^SERVICE_UNREACHABLE: /],
  ])('is told: %s', async (_, more, expected) => {
    expect(await codeOf(open(more).problems())).toMatch(expected);
  });

  it('is told of an endpoint without TLS, to which no token goes', () => {
    expect(() => open({ endpoint: 'http://127.0.0.1:9' })).toThrow(/must be an https url/);
  });

  it('is nothing where all is well', async () => {
    expect(await open({ snapshot: { enabled: true }, dumpFrom: 'point' }).problems()).toEqual([]);
  });
});

it('a certificate that nobody vouches for is told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-stranger-'));
  const { serverCertificate, serverKey } = await createCertificates(folder, ['127.0.0.1']);
  const [cert, key] = await Promise.all([readFile(serverCertificate, 'utf8'), readFile(serverKey, 'utf8')]);
  const stranger = createServer({ cert, key });
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  const { port } = stranger.address() as AddressInfo;
  const at = `https://127.0.0.1:${port}`;
  expect(await codeOf(open({ endpoint: at, authority: at }).problems())).toMatch(/^SERVICE_UNREACHABLE: .*certificate/);
  await new Promise((resolve) => stranger.close(resolve));
  await rm(folder, { recursive: true });
});

describe('who asks', () => {
  it('may be nobody where nothing is asked for', async () => {
    expect(await open({ dumpFrom: 'live' }, {}).problems()).toEqual([]);
  });

  it('is told when nobody knows the application, when half of it is given, and when there is none', async () => {
    weather.strangers.add('lc2-backup');
    expect(await codeOf(open().problems())).toMatch(
      /^SERVICE_DENIED: Microsoft Entra gives no token: 401 invalid_client/,
    );
    const { clientSecret: _, ...half } = application;
    expect(() => open({}, half)).toThrow(/has no clientSecret/);
    expect(await codeOf(open({}, {}).problems())).toMatch(/^SERVICE_DENIED: neither a Secret nor a workload identity/);
  });

  it('asks for one token, and for another when that has expired', async () => {
    const service = open();
    const before = lab.fake.tokens();
    await service.problems();
    await service.problems();
    expect(lab.fake.tokens() - before).toBe(1);
    weather.revoked = lab.fake.tokens();
    await service.problems();
    expect(lab.fake.tokens() - before).toBe(2);
    weather.answers.push({ call: 'servers.get', status: 401, code: 'InvalidAuthenticationToken', times: 9 });
    expect(await codeOf(service.problems())).toMatch(/^SERVICE_DENIED: Azure does not know who asks: InvalidAuth/);
  });
});

describe('bad weather', () => {
  it.each([
    [409, 'ServerIsBusy', 'SERVICE_BUSY'],
    [409, 'AnotherOperationInProgress', 'SERVICE_BUSY'],
    [503, 'ServiceUnavailable', 'SERVICE_FAILED'],
    [500, 'InternalServerError', 'SERVICE_FAILED'],
    [400, 'InvalidParameterValue', 'SNAPSHOT_FAILED: the on-demand backup was refused: InvalidParameterValue'],
    [404, 'ResourceNotFound', 'SERVICE_NOT_FOUND'],
  ])('%i %s at submission is %s, and is not asked for again', async (status, code, line) => {
    const calls = lab.fake.calls.filter((call) => call === 'backups.create').length;
    weather.answers.push({ call: 'backups.create', status, code, times: 9 });
    expect(await codeOf(open().start(snapshotJob()))).toMatch(new RegExp(`^${line}`));
    expect(lab.fake.calls.filter((call) => call === 'backups.create')).toHaveLength(calls + 1);
  });

  it('of too many requests is waited for as long as Azure wants, and is busy in the end', async () => {
    const throttled = { call: 'backups.create', status: 429, code: 'TooManyRequests', retryAfter: 0 };
    weather.answers.push({ ...throttled, times: 2 });
    const job = snapshotJob();
    const service = open();
    await service.wait(job, await service.start(job));
    weather.answers.push({ ...throttled, times: 9 });
    expect(await codeOf(service.start(snapshotJob()))).toMatch(/^SERVICE_BUSY: TooManyRequests/);
  });

  it('while a job runs is waited through', async () => {
    const service = open();
    const job = snapshotJob();
    const handle = await service.start(job);
    weather.answers.push({ call: 'operations.get', status: 503, code: 'ServiceUnavailable', retryAfter: 0, times: 5 });
    weather.answers.push({ call: 'operations.get', status: 429, code: 'TooManyRequests', retryAfter: 0, times: 5 });
    weather.lost.push({ call: 'operations.get', times: 1 });
    await service.wait(job, handle);
  });

  it('over which Azure forgets the operation is not lost: what was made is there', async () => {
    const service = open();
    const job = snapshotJob();
    const handle = await service.start(job);
    weather.answers.push({ call: 'operations.get', status: 404, code: 'OperationNotFound', times: 9 });
    expect((await service.wait(job, handle)).id).toContain('/backups/lc2-');
  });

  it('that answers a page of a proxy is not believed', async () => {
    weather.answers.push({ call: 'servers.get', status: 200, code: 'none', times: 9, retryAfter: 0 });
    expect(await codeOf(open().problems())).toMatch(/^SERVICE_FAILED: the answer is not understood/);
  });
});
