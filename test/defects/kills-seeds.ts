import type { CloudName } from '../campaigns/kills/clouds.ts';
import { campaign, type CampaignTest, component, type Seed, unit } from './seed.ts';

/** One case of the campaign by its name; one worker, because there is only one. */
const kill = (flow: 'backup' | 'restore' | 'verify' | CloudName, name: string): CampaignTest =>
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
  {
    breaks: 'the cloud is asked again for what a dead attempt had asked for',
    file: 'steps/runtime/jobs.ts',
    find: '    const found = await service.find(job);\n    if (found !== undefined) {',
    replace: "    const found = await service.find(job);\n    if (found !== undefined && job.kind === 'transfer') {",
    test: kill('gcp', 'snapshot: asked/answered/snapshot'),
  },
  {
    breaks: 'the name of a temporary server is that of an attempt',
    file: 'steps/services/rds.ts',
    find: "createHash('sha256').update(job.description).digest",
    replace: "createHash('sha256').update(`${job.description} ${process.pid}`).digest",
    test: kill('aws', 'server: asked/answered/dump'),
  },
  {
    breaks: 'what could not be removed by the first step of the next run stays',
    file: 'steps/runtime/service-leftovers.ts',
    find: "    if (ended && left === 'none') await removeDead(context, storage, found.dead);",
    replace:
      "    if (ended && left === 'none' && context.step === 'snapshot') await removeDead(context, storage, found.dead);",
    test: unit(
      'temporary-server',
      'what a run leaves at a service > goes with a later step of the next run when it could not be deleted at first, and the files of the dead run too',
    ),
  },
  {
    breaks: 'behind a sealed backup nobody looks for what costs money',
    file: 'steps/runtime/sweep.ts',
    find: 'const mostSealed = 5;',
    replace: 'const mostSealed = 1;',
    test: unit(
      'temporary-server',
      'what a run leaves at a service > goes also when a backup was sealed since, and not when five were',
    ),
  },
  {
    breaks: 'the export of a dead run writes into storage when its folder is gone',
    file: 'steps/runtime/service-leftovers.ts',
    find: "    const ended = await cancelJobs(context, { service, storage, prefix: layout.jobs(stamp, 'export') });\n",
    replace: '    const ended = true;\n',
    test: unit(
      'temporary-server',
      'what a run leaves at a service > is given up before where it is an export that goes on',
    ),
  },
  {
    breaks: 'objects within Azure are streamed through the step',
    file: 'steps/movers/copy-azblob.ts',
    find: 'takes: (order) => isPossible && vouches(order),',
    replace: 'takes: (order) => !isPossible && vouches(order),',
    test: component('bytes', 'no byte of an object passes a step within azure'),
  },
  {
    breaks: 'a server keeps the locks of a machine that is gone for two hours',
    file: 'steps/engines/postgresql/session.ts',
    find: '`SET ${name} = ${value}`',
    replace: '`SET ${name} = 0`',
    test: component('busy', 'the server asks within 20 s whether the machine of a backup is still there'),
  },
  {
    breaks: 'a server waits two hours for a pg_dump whose machine is gone',
    file: 'steps/engines/postgresql/session.ts',
    find: '{ ...keepalives, ...settings }',
    replace: '{ ...settings }',
    test: component('busy', 'the server asks within 20 s whether the machine of a backup is still there'),
  },
];
