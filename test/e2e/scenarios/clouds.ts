// Clouds do the work, steps ask and wait, and their pods vanish meanwhile. What was asked for is asked for once.
import { expect } from 'vitest';
import type { RequestStatus } from '../../../core/api/request-status.ts';
import { differences } from '../../oracle/compare.ts';
import type { Capture } from '../../oracle/facts.ts';
import { runPsql } from '../../oracle/psql.ts';
import { seedEverything, seedRoles } from '../../oracle/seed/everything.ts';
import { captureAt, connectTo } from '../../support/lab.ts';
import { buckets, type Cloud, type Servers, serversAt, startAmazon, startGoogle } from '../support/clouds.ts';
import { createEnvironment } from '../support/fixture.ts';
import { until } from '../support/kube.ts';
import { say } from '../support/log.ts';
import { namespaces } from '../support/manifests.ts';
import {
  attempts,
  endsAs,
  path,
  requestBackup,
  requestRestore,
  requireWorkflow,
  startedPod,
  workflowOf,
} from '../support/objects.ts';
import type { World } from '../support/world.ts';
import { deletePod } from './kills.ts';

const namespace = namespaces.prd;
const database = 'everything';
const objects = 12;
/** One is more than all that pods send and receive. */
const objectBytes = 4_000_000;

const seed = async ({ server, place }: Cloud): Promise<void> => {
  await seedRoles(connectTo(server));
  await runPsql(connectTo(server), `CREATE DATABASE ${database} TEMPLATE template0`);
  await seedEverything(connectTo(server, database), { eventTriggers: true });
  // No snapshot holds their rows: a server that starts from one empties them.
  await runPsql(connectTo(server, database), 'TRUNCATE app.unlogged');
  for (let number = 0; number < objects; number += 1)
    await place.put(buckets.library, `folder ${number % 3}/${number}`, Buffer.alloc(objectBytes, `object ${number} `));
};

const stateOf = async ({ server, place }: Cloud): Promise<Capture> => ({
  ...(await captureAt(server, database)),
  objects: await place.capture(buckets.library),
});

/** A schema gone, objects gone, changed and new. */
const damage = async (cloud: Cloud): Promise<void> => {
  const { server, place } = cloud;
  await runPsql(connectTo(server, database), 'DROP SCHEMA app CASCADE');
  for (const [index, { key }] of (await place.capture(buckets.library)).entries()) {
    if (index % 3 === 0) await place.drop(buckets.library, key);
    if (index % 3 === 1) await place.put(buckets.library, key, 'damaged');
  }
  await place.put(buckets.library, 'surplus', 'surplus');
};

const untilIt = (what: string, is: () => boolean): Promise<boolean> =>
  until(what, () => Promise.resolve(is() || undefined));

interface Manifest {
  readonly database: { readonly service: string; readonly snapshotId?: string };
  readonly objectStores: readonly { readonly mover: string; readonly objectCount: number }[];
}

const manifestAt = async ({ place }: Cloud, url: string): Promise<Manifest> => {
  const [, key = ''] = url.split(`//${buckets.storage}/`);
  return JSON.parse((await place.read(buckets.storage, key)).toString('utf8')) as Manifest;
};

/** What passed by pods: what clouds do themselves is theirs. */
const bytesOfSteps = ({ place }: Cloud): number =>
  [...place.front.bytes]
    .filter(([client]) => !client.endsWith('-fake'))
    .reduce((sum, [, { sent, received }]) => sum + sent + received, 0);

/** A step while the cloud works for it, in a backup that is the first or a later one. */
interface Flight {
  readonly step: string;
  /** What comes before it is over. */
  readonly isNext: () => boolean;
  readonly isWorking: () => boolean;
  /** Whether the cloud ends nothing that it has begun. */
  readonly hold: (isHeld: boolean) => void;
}

const takesOff = async ({ step, isNext, isWorking, hold }: Flight): Promise<void> => {
  await untilIt(`what comes before ${step} is over`, isNext);
  hold(true);
  await untilIt(`the cloud works for ${step}`, isWorking);
};

/** `kubectl delete pod --grace-period=0` in flight; the cloud goes on when the next attempt has come. */
const podVanishes = async (world: World, run: Promise<string>, flight: Flight): Promise<void> => {
  const { step, hold } = flight;
  await takesOff(flight);
  const workflow = await run;
  const pod = await startedPod(world.kube, namespace, { workflow, step });
  await deletePod(world, pod);
  const next = await startedPod(world.kube, namespace, { workflow, step, not: pod.metadata.uid });
  hold(false);
  say('o', `${workflow}: pod ${pod.metadata.uid} of ${step} deleted in flight; ${next.metadata.uid} goes on`);
};

