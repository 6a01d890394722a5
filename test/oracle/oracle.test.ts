// The oracle itself is proved here: a plain copy is equal, and every single damage is named.
import { execFile } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startPostgres } from '../support/postgres.ts';
import type { PostgresServer } from '../support/postgres.ts';
import { dump, restoreContents, restoreWhole } from './clone.ts';
import { differences } from './compare.ts';
import { captureDatabase } from './database.ts';
import type { Capture, DatabaseFacts } from './facts.ts';
import { privilegeMutations } from './mutations/privileges.ts';
import { rowMutations } from './mutations/rows.ts';
import { schemaMutations } from './mutations/schema.ts';
import { captureFiles } from './objects.ts';
import { identifier, runPsql } from './psql.ts';
import type { Connection } from './psql.ts';
import { seedEverything, seedRoles } from './seed/everything.ts';
import { missingDocuments, seedLiferay } from './seed/liferay.ts';

const mutations = [...rowMutations, ...privilegeMutations, ...schemaMutations];
const run = promisify(execFile);
const oddName = `od'd "name\\; =%20\n$1 ünï postgres://`;

let source: PostgresServer;
let target: PostgresServer;
let folder: string;

function connect(server: PostgresServer, database: string): Connection {
  return { host: server.host, port: server.port, user: server.superuser, password: server.password, database };
}

const capture = async (server: PostgresServer, database: string): Promise<Capture> => {
  return { format: 1, database: await captureDatabase(connect(server, database)) };
};

const only = (facts: DatabaseFacts, kind: string) => facts.facts.filter((fact) => fact.kind === kind);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lc2-oracle-'));
  [source, target] = await Promise.all([startPostgres(), startPostgres({ tls: true })]);
  await Promise.all([source, target].map((server) => seedRoles(connect(server, 'postgres'))));
  await runPsql(connect(source, 'postgres'), 'CREATE DATABASE everything TEMPLATE template0');
  await seedEverything(connect(source, 'everything'), { eventTriggers: true });
  await dump(source.bin, connect(source, 'everything'), join(folder, 'everything.dump'));
}, 60_000);

afterAll(async () => {
  await Promise.all([source, target].map((server) => server.stop()));
  await rm(folder, { recursive: true, force: true });
});

