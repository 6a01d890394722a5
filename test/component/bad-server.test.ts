// What can be wrong with a database server: one clear line, its exit status, nothing written.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runPsql } from '../oracle/psql.ts';
import {
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  errorLines,
  filesOf,
  type Lab,
  type Sealed,
  secretDocument,
  type Spec,
} from '../support/lab.ts';
import { freePort, type PostgresServer, startPostgres } from '../support/postgres.ts';
import { startPgBouncer, startStandby } from '../support/postgres-programs.ts';
import { lockTable } from '../support/lock-table.ts';
import { commandLineOf, descendantsOf, waitFor } from '../support/processes.ts';

let server: PostgresServer;
let secure: PostgresServer;
let lab: Lab;

const sql = (database: string, text: string) => runPsql(connectTo(server, database), text);

const write = (database: Spec, secret: Spec = databaseSecret(server)): Promise<string> =>
  lab.write('env.yaml', [environmentDocument('prd', { database, storage: { url: `file://${lab.storage}` } }), secret]);

const expectRefused = async (file: string, line: RegExp): Promise<void> => {
  const before = await filesOf(lab.storage);
  for (const command of ['backup', 'check']) {
    const ended = await lab.cli(command, '-f', file);
    const lines = command === 'backup' ? errorLines(ended) : [ended.stdout.split('\n')[0]?.replace('error: ', '')];
    expect([command, ended.status, lines]).toEqual([command, 78, [expect.stringMatching(line)]]);
    expect(ended.stderr).not.toContain('\n    at ');
  }
  expect(await filesOf(lab.storage)).toEqual(before);
  expect(await lab.leftBehind()).toEqual([]);
};

beforeAll(async () => {
  const settings = { listen_addresses: '127.0.0.1,127.0.0.2' };
  [server, secure, lab] = await Promise.all([startPostgres(), startPostgres({ tls: true, settings }), createLab()]);
  for (const each of [server, secure]) {
    await runPsql(connectTo(each), 'CREATE DATABASE app');
    await runPsql(connectTo(each, 'app'), `CREATE TABLE t (v text); INSERT INTO t VALUES ('one')`);
  }
});

afterAll(async () => {
  await Promise.all([server.stop(), secure.stop()]);
  await lab.remove();
});

describe('a server', () => {
  test('with another password is DATABASE_LOGIN_FAILED', async () => {
    const secret = secretDocument('db', { username: server.superuser, password: 'wrong-word' });
    await expectRefused(await write(databaseSpec(server), secret), /^DATABASE_LOGIN_FAILED: (?!.*wrong-word)/u);
  });

  test('without that user is DATABASE_LOGIN_FAILED', async () => {
    const secret = secretDocument('db', { username: `no'body"`, password: 'wrong-word' });
    await expectRefused(await write(databaseSpec(server), secret), /^DATABASE_LOGIN_FAILED: /u);
  });

  test('that does not listen is DATABASE_UNREACHABLE', async () => {
    await expectRefused(
      await write(databaseSpec(server, { port: await freePort() })),
      /^DATABASE_UNREACHABLE: .*127\.0\.0\.1/u,
    );
  });

  test('whose name does not resolve is DATABASE_UNREACHABLE', async () => {
    await expectRefused(
      await write(databaseSpec(server, { host: 'nowhere.invalid' })),
      /^DATABASE_UNREACHABLE: .*nowhere\.invalid/u,
    );
  });

  test('without the named database is DATABASE_NOT_FOUND', async () => {
    await expectRefused(
      await write(databaseSpec(server, { databases: ['app', `no'such"`] })),
      /^DATABASE_NOT_FOUND: .*no'such/u,
    );
  });

  test('without the maintenance database is DATABASE_NOT_FOUND', async () => {
    await expectRefused(
      await write(databaseSpec(server, { maintenanceDatabase: 'nothing' })),
      /^DATABASE_NOT_FOUND: .*nothing/u,
    );
  });

  test('with nothing to back up is DATABASE_NOT_FOUND', async () => {
    await expectRefused(await write(databaseSpec(server, { ignoreDatabases: ['app'] })), /^DATABASE_NOT_FOUND: /u);
  });

  test('behind PgBouncer is DATABASE_IS_POOLER', async () => {
    const bouncer = await startPgBouncer(server);
    try {
      await expectRefused(await write(databaseSpec(server, { port: bouncer.port })), /^DATABASE_IS_POOLER: /u);
    } finally {
      await bouncer.stop();
    }
  });

  test('that is a standby without hot_standby_feedback is DATABASE_STANDBY, and with it is backed up', async () => {
    const standby = await startStandby(server, { hot_standby_feedback: 'off' });
    try {
      await expectRefused(await write(databaseSpec(server, { port: standby.port })), /^DATABASE_STANDBY: /u);
    } finally {
      await standby.stop();
    }
    const good = await startStandby(server, { hot_standby_feedback: 'on' });
    try {
      const file = await write(databaseSpec(server, { port: good.port }));
      const sealed = await lab.json<Sealed>('backup', '-f', file);
      const restored = await lab.cli('restore', '-f', file, '--backup', sealed.backupId, '--confirm', 'prd');
      expect([restored.status, errorLines(restored)]).toEqual([78, [expect.stringMatching(/standby/u)]]);
    } finally {
      await good.stop();
    }
  });

  test('whose tables the user cannot read is named, and seals nothing', async () => {
    await sql(
      'app',
      `CREATE ROLE weak LOGIN PASSWORD 'weak-word'; CREATE SCHEMA hidden; CREATE TABLE hidden.t (v text);`,
    );
    const file = await write(databaseSpec(server), secretDocument('db', { username: 'weak', password: 'weak-word' }));
    const checked = await lab.cli('check', '-f', file);
    expect([checked.status, checked.stdout]).toEqual([78, expect.stringMatching(/DATABASE_PRIVILEGE: .*hidden\.t/u)]);
    const ended = await lab.cli('backup', '-f', file);
    expect([ended.status, errorLines(ended)]).toEqual([
      78,
      [expect.stringMatching(/^DATABASE_PRIVILEGE: .*permission denied/u)],
    ]);
    await sql('app', 'DROP SCHEMA hidden CASCADE');
  });

  test('that loses a named database while it is dumped fails and seals nothing', async () => {
    await sql('postgres', 'CREATE DATABASE brief');
    const file = await write(databaseSpec(server, { databases: ['app', 'brief'] }));
    const isDump = () =>
      descendantsOf(running.pid).find((each) => each.name === 'pg_dump' && commandLineOf(each) !== '');
    const lock = await lockTable(connectTo(server, 'app'), 't');
    const running = lab.start(['backup', '-f', file]);
    expect(await waitFor(isDump, running.ended)).toBeDefined();
    await sql('postgres', 'DROP DATABASE brief WITH (FORCE)');
    await lock.release();
    const ended = await running.ended;
    expect([70, 78]).toContain(ended.status);
    expect(errorLines(ended)).toEqual([expect.stringMatching(/brief/u)]);
    const listed = await lab.json<{ backups: { phase: string }[] }>('list', '-f', file);
    expect(listed.backups.filter(({ phase }) => phase !== 'Succeeded')).toEqual([]);
    expect(listed.backups).toHaveLength(1);
  });
});

