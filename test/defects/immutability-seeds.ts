import { component, contract, type Seed, unit } from './seed.ts';

/** Backups that nobody can delete: what is locked, when, and who is told. */
export const immutabilitySeeds: readonly Seed[] = [
  {
    breaks: 'a lock of an older backup is shortened by a newer one',
    file: 'steps/stores/create-locks.ts',
    find: 'if (!isAtLeast(standing, wanted)) await calls.write(key, strongest(standing, wanted), standing);',
    replace: 'await calls.write(key, wanted, standing);',
    test: contract('object-locks', 'locks of objects: s3 > are extended in governance mode, and never shortened'),
  },
  {
    breaks: 'objects that older backups brought are not locked again',
    file: 'steps/runtime/lock-backup.ts',
    find: 'for await (const { at } of readSealedInventory(storage, entry)) yield at;',
    replace:
      'for await (const { at } of readSealedInventory(storage, entry)) if (!entry.references.includes(at.slice(0, 15))) yield at;',
    test: unit('immutability', 'an immutable backup > that shares objects with an older one extends their locks'),
  },
  {
    breaks: 'an attempt that died before it locked its seal leaves it open',
    file: 'steps/manifest.ts',
    find: '  await lockSeal(run, sealed);\n',
    replace: '',
    test: unit(
      'immutability',
      'an immutable backup > that was killed between the seal and its lock is locked by the repetition',
    ),
  },
  {
    breaks: 'the claim of a sealed backup can be deleted',
    file: 'steps/runtime/lock-backup.ts',
    find: ', inList([claimOf(manifest)])])',
    replace: '])',
    test: unit('immutability', 'an immutable backup > is sealed only after all else is locked, the claim at the end'),
  },
  {
    breaks: 'a backup begins in a place that cannot lock it',
    file: 'steps/runtime/run.ts',
    find: 'if (environment.spec.storage.immutability) await requireLocks(storage);',
    replace: '',
    test: unit('immutability', 'an immutable backup > claims nothing in a place that cannot lock'),
  },
  {
    breaks: 'a locked backup is hidden by delete',
    file: 'cli/commands/delete.ts',
    find: '      await assertUnlocked(scene, { storage: place, stamp, now: io.now() });\n',
    replace: '',
    test: component(
      'immutability',
      'an immutable backup > is locked whole, with what it shares, and delete refuses it before it touches anything',
    ),
  },
  {
    breaks: 'nobody is told of a lock that is gone',
    file: 'steps/runtime/check-backup.ts',
    find: 'if (isAtLeast(lock, wanted)) continue;',
    replace: 'if (isAtLeast(lock ?? wanted, wanted)) continue;',
    test: unit('immutability', 'an immutable backup > is verified with the lock of 20251109-143000/run.json'),
  },
  {
    breaks: 'a bucket without versions is taken for one that locks',
    file: 'steps/stores/s3-locks.ts',
    find: 'if (keepsVersions !== true) throw',
    replace: 'if (keepsVersions === false) throw',
    test: contract('object-locks', 'locks of objects: elsewhere > are not there on a server that keeps no versions'),
  },
];
