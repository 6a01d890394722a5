import { atPointSeeds } from './at-point-seeds.ts';
import { azureFlexibleServerSeeds } from './azure-flexible-server-seeds.ts';
import { backupSeeds } from './backup-seeds.ts';
import { cloudSqlNewServerSeeds } from './cloud-sql-new-server-seeds.ts';
import { cloudSqlSeeds } from './cloud-sql-seeds.ts';
import { cloudsSeeds } from './clouds-seeds.ts';
import { copiesSeeds } from './copies-seeds.ts';
import { immutabilitySeeds } from './immutability-seeds.ts';
import { inputSeeds } from './input-seeds.ts';
import { killsSeeds } from './kills-seeds.ts';
import { librarySeeds } from './library-seeds.ts';
import { mutationsSeeds } from './mutations-seeds.ts';
import { newServerSeeds } from './new-server-seeds.ts';
import { objectsSeeds } from './objects-seeds.ts';
import { rdsSeeds } from './rds-seeds.ts';
import { restoreSeeds } from './restore-seeds.ts';
import { securitySeeds } from './security-seeds.ts';
import { simulationSeeds } from './simulation-seeds.ts';
import { storageTransferSeeds } from './storage-transfer-seeds.ts';
import type { Seed } from './seed.ts';

/** Every seeded defect, part by part. */
export const all: readonly Seed[] = [
  ...atPointSeeds,
  ...azureFlexibleServerSeeds,
  ...backupSeeds,
  ...cloudSqlNewServerSeeds,
  ...cloudSqlSeeds,
  ...cloudsSeeds,
  ...copiesSeeds,
  ...immutabilitySeeds,
  ...inputSeeds,
  ...killsSeeds,
  ...librarySeeds,
  ...mutationsSeeds,
  ...newServerSeeds,
  ...objectsSeeds,
  ...rdsSeeds,
  ...restoreSeeds,
  ...securitySeeds,
  ...simulationSeeds,
  ...storageTransferSeeds,
];
