import { campaign, type CampaignTest, type Seed } from './seed.ts';

/** The one case that the guard is for: a folder with one flipped bit, one stranger, one lie. */
const only = (index: number): CampaignTest =>
  campaign('mutations', '--seed', '1', '--count', '100', '--only', String(index));

/** What verify must find in a changed backup, and restore refuse. */
export const mutationsSeeds: readonly Seed[] = [
  {
    breaks: 'a file with one flipped bit is taken for the one that was sealed',
    file: 'steps/runtime/check-dump.ts',
    find: 'if (found.digest !== file.digest)',
    replace: "if (found.digest === '')",
    test: only(65),
  },
  {
    breaks: 'the size of an object stands for its bytes',
    file: 'steps/runtime/check-objects.ts',
    find: 'if (await hasDigest(storage, line.at, wanted)) return undefined;',
    replace: "if (line.at !== '') return undefined;",
    test: only(29),
  },
  {
    breaks: 'the order of an inventory is not looked at',
    file: 'steps/runtime/inventory-io.ts',
    find: "compareUtf8(line.key, last) <= 0) {\n        throw new Lc2Error('BACKUP_DAMAGED'",
    replace: "compareUtf8(line.key, last) < -1e9) {\n        throw new Lc2Error('BACKUP_DAMAGED'",
    test: only(18),
  },
  {
    breaks: 'an inventory that cannot be unpacked is a defect of ours',
    file: 'steps/runtime/inventory-io.ts',
    find: "    throw new Lc2Error('BACKUP_DAMAGED', 'an inventory cannot be unpacked', { where, cause });",
    replace: '    throw cause;',
    test: only(79),
  },
  {
    breaks: 'strangers beside the objects are passed over',
    file: 'steps/runtime/check-backup.ts',
    find: 'if (!known.has(key) && !isWorkingFile(manifest, key)) problems.add(stranger(key));',
    replace: "if (key === '' && !isWorkingFile(manifest, key)) problems.add(stranger(key));",
    test: only(25),
  },
  {
    breaks: 'the claim and the results of steps may be others',
    file: 'steps/runtime/check-backup.ts',
    find: 'await finding(problems, record.key, () => checkFile(storage, record));',
    replace: '',
    test: only(1),
  },
  {
    breaks: 'backups that hold bytes of this one need not be named',
    file: 'steps/runtime/check-backup.ts',
    find: 'if (run === stamp || entry.references.includes(run)) continue;',
    replace: "if (run === stamp || run !== '') continue;",
    test: only(39),
  },
  {
    breaks: 'a manifest may contradict itself',
    file: 'core/manifest/manifest.ts',
    find: 'if (contradiction !== undefined)',
    replace: "if (contradiction === '')",
    test: only(58),
  },
  {
    breaks: 'a restore begins with copies that are not there',
    file: 'steps/preview.ts',
    find: '        throw new Lc2Error(code, message, { where: key });',
    replace: '        context.log.warn({ key }, message);',
    test: only(30),
  },
];
