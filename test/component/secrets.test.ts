// No secret in any file, log, output or argument: canaries are looked for everywhere.
import { readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { zstdDecompressSync } from 'node:zlib';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { captureFiles, captureS3 } from '../oracle/objects.ts';
import { runPsql } from '../oracle/psql.ts';
import type { CliResult } from '../support/cli.ts';
import { connectTo, createLab, databaseSpec, environmentDocument, type Lab, secretDocument } from '../support/lab.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { commandLineOf, descendantsOf } from '../support/processes.ts';
import { type S3Server, startVersitygw } from '../support/s3-servers.ts';

const word = `canary-"pa'ss\\word %41 ü-4711`;

let server: PostgresServer;
let s3: S3Server;
let lab: Lab;
let file: string;
let canaries: readonly string[];

beforeAll(async () => {
  [server, s3, lab] = await Promise.all([startPostgres(), startVersitygw(), createLab()]);
  await s3.bucket('backups');
  await s3.bucket('documents');
  await runPsql(
    connectTo(server),
    `CREATE ROLE keeper SUPERUSER LOGIN PASSWORD '${word.replaceAll("'", "''")}'; CREATE DATABASE app;`,
  );
  await runPsql(
    connectTo(server, 'app'),
    `CREATE TABLE t AS SELECT n, md5(n::text) AS v FROM generate_series(1, 100000) n`,
  );
  const place = { endpoint: s3.endpoint, pathStyle: true, credentials: { secretName: 's3' } };
  file = await lab.write('env.yaml', [
    environmentDocument('prd', {
      database: databaseSpec(server),
      objectStores: [{ name: 'documents', url: 's3://documents', ...place }],
      storage: { url: 's3://backups', ...place },
    }),
    secretDocument('db', { username: 'keeper', password: word }),
    secretDocument('s3', s3.secrets),
  ]);
  canaries = [
    word,
    JSON.stringify(word).slice(1, -1),
    'canary',
    encodeURIComponent(word),
    s3.secrets.secretAccessKey,
    Buffer.from(word).toString('base64'),
  ];
});

afterAll(async () => {
  await Promise.all([server.stop(), s3.stop()]);
  await lab.remove();
});

const expectClean = (what: string, text: string): void => {
  expect([what, canaries.filter((canary) => text.includes(canary))]).toEqual([what, []]);
};

/** Command lines that were looked at. */
let watchedProcesses = 0;

/** Whatever stands in a folder at this moment; files come and go meanwhile. */
const textOfFiles = async (folder: string): Promise<string> => {
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(files.map((path) => readFile(path, 'utf8').catch(() => '')));
  return texts.join('\n');
};

/** Runs it and reads the arguments of every process below it, all the time. */
const watched = async (...args: string[]): Promise<CliResult> => {
  const running = lab.start([...args, '-f', file]);
  let over = false;
  const seen = new Set<string>();
  const watch = async (): Promise<void> => {
    for (let turn = 0; !over; turn++, await sleep(3)) {
      for (const each of descendantsOf(running.pid)) seen.add(commandLineOf(each));
      // Termination logs, results, progress, certificates: what a step and its runner put on this disk.
      if (turn % 10 === 0) expectClean(`files of ${args[0]}`, await textOfFiles(lab.temporary));
    }
  };
  const watching = watch();
  const ended = await running.ended;
  over = true;
  await watching;
  watchedProcesses += seen.size;
  expectClean(`arguments of ${args[0]}`, [...seen].join('\n'));
  expectClean(`output of ${args[0]}`, ended.stdout + ended.stderr);
  return ended;
};

test('a backup, a verification and a restore show no secret in outputs or arguments', async () => {
  for (const args of [
    ['backup', '--verbose'],
    ['verify', 'latest', '--verbose', '--json'],
    ['restore', '--backup', 'latest', '--confirm', 'prd', '--verbose'],
  ])
    expect((await watched(...args)).status).toBe(0);
  expect(watchedProcesses).toBeGreaterThan(9);
});

test('no stored file holds a secret, packed or not', async () => {
  const stored = await captureS3({ endpoint: s3.endpoint, bucket: 'backups', region: 'us-east-1', ...s3.secrets });
  expect(stored.length).toBeGreaterThan(8);
  for (const { key } of stored) {
    const answer = await s3.client.send(new GetObjectCommand({ Bucket: 'backups', Key: key }));
    const bytes = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
    expectClean(key, (key.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes).toString('latin1'));
    expectClean(key, (key.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes).toString('utf8'));
  }
});

test('every other command shows no secret, with and without --json', async () => {
  const [{ backupId }] = (await lab.json<{ backups: [{ backupId: string }] }>('list', '-f', file)).backups;
  const out = lab.path('out');
  for (const args of [
    ['check'],
    ['restore', '--backup', 'latest', '--preview', '--verbose'],
    ['list'],
    ['show', 'latest'],
    ['previous'],
    ['get', 'latest', '--database', 'app', '--out', out],
    ['render'],
  ]) {
    for (const more of [[], ['--json']]) {
      const ended = await watched(...args, ...more);
      expect([args[0], ended.status]).toEqual([args[0], 0]);
    }
  }
  const refused = await watched('delete', backupId, '--confirm', 'other');
  expect(refused.status).toBe(78);
});

test('a failing restore, preview, verification, check and list show no secret either', async () => {
  const original = await readFile(file, 'utf8');
  const whole = file;
  file = lab.path('failing.yaml');
  const failing: readonly (readonly [string, string, 0 | 78])[] = [
    // The user exists, the password is another: the server is told the canary and refuses it.
    [original.replace('"keeper"', '"nobody"'), 'restore', 78],
    [original.replaceAll(s3.secrets.accessKeyId, 'unknown-key'), 'restore', 78],
    // The server here takes any token; that it is sent is tested with the calls.
    [original.replaceAll('"secretAccessKey"', '"sessionToken": "canary-token", "secretAccessKey"'), 'restore', 0],
    [original.replaceAll('s3://backups', 's3://no-such-bucket'), 'list', 78],
  ];
  for (const [text, first, expected] of failing) {
    await writeFile(file, text);
    const others = [['check'], ['list'], ['verify', 'latest'], ['restore', '--backup', 'latest', '--preview']];
    const commands = [
      first === 'restore' ? ['restore', '--backup', 'latest', '--confirm', 'prd'] : ['backup'],
      ...others,
    ];
    const ends = [];
    for (const args of commands)
      ends.push((await watched(...args, ...(args[0] === 'list' || args[0] === 'check' ? [] : ['--verbose']))).status);
    expect(ends).toContain(expected);
  }
  file = whole;
});

test('a failing login, a failing store and a cancelled run show no secret either', async () => {
  const original = readFileSync(file, 'utf8');
  file = await lab.write('bad.yaml', []);
  await writeFile(file, original.replace('"keeper"', '"nobody"'));
  expect((await watched('backup', '--verbose', '--json')).status).toBe(78);
  await writeFile(file, original.replace(s3.secrets.accessKeyId, 'unknown-key'));
  expect((await watched('backup', '--verbose')).status).toBe(78);
  await writeFile(file, original);
  const running = lab.start(['backup', '--verbose', '-f', file]);
  await sleep(700);
  running.kill('SIGTERM');
  const ended = await running.ended;
  expectClean('a cancelled run', ended.stdout + ended.stderr);
});

test('nothing is left in the temporary folder', async () => {
  expect(await captureFiles(join(lab.folder, 'tmp'))).toEqual([]);
});