/** What has a pod vanish, one flight after the other, and beside others. */
type Chains = readonly (readonly Flight[])[];

const backUp = async (world: World, { name }: Cloud, chains: Chains): Promise<RequestStatus> => {
  const { kube } = world;
  const request = requestBackup(kube, namespace, { name, spec: { environment: name } });
  const run = request.then(async ({ metadata }) => (await workflowOf(kube, namespace, metadata.uid)).metadata.name);
  const fly = async (chain: readonly Flight[]): Promise<void> => {
    for (const flight of chain) await podVanishes(world, run, flight);
  };
  // A backup that fails is not waited for.
  const end = request.then(() =>
    endsAs(kube, { collection: path.backups(namespace), name, seconds: 600 }, 'Succeeded'),
  );
  const [made] = await Promise.all([end, run, ...chains.map(fly)]);
  expect(made.manifest?.digest).toMatch(/^[0-9a-f]{64}$/);
  const workflow = await requireWorkflow(kube, namespace, await run);
  say('o', `${made.backupId} sealed: ${made.objects} objects, ${made.size}; ${attempts(workflow)}`);
  return made;
};

const restore = async ({ kube }: World, { name }: Cloud, id: string): Promise<void> => {
  const spec = { backup: { id }, into: name, confirm: name, objectsMode: 'mirror' } as const;
  await requestRestore(kube, namespace, { name, spec });
  const { workflow = '' } = await endsAs(kube, { collection: path.restores(namespace), name }, 'Succeeded');
  say('o', `${id} restored: ${attempts(await requireWorkflow(kube, namespace, workflow))}`);
};

/** Back, by the oracle; and no object has passed by a pod. */
const roundTrip = async (world: World, cloud: Cloud, chains: Chains): Promise<Manifest> => {
  const { kube } = world;
  await seed(cloud);
  for (const secret of cloud.secrets) await kube.create(`/api/v1/namespaces/${namespace}/secrets`, secret);
  await createEnvironment(world, namespace, cloud.name, { ...cloud.spec, restore: { allowed: true } });
  const before = await stateOf(cloud);
  cloud.place.front.reset();
  const { backupId = '', manifest } = await backUp(world, cloud, chains);
  await damage(cloud);
  const disabled = { subscriptionsDisabled: true };
  expect(differences(before, await stateOf(cloud), disabled)).not.toEqual([]);
  await restore(world, cloud, backupId);
  const after = await stateOf(cloud);
  expect(differences(before, after, disabled)).toEqual([]);
  const facts = `${after.database?.facts.length ?? 0} database facts and ${after.objects?.length ?? 0} objects`;
  const bytes = `${objects * objectBytes} bytes of objects, ${bytesOfSteps(cloud)} passed by pods`;
  say('o', `${cloud.name}: equal by the oracle: ${facts}; ${bytes}`);
  expect(bytesOfSteps(cloud)).toBeLessThan(objectBytes);
  return manifestAt(cloud, manifest?.url ?? '');
};

/** Cancelled in flight, which the cleaner gives up. */
const cancelled = async (
  { kube }: World,
  { name, place }: Cloud,
  flight: Flight & { readonly isGivenUp: () => boolean },
): Promise<void> => {
  const request = `${name}-cancelled`;
  const collection = path.backups(namespace);
  const before = await place.capture(buckets.storage);
  await requestBackup(kube, namespace, { name: request, spec: { environment: name, components: ['database'] } });
  await takesOff(flight);
  await kube.patch(`${collection}/${request}`, { spec: { cancel: true } });
  await untilIt(`${flight.step} is given up`, flight.isGivenUp);
  flight.hold(false);
  const { workflow = '' } = await endsAs(kube, { collection, name: request }, 'Cancelled');
  expect(await place.capture(buckets.storage)).toEqual(before);
  say('o', `${request} in flight of ${flight.step}: ${attempts(await requireWorkflow(kube, namespace, workflow))}`);
};

const withServers = async (world: World, use: (servers: Servers) => Promise<void>): Promise<void> => {
  const servers = serversAt(world.cluster.hostAddress);
  try {
    await use(servers);
  } finally {
    await servers.stop();
  }
};

