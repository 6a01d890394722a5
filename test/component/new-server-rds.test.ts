// Restores into new servers of RDS: AWS makes them of the snapshot, the live one stays as it is, and the oracle compares what is
// on them with the source at the moment of the snapshot.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { rdsNewServerStatements } from '../../core/permissions/services.ts';
import { fairWeather, type Weather } from '../fakes/rds/cloud.ts';
import { type RdsFake, startRdsFake } from '../fakes/rds/server.ts';
import type { FakeSnapshot } from '../fakes/rds/things.ts';
import { differences } from '../oracle/compare.ts';
import { runPsql } from '../oracle/psql.ts';
import { seedEverything, seedRoles } from '../oracle/seed/everything.ts';
import {
  captureAt,
  connectTo,
  createLab,
  databaseSpec,
  environmentDocument,
  errorLines,
  filesOf,
  type Lab,
  type Sealed,
  type Spec,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import {
  expectRefused,
  inFlight,
  keepBackups,
  nextName,
  type RestoredBeside,
  restoreBeside,
  serversSince,
} from '../support/new-servers.ts';
import { killStep } from '../support/running-step.ts';
import { clusterOf, instanceOf, rdsDatabase, rdsSecret } from '../support/rds.ts';

/** Of polls. */

let server: PostgresServer;
let fake: RdsFake;
let lab: Lab;
let weather: Weather;

/** Environments by name, all in one file. */
const environments: Readonly<Record<string, Spec>> = {
  instance: { instance: 'main' },
  cluster: { cluster: 'aurora' },
  live: { instance: 'main', dumpFrom: 'live' },
  bare: { instance: 'main', dumpFrom: 'live', snapshot: { enabled: false } },
};
const kinds = ['instance', 'cluster'] as const;

let file: string;
/** By environment: its backup, and what was in the database then. */
const backups = keepBackups<{ readonly snapshot: FakeSnapshot | undefined }>();
const backupOf = backups.of;

const change = (sql: string): Promise<unknown> => runPsql(connectTo(server, 'everything'), sql);

const backUp = async (name: string): Promise<void> => {
  const before = await captureAt(server, 'everything');
  const { backupId: id } = await lab.json<Sealed>('backup', '-f', file, '-e', name);
  backups.keep(name, { id, snapshot: fake.cloud.snapshots.at(-1), before });
  // What comes later is on no new server.
  await change(`CREATE TABLE after_${name} AS SELECT 1 AS one`);
};

beforeAll(async () => {
  [server, lab] = await Promise.all([startPostgres(), createLab()]);
  const { cluster, writer } = clusterOf(server, 'aurora');
  fake = await startRdsFake({ instances: [instanceOf(server, 'main'), writer], clusters: [cluster] });
  ({ weather } = fake.cloud);
  await seedRoles(connectTo(server));
  await runPsql(connectTo(server), 'CREATE DATABASE everything TEMPLATE template0');
  await seedEverything(connectTo(server, 'everything'), { eventTriggers: true });
  // No snapshot holds their rows: a server that starts from one empties them.
  await change('TRUNCATE app.unlogged');
  const documents = await lab.library('documents', { 'a/1': 'one' });
  const shared = {
    objectStores: [{ name: 'documents', url: `file://${documents}` }],
    storage: { url: `file://${lab.storage}` },
  };
  const rds = Object.entries(environments).map(([name, more]) =>
    environmentDocument(name, { database: rdsDatabase(fake, server, more), ...shared }),
  );
  const plain = environmentDocument('plain', { database: databaseSpec(server), ...shared });
  file = await lab.write('environments.yaml', [...rds, plain, rdsSecret(server)]);
  for (const name of Object.keys(environments)) await backUp(name);
  await change('DROP SCHEMA app CASCADE');
});

beforeEach(() => void Object.assign(weather, fairWeather()));

/** What our client asks is what AWS describes. */
afterEach(() => {
  const [violation] = fake.violations.splice(0);
  if (violation !== undefined) throw new Error(violation);
});

afterAll(async () => {
  await fake.stop();
  await server.stop();
  await lab.remove();
});

const argsOf = (into: string, name: string, ...more: readonly string[]): string[] =>
  restoreBeside({ file, into, backup: () => backupOf(into).id, name }, more);

const counter = () => serversSince(fake.cloud);

test.each(kinds)(
  'a new server of an %s has what the snapshot has, beside a live one that stays as it is',
  async (kind) => {
    const since = counter();
    const name = nextName();
    const live = await captureAt(server, 'everything');
    const restored = await lab.json<RestoredBeside>(...argsOf(kind, name));
    expect(restored).toMatchObject({ phase: 'Succeeded', previous: [], newServer: { name, host: server.host } });
    expect(restored.newServer.port).not.toBe(server.port);
    const there = await captureAt({ ...server, port: restored.newServer.port }, 'everything');
    expect(differences(backupOf(kind).before, there)).toEqual([]);
    expect(differences(live, await captureAt(server, 'everything'))).toEqual([]);
    expect(since()).toEqual({ begun: 1, there: 1 });
    const made = [...fake.cloud.clusters, ...fake.cloud.instances].find(({ id }) => id === name);
    expect(made?.tags[0]?.Value).toMatch(new RegExp(`^lc2-backup new-server [0-9a-f]{12} \\S+ ${name}$`));
    // As the live one is, and unlike a temporary one.
    expect(made?.parameterGroup).toBe(kind === 'instance' ? 'retail' : 'retail-cluster');
    // The next backup takes it for nothing of its own.
    await lab.json('backup', '-f', file, '-e', kind);
    await expect.poll(since).toEqual({ begun: 2, there: 1 });
  },
);

test.each(kinds)(
  'a new server of an %s is one, though the step was killed in flight and answers were lost',
  async (kind) => {
    const since = counter();
    const name = nextName();
    weather.held = true;
    for (const action of ['RestoreDBInstanceFromDBSnapshot', 'RestoreDBClusterFromSnapshot', 'CreateDBInstance'])
      weather.lost.push({ action, times: 1 });
    const cli = lab.start(argsOf(kind, name, '--components', 'database'));
    await inFlight(cli, since);
    await killStep(cli, 'load-database');
    weather.held = false;
    const { status, stdout, stderr } = await cli.ended;
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`the new server ${name} is at ${server.host}:\\d+; .*to switch over .*is yours`));
    expect(since()).toEqual({ begun: 1, there: 1 });
  },
);

