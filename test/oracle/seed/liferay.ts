// A small Liferay: a database and the document library that its rows point to. The same seed gives the same bytes.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { identifier, literal, runPsql } from '../psql.ts';
import type { Connection } from '../psql.ts';
import { seedRoles } from './everything.ts';
import { companies, groups, planLibrary, writeLibrary } from './liferay-library.ts';
import type { Family, Library } from './liferay-library.ts';
import { randomFrom } from './random.ts';

type Cell = string | number | boolean | undefined;

export interface LiferayOptions {
  /** A superuser's connection to an existing empty database. Roles `liferay` and `liferay_report` are made where they are missing. */
  readonly connection: Connection;
  /** Folder of the document library; made where it is missing. */
  readonly root: string;
  readonly seed?: number;
  /** Objects in the library, at least. Default 3000. */
  readonly files?: number;
}

export interface LiferaySeed {
  readonly objects: number;
  readonly bytes: number;
  readonly families: Readonly<Record<Family, { readonly count: number; readonly bytes: number }>>;
  readonly documents: number;
  readonly companies: readonly number[];
  readonly largeObjects: number;
}

const largeObjects = 12;
const users = 400;

function cell(value: Cell): string {
  if (value === undefined) return '\\N';
  return String(value).replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
}

function copy(table: string, columns: string, rows: readonly (readonly Cell[])[]): string {
  return `COPY public.${table} (${columns}) FROM stdin;\n${rows.map((row) => `${row.map(cell).join('\t')}\n`).join('')}\\.\n`;
}

const moment = (number: number) => new Date(Date.UTC(2024, 1, 29) + number * 3_661_000).toISOString().replace('Z', '');

function accounts(library: Library): string {
  const userRows = Array.from({ length: users }, (_, number): Cell[] => {
    const companyId = companies[number % 2];
    const portrait = library.portraits[number]?.imageId ?? 0;
    return [
      29_000 + number,
      companyId,
      `user${number}`,
      `user${number}@example.org`,
      undefined,
      portrait,
      moment(number),
      number % 5 ? moment(number * 3) : undefined,
    ];
  });
  const roleRows = companies.flatMap((companyId) =>
    ['Administrator', 'User', 'Guest', 'Büro "Süd"'].map((name, n): Cell[] => [companyId + 60 + n, companyId, name, 1]),
  );
  return [
    copy(
      'company',
      'companyid, webid, mx, active_',
      companies.map((id, n) => [id, n === 0 ? 'liferay.com' : 'second.example', 'example.org', true]),
    ),
    copy(
      'group_',
      'groupid, companyid, groupkey, friendlyurl, typesettings',
      companies.flatMap((companyId) =>
        groups(companyId).map((id, n) => [id, companyId, `Site ${n}`, `/site-${n}`, `a=1\nb=\\u00e4\n`]),
      ),
    ),
    copy(
      'user_',
      'userid, companyid, screenname, emailaddress, password_, portraitid, createdate, lastlogindate',
      userRows,
    ),
    copy('role_', 'roleid, companyid, name, type_', roleRows),
    copy(
      'users_roles',
      'userid, roleid',
      userRows.map(([userId, companyId], n) => [userId, Number(companyId) + 60 + (n % 4)]),
    ),
  ].join('');
}

const latest = (document: Library['documents'][number]) => document.versions.at(-1);

