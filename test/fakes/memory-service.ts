import { Lc2Error } from '../../core/errors.ts';
import type { DatabaseService, Leftover, ServiceJob } from '../../core/ports/database-service.ts';
import type { JobResult } from '../../core/ports/job-service.ts';

/** A database service in memory, whose jobs end as they are told to. */
export interface MemoryService extends DatabaseService {
  readonly calls: readonly string[];
  /** What the next calls of `start` meet, in order; nothing: they are taken. */
  readonly starts: ('busy' | 'lost' | 'unheard' | 'denied')[];
  /** Handles of jobs that fail. */
  readonly failing: Set<string>;
  /** Snapshots and temporary servers that are there. */
  readonly made: Leftover[];
  /** What the next calls of `remove` meet, in order; nothing: it goes. */
  readonly removals: ('busy' | 'denied')[];
  /** What the next calls of `cancel` meet, in order; nothing: it has ended. */
  readonly cancels: ('running' | 'denied' | 'gone')[];
}

const identityOf = (job: ServiceJob): string => ('description' in job ? job.description : job.url);

export const createMemoryService = (): MemoryService => {
  const jobs: { readonly handle: string; readonly identity: string }[] = [];
  const calls: string[] = [];
  const starts: MemoryService['starts'] = [];
  const failing = new Set<string>();
  const made: Leftover[] = [];
  const removals: MemoryService['removals'] = [];
  const cancels: MemoryService['cancels'] = [];
  const take = (job: ServiceJob): string => {
    const handle = `operation-${jobs.length + 1}`;
    jobs.push({ handle, identity: identityOf(job) });
    if (job.kind === 'snapshot' || job.kind === 'temporary-server')
      made.push({ kind: job.kind, id: handle, description: job.description, state: 'done' });
    return handle;
  };
  return {
    calls,
    starts,
    failing,
    made,
    removals,
    cancels,
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
    wait: ({ kind }, handle): Promise<JobResult> => {
      calls.push(`wait ${handle}`);
      if (failing.has(handle)) return Promise.reject(new Lc2Error('EXPORT_FAILED', 'it failed'));
      const server = { host: handle, port: 5432 };
      return Promise.resolve({ id: handle, ...(kind.endsWith('-server') ? { server } : {}) });
    },
    cancel: (handle) => {
      calls.push(`cancel ${handle}`);
      const fate = cancels.shift();
      if (fate === 'denied') return Promise.reject(new Lc2Error('SERVICE_DENIED', 'no'));
      if (fate === 'gone') return Promise.reject(new Lc2Error('SERVICE_NOT_FOUND', 'nobody knows it'));
      return Promise.resolve(fate === undefined);
    },
    leftovers: (prefix) => Promise.resolve(made.filter(({ description }) => description.startsWith(prefix))),
    remove: ({ id }) => {
      calls.push(`remove ${id}`);
      const fate = removals.shift();
      if (fate === 'busy') return Promise.reject(new Lc2Error('SERVICE_BUSY', 'it is being made'));
      if (fate === 'denied') return Promise.reject(new Lc2Error('SERVICE_DENIED', 'no'));
      const index = made.findIndex((each) => each.id === id);
      if (index !== -1) made.splice(index, 1);
      return Promise.resolve();
    },
  };
};