test.each(kinds)('a new server of an %s goes when the restore is told to stop', async (kind) => {
  const since = counter();
  weather.held = true;
  const cli = lab.start(argsOf(kind, nextName()));
  await inFlight(cli, since);
  cli.kill('SIGTERM');
  await sleep(500);
  weather.held = false;
  expect((await cli.ended).status).toBe(143);
  await expect.poll(since).toEqual({ begun: 1, there: 0 });
});

test('a new server that fails goes, and the restore says why', async () => {
  const since = counter();
  weather.restores.push('incompatible-parameters');
  const result = await lab.cli(...argsOf('instance', nextName()));
  expect(errorLines(result).at(-1)).toMatch(
    /^NEW_SERVER_FAILED: the new server is incompatible-parameters .*not changed/,
  );
  expect(result.status).toBe(70);
  await expect.poll(since).toEqual({ begun: 1, there: 0 });
});

test('a new server of a backup with dumps of the live server is of another moment, and is not held against them', async () => {
  const name = nextName();
  const { stdout } = await lab.cli(...argsOf('live', name, '--preview'));
  expect(stdout).toMatch(/of another moment than the dumps of this backup: its rows are not compared/);
  // The snapshot is what counts, whatever is on it.
  const { snapshot } = backupOf('live');
  const { backup } = snapshot ?? {};
  Object.assign(snapshot ?? {}, { backup: backupOf('cluster').snapshot?.backup });
  await lab.json<RestoredBeside>(...argsOf('live', name));
  Object.assign(snapshot ?? {}, { backup });
});

/** Restores from a snapshot that is not of the moment of the dumps. */
const restoreOther = async (kind: 'instance' | 'cluster', name: string) => {
  const [snapshot, other] = [backupOf(kind).snapshot, backupOf(kind === 'instance' ? 'cluster' : 'instance').snapshot];
  const { backup } = snapshot ?? {};
  Object.assign(snapshot ?? {}, { backup: other?.backup });
  const result = await lab.cli(...argsOf(kind, name));
  Object.assign(snapshot ?? {}, { backup });
  return result;
};

