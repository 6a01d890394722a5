// The plainest copy there is, for proving the oracle: pg_dump into pg_restore of the same installation. Not the product's way.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connectionEnvironment } from './psql.ts';
import type { Connection } from './psql.ts';

const run = promisify(execFile);

export async function dump(bin: string, from: Connection, file: string): Promise<void> {
  await run(join(bin, 'pg_dump'), ['--format=custom', '--compress=0', '--file', file], {
    env: connectionEnvironment(from),
  });
}

/** `into` is an existing empty database; owner, privileges and settings of the database itself are not restored. */
export async function restoreContents(bin: string, into: Connection, file: string): Promise<void> {
  const argv = ['--exit-on-error', `--dbname=dbname='${into.database.replace(/[\\']/gu, '\\$&')}'`, file];
  await run(join(bin, 'pg_restore'), argv, { env: connectionEnvironment(into) });
}

/** Makes the database under its own name, with all that belongs to it. `server` names a database to connect to first. */
export async function restoreWhole(bin: string, server: Connection, file: string): Promise<void> {
  await run(join(bin, 'pg_restore'), ['--exit-on-error', '--create', '--dbname=postgres', file], {
    env: connectionEnvironment(server),
  });
}
