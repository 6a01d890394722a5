// New servers of Cloud SQL against the fake cloud: made once and restored once, under their own names, and never in the place of others.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseService, NewServerJob } from '../../core/ports/database-service.ts';
import { fairWeather, type Weather } from '../fakes/cloud-sql/cloud.ts';
import type { FakeInstance } from '../fakes/cloud-sql/instances.ts';
import { runSql } from '../fakes/cloud-sql/programs.ts';
import { type CloudLab, instanceOf, openCloudSqlService, startCloudLab } from '../support/cloud-sql.ts';
import { newServerJob, nextName, serversSince } from '../support/new-servers.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { codeOf } from '../support/rds.ts';

let server: PostgresServer;
let lab: CloudLab;
let main: FakeInstance;
let weather: Weather;
/** With ten orders. */
let snapshot: string;

const cloud = () => lab.fake.cloud;
const open = (more: Readonly<Record<string, unknown>> = {}): DatabaseService =>
  openCloudSqlService(lab, { more: { host: server.host, port: server.port, ...more } });
const run = async (job: NewServerJob, service = open()) => service.wait(job, await service.start(job));
const jobNow = (name = nextName(), seconds = 60) => newServerJob(snapshot, name, seconds);
const named = (name: string) => cloud().instances.filter((each) => each.name === name);
const operationOf = ({ name }: NewServerJob, type: string) =>
  cloud().operations.find(({ instance, operationType }) => instance.name === name && operationType === type);
const restores = (): number => cloud().counts().begun['RESTORE_VOLUME'] ?? 0;
const orders = (at: { readonly host: string } | undefined) =>
  runSql({ ...server, ...at }, 'shop', 'SELECT count(*) FROM orders');
const fail = (operationType: string, code = 'ERROR_RDBMS') =>
  weather.failures.push({ operationType, error: { code, message: 'no luck' } });

beforeAll(async () => {
  server = await startPostgres();
  await runSql(server, 'postgres', 'CREATE DATABASE shop');
  await runSql(server, 'shop', 'CREATE TABLE orders AS SELECT generate_series(1, 10) AS id');
  main = instanceOf(server, 'main');
  lab = await startCloudLab([main]);
  ({ weather } = cloud());
  const job = { kind: 'snapshot', description: 'lc2-backup retail-prd-backup-x run 1' } as const;
  const service = open();
  snapshot = (await service.wait(job, await service.start(job))).id;
  await runSql(server, 'shop', 'DELETE FROM orders WHERE id > 5');
});

beforeEach(() => {
  Object.assign(weather, fairWeather());
  Object.assign(main, { ...instanceOf(server, 'main'), created: main.created });
});

/** What our client asks is what Google describes. */
afterEach(() => {
  const [violation] = lab.fake.violations;
  if (violation !== undefined) throw new Error(violation);
});

afterAll(async () => {
  await lab.stop();
  await server.stop();
});