function documents(library: Library): string {
  const folders = new Map(
    library.documents.filter(({ folderId }) => folderId !== 0).map((document) => [document.folderId, document]),
  );
  return [
    copy(
      'dlfolder',
      'folderid, groupid, companyid, name, treepath',
      [...folders].map(([id, { groupId, companyId }]) => [id, groupId, companyId, `Folder ${id}`, `/${id}/`]),
    ),
    copy(
      'dlfileentry',
      'fileentryid, groupid, companyid, repositoryid, folderid, name, extension, mimetype, title, version, size_',
      library.documents.map((d) => [
        d.id,
        d.groupId,
        d.companyId,
        d.groupId,
        d.folderId,
        d.name,
        d.title.split('.').at(-1),
        d.mimeType,
        d.title,
        latest(d)?.label,
        latest(d)?.size,
      ]),
    ),
    copy(
      'dlfileversion',
      'fileversionid, fileentryid, companyid, version, storeuuid, size_, extrasettings',
      library.documents.flatMap((d) =>
        d.versions.map((v) => [
          v.id,
          d.id,
          d.companyId,
          v.label,
          v.storeUuid,
          v.size,
          v.id % 3 === 0 ? '{"a": "\\\\."}' : undefined,
        ]),
      ),
    ),
    copy(
      'assetentry',
      'entryid, groupid, classnameid, classpk, title, priority, publishdate',
      library.documents.map((d, n) => [n + 1, d.groupId, 20_008, d.id, d.title, n / 3, moment(n)]),
    ),
    copy(
      'image',
      'imageid, companyid, type_, height, width, size_',
      library.portraits.map((p) => [p.imageId, p.companyId, p.type, 100, 120, p.size]),
    ),
  ].join('');
}

function articles(seed: number): string {
  const random = randomFrom(seed + 2);
  const content = (n: number) =>
    `<?xml version="1.0"?>\n<root><content id="${n}">${random.hex(random.between(50, 3_000))}\n\\.\n</content></root>`;
  const rows = Array.from({ length: 800 }, (_, n): Cell[] => {
    return [
      60_000 + n,
      70_000 + Math.floor(n / 2),
      groups(companies[0])[n % 4],
      `ART-${Math.floor(n / 2)}`,
      1 + (n % 2) / 10,
      `title-${n}`,
      content(n),
      moment(n),
      0,
    ];
  });
  const preferences = companies.map((id, n): Cell[] => [n + 1, id, id, 1]);
  const values = Array.from({ length: 120 }, (_, n): Cell[] => [
    (n % 2) + 1,
    'com.liferay.portal',
    `key${n}`,
    n % 4 ? `value ${n}` : undefined,
    n % 4 ? undefined : random.hex(4_000),
  ]);
  const counters = [
    'com.liferay.counter.kernel.model.Counter',
    'com.liferay.portal.kernel.model.Layout#20121#false',
    'com.liferay.document.library.kernel.model.DLFileEntry',
  ];
  return [
    copy(
      'journalarticle',
      'id_, resourceprimkey, groupid, articleid, version, urltitle, content, displaydate, status',
      rows,
    ),
    copy('portalpreferences', 'portalpreferencesid, companyid, ownerid, ownertype', preferences),
    copy('portalpreferencevalue', 'portalpreferencesid, namespace, key_, smallvalue, largevalue', values),
    copy(
      'counter',
      'name, currentid',
      counters.map((name, n) => [name, 90_000 + n * 1_000]),
    ),
    copy(
      'quartz_job_details',
      'sched_name, job_name, job_data',
      Array.from({ length: 20 }, (_, n): Cell[] => ['PERSISTED', `job ${n}`, `\\x${random.hex(600)}`]),
    ),
    copy('release_', 'releaseid, servletcontextname, schemaversion, buildnumber', [[1, 'portal', '31.2.0', 7413]]),
  ].join('');
}

function contents(seed: number): string {
  const lines = Array.from({ length: largeObjects }, (_, n) => {
    const data = randomFrom(seed + 100 + n)
      .bytes(n * 3_001)
      .toString('hex');
    return `SELECT lo_from_bytea(${700_000 + n}, '\\x${data}') \\g /dev/null
INSERT INTO public.dlcontent VALUES (${n + 1}, 'content/${n}', ${700_000 + n}, ${n * 3_001});
ALTER LARGE OBJECT ${700_000 + n} OWNER TO liferay;\n`;
  });
  return `${lines.join('')}GRANT SELECT ON LARGE OBJECT 700001 TO liferay_report;\n`;
}

