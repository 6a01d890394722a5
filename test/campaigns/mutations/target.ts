// What a restore would write to: two databases and two libraries of a bench, as they must be when it was refused.
import { mkdir, rm } from 'node:fs/promises';
import { filesOf, connectTo, writeKey } from '../../support/lab.ts';
import { runPsql } from '../../oracle/psql.ts';
import type { PostgresServer } from '../../support/postgres.ts';
import type { Bench } from './world.ts';

const sql = async (server: PostgresServer, database: string, text: string): Promise<string> =>
  (await runPsql(connectTo(server, database), text)).trim();

const databasesOf = async (server: PostgresServer, { prefix }: Bench): Promise<string[]> =>
  (await sql(server, 'postgres', `SELECT datname FROM pg_database WHERE datname LIKE '${prefix}\\_%' ORDER BY 1`))
    .split('\n')
    .filter(Boolean);

/** Makes the target anew: every row and object is `live`. */
export const resetTarget = async (server: PostgresServer, bench: Bench): Promise<void> => {
  for (const name of await databasesOf(server, bench))
    await sql(server, 'postgres', `DROP DATABASE "${name}" WITH (FORCE)`);
  for (const name of ['app', 'other'])
    await sql(server, 'postgres', `CREATE DATABASE "${bench.prefix}_${name}" TEMPLATE live`);
  await resetLibraries(bench);
};

const resetLibraries = async (bench: Bench): Promise<void> => {
  for (const library of [bench.documents, bench.media]) {
    await rm(library, { recursive: true, force: true });
    await mkdir(library, { recursive: true });
  }
  for (const key of ['a/2', 'own']) await writeKey(bench.documents, key, 'live');
};

export interface Live {
  readonly databases: string;
  readonly libraries: string;
  /** By key, over both libraries. */
  readonly objects: ReadonlyMap<string, string>;
}

export const lookAt = async (server: PostgresServer, bench: Bench): Promise<Live> => {
  const names = await databasesOf(server, bench);
  const words = await Promise.all(
    names.map(
      async (name) => `${name}: ${await sql(server, name, 'SELECT min(v) || count(*) FROM t').catch(() => 'no t')}`,
    ),
  );
  const objects = new Map<string, string>();
  for (const [store, root] of [
    ['documents', bench.documents],
    ['media', bench.media],
  ] as const)
    for (const { key, sha256 } of await filesOf(root)) objects.set(`${store}/${key}`, sha256);
  return { databases: words.join(', '), libraries: JSON.stringify([...objects]), objects };
};
