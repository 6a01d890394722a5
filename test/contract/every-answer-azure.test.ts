// Each call to Azure about flexible servers, answered with each refusal, each failure, and not at all.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseService } from '../../core/ports/database-service.ts';
import { fairWeather } from '../fakes/azure-arm/cloud.ts';
import { type AzureLab, azureWork, openAzureService, runPrefix, serverJob, snapshotJob } from '../support/azure.ts';
import { startAzureLab, trust } from '../support/azure.ts';
import { type AnsweredCall, type AnswerName, type Ends, endsOf, named, outlived } from '../support/every-answer.ts';

let lab: AzureLab;
const { run, startWhenMay } = azureWork;

/** There before anything goes wrong. */
let standing: { readonly taken: ReturnType<typeof snapshotJob>; readonly snapshot: string; readonly server: string };
const open = (): DatabaseService => openAzureService(lab, { dumpFrom: 'point' });

const usual: Ends = {
  '401': 'SERVICE_DENIED',
  '403': 'SERVICE_DENIED',
  '404': 'SERVICE_NOT_FOUND',
  '409': 'SERVICE_BUSY',
  '412': 'SERVICE_REFUSED',
  '429': 'SERVICE_BUSY',
  '500': 'SERVICE_FAILED',
  '503': 'SERVICE_FAILED',
  reset: 'SERVICE_FAILED',
};
const gone = { '404': 'done' } as const;
const looked = { ...outlived, '409': 'done' } as const;

const calls: readonly AnsweredCall<DatabaseService>[] = [
  ['servers.get', (service) => service.problems()],
  ['servers.list', (service) => service.leftovers(runPrefix)],
  ['servers.create', (service) => startWhenMay(serverJob(), service), { '412': 'TEMPORARY_SERVER_FAILED' }],
  ['servers.delete', (service) => service.remove({ kind: 'temporary-server', id: standing.server }), gone],
  ['backups.get', (service) => service.find(standing.taken), gone],
  ['backups.list', (service) => service.leftovers(runPrefix)],
  ['backups.create', (service) => service.start(snapshotJob()), { '412': 'SNAPSHOT_FAILED' }],
  ['backups.delete', (service) => service.remove({ kind: 'snapshot', id: standing.snapshot }), gone],
  // Azure has forgotten it: what it has made is there.
  ['operations.get', (service) => run(snapshotJob(), service), { ...looked, ...gone }],
];

const codes: Readonly<Record<Exclude<AnswerName, 'reset'>, string>> = {
  '401': 'InvalidAuthenticationToken',
  '403': 'AuthorizationFailed',
  '404': 'ResourceNotFound',
  '409': 'AnotherOperationInProgress',
  '412': 'PreconditionFailed',
  '429': 'TooManyRequests',
  '500': 'InternalServerError',
  '503': 'ServiceUnavailable',
};

const answered =
  (call: string, times: number) =>
  (name: AnswerName): void => {
    const answer = { call, status: Number(name), code: name === 'reset' ? '' : codes[name], retryAfter: 0, times };
    Object.assign(lab.fake.cloud.weather, {
      answers: name === 'reset' ? [] : [answer],
      lost: name === 'reset' ? [{ call, times }] : [],
    });
  };

const quiet = async (): Promise<void> => {
  await expect.poll(() => lab.fake.cloud.busy(), { timeout: 60_000 }).toBe(false);
};

beforeAll(async () => {
  lab = await startAzureLab();
  lab.fake.cloud.weather.quotas.backups = 99;
  await trust(lab);
});
beforeEach(async () => {
  Object.assign(lab.fake.cloud.weather, fairWeather(), { quotas: { backups: 99, servers: 99 } });
  await lab.fake.cloud.clear();
  const taken = snapshotJob();
  const { id: snapshot } = await run(taken, open());
  standing = { taken, snapshot, server: (await run(serverJob(), open())).id };
});
afterEach(() => {
  const [violation] = lab.fake.violations.splice(0);
  if (violation !== undefined) throw new Error(violation);
});
afterAll(() => lab.stop());

describe('every answer to a call of Azure', () => {
  it.each(named(calls))('at %s', async (call, { work, more }) => {
    const times = more['503'] === 'done' ? 6 : 99;
    const ends = await endsOf(answered(call, times), async () => {
      await quiet();
      await work(open());
    });
    expect(ends).toEqual({ ...usual, ...more });
  });

  it('is of all calls that are made', async () => {
    await open().problems();
    const made = new Set(lab.fake.calls.filter((call) => call !== 'token'));
    expect(new Set(calls.map(([call]) => call))).toEqual(made);
  });
});
