import { mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runPsql, type Connection } from '../../test/oracle/psql.ts';
import { type LiferaySeed, seedLiferay } from '../../test/oracle/seed/liferay.ts';
import type { PostgresServer } from '../../test/support/postgres.ts';

/** The application that is backed up: a database and the folder of documents that its rows point to. */
export interface Application {
  readonly connection: Connection;
  readonly documents: string;
  readonly seed: LiferaySeed;
}

const database = 'lportal';
const objects = 3000;

export const createApplication = async (server: PostgresServer, documents: string): Promise<Application> => {
  const { host, port, superuser, password, bin } = server;
  const at = (name: string): Connection => ({
    host,
    port,
    user: superuser,
    password,
    database: name,
    psql: join(bin, 'psql'),
  });
  await runPsql(at('postgres'), `CREATE DATABASE ${database};\n`);
  const seed = await seedLiferay({ connection: at(database), root: documents, files: objects });
  return { connection: at(database), documents, seed };
};

/** What the application generates by itself and its profile leaves out; portraits live beside it and are kept. */
export const isGenerated = (key: string): boolean => /^\d+\/0\/(document_preview|document_thumbnail)\//u.test(key);

const added = [900_001, 900_002, 900_003] as const;
const site = 20_121;

const keyOf = (id: number, version: string): string => `20097/${site}/${id}/${version}`;

/** A morning's work between two backups: rows and bytes together, as the application writes them. */
export const work = async ({ connection, documents }: Application): Promise<void> => {
  const entry = (
    id: number,
  ): string => `INSERT INTO public.dlfileentry (fileentryid, groupid, companyid, repositoryid, folderid, name,
    extension, mimetype, title, version, size_)
    VALUES (${id}, ${site}, 20097, ${site}, 0, '${id}', 'txt', 'text/plain', 'Minutes ${id}', '1.0', 24);
  INSERT INTO public.dlfileversion (fileversionid, fileentryid, companyid, version, storeuuid, size_)
    VALUES (${id + 50}, ${id}, 20097, '1.0', '', 24);\n`;
  for (const id of added) write(documents, keyOf(id, '1.0'), `minutes of day ${id}\n`.padEnd(24, '.'));
  await runPsql(connection, `${added.map(entry).join('')}SELECT nextval('public.ticket_number') \\g /dev/null\n`);
};

const write = (root: string, key: string, content: string): void => {
  mkdirSync(join(root, dirname(key)), { recursive: true });
  writeFileSync(join(root, key), content);
};

export interface Damage {
  readonly deleted: number;
  readonly overwritten: number;
  readonly generated: number;
}

const sql = `
DELETE FROM public.dlfileversion WHERE fileversionid % 5 = 0;
UPDATE public.user_ SET emailaddress = 'nobody@example.org' WHERE userid % 2 = 0;
DROP TABLE public.journalarticle;
TRUNCATE public.assetentry;
SELECT setval('public.ticket_number', 1) \\g /dev/null
SELECT lo_unlink(700005) \\g /dev/null
ALTER TABLE public.dlfileentry OWNER TO postgres;
REVOKE SELECT ON public.document_overview FROM liferay_report;
ALTER TABLE public.counter SET (autovacuum_enabled = false);
`;

/**
 * What a bad night does: rows, a table, a sequence, a large object, an owner, a grant, a table's setting, and documents.
 * The settings of the database itself stay: a restore in place takes those from the live one.
 */
export const damage = async ({ connection, documents }: Application, keys: readonly string[]): Promise<Damage> => {
  await runPsql(connection, sql);
  const own = keys.filter((key) => !isGenerated(key));
  const lost = own.filter((_, index) => index % 4 === 0);
  const changed = own.filter((_, index) => index % 100 === 1);
  const generated = keys.filter(isGenerated).filter((_, index) => index % 10 === 0);
  for (const key of [...lost, ...generated]) unlinkSync(join(documents, key));
  for (const key of changed) writeFileSync(join(documents, key), 'not what was here before\n');
  return { deleted: lost.length, overwritten: changed.length, generated: generated.length };
};
