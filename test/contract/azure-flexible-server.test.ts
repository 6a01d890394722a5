// The service azureFlexibleServer against the fake cloud: what the port promises, and everything that Azure refuses.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseService } from '../../core/ports/database-service.ts';
import { fairWeather, type Weather } from '../fakes/azure-arm/cloud.ts';
import { runSql } from '../fakes/cloud-sql/programs.ts';
import {
  type AzureLab,
  azureWork,
  openAzureService,
  runPrefix,
  serverJob,
  snapshotJob,
  startAzureLab,
  trust,
} from '../support/azure.ts';
import type { Spec } from '../support/lab.ts';
import { codeOf } from '../support/rds.ts';

let lab: AzureLab;
let weather: Weather;

const open = (more: Spec = {}, secrets?: Readonly<Record<string, string>>): DatabaseService =>
  openAzureService(lab, more, secrets);

const { run, startWhenMay } = azureWork;

/** Backups and servers that were begun since. */
const begunSince = () => {
  const before = lab.fake.cloud.counts().begun;
  return () => {
    const { snapshots, servers } = lab.fake.cloud.counts().begun;
    return [snapshots - before.snapshots, servers - before.servers];
  };
};

beforeAll(async () => {
  lab = await startAzureLab();
  ({ weather } = lab.fake.cloud);
  await trust(lab);
  await runSql(lab.server, 'postgres', 'CREATE DATABASE shop');
  await runSql(lab.server, 'shop', 'CREATE TABLE orders AS SELECT generate_series(1, 10) AS id');
});

beforeEach(() => {
  Object.assign(weather, fairWeather());
  Object.assign(lab.main, { state: 'Ready', tier: 'GeneralPurpose', replicationRole: 'Primary' });
});

/** What our client asks is what Microsoft describes. */
afterEach(async () => {
  weather.held = false;
  await lab.fake.cloud.clear();
  const [violation] = lab.fake.violations.splice(0);
  if (violation !== undefined) throw new Error(violation);
});

afterAll(() => lab.stop());

