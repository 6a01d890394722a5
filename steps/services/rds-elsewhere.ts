import { ensureLc2Error } from '../../core/errors.ts';
import type { Problem } from '../../core/ports/database.ts';
import type { SnapshotCopies, SnapshotCopyJob } from '../../core/ports/database-service.ts';
import type { RdsSpec } from '../../core/services/rds.ts';
import { openRdsClient, type RdsClient, type RdsClientOptions } from './rds-client.ts';
import { clusterUnit } from './rds-cluster.ts';
import { instanceUnit } from './rds-instance.ts';
import { orUndefined } from './or-undefined.ts';
import type { RdsSource, RdsTag, RdsThing, RdsUnit } from './rds-unit.ts';

/** Other regions, which copies of snapshots are in. A copy has the identifier of its snapshot: so there is one in a region. */
export interface RdsElsewhere {
  /** As of the snapshot, by its ARN. */
  unit(region: string, arn: string): RdsUnit;
  copy(job: SnapshotCopyJob, tags: readonly RdsTag[]): Promise<void>;
  readonly remove: SnapshotCopies['remove'];
  /** What stands in the way of copies of this server's snapshots. */
  problems(source: RdsSource): Promise<Problem[]>;
}

type UnitFor = typeof instanceUnit;

export const openElsewhere = (options: RdsClientOptions, unitFor: UnitFor): RdsElsewhere => {
  const { spec } = options;
  const wishFor = (region: string) => spec.snapshotCopies.find((copy) => copy.region === region);

  const specFor = (region: string): RdsSpec => ({ ...spec, region, endpoint: wishFor(region)?.endpoint });
  const clients = new Map<string, RdsClient>();
  const unit = (region: string, arn: string): RdsUnit => {
    const client = clients.get(region) ?? openRdsClient({ ...options, spec: specFor(region) });
    clients.set(region, client);
    return unitOf(arn, unitFor)({ client, spec: specFor(region), name: '' });
  };

  const problemsOf = async (region: string, source: RdsSource): Promise<Problem[]> => {
    const problem = (message: string): Problem[] => [
      { code: 'ENVIRONMENT_INVALID', message: `snapshotCopies ${region}: ${message}`, severity: 'error' },
    ];
    const kmsKeyId = wishFor(region)?.kmsKeyId;
    if (source.encrypted && kmsKeyId === undefined)
      return problem('the server is encrypted: give kmsKeyId, a key of that region');
    if (!source.encrypted && kmsKeyId !== undefined && spec.cluster !== undefined)
      return problem('AWS encrypts no copy of a cluster that is not encrypted: leave kmsKeyId out');
    try {
      // Nothing has this name: it shows whether the region answers, and to us.
      await unit(region, '').snapshot('lc2-check');
      return [];
    } catch (thrown) {
      const error = ensureLc2Error(thrown);
      if (error.kind === 'bug') throw thrown;
      return [{ code: error.code, message: `snapshotCopies ${region}: ${error.message}`, severity: 'error' }];
    }
  };

  return {
    unit,
    copy: async ({ region, snapshotId: source }, tags) => {
      const id = identifierOf(source);
      const there = unit(region, source);
      // One that has failed is in the way of the next.
      if ((await there.snapshot(id))?.status === 'failed') await there.deleteSnapshot(id);
      await there.copySnapshot({ id, source, kmsKeyId: wishFor(region)?.kmsKeyId, tags });
    },
    remove: ({ region, snapshotId }) => orUndefined(unit(region, snapshotId).deleteSnapshot(identifierOf(snapshotId))),
    problems: async (source) => {
      const found: Problem[] = [];
      for (const { region } of spec.snapshotCopies) found.push(...(await problemsOf(region, source)));
      return found;
    },
  };
};

/** Whether this is the copy that is wanted, made or in the making. */
export const isCopy = (found: RdsThing | undefined, snapshotId: string): boolean =>
  found?.source === snapshotId && found.status !== 'failed' && found.status !== 'deleting';

/** The last part of an ARN. */
export const identifierOf = (id: string): string => id.slice(id.lastIndexOf(':') + 1);

/** Environments change from an instance to a cluster, and snapshots stay what they are. */
export const unitOf = (arn: string, otherwise: UnitFor): UnitFor => {
  if (arn.includes(':cluster-snapshot:')) return clusterUnit;
  return arn.includes(':snapshot:') ? instanceUnit : otherwise;
};
