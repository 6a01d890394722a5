// Pieces that the queries share. Each query yields (kind text, name text, attributes jsonb); search_path is empty, so
// every name that PostgreSQL prints is qualified.

export interface Query {
  readonly sql: string;
  /** First and last server version (as in server_version_num) that has this catalogue. */
  readonly from?: number;
  readonly until?: number;
}

export type QueriesFor = (version: number) => readonly Query[];

/** First object id that initdb does not hand out. */
export const firstUserOid = 16384;

/** The quoted, qualified identity of an object. */
export const identity = (catalogue: string, oid: string, sub = '0') =>
  `(SELECT i.identity FROM pg_identify_object('${catalogue}'::regclass, ${oid}, ${sub}) i)`;

/** Made by a user: neither by initdb nor by CREATE EXTENSION. */
export const userMade = (catalogue: string, oid: string) =>
  `${oid} >= ${firstUserOid} AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = '${catalogue}'::regclass AND x.objid = ${oid}
  AND x.deptype = 'e')`;

export const roleName = (oid: string) =>
  `CASE WHEN ${oid} = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(${oid})) END`;

/** Privileges as sorted lines `grantee PRIVILEGE [with grant option] by grantor`. */
export const aclLines = (acl: string) => `ARRAY(SELECT line FROM (
    SELECT ${roleName('e.grantee')} || ' ' || e.privilege_type || CASE WHEN e.is_grantable THEN ' with grant option' ELSE '' END
    || ' by ' || ${roleName('e.grantor')} FROM aclexplode(${acl}) e) lines(line) ORDER BY line COLLATE "C")`;

/** 'default' when the privileges are those of a fresh object: dumps leave them out, and later versions know more of them. */
export const privileges = (kind: string, acl: string, owner: string) => {
  const fresh = aclLines(`acldefault('${kind}', ${owner})`);
  return `CASE WHEN ${acl} IS NULL OR ${aclLines(acl)} = ${fresh} THEN to_jsonb('default'::text) ELSE to_jsonb(${aclLines(acl)}) END`;
};

export const owner = (oid: string) => `quote_ident(pg_get_userbyid(${oid}))`;

/** A text array, sorted where its order means nothing. */
export const sorted = (array: string) => `to_jsonb(ARRAY(SELECT o FROM unnest(${array}) o ORDER BY o COLLATE "C"))`;

/** Column names of a relation for a vector of attribute numbers, in its order. */
export const columnNames = (relation: string, numbers: string) =>
  `to_jsonb(ARRAY(SELECT quote_ident(c.attname) FROM unnest(${numbers}) WITH ORDINALITY n(number, place)
    JOIN pg_attribute c ON c.attrelid = ${relation} AND c.attnum = n.number ORDER BY n.place))`;

/** Foreign data options may hold passwords: only their digest is written down. */
export const secretDigest = (text: string) => `md5(${text}::text)`;