describe('a server with TLS of its own authority', () => {
  const secretWith = async (ca: boolean): Promise<Spec> =>
    secretDocument('db', {
      username: secure.superuser,
      password: secure.password,
      ...(ca ? { 'ca.crt': await readFile(secure.tls?.ca ?? '', 'utf8') } : {}),
    });
  const spec = (mode: string, host = '127.0.0.1') => databaseSpec(secure, { host, tls: { mode } });
  const own = () => lab.path('tls-storage');
  const backUp = async (database: Spec, secret: Spec): Promise<Sealed> => {
    await lab.library('tls-storage', {});
    const file = await lab.write('tls.yaml', [
      environmentDocument('prd', { database, storage: { url: `file://${own()}` } }),
      secret,
    ]);
    return lab.json<Sealed>('backup', '-f', file);
  };

  test('is backed up by verify-full with that authority', async () => {
    expect(await backUp(spec('verify-full'), await secretWith(true))).toMatchObject({ phase: 'Succeeded' });
  });

  test('is refused by verify-full and verify-ca without it', async () => {
    for (const mode of ['verify-full', 'verify-ca'])
      await expectRefused(await write(spec(mode), await secretWith(false)), /^DATABASE_TLS_FAILED: /u);
  });

  test('under another name is refused by verify-full and backed up by verify-ca', async () => {
    await expectRefused(
      await write(spec('verify-full', '127.0.0.2'), await secretWith(true)),
      /^DATABASE_TLS_FAILED: .*127\.0\.0\.2/u,
    );
    expect(await backUp(spec('verify-ca', '127.0.0.2'), await secretWith(true))).toMatchObject({ phase: 'Succeeded' });
  });

  test('is backed up by require without it, and an authority that is no certificate is refused', async () => {
    expect(await backUp(spec('require'), await secretWith(false))).toMatchObject({ phase: 'Succeeded' });
    const odd = secretDocument('db', {
      username: secure.superuser,
      password: secure.password,
      'ca.crt': 'not a certificate',
    });
    await expectRefused(await write(spec('verify-full'), odd), /^(DATABASE_TLS_FAILED|SECRET_MISSING): /u);
  });

  test('is the only kind that verify-full takes', async () => {
    await expectRefused(await write(databaseSpec(server, { tls: { mode: 'verify-full' } })), /^DATABASE_TLS_FAILED: /u);
  });
});