describe('jobs', () => {
  it('take an on-demand backup, say how far it is, and can delete it twice', async () => {
    weather.held = true;
    const service = open();
    const job = snapshotJob();
    // It does not end before it was seen half way.
    const { id } = await service.wait(job, await service.start(job), (fraction) => {
      if (fraction === 0.5) weather.held = false;
    });
    expect(id).toMatch(/\/flexibleServers\/main\/backups\/lc2-[0-9a-f]{24}-[0-9a-f]{24}$/);
    expect(await service.find(job)).toBe(id.slice(id.lastIndexOf('/') + 1));
    expect(await service.leftovers(runPrefix)).toEqual([
      { kind: 'snapshot', id, description: runPrefix, state: 'done' },
    ]);
    expect(await service.leftovers(runPrefix.replace('prd', 'uat'))).toEqual([]);
    await service.remove({ kind: 'snapshot', id });
    await expect.poll(() => service.leftovers(runPrefix)).toEqual([]);
    await expect.poll(() => lab.fake.cloud.busy()).toBe(false);
    await service.remove({ kind: 'snapshot', id });
  });

  it('make a server as of the point, and remove it twice', async () => {
    const service = open();
    await runSql(lab.server, 'shop', 'INSERT INTO orders VALUES (11)');
    await runSql(lab.server, 'shop', "CREATE SEQUENCE numbers; SELECT nextval('numbers')");
    const job = serverJob();
    await new Promise((resolve) => setTimeout(resolve, new Date(job.point.time).getTime() + 20 - Date.now()));
    await runSql(lab.server, 'shop', 'DELETE FROM orders WHERE id > 5');
    const { id, server } = await run(job, service);
    await runSql(lab.server, 'shop', 'INSERT INTO orders SELECT generate_series(6, 10)');
    expect(await runSql({ ...lab.server, ...server }, 'shop', 'SELECT count(*) FROM orders')).toEqual(['11']);
    // As after a crash: numbers are left out, and none comes twice.
    const ahead = await runSql({ ...lab.server, ...server }, 'shop', 'SELECT last_value BETWEEN 1 AND 33 FROM numbers');
    expect(ahead).toEqual(['t']);
    const left = { kind: 'temporary-server', id, description: job.description, state: 'done' } as const;
    expect(await service.leftovers(runPrefix)).toEqual([left]);
    const made = lab.fake.cloud.servers.find(({ name }) => name === id);
    expect(made?.tags).toEqual({
      team: 'retail',
      'lc2-backup': job.description,
      'lc2-backup-environment': 'retail/prd',
    });
    expect(made).toMatchObject({
      group: 'retail-prd',
      subnet: lab.main.subnet,
      privateDnsZone: lab.main.privateDnsZone,
    });
    await service.remove(left);
    expect(await service.leftovers(runPrefix, [{ job, handle: id }])).toEqual([]);
    await expect.poll(() => lab.fake.cloud.counts().there.servers).toBe(0);
    await service.remove(left);
  });

  it('make a server where the environment says', async () => {
    const at = (type: string) => `/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/net/${type}`;
    const temporary = { resourceGroup: 'temporary', subnet: at('s'), privateDnsZone: at('z'), logDelay: '1s' };
    await run(serverJob(), open({ temporary }));
    expect(lab.fake.cloud.servers.at(-1)).toMatchObject({
      group: 'temporary',
      subnet: at('s'),
      privateDnsZone: at('z'),
    });
  });

  it('are found again when the answer was lost, page after page, and are never made twice', async () => {
    const begun = begunSince();
    const service = open();
    const job = snapshotJob();
    weather.lost.push({ call: 'backups.create', times: 1 }, { call: 'servers.create', times: 1 });
    weather.held = true;
    expect(await codeOf(service.start(job))).toMatch(/^SERVICE_FAILED/);
    // It shows when it is made; until then the server is busy.
    expect(await codeOf(service.start(job))).toMatch(/^SERVICE_BUSY: ServerIsBusy/);
    weather.held = false;
    await expect.poll(() => service.find(job)).toMatch(/^lc2-/);
    await service.wait(job, await service.start(job));
    const wanted = serverJob();
    await expect.poll(() => codeOf(service.start(wanted))).toMatch(/^SERVICE_FAILED/);
    const handle = (await service.find(wanted)) ?? '';
    expect(await open().start(wanted)).toBe(handle);
    await open().wait(wanted, handle);
    expect(begun()).toEqual([1, 1]);
    for (let more = 0; more < 3; more++) await run(snapshotJob(), service);
    const ids = (await service.leftovers(runPrefix)).map(({ kind }) => kind);
    expect(ids).toEqual(['temporary-server', 'snapshot', 'snapshot', 'snapshot', 'snapshot']);
  });

  it('have names that are not taken from others, for to create what exists is to change it', async () => {
    const service = open();
    const job = serverJob();
    const { id } = await run(job, service);
    Object.assign(lab.fake.cloud.servers.at(-1) ?? {}, { tags: {} });
    expect(await codeOf(service.find(job))).toMatch(/^TEMPORARY_SERVER_FAILED: .*exists and is not of this run/);
    expect(await codeOf(service.start(job))).toMatch(/^TEMPORARY_SERVER_FAILED: .*exists and is not of this run/);
    expect(lab.fake.cloud.servers.map(({ name }) => name)).toEqual(['main', id]);
  });

  it('are not given up by who was told to stop: the next attempt goes on', async () => {
    const service = open();
    const job = snapshotJob();
    const handle = await service.start(job);
    await service.cancel(handle);
    expect((await open().wait(job, handle)).id).toContain('/backups/lc2-');
  });
});

