import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import { differences } from '../../oracle/compare.ts';
import type { Capture } from '../../oracle/facts.ts';
import { captureS3 } from '../../oracle/objects.ts';
import { captureDatabase } from '../../oracle/database.ts';
import { runPsql } from '../../oracle/psql.ts';
import type { S3Location } from '../../oracle/s3.ts';
import { seedEverything, seedRoles } from '../../oracle/seed/everything.ts';
import { seedLiferay } from '../../oracle/seed/liferay.ts';
import { join } from 'node:path';
import { createEnvironment, place, projectId, putFolder, putObject, server } from '../support/fixture.ts';
import { say } from '../support/log.ts';
import { namespaces, restorer } from '../support/manifests.ts';
import { attempts, endsAs, path, requestBackup, requestRestore, requireWorkflow } from '../support/objects.ts';
import { buckets, type World } from '../support/world.ts';

/** An application as it would be: two databases with roles and everything, a document library. */
export interface Shop {
  readonly backupId: string;
  readonly before: { readonly lportal: Capture; readonly everything: Capture; readonly documents: Capture };
}

const prefix = 'library/';
const libraryIn = (world: World, bucket: string): S3Location => ({
  endpoint: world.s3.endpoint,
  region: 'us-east-1',
  bucket,
  prefix,
  ...world.s3.secrets,
});

const databaseNow = async (world: World, where: 'prd' | 'uat', name: string): Promise<Capture> => ({
  format: 1,
  database: await captureDatabase(world.database(where, name)),
});

const documentsNow = async (world: World, bucket: string): Promise<Capture> => ({
  format: 1,
  objects: await captureS3(libraryIn(world, bucket)),
});

const stateOf = async (world: World): Promise<Shop['before']> => ({
  lportal: await databaseNow(world, 'prd', 'lportal'),
  everything: await databaseNow(world, 'prd', 'everything'),
  documents: await documentsNow(world, buckets.documents),
});

const seed = async (world: World): Promise<void> => {
  const maintenance = world.database('prd', 'postgres');
  await runPsql(
    maintenance,
    'CREATE DATABASE lportal TEMPLATE template0;\nCREATE DATABASE everything TEMPLATE template0;',
  );
  const root = join(world.folder, 'library');
  const { objects } = await seedLiferay({ connection: world.database('prd', 'lportal'), root, files: 300 });
  await seedRoles(maintenance);
  await seedEverything(world.database('prd', 'everything'));
  await putFolder(world, root, prefix);
  say('b', `prd: databases lportal and everything, ${objects} documents`);
};

const storeOf = (world: World, bucket: string): object => ({
  name: 'documentLibrary',
  ...place(world, `s3://${bucket}/library`, 'documents'),
});

const storage = (world: World): object => place(world, `s3://${buckets.backups}`, 'backups');

const damage = async (world: World): Promise<void> => {
  await runPsql(
    world.database('prd', 'lportal'),
    `DELETE FROM public.dlfileversion WHERE fileversionid % 2 = 0; ` +
      `DROP VIEW public.document_overview; UPDATE public.user_ SET emailaddress = 'x';`,
  );
  await runPsql(world.database('prd', 'everything'), 'DROP SCHEMA app CASCADE;');
  const { objects = [] } = await documentsNow(world, buckets.documents);
  for (const [index, { key }] of objects.entries()) {
    if (index % 5 === 0) await world.s3.client.send(new DeleteObjectCommand({ Bucket: buckets.documents, Key: key }));
    if (index % 5 === 1) await putObject(world, buckets.documents, key, Buffer.from('damaged'));
  }
};

