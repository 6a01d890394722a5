import { contract, type Seed, unit } from './seed.ts';

/** The live side stays as it was until everything is proved. */
export const restoreSeeds: readonly Seed[] = [
  {
    breaks: 'databases are renamed outside a transaction',
    file: 'steps/engines/postgresql/swap.ts',
    find: "  await session.query('BEGIN');\n",
    replace: '',
    test: unit('swap', 'the swap > leaves every live database as it was when one cannot be renamed'),
  },
  {
    breaks: 'a database that is not of this restore is put in place',
    file: 'steps/engines/postgresql/swap.ts',
    find: "if (loaded?.mark?.kind === 'temporary' && loaded.mark.restoreId === mark.restoreId)",
    replace: 'if (loaded)',
    test: unit('swap', 'the swap > never takes a database of another restore or of somebody for its own'),
  },
  {
    breaks: 'a lock that another holds is no obstacle',
    file: 'steps/engines/postgresql/locks.ts',
    find: 'if (row?.locked === true) continue;',
    replace: 'if (row !== undefined) continue;',
    test: unit('swap', 'locks of databases > that another holds are a clear error'),
  },
  {
    breaks: 'mirror deletes what the rules left out of the backup',
    file: 'steps/restore-objects.ts',
    find: 'chosen(key) && ofBackup.match(key) < 0 && ofTarget.match(key) < 0;',
    replace: 'chosen(key);',
    test: unit(
      'restore-steps',
      'a restore > by mirroring deletes what the backup does not have, but not what its rules leave out',
    ),
  },
  {
    breaks: 'mirror deletes beside the prefixes',
    file: 'steps/restore-objects.ts',
    find: 'chosen(key) && ofBackup.match(key) < 0',
    replace: 'ofBackup.match(key) < 0',
    test: unit('restore-steps', 'a restore > by mirroring deletes only below the prefixes, also when there are two'),
  },
  {
    breaks: 'the name in confirm does not matter',
    file: 'core/plan/restore-choice.ts',
    find: "if (parameters['confirm'] !== into.name) {",
    replace: "if (parameters['confirm'] === undefined) {",
    test: unit('restore-choice', 'permission to restore > needs the name of the environment that is written to'),
  },
  {
    breaks: 'a preview leaves its plan in storage',
    file: 'steps/preview.ts',
    find: "if (context.parameters['preview'] === 'true') return look();",
    replace: "if (context.parameters['preview'] === 'never') return look();",
    test: unit('restore-steps', 'a preview > changes nothing and leaves no trace'),
  },
  {
    breaks: 'a restore that happened happens again',
    file: 'steps/preview.ts',
    find: "if (done && parameters['preview'] !== 'true') {",
    replace: "if (done && parameters['preview'] === 'never') {",
    test: unit('restore-steps', 'a restore > that is named happens once, whoever runs it again'),
  },
  {
    breaks: 'rows that are missing after loading do not matter',
    file: 'steps/runtime/compare-rows.ts',
    find: 'if (skip.has(table) || found[table] === rows) continue;',
    replace: 'if (skip.has(table) || found[table] !== undefined) continue;',
    test: unit('restore-steps', 'nothing is written > live when loading brought other rows than the manifest says'),
  },
  {
    breaks: 'a damaged dump is loaded',
    file: 'steps/runtime/check-dump.ts',
    find: 'if (found.digest !== file.digest)',
    replace: "if (found.digest === '')",
    test: unit('restore-steps', 'nothing is written > live when one bit of database/lportal is another'),
  },
  {
    breaks: 'long names of databases meet when they are shortened',
    file: 'core/plan/restore-plan.ts',
    find: '.slice(0, 8)}`;',
    replace: '.slice(0, 0)}`;',
    test: unit('names', 'names of databases that a restore makes > say what they are'),
  },
  {
    breaks: 'what recreate replaced is kept for ever when it dies',
    file: 'steps/engines/postgresql/swap.ts',
    find: "kind: keep ? 'previous' : 'temporary'",
    replace: "kind: 'previous'",
    test: unit(
      'swap',
      'the swap > marks what is not kept as one to remove, so that nobody finds it if we die before we drop it',
    ),
  },
  {
    breaks: 'working files of writers that live are removed',
    file: 'steps/stores/file-list.ts',
    find: '|| !isAlive(Number(writer))',
    replace: "|| writer !== ''",
    test: contract(
      'file-store-disk',
      'file store: what only a disk does > hides working files, refuses them as keys, and removes those below a prefix',
    ),
  },
  {
    breaks: 'the dead whom nobody has buried are taken for alive',
    file: 'steps/runtime/process.ts',
    find: 'return !isZombie(pid);',
    replace: 'return true;',
    test: contract('process', 'a process > that nobody has buried yet is dead'),
  },
];