describe('what a run leaves', () => {
  it('is known before it shows, while Azure makes it', async () => {
    weather.held = true;
    const service = open();
    const job = snapshotJob();
    const handle = await service.start(job);
    expect(await service.leftovers(runPrefix)).toEqual([]);
    expect(await service.leftovers(runPrefix, [{ job, handle }])).toMatchObject([
      { kind: 'snapshot', state: 'running' },
    ]);
    // Who asked may have died before it heard the handle: then Azure says that it is busy.
    const [left] = await service.leftovers(runPrefix, [{ job, handle: undefined }]);
    if (!left) throw new Error('nothing is left');
    expect(await codeOf(service.remove(left))).toMatch(/^SERVICE_BUSY: /);
    weather.held = false;
    await service.wait(job, handle);
    await service.remove(left);
    await expect.poll(() => service.leftovers(runPrefix)).toEqual([]);
  });

  it('is nothing that people made of it, though it has its tags', async () => {
    const service = open();
    const job = serverJob();
    await run(job, service);
    const made = lab.fake.cloud.servers.at(-1);
    if (!made) throw new Error('no server');
    lab.fake.cloud.restore(lab.main, {
      ...made,
      name: 'investigation',
      time: new Date(),
    });
    expect((await service.leftovers(runPrefix)).map(({ id }) => id)).toEqual([made.name]);
    expect(await codeOf(service.remove({ kind: 'temporary-server', id: 'investigation' }))).toMatch(/^SERVICE_REFUSED/);
  });

  it('is never the live server, whatever a manifest says', async () => {
    const id = '/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/retail-prd/providers';
    for (const bad of [
      `${id}/Microsoft.DBforPostgreSQL/flexibleServers/main`,
      `${id}/Microsoft.DBforPostgreSQL/flexibleServers/main/backups/nightly`,
      `${id}/Microsoft.DBforPostgreSQL/flexibleServers/main?x=/backups/lc2-${'0'.repeat(24)}-${'0'.repeat(24)}`,
      `lc2-${'0'.repeat(24)}-${'0'.repeat(24)}`,
    ])
      expect(await codeOf(open().remove({ kind: 'snapshot', id: bad }))).toMatch(/^SERVICE_REFUSED: .*was not made by/);
    expect(await codeOf(open().remove({ kind: 'temporary-server', id: 'main' }))).toMatch(/^SERVICE_REFUSED/);
    expect(lab.fake.cloud.servers.map(({ name }) => name)).toEqual(['main']);
  });

  it('of a server that is being made goes when Azure lets us', async () => {
    weather.held = true;
    const service = open();
    const job = serverJob();
    await startWhenMay(job, service);
    const [left] = await service.leftovers(runPrefix);
    expect(left?.state).toBe('done');
    expect(await codeOf(service.remove(left ?? { kind: 'snapshot', id: '' }))).toMatch(/^SERVICE_BUSY: ServerIsBusy/);
  });
});

describe('a backup that Azure took and that ends Failed', () => {
  it('says why', async () => {
    weather.backups.push({ code: 'SnapshotError', message: 'The disk could not be snapshot.' });
    expect(await codeOf(run(snapshotJob(), open()))).toMatch(
      /^SNAPSHOT_FAILED: the on-demand backup failed: SnapshotError: The disk could not be snapshot/,
    );
  });

  it('by a failure of Azure’s own may be asked for again', async () => {
    weather.backups.push({ code: 'InternalServerError', message: 'An unexpected error occured.' });
    expect(await codeOf(run(snapshotJob(), open()))).toMatch(/^SERVICE_INTERRUPTED: /);
  });

  it('because there are seven says what to do', async () => {
    weather.quotas.backups = 1;
    await run(snapshotJob(), open());
    expect(await codeOf(run(snapshotJob(), open()))).toMatch(
      /^SERVICE_QUOTA: .*LimitOfBackupsReached.*delete on-demand backups that nobody needs/,
    );
  });
});

