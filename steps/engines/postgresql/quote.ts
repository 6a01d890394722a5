/** Quoting for SQL and libpq. Names and values of users go through here or through bind parameters, nowhere else. */

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Safe whatever standard_conforming_strings says. */
export const quoteText = (text: string): string =>
  text.includes('\\') ? `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'` : `'${text.replaceAll("'", "''")}'`;

/** A libpq connection string that names only a database; the rest comes from the environment. */
export const databaseConnection = (database: string): string =>
  `dbname='${database.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const plain = /^[a-z_][a-z0-9_]*$/;

/** How manifests name tables: parts quoted only where they must be. */
export const tableKey = (schema: string, table: string): string =>
  [schema, table].map((part) => (plain.test(part) ? part : quoteName(part))).join('.');

/** The parts of `schema.table` as SQL writes it, quoted or not; undefined when it is not of that form. */
export const tryParseTable = (text: string): { readonly schema: string; readonly table: string } | undefined => {
  const match = /^(?:"((?:[^"]|"")*)"|([^".\s]+))\.(?:"((?:[^"]|"")*)"|([^".\s]+))$/s.exec(text);
  if (!match) return undefined;
  const [, quotedSchema, schema = '', quotedTable, table = ''] = match;
  return {
    schema: quotedSchema === undefined ? schema : quotedSchema.replaceAll('""', '"'),
    table: quotedTable === undefined ? table : quotedTable.replaceAll('""', '"'),
  };
};
