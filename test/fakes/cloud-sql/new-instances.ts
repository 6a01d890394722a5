// Instances that the cloud itself makes, restores into and deletes: their addresses, their servers, and names that it keeps.
import { Refusal } from '../google/google-api.ts';
import type { Beside } from '../../support/postgres-programs.ts';
import type { FakeBackup, FakeInstance } from './instances.ts';
import { OperationFailure, restoreAt } from './work.ts';

/** What is asked for, in Google's words. */
export type InstanceWish = Readonly<Record<string, unknown>>;

export interface NewInstances {
  /** Not there yet: it is asked for. */
  make(project: string, wish: InstanceWish): FakeInstance;
  isMade(instance: FakeInstance): boolean;
  restore(instance: FakeInstance, backup: FakeBackup): Promise<void>;
  /** Its server ends. */
  stop(instance: FakeInstance): Promise<void>;
  end(): Promise<void>;
}

const refuse = (message: string): never => {
  throw new Refusal(400, 'invalid', `Invalid request: ${message}`);
};

const names = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const labelNames = /^[a-z][-_a-z0-9]{0,62}$/;
const labelValues = /^[-_a-z0-9]{0,63}$/;

const assertLabels = (labels: unknown): void => {
  for (const [name, value] of Object.entries((labels ?? {}) as Record<string, string>))
    if (!labelNames.test(name) || !labelValues.test(value)) refuse(`Invalid user label ${name}: ${value}.`);
};

export const sizeOf = (settings: Readonly<Record<string, unknown>>): number =>
  Number(settings['dataDiskSizeGb'] ?? '10');

export const createNewInstances = (): NewInstances => {
  const servers = new Map<FakeInstance, Beside>();
  const made = new Set<FakeInstance>();

  const stop = async (instance: FakeInstance): Promise<void> => {
    const server = servers.get(instance);
    servers.delete(instance);
    instance.server = undefined;
    await server?.stop();
  };

  return {
    make: (project, { name, region, databaseVersion, settings = {} }) => {
      const { activationPolicy, ...wanted } = settings as Record<string, unknown>;
      if (typeof name !== 'string' || !names.test(name)) return refuse('the name of the instance.');
      if (typeof wanted['tier'] !== 'string') return refuse('the tier is required.');
      if (`${project}:${name}`.length > 98) return refuse('the name of the instance is too long.');
      assertLabels(wanted['userLabels']);
      const host = `127.0.${1 + (process.pid % 250)}.${made.size + 2}`;
      const instance: FakeInstance = {
        project,
        name,
        server: undefined,
        authority: undefined,
        serviceAccount: `${name}@gcp-sa-cloud-sql.iam.gserviceaccount.com`,
        region: typeof region === 'string' ? region : 'us-central1',
        created: new Date(),
        addresses: [
          { type: 'PRIMARY', ipAddress: `198.51.100.${made.size + 1}` },
          { type: 'PRIVATE', ipAddress: host },
        ],
        settings: { ...wanted, settingsVersion: '1' },
        databaseVersion: typeof databaseVersion === 'string' ? databaseVersion : 'POSTGRES_18',
        state: 'PENDING_CREATE',
        activationPolicy: activationPolicy === 'NEVER' ? 'NEVER' : 'ALWAYS',
        instanceType: 'CLOUD_SQL_INSTANCE',
      };
      made.add(instance);
      return instance;
    },
    isMade: (instance) => made.has(instance),
    restore: async (instance, { contents, instance: source }) => {
      const host = instance.addresses.find(({ type }) => type === 'PRIVATE')?.ipAddress ?? '';
      if (!contents || !source.server) throw new OperationFailure('ERROR_RDBMS', 'The backup has no files.');
      await stop(instance);
      const apart = await restoreAt(host, source.server, contents);
      servers.set(instance, apart);
      instance.authority = apart.ca;
      instance.server = { ...source.server, host };
    },
    stop,
    end: async () => {
      for (const instance of servers.keys()) await stop(instance);
    },
  };
};
