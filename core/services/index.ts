import type { z } from 'zod';
import { azureFlexibleServer } from './azure-flexible-server.ts';
import { cloudSql } from './cloud-sql.ts';
import { rds } from './rds.ts';
import { server } from './server.ts';
import type { ServerSpec } from './server-shape.ts';

/** What a service can do at all; what an environment asks of it is `ChosenService.uses`. */
export interface ServiceCapabilities {
  readonly snapshot: boolean;
  readonly export: boolean;
  readonly dump: boolean;
  readonly import: boolean;
  /** Make a temporary server to dump from: out of a snapshot, or as of a time that is past. */
  readonly temporaryServer: false | 'snapshot' | 'time';
  /** Make a server that stays, out of the snapshot of a backup or as of its point. */
  readonly newServer: false | 'snapshot' | 'time';
}

export interface ServiceDescriptor {
  readonly name: string;
  readonly title: string;
  readonly schema: z.ZodType;
  readonly capabilities: ServiceCapabilities;
  /** Fields that say which server it is. */
  readonly identity: readonly string[];
  /** Stores that the service itself exports into and imports from. */
  readonly exchange: readonly string[];
  /** Databases of the service's own, which nobody else may read. */
  readonly ownDatabases: readonly string[];
  readonly secretKeys: { readonly required: readonly string[]; readonly optional: readonly string[] };
}

export const services = { server, cloudSql, rds, azureFlexibleServer } as const satisfies Record<
  string,
  ServiceDescriptor
>;

export type ServiceName = keyof typeof services;
export const serviceNames = [
  'server',
  'cloudSql',
  'rds',
  'azureFlexibleServer',
] as const satisfies readonly ServiceName[];

/** The member of `database` that is given. */
export type ServiceSpecs = { readonly [Name in ServiceName]?: z.output<(typeof services)[Name]['schema']> | undefined };

/** What some services let an environment ask for. */
interface Wishes {
  readonly snapshot?: { readonly enabled: boolean };
  readonly method?: 'export' | 'dump';
  readonly dumpFrom?: 'snapshot' | 'point' | 'live';
  readonly temporary?: TemporaryServerSpec;
  readonly snapshotCopies?: readonly SnapshotCopySpec[];
}

/** What every service has to know of copies of its snapshots. */
interface SnapshotCopySpec {
  readonly region: string;
  /** Most that an attempt waits for it. */
  readonly deadline: string;
}

export interface ChosenSnapshotCopy extends SnapshotCopySpec {
  /** In records and messages; no place of `storage.copies` can have it. */
  readonly name: string;
}

/** What every service has to know of its temporary servers. */
export interface TemporaryServerSpec {
  /** From when it is asked for until its dump has ended. */
  readonly deadline: string;
}

interface ChosenTemporaryServer extends TemporaryServerSpec {
  readonly asOf: 'snapshot' | 'time';
}

export interface ChosenService {
  readonly name: ServiceName;
  /** The server, over its own protocol. */
  readonly spec: ServerSpec;
  readonly capabilities: ServiceCapabilities;
  /** Which server it is, for the service. */
  readonly identity: string;
  readonly exchange: readonly string[];
  /** What a backup of this environment does. */
  readonly uses: { readonly snapshot: boolean; readonly export: boolean; readonly dump: boolean };
  /** Databases are dumped from a temporary server, of the run's point. */
  readonly temporary: ChosenTemporaryServer | undefined;
  /** Other regions that snapshots of sealed backups are copied to. */
  readonly snapshotCopies: readonly ChosenSnapshotCopy[];
}

export const tryChooseService = (database: ServiceSpecs): ChosenService | undefined => {
  for (const name of serviceNames) {
    const spec: (ServerSpec & Wishes) | undefined = database[name];
    if (spec === undefined) continue;
    const { capabilities, identity, exchange, ownDatabases } = services[name];
    const exports = capabilities.export && spec.method !== 'dump';
    const snapshots = capabilities.snapshot && spec.snapshot?.enabled === true;
    return {
      name,
      spec: { ...spec, ignoreDatabases: [...spec.ignoreDatabases, ...ownDatabases] },
      capabilities,
      identity: Object.entries(spec)
        .flatMap(([field, value]) => (identity.some((each) => each === field) ? String(value) : []))
        .join('/'),
      exchange,
      uses: { snapshot: snapshots, export: exports, dump: !exports },
      temporary: temporaryOf(capabilities.temporaryServer, spec),
      snapshotCopies: (snapshots ? (spec.snapshotCopies ?? []) : []).map(({ region, deadline }) => ({
        name: `snapshot.${region}`,
        region,
        deadline,
      })),
    };
  }
  return undefined;
};

const temporaryOf = (
  asOf: ServiceCapabilities['temporaryServer'],
  { dumpFrom = 'live', temporary }: Wishes,
): ChosenTemporaryServer | undefined =>
  asOf === false || dumpFrom === 'live' || temporary === undefined ? undefined : { ...temporary, asOf };
