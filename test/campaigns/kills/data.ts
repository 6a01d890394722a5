// Small data that is busy for long enough: the fronts hold what would be over too soon.
import type { Place } from './place.ts';
import type { DatabaseSide } from './database-side.ts';

const words = (rows: number, salt: string): string =>
  `SELECT n, (SELECT string_agg(md5(n::text || i::text || '${salt}'), '') FROM generate_series(1, 8) i) AS v
     FROM generate_series(1, ${rows}) n`;

/** About 1.5 MB of text that does not compress well, in several tables, and some of everything else. */
const schema = (salt: string): string => `
CREATE TABLE first AS ${words(1000, `${salt}1`)};
CREATE TABLE second AS ${words(3000, `${salt}2`)};
CREATE TABLE third AS ${words(1000, `${salt}3`)};
ALTER TABLE first ADD PRIMARY KEY (n);
ALTER TABLE second ADD PRIMARY KEY (n), ADD CONSTRAINT up FOREIGN KEY (n) REFERENCES second (n);
CREATE SEQUENCE counter START 42;
CREATE VIEW halves AS SELECT n, left(v, 8) AS head FROM first WHERE n % 2 = 0;
CREATE FUNCTION twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
SELECT lo_from_bytea(4711, '\\x00ff10');`;

export const createDatabase = async (world: Pick<DatabaseSide, 'sql'>, name: string, salt = name): Promise<void> => {
  await world.sql('postgres', `CREATE DATABASE "${name}"`);
  await world.sql(name, schema(salt));
};

/** A dump that is larger than one part of an upload. */
export const createLargeDatabase = async (world: Pick<DatabaseSide, 'sql'>, name: string): Promise<void> => {
  await world.sql('postgres', `CREATE DATABASE "${name}"`);
  await world.sql(
    name,
    `CREATE TABLE large (n integer, v bytea); ALTER TABLE large ALTER v SET STORAGE EXTERNAL;
     INSERT INTO large SELECT n, (SELECT decode(string_agg(md5(n::text || i::text), ''), 'hex') FROM generate_series(1, 8192) i)
       FROM generate_series(1, 144) n`,
  );
};

/** What a library holds: small objects, some of 200 kB that are long enough to be torn, some of parts. */
export const libraryOf = (version: string, count = 18): Map<string, string> =>
  new Map(
    Array.from({ length: count }, (_, n) => {
      const length = n % 6 === 5 ? 4000 : 40;
      const folder = n % 6 === 4 ? 'parts' : `folder ${n % 3}`;
      return [`${folder}/object-${n}.bin`, `${version} of ${n};`.repeat(length)] as const;
    }),
  );

export const fill = async (place: Place, contents: ReadonlyMap<string, string>): Promise<void> => {
  await Promise.all([...contents].map(([key, text]) => place.put(key, text)));
};
