// The fake of Azure driven by Microsoft's own client, which shares no code with ours.
import { PostgreSQLManagementFlexibleServerClient } from '@azure/arm-postgresql-flexible';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { subscription, tenant } from '../fakes/azure-arm/things.ts';
import { runSql } from '../fakes/cloud-sql/programs.ts';
import { type AzureLab, group, startAzureLab, trust } from '../support/azure.ts';

let lab: AzureLab;

beforeAll(async () => {
  lab = await startAzureLab();
  await trust(lab);
});

afterAll(() => lab.stop());

const credential = {
  getToken: async (scopes: string | string[]) => {
    const body = new URLSearchParams({
      client_id: 'somebody',
      client_secret: 'secret',
      grant_type: 'client_credentials',
      scope: [scopes].flat()[0] ?? '',
    });
    const answer = await fetch(`${lab.fake.endpoint}/${tenant}/oauth2/v2.0/token`, { method: 'POST', body });
    const { access_token: token } = (await answer.json()) as { readonly access_token: string };
    return { token, expiresOnTimestamp: Date.now() + 3_600_000 };
  },
};

/** Codes and names, as the client has them. */
const refusal = async (work: Promise<unknown>): Promise<string> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const { statusCode, code, message } = Object(error) as { statusCode?: number; code?: string; message?: string };
  return [statusCode, code ?? message].filter((each) => each !== undefined).join(' ');
};

it('backs up, restores to a time and deletes for Microsoft’s own client, within Microsoft’s description', async () => {
  const { fake, server } = lab;
  const client = new PostgreSQLManagementFlexibleServerClient(credential, subscription, {
    endpoint: fake.endpoint,
    credentialScopes: [`${fake.endpoint}/.default`],
    retryOptions: { maxRetries: 0 },
  });
  const quick = { updateIntervalInMs: 20 };
  const { backupsAutomaticAndOnDemand: backups, servers } = client;
  fake.cloud.weather.held = true;
  await runSql(server, 'postgres', 'CREATE TABLE seen AS SELECT 1 AS one');
  const poller = await backups.beginCreate(group, 'main', 'by-hand', quick);
  expect(await refusal(backups.beginCreateAndWait(group, 'main', 'another', quick))).toBe('409 ServerIsBusy');
  expect(await refusal(backups.get(group, 'main', 'by-hand'))).toBe('404 ResourceNotFound');
  fake.cloud.weather.held = false;
  await poller.pollUntilDone();
  expect(await backups.get(group, 'main', 'by-hand')).toMatchObject({ backupType: 'Customer On-Demand' });
  expect(await refusal(backups.beginCreateAndWait(group, 'main', 'by-hand', quick))).toBe('409 BackupAlreadyExists');
  const time = new Date();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await runSql(server, 'postgres', 'DROP TABLE seen');
  const live = await servers.get(group, 'main');
  const wish = {
    location: live.location,
    createMode: 'PointInTimeRestore',
    sourceServerResourceId: live.id ?? '',
    pointInTimeUTC: time,
    network: {
      delegatedSubnetResourceId: live.network?.delegatedSubnetResourceId ?? '',
      privateDnsZoneArmResourceId: live.network?.privateDnsZoneArmResourceId ?? '',
    },
  };
  const restored = await servers.beginCreateOrUpdateAndWait(group, 'copy', wish, quick);
  expect(restored).toMatchObject({ name: 'copy', state: 'Ready', tags: { team: 'retail' } });
  const copy = { ...server, host: restored.fullyQualifiedDomainName ?? '' };
  expect(await runSql(copy, 'postgres', 'SELECT one FROM seen')).toEqual(['1']);
  const names: string[] = [];
  for await (const { name = '' } of servers.listByResourceGroup(group)) names.push(name);
  expect(names).toEqual(['main', 'copy']);
  await servers.beginDeleteAndWait(group, 'copy', quick);
  expect(await refusal(servers.get(group, 'copy'))).toBe('404 ResourceNotFound');
  expect(await refusal(servers.get('nowhere', 'copy'))).toBe('404 ResourceGroupNotFound');
  await backups.beginDeleteAndWait(group, 'main', 'by-hand', quick);
  expect(fake.violations).toEqual([]);
  expect(fake.cloud.counts().there).toEqual({ snapshots: 0, servers: 0 });
});

it('ends an operation Failed, with a reason, as Microsoft’s own client reads it', async () => {
  const { fake, main } = lab;
  const client = new PostgreSQLManagementFlexibleServerClient(credential, subscription, {
    endpoint: fake.endpoint,
    credentialScopes: [`${fake.endpoint}/.default`],
  });
  main.tier = 'Burstable';
  const work = client.backupsAutomaticAndOnDemand.beginCreateAndWait(group, 'main', 'never', {
    updateIntervalInMs: 20,
  });
  expect(await refusal(work)).toContain('CustomerOnDemandBackupCannotBePerformedOnBurstableServer');
  main.tier = 'GeneralPurpose';
});

it('refuses what Microsoft does not describe, and remembers it', async () => {
  const { fake } = lab;
  const { token } = await credential.getToken(`${fake.endpoint}/.default`);
  const at = `${fake.endpoint}/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.DBforPostgreSQL/flexibleServers`;
  const ask = async (path: string, method = 'GET', body?: unknown): Promise<number> =>
    (
      await fetch(`${at}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    ).status;
  expect(await ask('/main?api-version=2025-08-01')).toBe(200);
  expect(fake.violations).toEqual([]);
  const v = 'api-version=2025-08-01';
  const server = { location: 'westeurope', properties: { createMode: 'PointInTimeRestore' } };
  for (const [path, method, body, violation] of [
    ['/main?api-version=2001-01-01', 'GET', undefined, /takes no api-version=2001/],
    ['/main', 'GET', undefined, /has no api-version/],
    [`/main/snapshots?${v}`, 'GET', undefined, /is no operation/],
    [`/main/backups/a%20b?${v}`, 'PUT', undefined, /a b is no backupName/],
    [`/a?${v}`, 'PUT', server, /a is no serverName/],
    [`/copy?${v}`, 'PUT', { ...server, backup: 'x' }, /Server.backup is not of Server|\.backup is not of/],
    [`/copy?${v}`, 'PUT', { ...server, properties: { backupName: 'x' } }, /properties.backupName is not of Server/],
    [`/copy?${v}`, 'PUT', { ...server, properties: { createMode: 'Backup' } }, /createMode is not of KnownCreateMode/],
    [`/copy?${v}`, 'PUT', { ...server, properties: { pointInTimeUTC: 'now' } }, /pointInTimeUTC is no DateTime/],
    [`/copy?${v}`, 'PUT', { ...server, properties: { state: 'Ready' } }, /state is read only/],
    [`/copy?${v}`, 'PUT', { properties: {} }, /location is missing/],
    [`/copy?${v}`, 'PUT', { ...server, tags: { a: 1 } }, /tags.a is no String/],
  ] as const) {
    expect(await ask(path, method, body)).toBeGreaterThanOrEqual(400);
    expect(fake.violations.splice(0).join('\n')).toMatch(violation);
  }
});
