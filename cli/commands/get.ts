import { humanBytes } from '../../core/human-bytes.ts';
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { Lc2Error } from '../../core/errors.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import type { DumpEntry } from '../../core/manifest/manifest.ts';
import { tableKey, tryParseTable } from '../../steps/engines/postgresql/quote.ts';
import { checkFile } from '../../steps/runtime/check-dump.ts';
import { measure } from '../../steps/runtime/bytes.ts';
import { readSealedInventory } from '../../steps/runtime/inventory-io.ts';
import { dumpOf } from '../../steps/runtime/restore.ts';
import { findBackup, type FoundBackup } from '../backup-argument.ts';
import { type Command, openScene, printJson, readArgs, type Scene } from '../command.ts';

const options = {
  database: { type: 'string' },
  table: { type: 'string' },
  key: { type: 'string' },
  store: { type: 'string' },
  out: { type: 'string' },
} as const;

export const get: Command = {
  usage:
    'get ID|latest -f FILE [-e NAME] --database NAME [--table SCHEMA.TABLE] | --key KEY [--store NAME]  --out FILE',
  summary: 'one dump, table (as SQL) or object out of a backup',
  run: async (args, io) => {
    const { values, positionals } = readArgs(args, options, { max: 1 });
    const { out } = values;
    if (out === undefined) throw new Lc2Error('USAGE', 'say where to write with --out FILE');
    if ((values.database === undefined) === (values.key === undefined))
      throw new Lc2Error('USAGE', 'ask for --database NAME or for --key KEY');
    const scene = openScene(values, io);
    const found = await findBackup(scene, positionals[0]);
    const bytes =
      values.key === undefined ? dumpBytes(scene, found, values) : objectBytes(found, values.key, values.store);
    const measured = measure(bytes);
    // The file appears when it is whole and its digest was right. Nobody can have laid a link under the other name.
    const temporary = `${out}.${randomUUID()}.part`;
    try {
      await pipeline(measured.bytes, createWriteStream(temporary, { mode: 0o600, flags: 'wx' }));
      await rename(temporary, out);
    } catch (error) {
      throw writeError(error, out);
    } finally {
      await rm(temporary, { force: true });
    }
    const { size, digest } = measured.result();
    if (values.json) printJson(io, { out, bytes: size, digest });
    else io.stdout(`${out}: ${humanBytes(size)}\n`);
    return 0;
  },
};

/** What the source throws is of the catalogue; the rest is the place that was asked for. */
const writeError = (error: unknown, out: string): unknown =>
  error instanceof Error && 'syscall' in error
    ? new Lc2Error('INPUT_INVALID', `the file cannot be written: ${error.message}`, { where: out, cause: error })
    : error;

const dumpBytes = async function* (
  { adapters, environment }: Scene,
  { storage, manifest }: FoundBackup,
  wish: { readonly database?: string | undefined; readonly table?: string | undefined },
): AsyncIterable<Uint8Array> {
  const entry = dumpOf(manifest, wish.database ?? '');
  const stored = whole(storage, entry.key, entry.digest);
  if (wish.table === undefined) yield* stored;
  else {
    assertTable(entry, wish.table);
    // Who takes one table out reads no further than its end, so the digest is compared first.
    await checkFile(storage, entry);
    yield* adapters
      .openDatabase(environment, {})
      .extract(stored, { table: wish.table, format: entry.format ?? 'custom' });
  }
};

/** The tool would write an empty script for a table that it does not find. */
const assertTable = ({ tables, key }: DumpEntry, wanted: string): void => {
  const parsed = tryParseTable(wanted);
  if (parsed && !Object.hasOwn(tables, tableKey(parsed.schema, parsed.table)))
    throw new Lc2Error('OBJECT_NOT_FOUND', `the dump has no table ${JSON.stringify(wanted)}`, {
      where: key,
      remedy: 'see `lc2-backup show --json` for its tables',
    });
};

const objectBytes = async function* (
  { storage, manifest }: FoundBackup,
  key: string,
  store: string | undefined,
): AsyncIterable<Uint8Array> {
  for (const entry of manifest.objectStores) {
    if (store !== undefined && entry.name !== store) continue;
    for await (const line of readSealedInventory(storage, entry, [key])) {
      if (line.key !== key) continue;
      yield* whole(storage, line.at, line.digest);
      return;
    }
  }
  throw new Lc2Error('OBJECT_NOT_FOUND', `the backup has no object ${JSON.stringify(key)}`, {
    where: manifest.backupId,
    remedy: 'check the key',
  });
};

const whole = async function* (
  storage: ObjectStore,
  key: string,
  digest: string | undefined,
): AsyncIterable<Uint8Array> {
  const measured = measure((await storage.get(key)).bytes);
  yield* measured.bytes;
  if (digest !== undefined && measured.result().digest !== digest) {
    throw new Lc2Error('BACKUP_DAMAGED', 'the file does not match its digest', { where: key });
  }
};
