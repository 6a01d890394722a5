// A folder for one test file: environment files, libraries, storages and the CLI's own temporary folder.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { timeOfStamp } from '../../core/plan/backup-id.ts';
import { captureDatabase } from '../oracle/database.ts';
import type { Capture, ObjectFact } from '../oracle/facts.ts';
import { captureFiles } from '../oracle/objects.ts';
import type { Connection } from '../oracle/psql.ts';
import { type CliResult, type RunningCli, startCli } from './cli.ts';
import type { PostgresServer } from './postgres.ts';

type Json = string | number | boolean | readonly Json[] | { readonly [name: string]: Json };
export type Spec = { readonly [name: string]: Json };

export const environmentDocument = (name: string, spec: Spec): Spec => ({
  apiVersion: 'backup.lc2.dev/v1alpha1',
  kind: 'BackupEnvironment',
  metadata: { name },
  spec: { projectId: 'retail', restore: { allowed: true }, ...spec },
});

export const secretDocument = (name: string, stringData: Readonly<Record<string, string>>): Spec => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  stringData,
});

/** `spec.database` for a throw-away server; the Secret is `databaseSecret`. */
export const databaseSpec = (server: PostgresServer, more: Spec = {}): Spec => ({
  server: { engine: 'postgresql', host: server.host, port: server.port, tls: { mode: 'disable' }, ...more },
  credentials: { secretName: 'db' },
});

export const databaseSecret = ({ superuser, password }: PostgresServer): Spec =>
  secretDocument('db', { username: superuser, password });

export const connectTo = (server: PostgresServer, database = 'postgres'): Connection => ({
  host: server.host,
  port: server.port,
  user: server.superuser,
  password: server.password,
  database,
});

export interface Lab {
  readonly folder: string;
  /** An empty folder for backups. */
  readonly storage: string;
  /** TMPDIR of the CLI: what it leaves behind is seen here. */
  readonly temporary: string;
  path(name: string): string;
  /** A file of YAML documents; returns its path. */
  write(name: string, documents: readonly Spec[]): Promise<string>;
  /** A folder of files by key; returns its path. */
  library(name: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<string>;
  env(more?: Readonly<Record<string, string>>): Record<string, string>;
  /** A backup has ended when the second that names it is over: the next has an id of its own. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): RunningCli;
  cli(...args: readonly string[]): Promise<CliResult>;
  /** Must end with 0. The document of `--json`. */
  json<T = Record<string, unknown>>(...args: readonly string[]): Promise<T>;
  /** What the CLI left in its temporary folder. */
  leftBehind(): Promise<string[]>;
  remove(): Promise<void>;
}

const afterItsSecond = async (result: CliResult): Promise<CliResult> => {
  const stamp = /^ *backing up .*-(\d{8}-\d{6})$/mu.exec(result.stderr)?.[1];
  const left = stamp === undefined ? 0 : Date.parse(timeOfStamp(stamp)) + 1000 - Date.now();
  // Some have a clock of their own.
  if (left > 0) await sleep(Math.min(left, 1000));
  return result;
};

/** `own` is what its commands have in their environment besides. */
export const createLab = async (own: Readonly<Record<string, string>> = {}): Promise<Lab> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-lab-'));
  const temporary = join(folder, 'tmp');
  await mkdir(temporary);
  await mkdir(join(folder, 'storage'));
  const path = (name: string): string => join(folder, name);
  const env = (more: Readonly<Record<string, string>> = {}) => ({
    TMPDIR: temporary,
    LC2_RETRY_SECONDS: '0.3',
    ...own,
    ...more,
  });
  const start = (args: readonly string[], more?: Readonly<Record<string, string>>): RunningCli => {
    const cli = startCli(args, { env: env(more) });
    return { ...cli, ended: cli.ended.then(afterItsSecond) };
  };
  const cli = (...args: readonly string[]) => start(args).ended;
  return {
    folder,
    storage: join(folder, 'storage'),
    temporary,
    path,
    env,
    cli,
    start,
    write: async (name, documents) => {
      await writeFile(
        path(name),
        documents.map((document) => `---\n${JSON.stringify(document, undefined, 1)}\n`).join(''),
      );
      return path(name);
    },
    library: async (name, files) => {
      await mkdir(path(name), { recursive: true });
      for (const [key, content] of Object.entries(files)) await writeKey(path(name), key, content);
      return path(name);
    },
    json: async <T>(...args: readonly string[]) => {
      const result = await cli(...args, '--json');
      if (result.status !== 0) throw new Error(`${args.join(' ')} ended with ${result.status}: ${result.stderr}`);
      return JSON.parse(result.stdout) as T;
    },
    leftBehind: () => readdir(temporary),
    remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
};

export const writeKey = async (root: string, key: string, content: string | Uint8Array): Promise<void> => {
  const file = `${root}/${key}`;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
};

/** Every file of a folder with its digest; nothing, where there is no folder. */
export const filesOf = (root: string): Promise<ObjectFact[]> =>
  existsSync(root) ? captureFiles(root) : Promise.resolve([]);

export const captureAt = async (server: PostgresServer, database: string): Promise<Capture> => ({
  format: 1,
  database: await captureDatabase(connectTo(server, database)),
});

export interface Sealed {
  readonly backupId: string;
  readonly phase: string;
  readonly manifest: { readonly url: string; readonly digest: string };
  readonly components: readonly string[];
  readonly startedAt: string;
  readonly finishedAt: string;
}

export interface Restored {
  readonly restoreId: string;
  readonly backupId: string;
  readonly into: string;
  readonly phase: string;
  readonly components: readonly string[];
  readonly previous: readonly string[];
}

export const stampOf = ({ backupId }: { readonly backupId: string }): string => backupId.slice(-15);

/** The lines of a failure: what a person has to read. */
export const errorLines = ({ stderr }: CliResult): string[] =>
  stderr.split('\n').filter((line) => /^[A-Z][A-Z0-9_]+: /u.test(line));

export const readJson = async <T>(file: string): Promise<T> => JSON.parse(await readFile(file, 'utf8')) as T;