describe('a database', () => {
  test('captured twice is equal, to the byte', async () => {
    const [first, second] = [await capture(source, 'everything'), await capture(source, 'everything')];
    expect(JSON.stringify(first)).toBe(JSON.stringify(second));
    expect(first.database?.facts.length).toBeGreaterThan(400);
  });

  test('copied whole to another server is equal', async () => {
    await restoreWhole(target.bin, connect(target, 'postgres'), join(folder, 'everything.dump'));
    expect(differences(await capture(source, 'everything'), await capture(target, 'everything'))).toEqual([]);
  }, 30_000);

  test('restored without its own settings differs in nothing else', async () => {
    await runPsql(connect(source, 'postgres'), `CREATE DATABASE ${identifier(oddName)} TEMPLATE template0`);
    await restoreContents(source.bin, connect(source, oddName), join(folder, 'everything.dump'));
    const [before, after] = [await capture(source, 'everything'), await capture(source, oddName)];
    const found = differences(before, after, { ignoreKinds: ['database setting'], renameDatabase: oddName });
    expect(found.map((line) => line.replace(/ was .*/su, ''))).toEqual([
      'database the database: acl',
      'database the database: comment',
      'database the database: connectionLimit',
      'database the database: owner',
    ]);
    expect(differences(before, after)).toContainEqual(expect.stringContaining('database the database: name was'));
  }, 30_000);

  test('says which values it read', async () => {
    const { database } = await capture(source, 'everything');
    if (database === undefined) throw new Error('nothing was captured');
    expect(only(database, 'database setting').map((fact) => fact.name)).toContain(
      'statement_timeout of role seed_reader',
    );
    expect(only(database, 'sequence value').find((fact) => fact.name === 'app.big')?.attributes).toEqual({
      called: false,
      last: '9007199254740993',
    });
    expect(only(database, 'large object').map((fact) => fact.attributes['size'])).toEqual([
      '0',
      '3',
      '128000',
      '1500000',
      '100003',
    ]);
    expect(JSON.stringify(database)).not.toContain('secret=x');
  });

  test('with any single change is reported by name', async () => {
    const failures: string[] = [];
    let before = await capture(target, 'everything');
    for (const { what, sql, reported } of mutations) {
      await runPsql(connect(target, 'everything'), `SET client_min_messages = error;\n${sql}\n\\g /dev/null\n`);
      const after = await capture(target, 'everything');
      const lines = differences(before, after);
      const missed = reported.filter((expected) => !lines.some((line) => line.includes(expected)));
      const unexplained = lines.filter((line) => !reported.some((expected) => line.includes(expected)));
      failures.push(...missed.map((line) => `${what}: not reported: ${line}`));
      failures.push(...unexplained.map((line) => `${what}: reported as well: ${line}`));
      before = after;
    }
    expect(failures).toEqual([]);
    expect(mutations.length).toBeGreaterThan(25);
  }, 400_000);

  test('another encoding, collation or a subscription is seen; its password is not written down', async () => {
    const server = connect(target, 'postgres');
    await runPsql(
      server,
      `CREATE DATABASE one TEMPLATE template0; CREATE DATABASE two TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';`,
    );
    const subscription = `CREATE SUBSCRIPTION s CONNECTION 'host=nowhere password=hidden-word' PUBLICATION p`;
    await runPsql(connect(target, 'two'), `${subscription} WITH (connect = false, slot_name = NONE)`);
    const [one, two] = [await capture(target, 'one'), await capture(target, 'two')];
    const lines = differences(one, two, { renameDatabase: 'two' });
    expect(lines.map((line) => line.replace(/ was .*/su, ''))).toEqual([
      'database the database: collate',
      'database the database: ctype',
      'database the database: encoding',
      'subscription s: not in the original',
    ]);
    expect(JSON.stringify(two)).not.toContain('hidden-word');
    await runPsql(connect(target, 'two'), `COMMENT ON SUBSCRIPTION s IS 'x'`);
    const commented = await capture(target, 'two');
    expect(differences(two, commented)).toEqual(['comment subscription s: not in the original']);
    // The server keeps the comment, and nothing has it.
    await runPsql(connect(target, 'two'), 'DROP SUBSCRIPTION s');
    expect(differences(commented, await capture(target, 'two'))).toEqual([
      'comment subscription s: missing',
      'subscription s: missing',
    ]);
  });

  test('is the same whatever the session that made it likes', async () => {
    const server = connect(target, 'postgres');
    await runPsql(server, 'CREATE DATABASE plain TEMPLATE template0; CREATE DATABASE quoted TEMPLATE template0');
    const domain = (first: string) => `CREATE DOMAIN d AS daterange DEFAULT '[${first}-01-02,)'`;
    await runPsql(connect(target, 'plain'), domain('2001'));
    await runPsql(
      connect(target, 'quoted'),
      `SET quote_all_identifiers = on; SET DateStyle = German; ${domain('2001')}`,
    );
    const plain = await capture(target, 'plain');
    const rename = { renameDatabase: 'quoted' };
    expect(differences(plain, await capture(target, 'quoted'), rename)).toEqual([]);
    await runPsql(connect(target, 'quoted'), `DROP DOMAIN d; ${domain('2002')}`);
    expect(differences(plain, await capture(target, 'quoted'), rename)).toEqual([
      expect.stringContaining('domain public.d: default was'),
    ]);
  });

  test('that cannot be read is an error, not an empty capture', async () => {
    await expect(captureDatabase(connect(source, 'nowhere'))).rejects.toThrow('database "nowhere" does not exist');
    await expect(captureDatabase({ ...connect(source, 'everything'), password: 'wrong' })).rejects.toThrow(
      'password authentication failed',
    );
  });
});

