import { beforeEach, describe, expect, it } from 'vitest';
import { Lc2Error } from '../../core/errors.ts';
import { parseEnvironment, tryService } from '../../core/plan/environment.ts';
import { layout } from '../../core/plan/layout.ts';
import type { Database } from '../../core/ports/database.ts';
import { dump } from '../../steps/dump.ts';
import type { StepContext } from '../../steps/runtime/context.ts';
import { snapshot } from '../../steps/snapshot.ts';
import { createMemoryService, type MemoryService } from '../fakes/memory-service.ts';
import { codeOf } from './support/streams.ts';
import { createWorld, type World } from './support/world.ts';

const stamp = '20251109-143000';
let world: World;
let service: MemoryService;
/** Hosts of the servers that were opened. */
let hosts: string[];

const environment = parseEnvironment(
  {
    name: 'prd',
    spec: {
      projectId: 'retail',
      database: { rds: { engine: 'postgresql', host: 'live', region: 'eu-central-1', instance: 'main' } },
      storage: { url: 's3://backups' },
    },
  },
  'test',
);

const contextOf = (
  step: 'snapshot' | 'dump',
  attempt = 'attempt-1',
  database: Partial<Database> = {},
): StepContext => ({
  ...world.context(step, { environment, attempt }),
  openService: () => service,
  openDatabase: (at) => {
    hosts.push(tryService(at.spec)?.spec.host ?? '');
    return { ...world.database, ...database };
  },
});

const starts = (): string[] => service.calls.filter((call) => call.startsWith('start'));
const kinds = (): string[] => service.made.map(({ kind }) => kind);

beforeEach(async () => {
  world = createWorld();
  service = createMemoryService();
  hosts = [];
  await snapshot(contextOf('snapshot'));
  hosts = [];
});

describe('a dump of a snapshot', () => {
  it('reads a server that was made out of it, which is gone then, and has its point', async () => {
    const { points, service: name } = await dump(contextOf('dump'));
    expect(hosts.at(-1)).toBe('operation-2');
    expect(name).toBe('rds');
    // By the clock of the live server, before the snapshot was asked for; not when the copy was read.
    expect(points).toEqual([{ database: 'lportal', time: '2025-11-09T14:30:00Z' }]);
    expect(kinds()).toEqual(['snapshot']);
  });

  it('leaves out what is the service’s own', () => {
    expect(tryService(environment.spec)?.spec.ignoreDatabases).toEqual(['rdsadmin']);
  });

  it('whose server does not answer yet is tried again', async () => {
    const silent = { withPoints: () => Promise.reject(new Lc2Error('DATABASE_UNREACHABLE', 'nobody answers')) };
    expect(await codeOf(() => dump(contextOf('dump', 'attempt-1', silent)))).toBe('DATABASE_FAILED');
  });

  it('that has ended is not made again: what is left of its server goes', async () => {
    service.removals.push('busy');
    expect(await codeOf(() => dump(contextOf('dump')))).toBe('SERVICE_FAILED');
    expect(kinds()).toEqual(['snapshot', 'temporary-server']);
    await dump(contextOf('dump', 'attempt-2'));
    expect(kinds()).toEqual(['snapshot']);
    expect(starts()).toHaveLength(2);
  });

  it('that fails keeps its server for the next attempt', async () => {
    const failing = { withPoints: () => Promise.reject(new Error('the connection was lost')) };
    await expect(dump(contextOf('dump', 'attempt-1', failing))).rejects.toThrow('connection was lost');
    expect(kinds()).toEqual(['snapshot', 'temporary-server']);
    await dump(contextOf('dump', 'attempt-2'));
    expect(starts()).toHaveLength(2);
    expect(kinds()).toEqual(['snapshot']);
  });

  it('that loses its server to an attempt which was quicker is that one’s', async () => {
    const overtaken: Partial<Database> = {
      withPoints: async () => {
        await dump(contextOf('dump', 'attempt-2'));
        throw new Error('the server is gone');
      },
    };
    const first = await dump(contextOf('dump', 'attempt-1', overtaken));
    expect(first.dumps[0]?.key).toContain('attempt-2');
    expect(world.storage.text(layout.step(stamp, 'dump'))).toContain('attempt-2');
    expect(starts()).toHaveLength(2);
  });
});
