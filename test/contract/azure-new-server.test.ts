// New flexible servers against the fake of Azure: as of a time, under their own names, and never in the place of others.
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { fairWeather, type Weather } from '../fakes/azure-arm/cloud.ts';
import { runSql } from '../fakes/cloud-sql/programs.ts';
import { type AzureLab, azureWork, newServerJob, openAzureService, startAzureLab, trust } from '../support/azure.ts';
import { codeOf } from '../support/rds.ts';

const { run, startWhenMay } = azureWork;

let lab: AzureLab;
let weather: Weather;

const open = (more = {}) => openAzureService(lab, more);
const named = (name: string) => lab.fake.cloud.servers.filter((each) => each.name === name);

beforeAll(async () => {
  lab = await startAzureLab();
  await trust(lab);
  ({ weather } = lab.fake.cloud);
  await runSql(lab.server, 'postgres', 'CREATE DATABASE shop');
  await runSql(lab.server, 'shop', 'CREATE TABLE orders AS SELECT generate_series(1, 10) AS id');
});

beforeEach(() => void Object.assign(weather, fairWeather()));

/** What our client asks is what Microsoft describes. */
afterEach(async () => {
  weather.held = false;
  await lab.fake.cloud.clear();
  const [violation] = lab.fake.violations.splice(0);
  if (violation !== undefined) throw new Error(violation);
});

afterAll(() => lab.stop());

it('a new server has its name and what there was at the time, and goes when it is removed, twice', async () => {
  const service = open();
  const job = newServerJob('shop-2');
  expect(await service.problems(job)).toEqual([]);
  const made = run(job, service);
  // Of a later moment than the whole second that was asked for.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await runSql(lab.server, 'shop', 'DELETE FROM orders WHERE id > 5');
  const { id, server } = await made;
  await runSql(lab.server, 'shop', 'INSERT INTO orders SELECT generate_series(6, 10)');
  expect(id).toBe('shop-2');
  expect(await runSql({ ...lab.server, ...server }, 'shop', 'SELECT count(*) FROM orders')).toEqual(['10']);
  expect(named('shop-2')).toMatchObject([{ subnet: lab.main.subnet, tags: { 'lc2-backup': job.description } }]);
  // Sweeps of backups do not see it.
  expect(await service.leftovers('lc2-backup retail-prd')).toEqual([]);
  await service.remove({ kind: 'new-server', id });
  await expect.poll(() => named('shop-2')).toEqual([]);
  await service.remove({ kind: 'new-server', id });
});

it('a new server is found again when the answer was lost, and never made twice', async () => {
  const service = open();
  const job = newServerJob('shop-3');
  weather.lost.push({ call: 'servers.create', times: 1 });
  const before = lab.fake.cloud.counts().begun.servers;
  expect(await codeOf(startWhenMay(job, service))).toMatch(/^SERVICE_FAILED: /);
  expect(await service.find(job)).toBe('shop-3');
  expect(await open().start(job)).toBe('shop-3');
  await service.wait(job, 'shop-3');
  expect(lab.fake.cloud.counts().begun.servers - before).toBe(1);
});

it('a new server is refused where another has its name, which is not touched', async () => {
  const service = open();
  const theirs = newServerJob('shop-4');
  await run(theirs, service);
  const ours = newServerJob('shop-4');
  expect(await service.problems(ours)).toMatchObject([{ code: 'NAME_TAKEN', severity: 'error' }]);
  expect(await codeOf(service.start(ours))).toMatch(/^NAME_TAKEN: shop-4 exists, and is not of this restore/);
  expect(await codeOf(service.wait(ours, 'shop-4'))).toMatch(/^NAME_TAKEN: /);
  expect(await service.find(theirs)).toBe('shop-4');
  // Of somebody else in the world.
  weather.answers.push({ call: 'servers.create', status: 409, code: 'ServerNameAlreadyExists', times: 1 });
  expect(await codeOf(startWhenMay(newServerJob('elsewhere'), service))).toMatch(/^NAME_TAKEN: elsewhere exists/);
});

it('a copy that people made of a new server is not removed, though it has its tag', async () => {
  const service = open();
  const job = newServerJob('shop-5');
  await run(job, service);
  Object.assign(named('shop-5')[0] ?? {}, { name: 'investigation' });
  await service.remove({ kind: 'new-server', id: 'investigation' });
  expect(named('investigation')).toMatchObject([{ state: 'Ready' }]);
});

it('a new server is of a time that Azure still knows', async () => {
  const early = newServerJob('shop-6', new Date(Date.now() - 86_400_000));
  expect(await open().problems(early)).toMatchObject([
    { code: 'SNAPSHOT_MISSING', message: expect.stringMatching(/cannot be of .* can be restored from .* on/) },
  ]);
  expect(await codeOf(open().start(early))).toMatch(/^NEW_SERVER_FAILED: the new server cannot be of /);
});

it('a new server that fails, or is not ready in time, has failed', async () => {
  weather.restores.push({ code: 'RestoreFailed', message: 'no luck' });
  expect(await codeOf(run(newServerJob('shop-7'), open()))).toMatch(
    /^NEW_SERVER_FAILED: the new server failed: Restore/,
  );
  weather.held = true;
  const late = newServerJob('shop-8', undefined, 4);
  expect(await codeOf(run(late, open()))).toMatch(/^NEW_SERVER_FAILED: .*was not ready in time/);
});

it('a new server that is being made is deleted when Azure lets us', async () => {
  const service = open();
  weather.held = true;
  await startWhenMay(newServerJob('shop-9'), service);
  expect(await codeOf(service.remove({ kind: 'new-server', id: 'shop-9' }))).toMatch(/^SERVICE_BUSY: /);
});
