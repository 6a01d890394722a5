import { component, type Seed, unit } from './seed.ts';

/** Backups in other places: whole, sealed last, and nobody's else. */
export const copiesSeeds: readonly Seed[] = [
  {
    breaks: 'a copy of a backup that shares objects lacks those',
    file: 'steps/runtime/copy-backup.ts',
    find: '    for await (const line of readSealedInventory(storage, entry)) {\n',
    replace:
      '    for await (const line of readSealedInventory(storage, entry)) {\n      if (entry.references.includes(line.at.slice(0, 15))) continue;\n',
    test: unit(
      'copies',
      'a copy > of a backup that shares objects is complete in itself, also where the older one was never copied',
    ),
  },
  {
    breaks: 'a copy that was spoilt on its way is sealed',
    file: 'steps/runtime/copy-backup.ts',
    find: '  await verifyThere(task, target);\n',
    replace: '',
    test: unit('copies', 'a copy > that the place spoils is not sealed'),
  },
  {
    breaks: 'copies go to the place of another installation',
    file: 'steps/runtime/copy-backup.ts',
    find: 'if (owned) await assertOwner({ storage: target, environment }, owned.owner);',
    replace: '',
    test: unit('copies', 'a copy > goes to no place of somebody else'),
  },
  {
    breaks: 'a copy can be deleted before its days are over',
    file: 'steps/runtime/copy-backup.ts',
    find: '  if (isLocked(task) && manifest.immutability) await lockFiles(target, manifest, manifest.immutability);\n',
    replace: '',
    test: unit('copies', 'a copy > is locked as its original is'),
  },
  {
    breaks: 'a run whose copy failed is told to be good',
    file: 'steps/copy.ts',
    find: 'if (outcome instanceof Lc2Error) throw outcome;',
    replace: 'if (outcome instanceof Lc2Error) break;',
    test: unit('copies', 'a copy > that fails leaves the backup sealed, and the repetition goes on with it'),
  },
  {
    breaks: 'a copy that failed cannot be made up for where the environment was wrong',
    file: 'steps/copy.ts',
    find: 'record.runner === context.runner ? claimed : context.environment',
    replace: "record.runner === '' ? context.environment : claimed",
    test: component(
      'copies',
      'a backup with copies > that is missing somewhere is copied there later, to the places that the environment names by then',
    ),
  },
  {
    breaks: 'a copy that fails once more is taken for good',
    file: 'cli/commands/copy.ts',
    find: '      return failure.status;\n',
    replace: '      return 0;\n',
    test: component('copies', 'a backup with copies > whose copy fails once more says so again'),
  },
  {
    breaks: 'checksums of another place pass for damage',
    file: 'steps/runtime/check-objects.ts',
    find: '    foreign\n      ? checkListed',
    replace: '    !foreign\n      ? checkListed',
    test: unit(
      'copies',
      'checksums that another place made > say nothing where an object came by copying, and damage elsewhere',
    ),
  },
  {
    breaks: 'a deleted backup lives on in other places',
    file: 'cli/commands/delete.ts',
    find: 'const places = [storage, ...(await openCopies(scene))];',
    replace: 'const places = [storage, ...(await openCopies(scene)).slice(9)];',
    test: component('copies', 'a backup with copies > leaves every place when it is deleted'),
  },
];
