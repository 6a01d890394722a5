import { Lc2Error } from '../../core/errors.ts';
import type {
  Database,
  DatabaseProperties,
  LoadOrder,
  PreviousDatabase,
  RestoreMark,
  RowCounts,
} from '../../core/ports/database.ts';

/** A database server in memory: a dump is the JSON of its tables. Enough for what steps promise around a database. */
export interface MemoryDatabase extends Database {
  /** Rows of each table, by database. */
  readonly live: Map<string, RowCounts>;
  readonly temporary: Map<string, RowCounts>;
  readonly calls: readonly string[];
  readonly log: { position: string };
}

const properties: DatabaseProperties = {
  owner: 'liferay',
  encoding: 'UTF8',
  collate: 'C',
  ctype: 'C',
  connectionLimit: -1,
  settings: [],
  extensions: [],
  roles: [],
  bytes: 100,
};

const textOf = async (bytes: AsyncIterable<Uint8Array>): Promise<string> => {
  let text = '';
  for await (const chunk of bytes) text += Buffer.from(chunk).toString('utf8');
  return text;
};

const parseDump = (text: string): RowCounts => {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === 'object')
      return Object.fromEntries(Object.entries(value).map(([table, rows]) => [table, Number(rows)]));
  } catch (cause) {
    throw new Lc2Error('BACKUP_DAMAGED', 'the dump cannot be read', { where: 'dump', cause });
  }
  throw new Lc2Error('BACKUP_DAMAGED', 'the dump is no dump', { where: 'dump' });
};

async function* bytesOf(text: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(Buffer.from(text));
}

export const createMemoryDatabase = (databases: Readonly<Record<string, RowCounts>>): MemoryDatabase => {
  const live = new Map(Object.entries(databases));
  const temporary = new Map<string, RowCounts>();
  const kept: PreviousDatabase[] = [];
  const calls: string[] = [];
  const log = { position: '0/5' };
  const called = (call: string): void => void calls.push(call);
  const nameOf = (order: LoadOrder, { restoreId }: RestoreMark): string => `${order.as}_restore_${restoreId}`;
  return {
    live,
    temporary,
    calls,
    log,
    inspect: () =>
      Promise.resolve({
        version: '15.6',
        major: 15,
        systemId: '42',
        standby: false,
        now: '2025-11-09T14:30:00Z',
        position: log.position,
        databases: [...live.keys()].map((name) => ({ name, bytes: 100 })),
      }),
    reaches: (position) => Promise.resolve(position <= log.position),
    problems: () => Promise.resolve([]),
    withPoints: (names, use) => {
      called('points');
      return use(names.map((database) => ({ database, time: '2025-11-09T14:30:01Z', snapshot: 's', properties })));
    },
    dump: ({ database }) => {
      called(`dump ${database}`);
      return bytesOf(JSON.stringify(live.get(database) ?? {}));
    },
    globals: () => bytesOf('-- roles'),
    readDump: async (stored) => parseDump(await textOf(stored)),
    extract: () => bytesOf(''),
    previewLoad: (orders) =>
      Promise.resolve({
        problems: [],
        sessions: [],
        databases: orders.map(({ database, as }) => ({ database, as, exists: live.has(as), bytesNeeded: 1 })),
        replicationSlots: [],
        publications: [],
        subscriptions: [],
      }),
    load: async (order, dump, mark) => {
      called(`load ${order.as}`);
      temporary.set(nameOf(order, mark), parseDump(await textOf(await dump.bytes())));
      return { name: nameOf(order, mark) };
    },
    countRows: (name) => Promise.resolve({ rows: temporary.get(name) ?? live.get(name) ?? {}, partial: [] }),
    commit: (orders, mark) => {
      called('commit');
      for (const order of orders) {
        const loaded = temporary.get(nameOf(order, mark));
        if (!loaded) continue;
        temporary.delete(nameOf(order, mark));
        kept.push({ database: order.as, previous: `${order.as}_before_${mark.restoreId}`, restoreId: mark.restoreId });
        live.set(order.as, loaded);
      }
      return Promise.resolve(kept);
    },
    previous: () => Promise.resolve(kept),
    swapBack: () => Promise.resolve(),
    dropPrevious: () => Promise.resolve(),
    sweep: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
};
