// One cluster with the product installed, two namespaces with a database server each, and an object store: made once,
// shared by all tests.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cluster, startCluster } from '../../cluster/cluster.ts';
import { run } from '../../cluster/run.ts';
import { type Connection, runPsql } from '../../oracle/psql.ts';
import { type S3Server, startVersitygw } from '../../support/s3-servers.ts';
import { connectKube, type Kube, type KubeObject, until } from './kube.ts';
import { say } from './log.ts';
import { namespaces, postgres, restorer, restrictedNamespace, secret, superuser } from './manifests.ts';
import { buildImages, buildProduct, imageRefs, type ProductImages, synthesize } from './product.ts';
import { type GateFront, startGateFront } from './gate-front.ts';

export interface World {
  readonly cluster: Cluster;
  readonly kube: Kube;
  readonly front: GateFront;
  readonly s3: S3Server;
  /** What was applied: a copy of dist/ with this run's images. */
  readonly dist: string;
  readonly folder: string;
  /** A superuser's connection, from this machine. */
  readonly database: (namespace: 'prd' | 'uat', name: string) => Connection;
  stop(): Promise<void>;
}

const installer = join(import.meta.dirname, '..', '..', 'install', 'install.sh');
export const buckets = { documents: 'documents', backups: 'backups', uat: 'uat-documents' } as const;

