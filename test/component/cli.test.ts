// The CLI's contract: what is printed where, exit statuses, and what each command does.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { captureFiles } from '../oracle/objects.ts';
import { runPsql } from '../oracle/psql.ts';
import { runCli } from '../support/cli.ts';
import {
  connectTo,
  createLab,
  databaseSecret,
  databaseSpec,
  environmentDocument,
  errorLines,
  type Lab,
  type Restored,
  type Sealed,
  stampOf,
  writeKey,
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

let server: PostgresServer;
let lab: Lab;
let file: string;
let library: string;
let first: Sealed;
let second: Sealed;

const sql = (database: string, text: string) => runPsql(connectTo(server, database), text);

beforeAll(async () => {
  [server, lab] = await Promise.all([startPostgres(), createLab()]);
  await sql('postgres', 'CREATE DATABASE app');
  await sql(
    'app',
    `CREATE TABLE t (v text); INSERT INTO t VALUES ('one'), ('two');
     CREATE TABLE "Odd ""T""" (v text); INSERT INTO "Odd ""T""" VALUES ('odd')`,
  );
  library = await lab.library('library', { 'a/1': 'one', 'odd\nkey': 'odd' });
  file = await lab.write('env.yaml', [
    environmentDocument('prd', {
      database: databaseSpec(server),
      objectStores: [{ name: 'documents', url: `file://${library}` }],
      storage: { url: `file://${lab.storage}` },
    }),
    databaseSecret(server),
  ]);
  first = await lab.json<Sealed>('backup', '-f', file);
  await writeKey(library, 'b/2', 'two');
  second = await lab.json<Sealed>('backup', '-f', file);
});

afterAll(async () => {
  await server.stop();
  await lab.remove();
});

const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/u);

describe('--json prints one document and nothing else', () => {
  test('backup', () => {
    const url = `file://${lab.storage}/retail/prd/${stampOf(first)}/manifest.json`;
    expect(first).toMatchObject({
      backupId: expect.stringMatching(/^retail-prd-backup-\d{8}-\d{6}$/u),
      phase: 'Succeeded',
      manifest: { url, digest: expect.stringMatching(/^[0-9a-f]{64}$/u) },
      components: ['database', 'documents'],
      startedAt: iso,
      finishedAt: iso,
    });
  });

  test('list, newest first', async () => {
    const { backups } = await lab.json<{ backups: { backupId: string }[] }>('list', '-f', file);
    expect(backups.map(({ backupId }) => backupId)).toEqual([second.backupId, first.backupId]);
    expect(backups[0]).toMatchObject({
      phase: 'Succeeded',
      components: ['database', 'documents'],
      objects: 3,
      timestamp: iso,
    });
  });

  test('show, the manifest as it is stored', async () => {
    const stored = await readFile(join(lab.storage, 'retail/prd', stampOf(first), 'manifest.json'), 'utf8');
    expect(await lab.json('show', first.backupId, '-f', file)).toEqual(JSON.parse(stored));
    expect(await lab.json('show', 'latest', '-f', file)).toMatchObject({ backupId: second.backupId, version: '2.0' });
  });

  test('verify', async () => {
    expect(await lab.json('verify', first.backupId, '-f', file)).toEqual({
      backupId: first.backupId,
      ok: true,
      problems: [],
    });
  });

  test('check', async () => {
    expect(await lab.json('check', '-f', file)).toEqual({ ok: true, problems: [] });
  });

  test('restore', async () => {
    const restored = await lab.json<Restored>('restore', '-f', file, '--backup', 'latest', '--confirm', 'prd');
    expect(Object.keys(restored).sort()).toEqual(['backupId', 'components', 'into', 'phase', 'previous', 'restoreId']);
    expect(restored).toMatchObject({
      backupId: second.backupId,
      into: 'prd',
      phase: 'Succeeded',
      components: ['database', 'documents'],
    });
    expect(restored.previous).toEqual([`app_before_${restored.restoreId}`]);
  });

  test('previous', async () => {
    const { previous } = await lab.json<{ previous: object[] }>('previous', '-f', file);
    expect(previous).toEqual([
      {
        database: 'app',
        previous: expect.stringMatching(/^app_before_/u),
        restoreId: expect.any(String),
        bytes: expect.any(Number),
        keepUntil: iso,
      },
    ]);
  });

  test('a failure too, with its line on standard error', async () => {
    const ended = await lab.cli('backup', '-f', file, '--components', 'none', '--json');
    const { error, ...rest } = JSON.parse(ended.stdout) as { error: { code: string; message: string }; phase: string };
    expect([ended.status, rest.phase, error.code]).toEqual([78, 'Failed', 'COMPONENT_UNKNOWN']);
    expect(errorLines(ended)).toEqual([error.message]);
  });
});

