// A region with one instance and one cluster, for tests: real servers and their fake API.
import { setTimeout as pause } from 'node:timers/promises';
import { Lc2Error } from '../../core/errors.ts';
import { parseEnvironment } from '../../core/plan/environment.ts';
import type { DatabaseService } from '../../core/ports/database-service.ts';
import { openService } from '../../steps/services/index.ts';
import { runSql } from '../fakes/cloud-sql/programs.ts';
import type { FakeCluster, FakeInstance, FakeServer, FakeSnapshot } from '../fakes/rds/things.ts';
import { region } from '../fakes/rds/things.ts';
import type { RdsFake } from '../fakes/rds/server.ts';
import { type Spec, secretDocument } from './lab.ts';
import type { PostgresServer } from './postgres.ts';

const shared = (server: PostgresServer) => ({
  status: 'available',
  created: new Date(),
  tags: [],
  server: addressOf(server),
  subnetGroup: 'retail',
  securityGroups: ['sg-0a1b'],
});

const addressOf = ({ host, port, superuser, password, bin }: PostgresServer): FakeServer => ({
  host,
  port,
  superuser,
  password,
  bin,
});

export const instanceOf = (server: PostgresServer, id: string, more: Partial<FakeInstance> = {}): FakeInstance => ({
  ...shared(server),
  id,
  engine: 'postgres',
  class: 'db.m6g.large',
  parameterGroup: 'retail',
  ...more,
});

/** A cluster and its writer. */
export const clusterOf = (
  server: PostgresServer,
  id: string,
): { readonly cluster: FakeCluster; readonly writer: FakeInstance } => ({
  cluster: { ...shared(server), id, engine: 'aurora-postgresql', parameterGroup: 'retail-cluster' },
  writer: instanceOf(server, `${id}-writer`, {
    engine: 'aurora-postgresql',
    class: 'db.r6g.large',
    cluster: id,
    server: undefined,
  }),
});

/** `spec.database` of an environment whose server RDS runs; the Secret is `db`. */
export const rdsDatabase = ({ endpoint }: RdsFake, { host, port }: PostgresServer, more: Spec): Spec => ({
  rds: { engine: 'postgresql', host, port, tls: { mode: 'disable' }, region, endpoint, ...more },
  credentials: { secretName: 'db' },
});

export const rdsSecret = ({ superuser, password }: PostgresServer): Spec =>
  secretDocument('db', {
    username: superuser,
    password,
    accessKeyId: 'AKIATEST',
    secretAccessKey: 'secret of the key',
  });

/** The adapter of an environment `retail/prd` whose server this fake runs. */
export const openRdsService = (
  { endpoint }: RdsFake,
  more: Readonly<Record<string, unknown>>,
  secrets: Readonly<Record<string, string>> = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret of the key\n' },
): DatabaseService => {
  const rds = { engine: 'postgresql', host: 'db', region, endpoint, ...more };
  const spec = { projectId: 'retail', database: { rds }, storage: { url: 's3://backups' } };
  const environment = parseEnvironment({ name: 'prd', spec }, 'test');
  const service = openService({ environment, secrets, signal: new AbortController().signal });
  if (!service) throw new Error('no service');
  return service;
};

/** Another region. */
export const elsewhere = 'eu-west-1';
export const keyOf = (at: string): string => `arn:aws:kms:${at}:123456789012:key/retail`;

let jobs = 0;
export const snapshotJob = () =>
  ({ kind: 'snapshot', description: `lc2-backup retail-prd-backup-x run ${++jobs}` }) as const;

export const serverJob = (snapshot: string, seconds = 300) =>
  ({
    kind: 'temporary-server',
    description: `lc2-backup retail-prd-backup-x run server ${++jobs}`,
    point: { snapshotId: snapshot, time: '2025-11-09T14:30:01Z' },
    until: new Date(Date.now() + seconds * 1000).toISOString(),
  }) as const;

export const copyJob = (snapshotId: string, seconds = 300) =>
  ({
    kind: 'snapshot-copy',
    region: elsewhere,
    snapshotId,
    description: 'lc2-backup retail-prd-backup-x run copy',
    until: new Date(Date.now() + seconds * 1000).toISOString(),
  }) as const;

/** Available as it is, it may still be recovering. */
const accepts = (server: FakeServer): Promise<boolean> =>
  runSql(server, 'postgres', 'SELECT 1').then(
    () => true,
    () => false,
  );

/** Somebody makes a server out of a snapshot in the console of that region. */
export const restoreThere = async ({ cloud }: RdsFake, snapshot: FakeSnapshot): Promise<FakeServer> => {
  const place = { class: undefined, subnetGroup: undefined, securityGroups: [], parameterGroup: undefined };
  const wish = { id: 'by-hand', tags: [], snapshot, ...place };
  const made = snapshot.ofCluster ? cloud.restoreCluster(wish) : cloud.restoreInstance(wish);
  while (made.status === 'creating' || made.status === 'modifying') await pause(20);
  const { server } = made;
  if (!server) throw new Error(`the server is ${made.status}`);
  while (!(await accepts(server))) await pause(50);
  return server;
};

/** What the work ends with: an error of the catalogue. */
export const codeOf = async (work: Promise<unknown>): Promise<string> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Lc2Error) return `${error.code}: ${error.message}`;
  throw new Error(`not of the catalogue: ${String(error)}`);
};