describe('a Liferay', () => {
  test('is the same for the same seed, loses nothing by a copy, and knows its documents', async () => {
    const server = connect(source, 'postgres');
    await runPsql(server, 'CREATE DATABASE lportal TEMPLATE template0; CREATE DATABASE second TEMPLATE template0;');
    const [root, other] = [join(folder, 'library'), join(folder, 'other')];
    const seeded = await seedLiferay({ connection: connect(source, 'lportal'), root, files: 600 });
    await seedLiferay({ connection: connect(source, 'second'), root: other, files: 600 });
    const [before, after] = [await captureFiles(root), await captureFiles(other)];
    expect(after).toEqual(before);
    expect(seeded.objects).toBe(before.length);
    for (const family of Object.values(seeded.families)) expect(family.count).toBeGreaterThan(5);
    expect(
      differences(await capture(source, 'lportal'), await capture(source, 'second'), { renameDatabase: 'second' }),
    ).toEqual([]);
    expect(await missingDocuments(connect(source, 'lportal'), root)).toEqual([]);
    const document = before.find(({ key, size }) => /^\d+\/[1-9]\d+\/\d+\/1\.0/u.test(key) && size > 0)?.key ?? '';
    await rm(join(root, document));
    expect(await missingDocuments(connect(source, 'lportal'), root)).toEqual([`${document}: missing`]);
  }, 30_000);
});

describe('a library', () => {
  test('with one byte, one file less or more, or a link is reported by key', async () => {
    const root = join(folder, 'files');
    const names = ['plain', 'a b+c%20', 'new\nline', 'ünï😀', '😀', '__proto__', '\uffee', 'x'.repeat(200)];
    await mkdir(join(root, 'deep', '..hidden'), { recursive: true });
    for (const name of names) await writeFile(join(root, 'deep', name), `content of ${name}`);
    await writeFile(Buffer.concat([Buffer.from(`${root}/deep/`), Buffer.from([0xff, 0xfe])]), '');
    const before: Capture = { format: 1, objects: await captureFiles(root) };
    const keys = before.objects?.map(({ key }) => key) ?? [];
    expect(keys).toContain(`bytes:${Buffer.concat([Buffer.from('deep/'), Buffer.from([0xff, 0xfe])]).toString('hex')}`);
    expect(keys.indexOf('deep/\uffee')).toBeLessThan(keys.indexOf('deep/😀'));
    await writeFile(join(root, 'deep', 'plain'), 'Content of plain');
    await appendFile(join(root, 'deep', '__proto__'), '!');
    await rename(join(root, 'deep', 'new\nline'), join(root, 'deep', 'new line'));
    await rm(join(root, 'deep', 'ünï😀'));
    await symlink('plain', join(root, 'deep', 'ünï😀'));
    const after: Capture = { format: 1, objects: await captureFiles(root) };
    expect(differences(before, after).map((line) => line.replace(/ was .*/u, ''))).toEqual([
      'object "deep/__proto__": size',
      'object "deep/__proto__": content (sha256)',
      'object "deep/new\\nline": missing',
      'object "deep/plain": content (sha256)',
      'object "deep/ünï😀": size',
      'object "deep/ünï😀": content (sha256)',
      'object "deep/new line": not in the original',
    ]);
    expect(differences(before, after, { limit: 2 }).at(-1)).toBe('… and 5 more differences');
    expect(differences(before, { format: 1 })).toEqual(['objects: captured only before']);
  });
});

describe('the command', () => {
  test('ends with 0 for equal, 1 for different, 2 for anything else', async () => {
    const root = join(folder, 'cli');
    await mkdir(root);
    await writeFile(join(root, 'a'), 'a');
    const { user, password, host, port } = connect(source, 'everything');
    const env = { ...process.env, ORACLE_URL: `postgresql://${user}:${password ?? ''}@${host}:${port}/everything` };
    const cli = (...argv: string[]) =>
      run(process.execPath, [new URL('cli.ts', import.meta.url).pathname, ...argv], { env });
    const [one, two] = [join(folder, 'one.json'), join(folder, 'two.json')];
    await cli('capture', '--out', one, '--database-url-env', 'ORACLE_URL', '--files', root);
    expect(JSON.parse(await readFile(one, 'utf8'))).toMatchObject({ format: 1 });
    await writeFile(join(root, 'a'), 'b');
    await cli('capture', '--out', two, '--database-url-env', 'ORACLE_URL', '--files', root);
    expect((await cli('compare', one, one)).stdout).toMatch(/^equal: \d{3} facts and 1 objects\n$/u);
    await expect(cli('compare', one, two)).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining('object "a": content'),
    });
    await expect(cli('compare', one)).rejects.toMatchObject({ code: 2 });
    await expect(cli('capture', '--out', two, '--database-url-env', 'NOT_SET')).rejects.toMatchObject({ code: 2 });
  });
});