describe('without --json', () => {
  test('every command says in words what --json says', async () => {
    const words = async (...args: string[]): Promise<string> => {
      const ended = await lab.cli(...args, '-f', file);
      expect([args, ended.status]).toEqual([args, 0]);
      return ended.stdout;
    };
    expect(await words('list')).toContain(first.backupId);
    expect(await words('show', 'latest')).toContain('database app: 3 rows in 2 tables');
    expect(await words('show', 'latest')).toContain('3 objects');
    expect(await words('verify', 'latest')).toBe(`${second.backupId} is sound\n`);
    expect(await words('check')).toContain('environment prd is usable');
    expect(await words('restore', '--backup', 'latest', '--preview')).toContain('nothing was changed');
  });

  test('--help and --version answer without a file, from any folder', async () => {
    const help = await lab.cli('--help');
    for (const command of [
      'backup',
      'restore',
      'list',
      'show',
      'verify',
      'delete',
      'previous',
      'check',
      'render',
      'get',
    ])
      expect(help.stdout).toContain(`lc2-backup ${command} `);
    expect([help.status, (await lab.cli('backup', '--help')).stdout]).toEqual([0, help.stdout]);
    expect((await lab.cli('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/u);
    const elsewhere = await runCli(['--help'], { cwd: '/' });
    expect(elsewhere.stdout).toBe(help.stdout);
  });
});

test('render prints the ConfigMap that the templates read, the same in YAML and JSON', async () => {
  const yaml = await lab.cli('render', '-f', file);
  const json = await lab.json<{ data: Record<string, string> }>('render', '-f', file);
  expect(parseDocument(yaml.stdout, { version: '1.1' }).toJS()).toEqual(json);
  expect(json).toMatchObject({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'backup-environment-prd', labels: { 'workflows.argoproj.io/configmap-type': 'Parameter' } },
    data: { 'database-secret': 'db', 'has-database': 'true', 'has-objects': 'true' },
  });
  const environment = JSON.parse(json.data['environment.json'] ?? '') as { name: string; spec: object };
  expect(environment).toMatchObject({
    name: 'prd',
    spec: { projectId: 'retail', restore: { allowed: true, keepPrevious: '7d' } },
  });
  expect(yaml.stdout).not.toContain(server.password);
});

describe('get', () => {
  const get = (...args: string[]) => lab.cli('get', second.backupId, '-f', file, ...args);

  test('writes one dump, as it is stored', async () => {
    const out = lab.path('app.dump.zst');
    expect((await get('--database', 'app', '--out', out)).status).toBe(0);
    const stored = (await captureFiles(join(lab.storage, 'retail/prd', stampOf(second), 'database'))).find(({ key }) =>
      key.startsWith('app.'),
    );
    const written = (await captureFiles(lab.folder)).find(({ key }) => key === 'app.dump.zst');
    expect(written?.sha256).toBe(stored?.sha256);
  });

  test('writes one table as SQL, also of an odd name', async () => {
    for (const [table, rows] of [
      ['public.t', 'one\ntwo'],
      ['public."Odd ""T"""', 'odd'],
    ] as const) {
      const out = lab.path('table.sql');
      expect((await get('--database', 'app', '--table', table, '--out', out)).status).toBe(0);
      await sql('postgres', 'DROP DATABASE IF EXISTS scratch');
      await sql('postgres', 'CREATE DATABASE scratch');
      await sql('scratch', await readFile(out, 'utf8'));
      expect((await sql('scratch', `SELECT v FROM ${table} ORDER BY v`)).trim()).toBe(rows);
    }
    await sql('postgres', 'DROP DATABASE scratch');
  });

  test('writes one object, also of an odd key and of an older backup', async () => {
    for (const [key, text] of [
      ['odd\nkey', 'odd'],
      ['a/1', 'one'],
      ['b/2', 'two'],
    ] as const) {
      const out = lab.path('object');
      expect((await get('--key', key, '--out', out)).status).toBe(0);
      expect(await readFile(out, 'utf8')).toBe(text);
    }
  });

  test('of what is not there is refused and leaves the old file', async () => {
    const out = lab.path('kept');
    await writeFile(out, 'mine');
    for (const args of [
      ['--key', 'none'],
      ['--database', 'none'],
      ['--database', 'app', '--table', 'public.none'],
      ['--database', 'app', '--table', 'x;y'],
    ]) {
      const ended = await get(...args, '--out', out);
      expect([args, [70, 78].includes(ended.status), errorLines(ended).length]).toEqual([args, true, 1]);
    }
    expect(await readFile(out, 'utf8')).toBe('mine');
    const nowhere = await get('--database', 'app', '--out', lab.path('no/such/folder/file'));
    expect([nowhere.status, errorLines(nowhere).length, nowhere.stderr.includes('    at ')]).toEqual([78, 1, false]);
  });
});

describe('delete', () => {
  test('refuses what a newer backup uses', async () => {
    const before = await captureFiles(lab.storage);
    const ended = await lab.cli('delete', first.backupId, '-f', file, '--confirm', first.backupId);
    expect([ended.status, errorLines(ended)]).toEqual([78, [expect.stringMatching(/^BACKUP_REFERENCED: /u)]]);
    expect(await captureFiles(lab.storage)).toEqual(before);
  });

  test('deletes what nobody uses, all of it and nothing else', async () => {
    const others = (await captureFiles(lab.storage)).filter(({ key }) => !key.includes(`/${stampOf(second)}/`));
    expect(await lab.json('delete', second.backupId, '-f', file, '--confirm', second.backupId)).toMatchObject({
      backupId: second.backupId,
    });
    expect(await captureFiles(lab.storage)).toEqual(others);
    expect(await lab.json('verify', first.backupId, '-f', file)).toMatchObject({ ok: true });
    await lab.json('delete', first.backupId, '-f', file, '--confirm', first.backupId);
    expect(await lab.json('list', '-f', file)).toEqual({ backups: [] });
  });
});