test.each([
  ['instance', /^RESTORE_DIFFERS: table app.after_instance is not in the backup \(everything on restored-/],
  ['cluster', /^RESTORE_DIFFERS: table app.after_instance has no rows instead of 1/],
] as const)(
  'a new server of an %s needs these permissions and no others, and goes when it is not what the dumps are',
  async (kind, line) => {
    const since = counter();
    const actions = new Set(rdsNewServerStatements[kind].flatMap((statement) => statement.actions));
    const before = fake.calls.length;
    weather.allowed = actions;
    await lab.json<RestoredBeside>(...argsOf(kind, nextName()));
    const failed = await restoreOther(kind, nextName());
    expect(errorLines(failed).at(-1)).toMatch(line);
    expect(failed.status).toBe(70);
    await expect.poll(since).toEqual({ begun: 2, there: 1 });
    const used = new Set(fake.calls.slice(before).map((action) => `rds:${action}`));
    expect([...actions].filter((action) => !used.has(action))).toEqual(['rds:AddTagsToResource']);
  },
);

test('a new server that could not be removed is named, as what costs money', async () => {
  const since = counter();
  const name = nextName();
  weather.restores.push('failed');
  weather.missing.add('rds:DeleteDBInstance');
  const result = await lab.cli(...argsOf('instance', name), '--verbose');
  expect(result.stderr).toMatch(/the new server was not removed: permission rds:DeleteDBInstance is missing/);
  expect(since()).toEqual({ begun: 1, there: 1 });
});

test.each<[string, () => string[], RegExp]>([
  ['a name that is taken', () => argsOf('instance', 'main'), /^NAME_TAKEN: main exists, and is not of this restore/],
  ['a name whose first instance is taken', () => argsOf('cluster', 'taken'), /^NAME_TAKEN: taken-1 exists/],
  ['a name that no cloud takes', () => argsOf('instance', 'a--b'), /^INPUT_INVALID: .*new server, "a--b"/],
  ['no name', () => argsOf('instance', ''), /^INPUT_INVALID: the name of the new server/],
  [
    'chosen databases',
    () => argsOf('instance', 'chosen', '--database', 'everything'),
    /^INPUT_INVALID: a new server has all databases/,
  ],
  [
    'no database',
    () => argsOf('instance', 'chosen', '--components', 'documents'),
    /^INPUT_INVALID: .*needs the component database/,
  ],
  [
    'a backup of a cluster for an instance',
    () => argsOf('instance', 'other', '--source', 'cluster', '--backup', backupOf('cluster').id),
    /^SNAPSHOT_MISSING: arn:\S+ is no snapshot of an instance in eu-central-1/,
  ],
  [
    'a backup without a snapshot',
    () => argsOf('bare', 'none'),
    /^SNAPSHOT_MISSING: .*has no snapshot.*databaseMode: swap/,
  ],
  [
    'an environment whose server nobody runs',
    () => argsOf('plain', 'none', '--source', 'instance', '--backup', backupOf('instance').id),
    /^INPUT_INVALID: nobody makes new servers for environment plain .*databaseMode: swap/,
  ],
])('a new server is refused for %s, before anything is done', async (_, args, line) => {
  const since = counter();
  if (args().includes('taken')) {
    const { cluster } = clusterOf(server, 'else');
    fake.cloud.addMember(cluster, { id: 'taken-1', tags: [], class: 'db.r6g.large' });
  }
  await expectRefused(lab, { args: args(), line, since });
});

test('a new server is refused when the snapshot is gone', async () => {
  const { snapshot } = backupOf('live');
  if (snapshot) fake.cloud.removeSnapshot(snapshot);
  const result = await lab.cli(...argsOf('live', nextName()));
  expect(errorLines(result)).toEqual([expect.stringMatching(/^SNAPSHOT_MISSING: arn:\S+ is not there any more/)]);
  expect(result.status).toBe(78);
});

test('a new server is shown by a preview, which makes nothing', async () => {
  const since = counter();
  const files = await filesOf(lab.storage);
  const { stdout, status } = await lab.cli(...argsOf('instance', 'looked-at', '--preview'));
  expect(status).toBe(0);
  expect(stdout).toMatch(/new server looked-at of snapshot arn:aws:rds:\S+, beside the live one, which stays as it is/);
  expect(stdout).toMatch(/objects are live at once, while the application uses the live database/);
  expect(stdout).toMatch(/to switch over \(DNS, Secret, environment\) is yours/);
  expect(stdout).not.toMatch(/are not compared/);
  expect(since().begun).toBe(0);
  expect(await filesOf(lab.storage)).toEqual(files);
});