describe('a new server', () => {
  it('has its name and what the snapshot holds, and goes when it is removed, twice', async () => {
    const service = open();
    const job = jobNow();
    expect(await service.problems(job)).toEqual([]);
    const { id, server: made } = await run(job, service);
    expect(id).toBe(job.name);
    expect(await orders(made)).toEqual(['10']);
    expect(await orders(undefined)).toEqual(['5']);
    // Sweeps of backups do not see it.
    const seen = await service.leftovers('lc2-backup');
    expect(seen.map(({ kind }) => kind)).toEqual(['snapshot']);
    await service.remove({ kind: 'new-server', id });
    await service.remove({ kind: 'new-server', id });
    await expect.poll(() => named(id)).toEqual([]);
    await service.remove({ kind: 'new-server', id });
  });

  it('is as the live one is, but that it runs and can be deleted', async () => {
    Object.assign(main, { activationPolicy: 'NEVER', databaseVersion: 'POSTGRES_17' });
    main.settings = { ...main.settings, dataDiskSizeGb: '50' };
    const job = jobNow();
    expect(await open().problems(job)).toEqual([]);
    await run(job);
    const [made] = named(job.name);
    const { settingsVersion: _, retainBackupsOnDelete: __, finalBackupConfig: ___, ...rest } = main.settings;
    expect(made).toMatchObject({ region: 'europe-west1', databaseVersion: 'POSTGRES_15', activationPolicy: 'ALWAYS' });
    expect(made?.settings).toEqual({
      ...rest,
      settingsVersion: '1',
      dataDiskSizeGb: '100',
      deletionProtectionEnabled: false,
      ipConfiguration: {
        ipv4Enabled: true,
        privateNetwork: 'projects/retail-prd/global/networks/retail',
        authorizedNetworks: [{ name: 'office', value: '198.51.100.0/24' }],
      },
      backupConfiguration: { enabled: true, pointInTimeRecoveryEnabled: true },
      connectionPoolConfig: { connectionPoolingEnabled: false },
      userLabels: { team: 'retail', 'lc2-backup': expect.stringMatching(/^run-\d+-[0-9a-f]{24}$/) },
    });
  });

  it.each([
    ['its private address', 0, 'PRIVATE'],
    ['its public address', 1, 'PRIMARY'],
    ['a name of its own', 2, 'PRIVATE'],
  ] as const)('is reached as the live one is: %s', async (_, index, type) => {
    const host = [server.host, '203.0.113.7', 'db.example.com'][index];
    const job = jobNow();
    const { server: made } = await run(job, open({ host }));
    const wanted = named(job.name)[0]?.addresses.find((each) => each.type === type)?.ipAddress;
    expect(made).toEqual({ host: wanted, port: server.port });
  });

  it('that runs is not restored yet', async () => {
    weather.held = 'RESTORE_VOLUME';
    const job = jobNow();
    let isOver = false;
    const made = run(job).finally(() => (isOver = true));
    await expect.poll(() => operationOf(job, 'RESTORE_VOLUME')?.status).toBe('RUNNING');
    const looks = lab.fake.calls.length;
    await expect.poll(() => lab.fake.calls.length).toBeGreaterThan(looks + 3);
    expect(named(job.name)).toMatchObject([{ state: 'RUNNABLE' }]);
    expect(isOver).toBe(false);
    weather.held = false;
    expect(await orders((await made).server)).toEqual(['10']);
  });

  it('is found again when answers were lost, and never made or restored twice', async () => {
    const service = open();
    const since = serversSince(cloud().made);
    const before = restores();
    const job = jobNow();
    for (const method of ['sql.instances.insert', 'sql.instances.restoreBackup'])
      weather.lost.push({ method, times: 1 });
    expect(await codeOf(service.start(job))).toMatch(/^SERVICE_FAILED: /);
    expect(await service.find(job)).toBe(job.name);
    expect(await open().start(job)).toBe(job.name);
    // Two attempts at once, and one that comes after.
    await Promise.all([service.wait(job, job.name), open().wait(job, job.name)]);
    await open().wait(job, job.name);
    expect(since()).toEqual({ begun: 1, there: 1 });
    expect(restores() - before).toBe(1);
  });

  it('waits while something of Google’s own is at work on it', async () => {
    const answer = { method: 'sql.instances.restoreBackup', status: 409, reason: 'operationInProgress', times: 3 };
    weather.answers.push(answer);
    await run(jobNow());
    expect(answer.times).toBe(0);
  });

  it('is not what an earlier one of its name was restored to', async () => {
    const earlier = jobNow();
    const service = open();
    await run(earlier, service);
    await service.remove({ kind: 'new-server', id: earlier.name });
    await expect.poll(() => named(earlier.name)).toEqual([]);
    weather.forgetsNames = true;
    const { server: made } = await run(jobNow(earlier.name));
    expect(await orders(made)).toEqual(['10']);
  });
});

