// What the fake cloud has: flexible servers that are real servers, and on-demand backups that are real base backups.
import type { BaseBackup } from '../../support/postgres-programs.ts';

export const subscription = '11111111-2222-3333-4444-555555555555';
export const tenant = '99999999-8888-7777-6666-555555555555';
export const location = 'westeurope';
export const provider = 'Microsoft.DBforPostgreSQL';

export type Json = { readonly [name: string]: unknown };

/** Where a PostgreSQL server runs, and what it takes to make another as of some time. */
export interface FakeMachine {
  readonly host: string;
  readonly port: number;
  readonly superuser: string;
  readonly password: string;
  readonly bin: string;
  /** Folder into which it archives its log. */
  readonly archive: string;
}

export interface FakeFlexibleServer {
  readonly name: string;
  readonly group: string;
  state: string;
  tier: string;
  replicationRole: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly machine: FakeMachine;
  readonly subnet: string | undefined;
  readonly privateDnsZone: string | undefined;
  readonly backups: FakeBackup[];
}

export interface FakeBackup {
  readonly name: string;
  readonly type: 'Full' | 'Customer On-Demand';
  readonly files: BaseBackup;
  readonly completed: Date;
}

export interface FakeOperation {
  readonly id: string;
  status: 'InProgress' | 'Succeeded' | 'Failed';
  percent: number;
  error?: { readonly code: string; readonly message: string };
}

export const serverId = ({ group, name }: Pick<FakeFlexibleServer, 'group' | 'name'>): string =>
  `/subscriptions/${subscription}/resourceGroups/${group}/providers/${provider}/flexibleServers/${name}`;

export const serverJson = (server: FakeFlexibleServer): Json => {
  const earliest = server.backups[0]?.completed;
  return {
    id: serverId(server),
    name: server.name,
    type: `${provider}/flexibleServers`,
    location: 'West Europe',
    tags: server.tags,
    sku: { name: 'Standard_D2ds_v5', tier: server.tier },
    properties: {
      administratorLogin: server.machine.superuser,
      version: '15',
      minorVersion: '20',
      state: server.state,
      // Known before anybody answers there.
      fullyQualifiedDomainName: server.machine.host,
      storage: { storageSizeGB: 32 },
      backup: {
        backupRetentionDays: 7,
        geoRedundantBackup: 'Disabled',
        ...(earliest ? { earliestRestoreDate: earliest.toISOString() } : {}),
      },
      network: {
        publicNetworkAccess: server.subnet === undefined ? 'Enabled' : 'Disabled',
        ...(server.subnet === undefined ? {} : { delegatedSubnetResourceId: server.subnet }),
        ...(server.privateDnsZone === undefined ? {} : { privateDnsZoneArmResourceId: server.privateDnsZone }),
      },
      replicationRole: server.replicationRole,
    },
  };
};

export const backupJson = (server: FakeFlexibleServer, { name, type, completed }: FakeBackup): Json => ({
  id: `${serverId(server)}/backups/${name}`,
  name,
  type: `${provider}/flexibleServers/backups`,
  properties: {
    backupType: type,
    completedTime: completed.toISOString(),
    source: type === 'Full' ? 'Automatic' : 'Customer Initiated',
  },
});

export const operationJson = ({ id, status, percent, error }: FakeOperation): Json => ({
  name: id,
  status,
  percentComplete: percent,
  ...(error ? { error } : {}),
});
