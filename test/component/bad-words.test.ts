// Words that a shell, a path or a template would take for more than words: they come back as they went.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { captureFiles } from '../oracle/objects.ts';
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
} from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';

let server: PostgresServer;
let lab: Lab;
let library: string;
let file: string;
let sealed: Sealed;

const ran = (): boolean[] => ['ran', lab.path('ran'), `${library}/ran`].map((path) => existsSync(path));
/** Each would make a file if a shell ever saw it. */
const words: readonly string[] = [
  '$(touch ran)',
  '`touch ran`',
  ';touch ran;',
  '| touch ran',
  '&& touch ran',
  "'; touch ran; '",
  '"; touch ran; "',
  '-h evil',
  '--dbname=evil',
  '%n%s',
  'host=evil user=x',
  'postgres:evil?options=-c x',
  '\\! touch ran',
  '#',
  '~',
  '*',
  '?',
  ' ',
];

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

beforeAll(async () => {
  [server, lab] = await Promise.all([startPostgres(), createLab()]);
  library = await lab.library('library', Object.fromEntries(words.map((word, n) => [`k/${word}`, `object ${n}`])));
  for (const [n, word] of words.entries()) {
    await runPsql(connectTo(server), `CREATE DATABASE ${quoted(word)}`);
    await runPsql(connectTo(server, word), `CREATE TABLE ${quoted(word)} AS SELECT ${n} AS n`);
  }
  file = await lab.write('env.yaml', [
    environmentDocument('prd', {
      database: databaseSpec(server, { databases: [...words] }),
      objectStores: [{ name: 'documents', url: `file://${library}` }],
      storage: { url: `file://${lab.storage}` },
    }),
    databaseSecret(server),
  ]);
  sealed = await lab.json<Sealed>('backup', '-f', file);
});

afterAll(async () => {
  await server.stop();
  await lab.remove();
});

describe('words that a shell would run', () => {
  test('are databases, keys, prefixes and files like any other', async () => {
    const before = await captureFiles(library);
    expect(await lab.json('verify', sealed.backupId, '-f', file)).toMatchObject({ ok: true });
    for (const word of words) await runPsql(connectTo(server, word), `DELETE FROM ${quoted(word)}`);
    await lab.json('restore', '-f', file, '--backup', sealed.backupId, '--confirm', 'prd');
    for (const [n, word] of words.entries())
      expect((await runPsql(connectTo(server, word), `SELECT n FROM ${quoted(word)}`)).trim()).toBe(String(n));
    for (const [n, word] of words.entries()) {
      const out = lab.path(`out-${n}`);
      await lab.json('get', sealed.backupId, '-f', file, '--key', `k/${word}`, '--out', out);
      expect(await readFile(out, 'utf8')).toBe(`object ${n}`);
    }
    const prefixes = words.flatMap((word) => ['--prefix', `k/${word}`]);
    const args = ['--components', 'documents', ...prefixes];
    expect(
      await lab.json('restore', '-f', file, '--backup', sealed.backupId, '--confirm', 'prd', ...args),
    ).toMatchObject({ phase: 'Succeeded' });
    expect(await captureFiles(library)).toEqual(before);
    expect(ran()).toEqual([false, false, false]);
  });

  test('are no ids, environments, components or modes', async () => {
    for (const word of words.filter((_, n) => n % 3 === 0)) {
      for (const args of [
        ['show', word],
        ['backup', '--components', word],
        ['restore', '--backup', sealed.backupId, '--confirm', word],
        ['restore', '--backup', sealed.backupId, '--confirm', 'prd', '--source', word],
      ]) {
        const ended = await lab.cli(...args.map((arg) => arg), '-f', file);
        expect([args[0], word, ended.status, errorLines(ended)]).toEqual([args[0], word, 78, [expect.any(String)]]);
      }
    }
    expect(ran()).toEqual([false, false, false]);
  });
});

describe('prefixes that look like paths', () => {
  test('restore nothing and write nothing', async () => {
    const before = [
      await captureFiles(library),
      (await filesOf(lab.folder)).map(({ key }) => key).filter((key) => !key.startsWith('storage/')),
    ];
    for (const prefix of ['../', '../../etc/', '/etc/', '/', '%2e%2e%2f', 'k/../..', 'k//', String.raw`..\..`]) {
      const args = ['--components', 'documents', '--prefix', prefix, '--objects-mode', 'mirror'];
      const restored = await lab.json<{ phase: string }>(
        'restore',
        '-f',
        file,
        '--backup',
        sealed.backupId,
        '--confirm',
        'prd',
        ...args,
      );
      expect([prefix, restored.phase]).toEqual([prefix, 'Succeeded']);
    }
    expect([
      await captureFiles(library),
      (await filesOf(lab.folder)).map(({ key }) => key).filter((key) => !key.startsWith('storage/')),
    ]).toEqual(before);
  });
});