/** Cloud SQL exports and imports, Storage Transfer copies. */
export const withinGoogle = (world: World): Promise<void> =>
  withServers(world, async (servers) => {
    const cloud = await startGoogle(servers);
    const sql = cloud.sql.cloud;
    const { weather, operations } = sql;
    const hold = (isHeld: boolean): void => void (weather.held = isHeld);
    const isRunning = (type: string): boolean =>
      operations.some(({ operationType, status }) => operationType === type && status === 'RUNNING');
    const snapshot = { step: 'snapshot', isNext: () => true, isWorking: () => isRunning('BACKUP_VOLUME'), hold };
    const exportAfter = (snapshots: number): Flight => ({
      step: 'export',
      isNext: () => sql.counts().done['BACKUP_VOLUME'] === snapshots,
      isWorking: () => isRunning('EXPORT'),
      hold,
    });
    const { weather: transfers, operations: copies } = cloud.transfer.cloud;
    const transfer: Flight = {
      step: 'transfer',
      isNext: () => true,
      isWorking: () => copies.some(({ status }) => status === 'IN_PROGRESS'),
      hold: (isHeld) => void (transfers.held = isHeld),
    };

    const manifest = await roundTrip(world, cloud, [[snapshot, exportAfter(1)], [transfer]]);
    expect(manifest).toMatchObject({
      database: { service: 'cloudSql' },
      objectStores: [{ mover: 'storage-transfer', objectCount: objects }],
    });
    const asked = operations.map(({ operationType, status, errors }) => [operationType, status, errors]);
    expect(asked).toEqual(['IMPORT', 'EXPORT', 'BACKUP_VOLUME'].map((type) => [type, 'DONE', undefined]));
    expect(copies.map(({ status }) => status)).toEqual(['SUCCESS']);
    const snapshots = (): string[] => sql.backups.map(({ name }) => name);
    expect(snapshots()).toEqual([manifest.database.snapshotId]);

    const isGivenUp = (): boolean => operations.some(({ errors }) => errors?.[0]?.code === 'CANCELLED');
    await cancelled(world, cloud, { ...exportAfter(2), isGivenUp });
    await untilIt('the snapshot of the cancelled backup is gone', () => snapshots().length === 1);
    expect(operations.filter(({ status }) => status !== 'DONE')).toEqual([]);
    expect(cloud.violations()).toEqual([]);
    say('o', `${cloud.name}: one of each was asked for; what is left is the snapshot of the sealed backup`);
  });

/** RDS snapshots and makes a temporary server, S3 copies. */
export const withinAmazon = (world: World): Promise<void> =>
  withServers(world, async (servers) => {
    const cloud = await startAmazon(servers);
    const rds = cloud.rds.cloud;
    const hold = (isHeld: boolean): void => void (rds.weather.held = isHeld);
    const taken = (): number => rds.snapshots.filter(({ status }) => status === 'available').length;
    const snapshot = {
      step: 'snapshot',
      isNext: () => true,
      isWorking: () => rds.counts().begun.snapshots === 1,
      hold,
    };
    const dumpAfter = (snapshots: number): Flight => ({
      step: 'dump',
      isNext: () => taken() === snapshots,
      isWorking: () => rds.counts().begun.servers === snapshots,
      hold,
    });

    const manifest = await roundTrip(world, cloud, [[snapshot, dumpAfter(1)]]);
    expect(manifest).toMatchObject({
      database: { service: 'rds' },
      objectStores: [{ mover: 'copy', objectCount: objects }],
    });
    const isAlone = (): boolean => rds.counts().there.servers === 0 && rds.counts().there.snapshots === 1;
    await untilIt('the temporary server is gone', isAlone);
    expect(rds.counts().begun).toEqual({ snapshots: 1, servers: 1 });
    expect(manifest.database.snapshotId).toMatch(new RegExp(`:snapshot:${rds.snapshots[0]?.id ?? ''}$`));

    const deletions = (): number => cloud.rds.calls.filter((action) => action === 'DeleteDBInstance').length;
    const before = deletions();
    await cancelled(world, cloud, { ...dumpAfter(2), isGivenUp: () => deletions() > before });
    await untilIt('snapshot and server of the cancelled backup are gone', isAlone);
    expect(cloud.violations()).toEqual([]);
    say('o', `${cloud.name}: one of each was asked for; what is left is the snapshot of the sealed backup`);
  });
