import { campaign, type CampaignTest, type Seed } from './seed.ts';

/** One case of the campaign by its name; one worker, because there is only one. */
const kill = (flow: 'backup' | 'restore' | 'verify', name: string): CampaignTest =>
  campaign('kills', '--flow', flow, '--workers', '1', '--seed', '1', '--case', name);

/** What a kill at the right moment shows, and nothing else does. */
export const killsSeeds: readonly Seed[] = [
  {
    breaks: 'each database is swapped in a transaction of its own',
    file: 'steps/engines/postgresql/swap.ts',
    find: '    await session.query(`ALTER DATABASE ${quoteName(loaded)} RENAME TO ${quoteName(live)}`);\n',
    replace:
      "    await session.query(`ALTER DATABASE ${quoteName(loaded)} RENAME TO ${quoteName(live)}`);\n    await session.query('COMMIT');\n    await session.query('BEGIN');\n",
    test: kill('restore', 'swap of two: commit/answered/tree'),
  },
  {
    breaks: 'recreate drops the live database first',
    file: 'steps/engines/postgresql/postgresql.ts',
    find: '      const kept = await swapAll(session, swaps, restore);\n',
    replace:
      "      for (const { as, mode } of orders) if (mode === 'recreate') await dropDatabase(session, as);\n      const kept = await swapAll(session, swaps, restore);\n",
    test: kill('restore', 'swap of two: commit/before/tree/1/1'),
  },
  {
    breaks: 'a temporary database of a dead restore stays',
    file: 'steps/engines/postgresql/sweep.ts',
    find: 'if (marked || (named &&',
    replace: 'if (!marked && (named &&',
    test: kill('restore', 'load: step, runner, tree/before/tree'),
  },
  {
    breaks: 'mirror deletes before anything is committed',
    file: 'steps/restore-objects.ts',
    find: '      await task.surplus.add({',
    replace: '      await target.delete([key]);\n      await task.surplus.add({',
    test: kill('restore', 'record of objects/answered/tree/1/1'),
  },
  {
    breaks: 'uploads of dead runs stay open',
    file: 'steps/runtime/sweep.ts',
    find: 'return await storage.abortUploads(`${stamp}/`);',
    replace: 'return await Promise.resolve(0);',
    test: kill('backup', 'upload of parts: end/before/tree'),
  },
  {
    breaks: 'a record that arrives late replaces the one that counts',
    file: 'steps/runtime/storage.ts',
    find: '{ createOnly: true, size: bytes.byteLength, contentType',
    replace: '{ size: bytes.byteLength, contentType',
    test: kill('backup', 'record of dump/late/dump'),
  },
  {
    breaks: 'steps share the folder for temporary files with everybody',
    file: 'cli/runner.ts',
    find: '  TMPDIR: join(place, temporary),\n',
    replace: '',
    test: kill('backup', 'rclone/before/transfer'),
  },
  {
    breaks: 'a reader that was killed proves damage',
    file: 'steps/engines/postgresql/dump.ts',
    find: "exit.signal === 'SIGKILL' ||",
    replace: '',
    test: kill('verify', 'pg_restore/mid/pg_restore'),
  },
];