/** BackupRequest -> Succeeded -> damage -> RestoreRequest -> equal, by an oracle that shares no code with the product. */
export const backUpAndRestore = async (world: World): Promise<Shop> => {
  const { kube } = world;
  const namespace = namespaces.prd;
  await seed(world);
  await createEnvironment(world, namespace, 'prd', {
    database: {
      server: server(namespace, { databases: ['lportal', 'everything'], role: 'liferay' }),
      credentials: { secretName: 'database' },
    },
    objectStores: [storeOf(world, buckets.documents)],
    storage: storage(world),
    restore: { allowed: true },
  });
  const before = await stateOf(world);
  await requestBackup(kube, namespace, { name: 'first', spec: { environment: 'prd' } });
  const made = await endsAs(kube, { collection: path.backups(namespace), name: 'first' }, 'Succeeded');
  expect(made.manifest?.digest).toMatch(/^[0-9a-f]{64}$/);
  expect(made.components).toEqual([
    { name: 'database', state: 'Done' },
    { name: 'documentLibrary', state: 'Done' },
  ]);
  const backup = await requireWorkflow(kube, namespace, made.workflow ?? '');
  say(
    'b',
    `${made.backupId} sealed: ${made.objects} objects, ${made.size}, ${made.manifest?.digest}; ${attempts(backup)}`,
  );
  await damage(world);
  expect(differences(before.lportal, await databaseNow(world, 'prd', 'lportal'))).not.toEqual([]);
  expect(differences(before.documents, await documentsNow(world, buckets.documents))).not.toEqual([]);
  say('b', 'the oracle sees the damage: rows, a view, a schema, documents gone and changed');
  await requestRestore(kube, namespace, {
    name: 'undo',
    spec: { backup: { id: made.backupId ?? '' }, into: 'prd', confirm: 'prd', objectsMode: 'mirror' },
  });
  const restored = await endsAs(kube, { collection: path.restores(namespace), name: 'undo' }, 'Succeeded');
  say(
    'b',
    `restored ${restored.restoreId}; kept: ${restored.previous?.join(', ')}; ` +
      attempts(await requireWorkflow(kube, namespace, restored.workflow ?? '')),
  );
  const after = await stateOf(world);
  expect(differences(before.lportal, after.lportal)).toEqual([]);
  expect(differences(before.everything, after.everything, { subscriptionsDisabled: true })).toEqual([]);
  expect(differences(before.documents, after.documents)).toEqual([]);
  const facts = (after.lportal.database?.facts.length ?? 0) + (after.everything.database?.facts.length ?? 0);
  say('b', `equal by the oracle: ${facts} database facts and ${after.documents.objects?.length ?? 0} objects`);
  return { backupId: made.backupId ?? '', before };
};

const notOwned = `
SELECT 'relation ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND pg_get_userbyid(relowner) <> 'uat_app'
UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND pg_get_userbyid(proowner) <> 'uat_app'
UNION ALL SELECT 'large object ' || oid FROM pg_largeobject_metadata WHERE pg_get_userbyid(lomowner) <> 'uat_app'
UNION ALL SELECT 'database ' || datname FROM pg_database WHERE datname = current_database() AND pg_get_userbyid(datdba) <> 'uat_app'`;

/** Into another environment, whose server has other roles and whose user is no superuser. */
export const restoreElsewhere = async (world: World, shop: Shop): Promise<void> => {
  const { kube } = world;
  const namespace = namespaces.uat;
  await runPsql(
    world.database('uat', 'postgres'),
    `CREATE ROLE uat_app; CREATE ROLE ${restorer.name} LOGIN CREATEDB PASSWORD '${restorer.password.replaceAll("'", "''")}' IN ROLE uat_app;
     GRANT pg_signal_backend TO ${restorer.name};`,
  );
  await createEnvironment(world, namespace, 'prd', { storage: storage(world) });
  await createEnvironment(world, namespace, 'uat', {
    database: { server: server(namespace, { role: 'uat_app' }), credentials: { secretName: 'database' } },
    objectStores: [storeOf(world, buckets.uat)],
    storage: storage(world),
    restore: { allowed: true },
  });
  await requestRestore(kube, namespace, {
    name: 'from-prd',
    spec: {
      backup: { id: shop.backupId },
      source: 'prd',
      into: 'uat',
      confirm: 'uat',
      databases: [{ name: 'lportal' }],
    },
  });
  const restored = await endsAs(kube, { collection: path.restores(namespace), name: 'from-prd' }, 'Succeeded');
  say(
    'c',
    `${projectId}-prd restored into uat by a user who is no superuser: ` +
      attempts(await requireWorkflow(kube, namespace, restored.workflow ?? '')),
  );
  const elsewhere = { ignoreOwners: true, ignoreAcl: true };
  const database = await databaseNow(world, 'uat', 'lportal');
  const settingsOfRoles = { ...elsewhere, ignoreKinds: ['role', 'role membership', 'role setting'] };
  const found = differences(shop.before.lportal, database, settingsOfRoles);
  expect(found.filter((line) => !line.startsWith('database setting') || !line.includes('of role'))).toEqual([]);
  expect(differences(shop.before.documents, await documentsNow(world, buckets.uat))).toEqual([]);
  expect((await runPsql(world.database('uat', 'lportal'), notOwned)).trim()).toBe('');
  say('c', 'equal but for owners and grants; uat_app owns every relation, function, large object and the database');
};