/** Everything belongs to the role liferay, as where an application made its own tables. */
function ownership(database: string): string {
  const name = identifier(database);
  return `
SELECT setval('public.ticket_number', 4711) \\g /dev/null
SELECT format('ALTER %s public.%I OWNER TO liferay', CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, relname)
  FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'S')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND c.relkind = 'S') ORDER BY relname
\\gexec
GRANT USAGE ON SCHEMA public TO liferay_report;
GRANT SELECT ON public.document_overview, public.dlfileentry TO liferay_report;
GRANT SELECT (userid, screenname) ON public.user_ TO liferay_report;
ALTER DEFAULT PRIVILEGES FOR ROLE liferay IN SCHEMA public GRANT SELECT ON TABLES TO liferay_report;
ALTER DATABASE ${name} OWNER TO liferay;
ALTER DATABASE ${name} SET work_mem = '9MB';
ALTER DATABASE ${name} SET statement_timeout = '10min';
ALTER ROLE liferay_report IN DATABASE ${name} SET default_transaction_read_only = on;
REVOKE CONNECT ON DATABASE ${name} FROM PUBLIC;
GRANT CONNECT ON DATABASE ${name} TO liferay_report;
COMMENT ON DATABASE ${name} IS ${literal('Liferay "portal" of the demo')};
`;
}

function summary(library: Library): LiferaySeed {
  const families = {
    document: { count: 0, bytes: 0 },
    preview: { count: 0, bytes: 0 },
    thumbnail: { count: 0, bytes: 0 },
    adaptive: { count: 0, bytes: 0 },
    image: { count: 0, bytes: 0 },
  };
  for (const { family, size } of library.objects) {
    families[family].count += 1;
    families[family].bytes += size;
  }
  const bytes = library.objects.reduce((sum, { size }) => sum + size, 0);
  return {
    objects: library.objects.length,
    bytes,
    families,
    documents: library.documents.length,
    companies,
    largeObjects,
  };
}

export async function seedLiferay(options: LiferayOptions): Promise<LiferaySeed> {
  const seed = options.seed ?? 1;
  const library = planLibrary(seed, options.files ?? 3000);
  await seedRoles(options.connection);
  const schema = await readFile(new URL('liferay.sql', import.meta.url), 'utf8');
  const tables = [
    'BEGIN;\n',
    schema,
    accounts(library),
    documents(library),
    articles(seed),
    contents(seed),
    'COMMIT;\n',
  ];
  await runPsql(options.connection, [...tables, ownership(options.connection.database)].join(''));
  writeLibrary(options.root, library, seed);
  return summary(library);
}

const expectedDocuments = `SELECT jsonb_build_array(e.companyid || '/' ||
  CASE WHEN e.folderid = 0 THEN e.repositoryid ELSE e.folderid END || '/' || e.name || '/' ||
  v.version || CASE WHEN coalesce(v.storeuuid, '') = '' THEN '' ELSE '~' || v.storeuuid END, v.size_)
  FROM public.dlfileversion v LEFT JOIN public.dlfileentry e USING (fileentryid) ORDER BY v.fileversionid`;

/** What the application itself relies on: every version of a document has its bytes. Returns a line for each that has not. */
export async function missingDocuments(connection: Connection, root: string): Promise<string[]> {
  const lines = (await runPsql(connection, expectedDocuments)).split('\n').filter((line) => line !== '');
  const problems: string[] = [];
  for (const line of lines) {
    const [key, size]: unknown[] = JSON.parse(line) as unknown[];
    if (typeof key !== 'string') {
      problems.push('a row of dlfileversion has no dlfileentry');
      continue;
    }
    const found = await stat(join(root, key)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    if (found === undefined) problems.push(`${key}: missing`);
    else if (found.size !== size) problems.push(`${key}: ${found.size} bytes instead of ${String(size)}`);
  }
  return problems;
}
