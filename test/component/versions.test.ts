// Servers of several majors: within each, and upwards. Set up by test/install/install.sh servers.
import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import type { Capture } from '../oracle/facts.ts';
import { runPsql } from '../oracle/psql.ts';
import { seedEverything, seedRoles } from '../oracle/seed/everything.ts';
import { seedLiferay } from '../oracle/seed/liferay.ts';
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
  // The server runs as another user, who may not come through the links in our home.
  return realpathSync(existsSync(join(debian, 'postgres')) ? debian : join(cache, `pg${major}/bin`));
};
const tools = { LC2_PG_BIN: majors.map((major) => `${major}=${binOf(major)}`).join(':') };

const servers = new Map<Major, PostgresServer>();
/** The wheel of 18 has neither pgcrypto nor XML: there the Liferay alone is compared. */
const seedsOf = (major: Major): readonly string[] => (major === 18 ? ['lportal'] : ['lportal', 'everything']);
/** By major and database. */
const captures = new Map<string, Capture>();
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
const captured = (major: Major, database: string): Capture => captures.get(`${major} ${database}`) ?? { format: 1 };

beforeAll(async () => {
  lab = await createLab();
  for (const major of majors) servers.set(major, await startPostgres({ bin: binOf(major) }));
  for (const major of majors) {
    await seedRoles(connectTo(serverOf(major)));
    for (const name of seedsOf(major)) {
      await runPsql(connectTo(serverOf(major)), `CREATE DATABASE ${name} TEMPLATE template0`);
      const connection = connectTo(serverOf(major), name);
      if (name === 'everything') await seedEverything(connection, { eventTriggers: true });
      else await seedLiferay({ connection, root: lab.path(`library-${major}`), files: 60 });
      captures.set(`${major} ${name}`, await captureOf(major, name));
    }
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
    await runPsql(connectTo(serverOf(major), 'lportal'), 'DROP TABLE public.image, public.dlcontent CASCADE');
    await run<Restored>('restore', '-e', `pg${major}`, '--backup', sealed.backupId, '--confirm', `pg${major}`);
    for (const name of seedsOf(major)) {
      const [before, after] = [captured(major, name), await captureOf(major, name)];
      expect(differences(before, after, { subscriptionsDisabled: true })).toEqual([]);
    }
  });
});

/** Since 16 a server shortens the locales of ICU to their canonical form. */
const isCanonicalLocale = (line: string): boolean =>
  line === 'collation app.numeric_order: locale was "und-u-kn-true" before, "und-u-kn" after';

test.each([
  [15, 17],
  [15, 18],
  [17, 18],
] as const)('a backup of PostgreSQL %i is restored into %i with the same contents', async (from, to) => {
  const args = ['--source', `pg${from}`, '--into', `pg${to}`, '--backup', 'latest', '--confirm', `pg${to}`];
  for (const name of seedsOf(from).filter((each) => seedsOf(to).includes(each))) {
    const renameDatabase = `${name}_from_${from}`;
    await run<Restored>('restore', ...args, '--database', `${name}=${renameDatabase}`);
    // Subscriptions and settings of single roles belong to the environment that was backed up.
    const ignoreKinds = ['subscription', 'database setting'];
    const options = { acrossVersions: true, ignoreOwners: true, ignoreAcl: true, subscriptionsDisabled: true };
    const after = await captureOf(to, renameDatabase);
    const found = differences(captured(from, name), after, { ...options, renameDatabase, ignoreKinds });
    expect(found.filter((line) => !isCanonicalLocale(line))).toEqual([]);
  }
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

test('an extension that the target cannot install is TARGET_LACKS, and nothing is loaded', async () => {
  const [source, target] = [serverOf(15), serverOf(17)];
  await runPsql(connectTo(source), 'CREATE DATABASE extended TEMPLATE template0');
  // Gone since PostgreSQL 17.
  await runPsql(connectTo(source, 'extended'), 'CREATE EXTENSION old_snapshot; CREATE TABLE t (v text)');
  const environment = (name: string, server: PostgresServer, major: Major, more = {}) =>
    environmentDocument(name, {
      database: { ...databaseSpec(server, more), credentials: { secretName: `db${major}` } },
      storage: { url: `file://${lab.storage}` },
    });
  const own = await lab.write('extended.yaml', [
    environment('extended', source, 15, { databases: ['extended'] }),
    environment('newer', target, 17),
    secretDocument('db15', { username: source.superuser, password: source.password }),
    secretDocument('db17', { username: target.superuser, password: target.password }),
  ]);
  const cli = (...args: string[]) => lab.start([...args, '-f', own], tools).ended;
  expect((await cli('backup', '-e', 'extended')).status).toBe(0);
  const databases = () => runPsql(connectTo(target), 'SELECT datname FROM pg_database ORDER BY datname');
  const before = await databases();
  for (const more of [['--preview'], ['--confirm', 'newer']]) {
    const ended = await cli('restore', '--source', 'extended', '--into', 'newer', '--backup', 'latest', ...more);
    expect([ended.status, errorLines(ended)]).toEqual([78, [expect.stringMatching(/^TARGET_LACKS: .*old_snapshot/u)]]);
  }
  expect(await databases()).toBe(before);
  await runPsql(connectTo(source), 'DROP DATABASE extended');
});
