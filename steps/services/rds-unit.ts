import type { ServerlessV2ScalingConfiguration } from '@aws-sdk/client-rds';
import type { RdsSpec } from '../../core/services/rds.ts';
import type { RdsClient } from './rds-client.ts';

/** What AWS snapshots and restores as one: an instance, or a cluster with its instances. Each by calls of its own. */
export interface RdsUnit {
  source(): Promise<RdsSource>;
  createSnapshot(id: string, tags: readonly RdsTag[]): Promise<void>;
  snapshot(id: string): Promise<RdsThing | undefined>;
  snapshots(): AsyncIterable<RdsThing>;
  deleteSnapshot(id: string): Promise<void>;
  /** In the region of the client. */
  copySnapshot(order: CopyOrder): Promise<void>;
  restore(order: RestoreOrder): Promise<void>;
  /** What a server of this name lacks to be used beside time; asks for it. */
  complete(server: RdsThing, order: Pick<RestoreOrder, 'source' | 'shape' | 'tags'>): Promise<void>;
  /** Of a server and of what belongs to it: the first that stands there already. */
  takenName(id: string): Promise<string | undefined>;
  server(id: string): Promise<RdsThing | undefined>;
  servers(): AsyncIterable<RdsThing>;
  deleteServer(server: RdsThing): Promise<void>;
}

export interface UnitOptions {
  readonly client: RdsClient;
  readonly spec: RdsSpec;
  readonly name: string;
}

export interface RdsTag {
  readonly Key: string;
  readonly Value: string;
}

/** The live server, as one that is made is to be. */
export interface RdsSource {
  readonly status: string;
  readonly engine: string;
  readonly engineVersion: string | undefined;
  readonly class: string | undefined;
  readonly subnetGroup: string | undefined;
  readonly securityGroups: readonly string[];
  readonly encrypted: boolean;
  readonly parameterGroup: string | undefined;
  /** Of an instance: the cluster that it belongs to. */
  readonly cluster?: string | undefined;
  /** Of Aurora Serverless v2. */
  readonly scaling?: ServerlessV2ScalingConfiguration | undefined;
}

/** A snapshot or a server. */
export interface RdsThing {
  readonly id: string;
  readonly arn: string;
  readonly status: string;
  readonly tags: ReadonlyMap<string, string>;
  /** Of a copy of a snapshot: ARN of the snapshot. */
  readonly source?: string | undefined;
  readonly percent?: number | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  /** Of a cluster. */
  readonly members?: readonly RdsThing[] | undefined;
}

export interface CopyOrder {
  readonly id: string;
  /** ARN of a snapshot in another region. */
  readonly source: string;
  readonly kmsKeyId: string | undefined;
  readonly tags: readonly RdsTag[];
}

/** How large it is, how it is set up, and whether AWS is to back it up. */
export interface RdsShape {
  readonly class: string | undefined;
  readonly parameterGroup: string | undefined;
  readonly backups: boolean;
}

export interface RestoreOrder {
  readonly id: string;
  readonly snapshot: string;
  readonly source: RdsSource;
  readonly shape: RdsShape;
  readonly tags: readonly RdsTag[];
}

export const tagsOf = (
  list: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] | undefined,
): ReadonlyMap<string, string> => new Map((list ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));

/** All pages of a listing. */
export const pages = async function* <P extends { readonly Marker?: string | undefined }>(
  get: (marker: { readonly Marker?: string }) => Promise<P>,
): AsyncIterable<P> {
  let marker: string | undefined;
  do {
    const page = await get(marker === undefined ? {} : { Marker: marker });
    yield page;
    marker = page.Marker;
  } while (marker !== undefined && marker !== '');
};

/** Where a server is made: as the environment says, else as the live one. */
export const placeOf = ({ temporary }: RdsSpec, source: RdsSource) => {
  const subnetGroup = temporary.subnetGroup ?? source.subnetGroup;
  const securityGroups = temporary.securityGroups.length > 0 ? temporary.securityGroups : source.securityGroups;
  return {
    ...(subnetGroup === undefined ? {} : { DBSubnetGroupName: subnetGroup }),
    ...(securityGroups.length === 0 ? {} : { VpcSecurityGroupIds: [...securityGroups] }),
    DeletionProtection: false,
    CopyTagsToSnapshot: false,
  };
};
