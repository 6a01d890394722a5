import { utf8Length } from '../utf8.ts';

/** Where things are in storage, below `<projectId>/<environment>/`. */
export const layout = {
  owner: 'owner.json',
  restoreDone: (name: string) => `restores/${name}.json`,
  restoreStep: (name: string, runUid: string, step: string) => `restores/${name}/${runUid}/${step}.json`,
  restoreWork: (name: string, runUid: string, file: string) => `restores/${name}/${runUid}/${file}`,
  run: (stamp: string) => `${stamp}/run.json`,
  manifest: (stamp: string) => `${stamp}/manifest.json`,
  /** That another place holds this backup too. */
  copy: (stamp: string, name: string) => `${stamp}/copies/${name}.json`,
  copies: (stamp: string) => `${stamp}/copies/`,
  /** That what is in this folder came here by copying. */
  copied: (stamp: string) => `${stamp}/copied.json`,
  steps: (stamp: string) => `${stamp}/steps/`,
  step: (stamp: string, step: string) => `${stamp}/steps/${step}.json`,
  /** Working files of one attempt of one step; part of no backup. */
  draft: (stamp: string, attempt: string, store: string, part: string) =>
    `${stamp}/steps/${attempt}/${store}/${part}.ndjson.zst`,
  /** What a transfer service is told to copy. */
  list: (stamp: string, attempt: string, store: string) => `${stamp}/steps/${attempt}/${store}/list.csv`,
  dump: (stamp: string, database: string, attempt: string) =>
    `${stamp}/database/${fileName(database)}.${attempt}.dump.zst`,
  /** A dump in the form that clouds export. */
  plainDump: (stamp: string, database: string, attempt: string) =>
    `${stamp}/database/${fileName(database)}.${attempt}.sql.gz`,
  /** What a step asked a database service for; of a database, or of the whole server. */
  jobs: (stamp: string, step: string, database?: string) =>
    `${stamp}/steps/${step}/${database === undefined ? '' : `${fileName(database)}/`}`,
  /** What a transfer service was asked for: of one store, or of all. */
  transfers: (stamp: string, store?: string) => `${stamp}/steps/transfer/${store === undefined ? '' : `${store}/`}`,
  restoreJobs: (name: string, runUid: string, database: string) =>
    `restores/${name}/${runUid}/import/${fileName(database)}/`,
  globals: (stamp: string, attempt: string) => `${stamp}/database/globals.${attempt}.sql.zst`,
  objects: (stamp: string, store: string) => `${stamp}/objects/${store}/`,
  inventory: (stamp: string, store: string, part: string) => `${stamp}/inventory/${store}/${part}.ndjson.zst`,
} as const;

/**
 * Names as file names: everything but letters, digits, `-` and `_` percent-encoded. Never cut, or two would meet: the 63
 * bytes of a database's name become 189 at most, which leave room for an attempt and the extension.
 */
const fileName = (name: string): string =>
  encodeURIComponent(name).replaceAll(/[!'()*.~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** Longest key that a store surely takes; the storage's own prefix counts. */
const keyBytes = 1024;
const segmentBytes = 255;

/**
 * Whether the key may name a copy in storage as it is. What folders, listings or tools would bend (empty, dot or long
 * segments, control characters, our own escape) is stored under a name made from its digest; the inventory knows where.
 */
export const isPlainKey = (key: string, prefixBytes: number): boolean => {
  if (key.startsWith('~') || prefixBytes + utf8Length(key) > keyBytes) return false;

  if (/[\u0000-\u001f\u007f\ufffd\\]/.test(key)) return false;
  return key
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..' && utf8Length(part) <= segmentBytes);
};

/** Name of an object's copy that cannot have its own: made from what identifies its content. */
export const escapedKey = (identity: string): string => `~${identity.slice(0, 2)}/${identity.slice(2)}`;
