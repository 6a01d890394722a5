// What one worker kills in, in a cloud: a PostgreSQL server of its own, the fakes that work with it, and fronts before all
// that the product asks. It lasts until a case fails in it.
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { archivingTo } from '../../support/azure.ts';
import { createLab, environmentDocument, type Lab } from '../../support/lab.ts';
import { startPostgres } from '../../support/postgres.ts';
import { ownFolder } from '../../support/postgres-programs.ts';
import type { S3Server } from '../../support/s3-servers.ts';
import { type Cloud, type CloudName, type CloudScene, startCloud } from './clouds.ts';
import { type DatabaseSide, databaseSide } from './database-side.ts';
import type { Ground } from './hunt.ts';
import type { Place } from './place.ts';
import type { Keeper } from './scene.ts';
import { keeper } from './world.ts';

export interface CloudWorld extends Ground, DatabaseSide, Keeper {
  readonly lab: Lab;
  readonly cloud: Cloud;
  /** An environment of this world; returns its file. */
  environment(name: string, parts: CloudEnvironment): Promise<string>;
  /** Resolves when nothing works any more for the product; throws when something never ends. */
  idle(): Promise<void>;
  remove(): Promise<void>;
}

interface CloudEnvironment {
  readonly scene: CloudScene;
  readonly databases: readonly string[];
  readonly library: Place | undefined;
  readonly storage: Place;
}

let worlds = 0;

interface CloudWorldOptions {
  readonly name: CloudName;
  /** Of S3. */
  readonly server: S3Server;
}

export const createCloudWorld = async ({ name, server }: CloudWorldOptions): Promise<CloudWorld> => {
  const number = worlds++;
  const archive = await ownFolder('lc2-archive-');
  const { settings, hba } = archivingTo(archive);
  const more = { shared_buffers: '16MB', max_connections: '40' };
  const [postgres, lab] = await Promise.all([
    startPostgres({ hba, settings: name === 'azure' ? { ...more, ...settings } : more }),
    createLab(),
  ]);
  const cloud = await startCloud(name, { postgres: { server: postgres, archive }, s3: server, number });
  const side = databaseSide(postgres, lab);
  return {
    lab,
    cloud,
    ...side,
    environment: (file, { scene, databases, library, storage }) => {
      const database = cloud.database(scene, databases);
      const place = library?.spec;
      const spec = {
        ...(database && { database }),
        ...(place && { objectStores: [{ name: 'documents', ...place, ...cloud.store(scene) }] }),
        storage: storage.spec,
      };
      return lab.write(`${file}.yaml`, [environmentDocument('prd', spec), ...cloud.secrets]);
    },
    start: (args) => lab.start(args, cloud.env),
    set: (trap) => {
      for (const front of cloud.fronts) front.set(trap);
    },
    release: async () => {
      for (const front of cloud.fronts) await front.release();
    },
    idle: async () => {
      await waitUntilNone(() => cloud.running());
      await side.quiet();
    },
    once: keeper(),
    remove: async () => {
      await cloud.stop();
      await postgres.stop();
      await lab.remove();
      await rm(archive, { recursive: true, force: true, maxRetries: 5 });
    },
  };
};

const patience = 30_000;

/** Waits until nothing is left; says what still is. */
const waitUntilNone = async (look: () => readonly string[]): Promise<void> => {
  for (const deadline = Date.now() + patience; ; await sleep(20)) {
    const left = look();
    if (left.length === 0) return;
    if (Date.now() > deadline) throw new Error(`left in the cloud: ${left.join(', ')}`);
  }
};