describe('the name of a new server', () => {
  it('that another has is refused, which is not touched', async () => {
    const service = open();
    const theirs = jobNow();
    await run(theirs, service);
    const ours = jobNow(theirs.name);
    expect(await service.problems(ours)).toMatchObject([{ code: 'NAME_TAKEN', severity: 'error' }]);
    expect(await codeOf(service.start(ours))).toMatch(/^NAME_TAKEN: restored-\d+ exists, and is not of this restore/);
    expect(await service.find(ours)).toBeUndefined();
    expect(await codeOf(service.wait(ours, ours.name))).toMatch(/^NEW_SERVER_FAILED: the new server is gone/);
    expect(await service.find(theirs)).toBe(theirs.name);
    await service.remove({ kind: 'new-server', id: 'main' });
    expect(main.state).toBe('RUNNABLE');
  });

  it('that Google keeps of a deleted one is refused, and says so', async () => {
    const service = open();
    const job = jobNow();
    await run(job, service);
    await service.remove({ kind: 'new-server', id: job.name });
    await expect.poll(() => named(job.name)).toEqual([]);
    expect(await codeOf(service.start(job))).toMatch(
      /^NAME_TAKEN: restored-\d+ is no instance, and its name cannot be had: .*choose another name: Google keeps .* for a week/,
    );
  });
});

describe('a new server fails', () => {
  it('without its snapshot, whole and there', async () => {
    const problems = async (id: string) => (await open().problems(newServerJob(id, 'none')))[0]?.message;
    expect(await problems(`${snapshot}0`)).toMatch(/is not there any more$/);
    expect(await problems(snapshot.replace('retail-prd', 'retail-uat'))).toMatch(/no backup of the project retail-prd/);
    expect(await problems('arn:aws:rds:eu-central-1:1:snapshot:x')).toMatch(/no backup of the project/);
    const backup = cloud().backup(snapshot);
    backup.state = 'FAILED';
    expect(await problems(snapshot)).toMatch(/is FAILED$/);
    expect(await codeOf(run(jobNow()))).toMatch(/^NEW_SERVER_FAILED: Google refuses .*The backup is FAILED/);
    backup.state = 'SUCCESSFUL';
  });

  it.each([
    ['CREATE', /^NEW_SERVER_FAILED: the new server is FAILED: ERROR_RDBMS: no luck .*live server was not changed/],
    ['RESTORE_VOLUME', /^NEW_SERVER_FAILED: the new server failed: ERROR_RDBMS: no luck /],
  ])('where %s is done with an error', async (operationType, line) => {
    fail(operationType);
    const before = restores();
    const job = jobNow();
    expect(await codeOf(run(job))).toMatch(line);
    // Whoever comes after finds the server that failed.
    expect(await open().find(job)).toBe(job.name);
    expect(await codeOf(open().wait(job, job.name))).toMatch(line);
    expect(restores()).toBe(before);
    await open().remove({ kind: 'new-server', id: job.name });
    await expect.poll(() => named(job.name)).toEqual([]);
  });

  it('where Google has lost its restore three times, and not before', async () => {
    fail('RESTORE_VOLUME', 'INTERNAL_ERROR');
    fail('RESTORE_VOLUME', 'INTERNAL_ERROR');
    await run(jobNow());
    for (let times = 0; times < 3; times++) fail('RESTORE_VOLUME', 'INTERNAL_ERROR');
    expect(await codeOf(run(jobNow()))).toMatch(/^NEW_SERVER_FAILED: the new server failed: INTERNAL_ERROR/);
    expect(weather.failures).toEqual([]);
  });

  it('that is not restored in time', async () => {
    weather.held = 'RESTORE_VOLUME';
    expect(await codeOf(run(jobNow(nextName(), 2)))).toMatch(/^NEW_SERVER_FAILED: .*not restored in time/);
    expect(await codeOf(open().start(jobNow(nextName(), -1)))).toMatch(/^NEW_SERVER_FAILED: .*in time/);
  });

  it('and is deleted when Google lets us', async () => {
    weather.held = 'CREATE';
    const service = open();
    const id = await service.start(jobNow());
    expect(await codeOf(service.remove({ kind: 'new-server', id }))).toMatch(/^SERVICE_BUSY: /);
    expect(named(id)).toHaveLength(1);
  });

  it.each(['create', 'restoreBackup', 'delete', 'get'])(
    'for who lacks the permission %s, and is told',
    async (name) => {
      const permission = `cloudsql.instances.${name}`;
      weather.missing.add(permission);
      const service = open();
      const work = async () => {
        const { id } = await run(jobNow(), service);
        await service.remove({ kind: 'new-server', id });
      };
      expect(await codeOf(work())).toMatch(new RegExp(`^SERVICE_DENIED: permission ${permission} is missing`));
    },
  );
});
