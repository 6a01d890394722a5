import { oneLine } from '../../core/errors.ts';
import { humanBytes } from '../../core/human-bytes.ts';
import { findBackup } from '../backup-argument.ts';
import { type Command, openScene, printJson, readArgs } from '../command.ts';

export const show: Command = {
  usage: 'show ID|latest -f FILE [-e NAME] [--json]',
  summary: 'what a backup holds; with --json the manifest itself',
  run: async (args, io) => {
    const { values, positionals } = readArgs(args, {}, { max: 1 });
    const { manifest, storage, stamp } = await findBackup(openScene(values, io), positionals[0]);
    if (values.json) {
      printJson(io, manifest);
      return 0;
    }
    const lines = [
      `${manifest.backupId}  ${manifest.timestamp}  by ${manifest.tool}`,
      `  manifest ${storage.url}/${stamp}/manifest.json`,
      `  digest   ${manifest.digest}`,
      `  verified ${manifest.verification.at}: database ${manifest.verification.database}, objects ${manifest.verification.objects}`,
      ...(manifest.immutability
        ? [`  locked   until ${manifest.immutability.until} (${manifest.immutability.mode})`]
        : []),
    ];
    for (const dump of manifest.database?.dumps ?? []) {
      const rows = Object.values(dump.tables).reduce((sum, count) => sum + count, 0);
      const point = manifest.points.find(({ database }) => database === dump.database);
      lines.push(
        `  database ${dump.database}: ${rows} rows in ${Object.keys(dump.tables).length} tables, ` +
          `${humanBytes(dump.size)} stored, as of ${point?.time ?? 'unknown'}`,
      );
    }
    for (const store of manifest.objectStores) {
      lines.push(
        `  objects  ${store.name}: ${store.objectCount} objects, ${humanBytes(store.bytes)}; ` +
          `${store.copied.count} copied (${humanBytes(store.copied.bytes)}), ` +
          `${store.objectCount - store.copied.count} kept from earlier backups, ` +
          `${store.excluded.count} excluded (${humanBytes(store.excluded.bytes)})`,
      );
    }
    io.stdout(`${lines.map(oneLine).join('\n')}\n`);
    return 0;
  },
};
