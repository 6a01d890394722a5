// Servers of several majors: within each, and upwards. Set up by test/install/install.sh servers.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import type { Capture } from '../oracle/facts.ts';
import { runPsql } from '../oracle/psql.ts';
import { seedEverything, seedRoles } from '../oracle/seed/everything.ts';
import {
  captureAt,
  connectTo,
  createLab,
  databaseSpec,
  environmentDocument,
  errorLines,
  type Lab,
  type Restored,
  type Sealed,
  secretDocument,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

const majors = [15, 17, 18] as const;
type Major = (typeof majors)[number];

const cache =
  process.env['LC2_CACHE_DIR'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lc2-backup');
const binOf = (major: Major): string => {
  const debian = `/usr/lib/postgresql/${major}/bin`;
  return existsSync(join(debian, 'postgres')) ? debian : join(cache, `pg${major}/bin`);
};
const tools = { LC2_PG_BIN: majors.map((major) => `${major}=${binOf(major)}`).join(':') };

const servers = new Map<Major, PostgresServer>();
const captures = new Map<Major, Capture>();
let lab: Lab;
let file: string;

const serverOf = (major: Major): PostgresServer => {
  const server = servers.get(major);
  if (server === undefined) throw new Error(`PostgreSQL ${major} was not started`);
  return server;
};
const run = async <T>(...args: string[]): Promise<T> => {
  const ended = await lab.start([...args, '-f', file, '--json'], tools).ended;
  if (ended.status !== 0) throw new Error(`${args.join(' ')}: ${ended.stderr}`);
  return JSON.parse(ended.stdout) as T;
};
const captureOf = (major: Major, database: string) => captureAt(serverOf(major), database);

beforeAll(async () => {
  lab = await createLab();
  for (const major of majors) servers.set(major, await startPostgres({ bin: binOf(major) }));
  for (const major of majors) {
    await seedRoles(connectTo(serverOf(major)));
    await runPsql(connectTo(serverOf(major)), 'CREATE DATABASE everything TEMPLATE template0');
    await seedEverything(connectTo(serverOf(major), 'everything'), { eventTriggers: true });
    captures.set(major, await captureOf(major, 'everything'));
  }
  file = await lab.write(
    'env.yaml',
    majors.flatMap((major) => [
      environmentDocument(`pg${major}`, {
        database: { ...databaseSpec(serverOf(major)), credentials: { secretName: `db${major}` } },
        storage: { url: `file://${lab.storage}` },
      }),
      secretDocument(`db${major}`, { username: serverOf(major).superuser, password: serverOf(major).password }),
    ]),
  );
});

afterAll(async () => {
  for (const server of servers.values()) await server.stop();
  await lab.remove();
});

describe.each(majors)('PostgreSQL %i', (major) => {
  test('is backed up and restored equal in every fact', async () => {
    const sealed = await run<Sealed>('backup', '-e', `pg${major}`);
    await runPsql(connectTo(serverOf(major), 'everything'), 'DROP SCHEMA app CASCADE');
    await run<Restored>('restore', '-e', `pg${major}`, '--backup', sealed.backupId, '--confirm', `pg${major}`);
    const before = captures.get(major) ?? { format: 1 };
    expect(differences(before, await captureOf(major, 'everything'), { subscriptionsDisabled: true })).toEqual([]);
  });
});

test.each([
  [15, 17],
  [15, 18],
  [17, 18],
] as const)('a backup of PostgreSQL %i is restored into %i with the same contents', async (from, to) => {
  const args = ['--source', `pg${from}`, '--into', `pg${to}`, '--backup', 'latest', '--confirm', `pg${to}`];
  const name = `from${from}`;
  await run<Restored>('restore', ...args, '--database', `everything=${name}`);
  const options = {
    acrossVersions: true,
    ignoreOwners: true,
    ignoreAcl: true,
    renameDatabase: name,
    subscriptionsDisabled: true,
  };
  // Subscriptions and settings of single roles belong to the environment that was backed up.
  const ignoreKinds = ['subscription', 'database setting'];
  const before = captures.get(from) ?? { format: 1 };
  expect(differences(before, await captureOf(to, name), { ...options, ignoreKinds })).toEqual([]);
});

test.each([
  [17, 15],
  [18, 17],
] as const)('a backup of PostgreSQL %i is not restored into the older %i', async (from, to) => {
  const args = ['--source', `pg${from}`, '--into', `pg${to}`, '--backup', 'latest', '--confirm', `pg${to}`];
  const ended = await lab.start(['restore', ...args, '-f', file], tools).ended;
  expect([ended.status, errorLines(ended)]).toEqual([
    78,
    [expect.stringMatching(new RegExp(`PostgreSQL ${from}.*${to}`, 'u'))],
  ]);
});

test('a server newer than the client tools is DATABASE_VERSION_UNSUPPORTED', async () => {
  const before = await lab.json('list', '-f', file, '-e', 'pg18');
  const ended = await lab.start(['backup', '-e', 'pg18', '-f', file], { LC2_PG_BIN: `17=${binOf(17)}` }).ended;
  expect([ended.status, errorLines(ended)]).toEqual([
    78,
    [expect.stringMatching(/^DATABASE_VERSION_UNSUPPORTED: .*18/u)],
  ]);
  expect(await lab.json('list', '-f', file, '-e', 'pg18')).toEqual(before);
});
