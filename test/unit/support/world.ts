import { pino } from 'pino';
import { flows } from '../../../core/flow/index.ts';
import { completeParameters, type Environment, parseEnvironment } from '../../../core/plan/environment.ts';
import type { TransferService } from '../../../core/ports/transfer-service.ts';
import type { StepName } from '../../../core/steps/index.ts';
import { openMover } from '../../../steps/movers/index.ts';
import type { StepContext } from '../../../steps/runtime/context.ts';
import { createMemoryDatabase, type MemoryDatabase } from '../../fakes/memory-database.ts';
import { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from '../../fakes/memory-store.ts';

/** One environment whose stores, storage and server are in memory; steps run in it as they do in a pod. */
export interface World {
  readonly database: MemoryDatabase;
  readonly documents: MemoryStore;
  /** The environment's own folder of the storage. */
  readonly storage: MemoryStore;
  /** The same in `gs://elsewhere`. */
  readonly elsewhere: MemoryStore;
  readonly environment: Environment;
  context(step: StepName, options?: ContextOptions): StepContext;
}

export interface ContextOptions {
  readonly run?: string;
  readonly attempt?: string;
  readonly time?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly environment?: Environment;
}

export interface WorldOptions {
  readonly exclude?: readonly string[];
  readonly withDatabase?: boolean;
  /** What `spec.storage` says beside its url. */
  readonly storage?: Readonly<Record<string, unknown>>;
  readonly locks?: MemoryStoreOptions['locks'];
  /** Both places speak gs://, and this service copies between them. */
  readonly transfer?: (world: Pick<World, 'documents' | 'storage'>) => TransferService;
}

export const createWorld = ({
  exclude = [],
  withDatabase = true,
  transfer,
  storage: more = {},
  locks = 'enabled',
}: WorldOptions = {}): World => {
  const scheme = transfer ? 'gs' : 's3';
  const database = createMemoryDatabase(withDatabase ? { lportal: { 'public.user_': 2 } } : {});
  const documents = createMemoryStore({ url: `${scheme}://documents` });
  const backups = createMemoryStore({ url: `${scheme}://backups`, locks });
  const storage = backups.below('retail/prd');
  const others = createMemoryStore({ url: 'gs://elsewhere', locks });
  const mover = transfer ? { storageTransfer: { project: 'retail-prd', minimumObjects: 1 } } : { mover: 'stream' };
  const environment = parseEnvironment(
    {
      name: 'prd',
      spec: {
        projectId: 'retail',
        ...(withDatabase && { database: { server: { engine: 'postgresql', host: 'db' } } }),
        objectStores: [{ name: 'documents', url: documents.url, exclude, ...mover }],
        storage: { url: backups.url, ...more },
      },
    },
    'test',
  );
  const { signal } = new AbortController();
  return {
    database,
    documents,
    storage,
    elsewhere: others.below('retail/prd'),
    environment,
    context: (step, options = {}) => {
      const name = ['preview', 'load-database', 'restore-objects', 'commit', 'verify-restore'].includes(step)
        ? 'lc2-restore'
        : step === 'verify-backup'
          ? 'lc2-verify'
          : 'lc2-backup';
      const flow = flows[name];
      const into = name === 'lc2-restore' ? { into: 'prd', confirm: 'prd' } : { environment: 'prd' };
      return {
        step,
        flow,
        runUid: options.run ?? 'run-1',
        attempt: options.attempt ?? 'attempt-1',
        retries: 0,
        timestamp: new Date(options.time ?? '2025-11-09T14:30:00Z'),
        parameters: completeParameters(flow.parameters, { ...into, ...options.parameters }),
        environment: options.environment ?? environment,
        source: environment,
        secrets: { database: {}, objects: {}, storage: {}, copies: {} },
        runner: 'argo',
        outputDir: '/nowhere',
        tool: 'lc2-backup test',
        openStore: ({ location, subfolder }) => {
          const store = [documents, others].find(({ url }) => url === location.url) ?? backups;
          return Promise.resolve(subfolder === undefined ? store : store.below(subfolder));
        },
        openMover: (mover, ends) => openMover(mover, { ...ends, signal }),
        openDatabase: () => database,
        openService: () => undefined,
        openTransfer: () => {
          if (!transfer) throw new Error('this world has no transfer service');
          return transfer({ documents, storage });
        },
        signal,
        log: pino({ level: 'silent' }),
        progress: { set: () => undefined },
        clock: { now: () => new Date('2025-11-09T15:00:00Z') },
      };
    },
  };
};