const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  const began = performance.now();
  const result = await work();
  say('setup', `${what}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return result;
};

const usesOwnCluster = (): boolean => (process.env['LC2_E2E_KUBECONFIG'] ?? '') === '';

/** Whoever made the cluster that we are lent has put images into it. */
const prepareImages = async (refs: ProductImages) => {
  if (!usesOwnCluster()) return [];
  await timed('install what is missing', () => run(['bash', installer, 'cluster', 'servers']));
  const sizes = await timed('build the bundle', buildProduct);
  for (const line of sizes.trim().split('\n')) say('setup', line);
  return timed('build the images', () => buildImages(refs));
};

const importImages = async (cluster: Cluster, images: Awaited<ReturnType<typeof prepareImages>>): Promise<void> => {
  for (const { archive, ref } of images) {
    await cluster.importImage(archive, ref);
    const { stdout } = await run(['tar', '-xOf', archive, 'index.json']);
    say('setup', `image ${ref}: ${/sha256:[0-9a-f]{64}/.exec(stdout)?.[0] ?? 'no digest'} ${await sizeOf(archive)}`);
  }
};

const sizeOf = async (file: string): Promise<string> =>
  `${(Number((await run(['stat', '--format=%s', file])).stdout) / 1e6).toFixed(0)} MB`;

const apply = (cluster: Cluster, objects: readonly object[]) =>
  cluster.kubectl(['apply', '-f', '-'], { input: objects.map((object) => JSON.stringify(object)).join('\n---\n') });

const installProduct = async (cluster: Cluster, dist: string): Promise<void> => {
  await cluster.kubectl(['apply', '--server-side', '--force-conflicts', '-f', join(dist, 'install.yaml')]);
  await apply(cluster, [restrictedNamespace(namespaces.prd), restrictedNamespace(namespaces.uat)]);
  for (const namespace of [namespaces.prd, namespaces.uat])
    await cluster.kubectl(['apply', '--namespace', namespace, '--server-side', '-f', join(dist, 'tenant.yaml')]);
};

/** A lent cluster may run the controller of an earlier run, with an image of the same name. */
const restartController = ({ kubectl }: Cluster): Promise<unknown> =>
  kubectl(['-n', namespaces.install, 'rollout', 'restart', 'deployment/lc2-backup-controller']);

const startDatabases = async (cluster: Cluster, image: string, s3: S3Server): Promise<void> => {
  const keys = { ...s3.secrets };
  const objects = [namespaces.prd, namespaces.uat].flatMap((namespace) => [
    ...postgres(namespace, image),
    secret(namespace, 'documents', keys),
    secret(namespace, 'backups', keys),
  ]);
  await apply(cluster, [
    ...objects,
    secret(namespaces.prd, 'database', { username: superuser.name, password: superuser.password }),
    secret(namespaces.prd, 'wrong', { username: superuser.name, password: 'not the password' }),
    secret(namespaces.uat, 'database', { username: restorer.name, password: restorer.password }),
  ]);
  for (const namespace of [namespaces.prd, namespaces.uat])
    await cluster.kubectl(['-n', namespace, 'wait', '--for=condition=Ready', 'pod/postgres', '--timeout=120s']);
};

const serviceAddress = async (kube: Kube, namespace: string): Promise<string> => {
  const service = await kube.get<KubeObject & { readonly spec: { readonly clusterIP: string } }>(
    `/api/v1/namespaces/${namespace}/services/postgres`,
  );
  return service?.spec.clusterIP ?? '';
};

const connections = async (kube: Kube): Promise<World['database']> => {
  const addresses = {
    prd: await serviceAddress(kube, namespaces.prd),
    uat: await serviceAddress(kube, namespaces.uat),
  };
  const connection: World['database'] = (namespace, database) => ({
    host: addresses[namespace],
    port: 5432,
    user: superuser.name,
    password: superuser.password,
    database,
    environment: { PGSSLMODE: 'disable' },
  });
  // A Service's rules come a moment after it.
  for (const namespace of ['prd', 'uat'] as const) {
    await until(`PostgreSQL of ${namespace} answers`, () =>
      runPsql(connection(namespace, 'postgres'), 'SELECT 1').catch(() => undefined),
    );
  }
  return connection;
};

/** Leaves nothing of an earlier run in a cluster that lives longer than a run. */
const removeNamespaces = async (cluster: Cluster): Promise<void> => {
  const kinds = 'backuprequests,restorerequests,workflows,cronworkflows';
  for (const namespace of [namespaces.prd, namespaces.uat]) {
    const { status } = await cluster.kubectl(['get', 'namespace', namespace], { allow: [1] });
    if (status !== 0) continue;
    await cluster.kubectl(['-n', namespace, 'delete', kinds, '--all', '--timeout=120s'], { allow: [1] });
    await cluster.kubectl(['delete', 'namespace', namespace, '--timeout=180s']);
  }
};

export const startWorld = async (): Promise<World> => {
  const refs = imageRefs(process.env);
  const images = await prepareImages(refs);
  const cluster = await timed('start the cluster', startCluster);
  const cleanups: (() => Promise<void>)[] = [() => cluster.stop()];
  const stop = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('\n'));
    say(
      'end',
      usesOwnCluster() ? 'no process, mount, namespace, link, route, rule or cgroup is left' : 'namespaces removed',
    );
  };
  try {
    if (!usesOwnCluster()) {
      await timed('remove an earlier run', () => removeNamespaces(cluster));
      cleanups.push(() => removeNamespaces(cluster));
    }
    const folder = await mkdtemp(join(tmpdir(), 'lc2-e2e-'));
    cleanups.push(() => rm(folder, { recursive: true, force: true }));
    const dist = await synthesize(refs);
    cleanups.push(() => rm(dist, { recursive: true, force: true }));
    const s3 = await startVersitygw();
    cleanups.push(() => s3.stop());
    const front = await startGateFront(cluster.hostAddress, s3.endpoint);
    cleanups.push(() => front.stop());
    for (const bucket of Object.values(buckets)) await s3.bucket(bucket);
    await timed('import the images', () => importImages(cluster, images));
    const { kubernetes, argo, containerRuntime } = await cluster.versions();
    say('setup', `API server ${kubernetes}, Argo Workflows ${argo}, ${containerRuntime}`);
    await timed('apply dist/', () => installProduct(cluster, dist));
    if (!usesOwnCluster()) await restartController(cluster);
    const kube = await connectKube(cluster.kubeconfig);
    cleanups.push(() => kube.stop());
    await timed('start two PostgreSQL servers', () => startDatabases(cluster, refs.postgres, s3));
    await timed('start the controller', () =>
      cluster.kubectl(['-n', namespaces.install, 'rollout', 'status', 'deployment', '--timeout=120s']),
    );
    return { cluster, kube, front, s3, dist, folder, database: await connections(kube), stop };
  } catch (error) {
    await stop().catch((second: unknown) => say('setup', String(second)));
    throw error;
  }
};