describe('a temporary server', () => {
  it('of a burstable server can be made', async () => {
    lab.main.tier = 'Burstable';
    await run(serverJob(), open());
    expect(await open({ dumpFrom: 'point' }).problems()).toEqual([]);
  });

  it('that ends Failed says why, and can be removed', async () => {
    const service = open();
    weather.restores.push({ code: 'RestoreFailed', message: 'The log could not be replayed.' });
    expect(await codeOf(run(serverJob(), service))).toMatch(
      /^TEMPORARY_SERVER_FAILED: the temporary server failed: RestoreFailed: The log/,
    );
    const [left] = await service.leftovers(runPrefix);
    if (!left) throw new Error('nothing is left');
    await service.remove(left);
    await expect.poll(() => lab.fake.cloud.counts().there.servers).toBe(0);
  });

  it('that is made and is Disabled has failed', async () => {
    weather.states.push('Disabled');
    expect(await codeOf(run(serverJob(), open()))).toMatch(/^TEMPORARY_SERVER_FAILED: .*is Disabled/);
  });

  it('that is never ready fails at its deadline', async () => {
    weather.states.push('Updating');
    expect(await codeOf(run(serverJob(6), open()))).toMatch(/^TEMPORARY_SERVER_FAILED: .*was not ready in time/);
    weather.held = true;
    expect(await codeOf(run(serverJob(4), open()))).toMatch(/^TEMPORARY_SERVER_FAILED: .*was not ready in time/);
    expect(await codeOf(open().start(serverJob(-1)))).toMatch(/^TEMPORARY_SERVER_FAILED: .*in time/);
  });

  it('that somebody deleted is gone', async () => {
    const service = open();
    const job = serverJob();
    const { id } = await run(job, service);
    await service.remove({ kind: 'temporary-server', id });
    expect(await codeOf(service.wait(job, id))).toMatch(/^TEMPORARY_SERVER_FAILED: .*is (gone|Dropping)/);
  });

  it('is asked for when the log of its point is stored, and of no point before the first backup', async () => {
    const service = open({ temporary: { logDelay: '5m' } });
    expect(await codeOf(service.start(serverJob()))).toMatch(
      /^SERVICE_BUSY: the log up to .* may not be stored before/,
    );
    const early = serverJob(60, new Date(Date.now() - 86_400_000));
    expect(await codeOf(open().start(early))).toMatch(/^TEMPORARY_SERVER_FAILED: .*can be restored from .* on/);
  });

  it('beyond the quota, of no such group or refused says so', async () => {
    weather.quotas.servers = 0;
    expect(await codeOf(run(serverJob(), open()))).toMatch(/^SERVICE_QUOTA: OperationNotAllowed: .*Cores quota/);
    weather.quotas.servers = 20;
    const elsewhere = open({ temporary: { resourceGroup: 'nowhere', logDelay: '1s' } });
    expect(await codeOf(run(serverJob(), elsewhere))).toMatch(/^SERVICE_NOT_FOUND: ResourceGroupNotFound/);
    for (const [status, code, line] of [
      [
        403,
        'RequestDisallowedByPolicy',
        'TEMPORARY_SERVER_FAILED: the temporary server was refused: RequestDisallowed',
      ],
      [409, 'ScopeLocked', 'TEMPORARY_SERVER_FAILED: the temporary server was refused: ScopeLocked'],
      [400, 'InvalidSubnet', 'TEMPORARY_SERVER_FAILED: the temporary server was refused: InvalidSubnet'],
    ] as const) {
      weather.answers.push({ call: 'servers.create', status, code, times: 1 });
      expect(await codeOf(run(serverJob(), open()))).toMatch(new RegExp(`^${line}`));
    }
  });

  it('says which permission on its subnet is missing', async () => {
    const message =
      "The client 'x' has permission to perform action 'Microsoft.DBforPostgreSQL/flexibleServers/write' on scope 'y'; however, it does not have permission to perform action(s) 'Microsoft.Network/virtualNetworks/subnets/join/action' on the linked scope(s) 'z'";
    weather.answers.push({ call: 'servers.create', status: 403, code: 'LinkedAuthorizationFailed', message, times: 1 });
    expect(await codeOf(run(serverJob(), open()))).toMatch(
      /^SERVICE_DENIED: permission Microsoft.Network\/virtualNetworks\/subnets\/join\/action is missing/,
    );
  });
});
