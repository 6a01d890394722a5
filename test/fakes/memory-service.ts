import { Lc2Error } from '../../core/errors.ts';
import type { DatabaseService, ServiceJob } from '../../core/ports/database-service.ts';

/** A database service in memory, whose jobs end as they are told to. */
export interface MemoryService extends DatabaseService {
  readonly calls: readonly string[];
  /** What the next calls of `start` meet, in order; nothing: they are taken. */
  readonly starts: ('busy' | 'lost' | 'unheard' | 'denied')[];
  /** Handles of jobs that fail. */
  readonly failing: Set<string>;
}

const identityOf = (job: ServiceJob): string => (job.kind === 'snapshot' ? job.description : job.url);

export const createMemoryService = (): MemoryService => {
  const jobs: { readonly handle: string; readonly identity: string }[] = [];
  const calls: string[] = [];
  const starts: MemoryService['starts'] = [];
  const failing = new Set<string>();
  const take = (job: ServiceJob): string => {
    const handle = `operation-${jobs.length + 1}`;
    jobs.push({ handle, identity: identityOf(job) });
    return handle;
  };
  return {
    calls,
    starts,
    failing,
    problems: () => Promise.resolve([]),
    start: (job) => {
      calls.push(`start ${identityOf(job)}`);
      const fate = starts.shift();
      if (fate === 'busy') return Promise.reject(new Lc2Error('SERVICE_BUSY', 'something else runs'));
      if (fate === 'denied') return Promise.reject(new Lc2Error('SERVICE_DENIED', 'no'));
      if (fate === 'unheard') return Promise.reject(new Lc2Error('SERVICE_FAILED', 'nobody answered'));
      const handle = take(job);
      return fate === 'lost'
        ? Promise.reject(new Lc2Error('SERVICE_FAILED', 'nobody answered'))
        : Promise.resolve(handle);
    },
    find: (job) => {
      calls.push(`find ${identityOf(job)}`);
      return Promise.resolve(jobs.find(({ identity }) => identity === identityOf(job))?.handle);
    },
    wait: (_, handle) => {
      calls.push(`wait ${handle}`);
      return failing.has(handle)
        ? Promise.reject(new Lc2Error('EXPORT_FAILED', 'it failed'))
        : Promise.resolve({ id: handle });
    },
    cancel: (handle) => {
      calls.push(`cancel ${handle}`);
      return Promise.resolve();
    },
    snapshots: () => Promise.resolve([]),
    removeSnapshot: () => Promise.resolve(),
  };
};
