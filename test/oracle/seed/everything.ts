// Loads the roles and the database that has one of every kind of thing.
import { readFile } from 'node:fs/promises';
import { runPsql } from '../psql.ts';
import type { Connection } from '../psql.ts';

const script = (name: string) => readFile(new URL(name, import.meta.url), 'utf8');

/** Once per server, as a superuser. May be repeated. */
export async function seedRoles(connection: Connection): Promise<void> {
  await runPsql(connection, await script('roles.sql'));
}

export interface EverythingOptions {
  /** Another number gives other rows in the same schema. */
  readonly seed?: number;
  /** Event triggers need a superuser when restored, too. */
  readonly eventTriggers?: boolean;
}

/** Into an existing empty UTF8 database, as a superuser, after seedRoles. */
export async function seedEverything(connection: Connection, options: EverythingOptions = {}): Promise<void> {
  await runPsql(connection, `\\set seed ${Math.trunc(options.seed ?? 1)}\n${await script('everything.sql')}`);
  if (options.eventTriggers === true) await runPsql(connection, await script('event-trigger.sql'));
}
