import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Lc2Error } from '../../../core/errors.ts';

/** Client programs of several majors side by side, as Debian installs them. */
export interface Tools {
  readonly major: number;
  readonly program: (name: 'pg_dump' | 'pg_dumpall' | 'pg_restore' | 'psql') => string;
}

const debianRoot = '/usr/lib/postgresql';

/** Folders that hold pg_dump, by major; LC2_PG_BIN (a list of `major=folder`) comes first. */
const installed = (env: Readonly<Record<string, string | undefined>>): Map<number, string> => {
  const found = new Map<number, string>();
  if (existsSync(debianRoot)) {
    for (const name of readdirSync(debianRoot))
      if (/^\d+$/.test(name)) found.set(Number(name), join(debianRoot, name, 'bin'));
  }
  for (const entry of (env['LC2_PG_BIN'] ?? '').split(delimiter)) {
    const [major, folder] = entry.split('=');
    if (major !== undefined && folder !== undefined) found.set(Number(major), folder);
  }
  return new Map([...found].filter(([, folder]) => existsSync(join(folder, 'pg_dump'))).sort(([a], [b]) => a - b));
};

/**
 * The oldest tools that are not older than the server: pg_dump refuses newer servers, and tools much newer than a
 * target set options that it does not know.
 */
export const toolsFor = (major: number, env: Readonly<Record<string, string | undefined>>): Tools => {
  const all = installed(env);
  for (const [candidate, folder] of all) if (candidate >= major) return toolsIn(candidate, folder);
  const newest = newestTools(env).major;
  throw new Lc2Error(
    'DATABASE_VERSION_UNSUPPORTED',
    `the server is PostgreSQL ${major}, the newest client tools here are ${newest}`,
  );
};

/** For reading dumps: new tools read what old ones wrote. */
export const newestTools = (env: Readonly<Record<string, string | undefined>>): Tools => {
  const last = [...installed(env)].at(-1);
  if (!last) throw new Lc2Error('TOOL_MISSING', 'pg_dump and pg_restore are not installed', { where: debianRoot });
  return toolsIn(...last);
};

const toolsIn = (major: number, folder: string): Tools => ({ major, program: (name) => join(folder, name) });
