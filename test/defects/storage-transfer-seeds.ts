import { contract, type Seed, unit } from './seed.ts';

/** Objects that a service copies: what it is told, what it says, and what is taken for a copy. */
export const storageTransferSeeds: readonly Seed[] = [
  {
    breaks: 'what the service reads by name is copied in whatever version there is by then',
    file: 'core/plan/transfer-list.ts',
    find: ',${version}\\n`',
    replace: '\\n`',
    test: contract(
      'storage-transfer',
      'a job of Storage Transfer > copies what its list names, in the versions that it names, and nothing else',
    ),
  },
  {
    breaks: 'a name with a quote breaks the list',
    file: 'core/plan/transfer-list.ts',
    find: `key.replaceAll('"', '""')`,
    replace: 'key',
    test: unit(
      'bulk-transfer',
      'a library that a service copies > is exactly what the rules keep, in the versions that were listed',
    ),
  },
  {
    breaks: 'what stands in the storage is written over where the source differs',
    file: 'steps/services/storage-transfer.ts',
    find: "overwriteWhen: 'NEVER',",
    replace: "overwriteWhen: 'DIFFERENT',",
    test: contract(
      'storage-transfer',
      'a job of Storage Transfer > writes over nothing, drops holds and keeps no access lists',
    ),
  },
  {
    breaks: 'holds of the library forbid to delete backups',
    file: 'steps/services/storage-transfer.ts',
    find: "temporaryHold: 'TEMPORARY_HOLD_SKIP',",
    replace: '',
    test: contract(
      'storage-transfer',
      'a job of Storage Transfer > writes over nothing, drops holds and keeps no access lists',
    ),
  },
  {
    breaks: 'an operation that failed for objects counts as done',
    file: 'steps/services/transfer-outcome.ts',
    find: "const movedOn = new Set(['NOT_FOUND', 'FAILED_PRECONDITION']);",
    replace: "const movedOn = new Set(['NOT_FOUND', 'FAILED_PRECONDITION', 'PERMISSION_DENIED']);",
    test: unit('transfer-outcome', 'an operation of Storage Transfer > is a failure where an object may not be read'),
  },
  {
    breaks: 'nobody looks whether the counters fit together',
    file: 'steps/services/transfer-outcome.ts',
    find: 'if (found > copied + failed)',
    replace: 'if (found < 0)',
    test: unit(
      'transfer-outcome',
      'an operation of Storage Transfer > is a failure where fewer were copied than found',
    ),
  },
  {
    breaks: 'a queue ends the wait',
    file: 'steps/services/transfer-outcome.ts',
    find: "status === 'SUCCESS' || status === 'FAILED' || status === 'ABORTED'",
    replace: "status !== 'IN_PROGRESS'",
    test: unit('transfer-outcome', 'an operation of Storage Transfer > goes on when it says QUEUED'),
  },
  {
    breaks: 'a job whose operation runs is run again',
    file: 'steps/services/storage-transfer.ts',
    find: 'if (running !== undefined) return running;',
    replace: '',
    test: contract('storage-transfer', 'a job of Storage Transfer > is one operation where two ask for it at once'),
  },
  {
    breaks: 'whatever stands under the name is taken for the copy',
    file: 'steps/movers/copy-gs.ts',
    find: 'if (!isSame || checksum === undefined || checksum.value !== listed?.value) return undefined;',
    replace: 'if (!isSame || checksum === undefined) return undefined;',
    test: contract(
      'movers',
      'mover: storage-transfer, within gs > never overwrites under createOnly, and does otherwise',
    ),
  },
  {
    breaks: 'each attempt plans anew',
    file: 'steps/runtime/bulk-transfer.ts',
    find: '(await tryReadRecord(run.storage, key, planRecord)) ?? (await claimPlan(task, key))',
    replace: 'await claimPlan(task, key)',
    test: unit(
      'bulk-transfer',
      'a library that a service copies > is planned once for all attempts, and given to one job',
    ),
  },
  {
    breaks: 'the name of a job is used again after it failed',
    file: 'steps/runtime/bulk-transfer.ts',
    find: '.slice(0, 40)}-${number}`',
    replace: '.slice(0, 40)}-1`',
    test: unit(
      'bulk-transfer',
      'a library that a service copies > goes to a job of another name when the first one failed in an earlier attempt',
    ),
  },
  {
    breaks: 'a job whose handle nobody wrote down goes on when its run has ended',
    file: 'steps/runtime/jobs.ts',
    find: 'const handle = known ?? (await service.find(job));',
    replace: 'const handle = known;',
    test: unit(
      'jobs',
      'a job > is given up, too, by whom it was asked for and who died before writing down its handle',
    ),
  },
];
