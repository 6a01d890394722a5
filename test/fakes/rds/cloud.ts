// The cloud behind the interface: what it has, what it works on, and what goes wrong.
import { setTimeout as pause } from 'node:timers/promises';
import { copyBaseBackup, startFromBaseBackup, takeBaseBackup } from '../../support/postgres-programs.ts';
import {
  type FakeCluster,
  type FakeInstance,
  type FakeServer,
  type FakeSnapshot,
  snapshotArn,
  type Tag,
} from './things.ts';

/** What goes wrong; changed by tests at any time. */
export interface Weather {
  /** Milliseconds that a snapshot, a restore and a deletion take beside the work itself. */
  slow: number;
  /** Snapshots and servers that are being made stay so while it is true. */
  held: boolean;
  /** States in which the next snapshots end, in place of available. */
  snapshots: string[];
  /** States in which the next restored servers end, in place of available. */
  restores: string[];
  quotas: { snapshots: number; instances: number };
  /** KMS keys that nobody can use. */
  disabledKeys: Set<string>;
  /** Actions of IAM that the caller lacks, as `rds:CreateDBSnapshot`. */
  missing: Set<string>;
  /** The only actions of IAM that the caller has; all without it. */
  allowed: ReadonlySet<string> | undefined;
  /** Access keys that nobody knows. */
  strangers: Set<string>;
  /** Answers in place of the interface's own, by action. */
  answers: { readonly action: string; readonly status: number; readonly code: string; times: number }[];
  /** Requests of these actions are taken, and their answers lost. */
  lost: { readonly action: string; times: number }[];
}

export const fairWeather = (): Weather => ({
  slow: 0,
  held: false,
  snapshots: [],
  restores: [],
  quotas: { snapshots: 100, instances: 40 },
  disabledKeys: new Set(),
  missing: new Set(),
  allowed: undefined,
  strangers: new Set(),
  answers: [],
  lost: [],
});

/** Refused at once, with a code of AWS. */
export class Refusal extends Error {
  readonly code: string;
  readonly status: number | undefined;
  /** Of codes that the description of the action does not have. */
  constructor(code: string, message: string, status?: number) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export interface Counts {
  /** Snapshots and servers that were ever begun. */
  readonly begun: { readonly snapshots: number; readonly servers: number };
  /** Those that are there, but for servers that were there from the beginning. */
  readonly there: { readonly snapshots: number; readonly servers: number };
}

interface Making {
  readonly id: string;
  readonly tags: readonly Tag[];
}

export interface RestoreWish extends Making {
  readonly snapshot: FakeSnapshot;
  readonly class: string | undefined;
  readonly subnetGroup: string | undefined;
  readonly securityGroups: readonly string[];
  readonly parameterGroup: string | undefined;
}

interface CopyWish extends Making {
  /** Of the snapshot. */
  readonly arn: string;
  readonly kmsKeyId: string | undefined;
}

export interface Cloud {
  readonly region: string;
  readonly weather: Weather;
  readonly instances: readonly FakeInstance[];
  readonly clusters: readonly FakeCluster[];
  readonly snapshots: readonly FakeSnapshot[];
  counts(): Counts;
  snapshot(source: FakeInstance | FakeCluster, making: Making): FakeSnapshot;
  /** A snapshot of another region, by its ARN. */
  elsewhere(arn: string): FakeSnapshot | undefined;
  copy(source: FakeSnapshot, wish: CopyWish): FakeSnapshot;
  removeSnapshot(snapshot: FakeSnapshot): void;
  restoreInstance(wish: RestoreWish): FakeInstance;
  restoreCluster(wish: RestoreWish): FakeCluster;
  addMember(cluster: FakeCluster, making: Making & { readonly class: string }): FakeInstance;
  removeInstance(instance: FakeInstance): void;
  removeCluster(cluster: FakeCluster): void;
  serverOf(instance: FakeInstance): FakeServer | undefined;
  membersOf(cluster: FakeCluster): readonly FakeInstance[];
  /** Ends what is under way, unless it is held, and what was made is gone. */
  clear(): Promise<void>;
  /** Nothing goes on after it. */
  end(): Promise<void>;
}

/** Ready within this time, when the weather is fair. */
const moment = 30;

export interface CloudOptions {
  readonly instances: readonly FakeInstance[];
  readonly clusters: readonly FakeCluster[];
  readonly region: string;
  /** Other regions, whose snapshots can be copied here. */
  readonly others: readonly Cloud[];
}

export const createCloud = ({ instances, clusters, region, others }: CloudOptions): Cloud => {
  const weather = fairWeather();
  const all = { instances: [...instances], clusters: [...clusters], snapshots: [] as FakeSnapshot[] };
  const works = new Set<Promise<void>>();
  const stops = new Set<() => Promise<void>>();
  const over = new AbortController();
  const { signal } = over;
  const begun = { snapshots: 0, servers: 0 };

  const work = (what: () => Promise<void>): void => {
    const running = what()
      .catch((error: unknown) => {
        if (!signal.aborted) throw error;
      })
      .finally(() => works.delete(running));
    works.add(running);
  };

  const takeTime = async (report: (percent: number) => void = () => undefined): Promise<void> => {
    await pause(moment, undefined, { signal });
    report(50);
    await pause(weather.slow, undefined, { signal });
    while (weather.held) await pause(20, undefined, { signal });
  };

  /** A server with what the snapshot holds. */
  const serve = async ({
    server,
    backup,
  }: FakeSnapshot): Promise<{ server: FakeServer; stop: () => Promise<void> }> => {
    if (!backup) throw new Error('a snapshot without its files');
    const copy = await startFromBaseBackup(server, await backup);
    const stop = async (): Promise<void> => {
      stops.delete(stop);
      await copy.stop();
    };
    stops.add(stop);
    return { server: { ...server, port: copy.port }, stop };
  };

  /** Server and end of what is being restored; both, since each has its own status. */
  const restore = (thing: { status: string; server: FakeServer | undefined }, wish: RestoreWish): void => {
    begun.servers++;
    wish.snapshot.restoring++;
    work(async () => {
      try {
        await takeTime();
        const end = weather.restores.shift();
        if (end !== undefined) {
          thing.status = end;
          return;
        }
        const { server, stop } = await serve(wish.snapshot);
        running.set(thing, stop);
        thing.server = server;
        thing.status = 'modifying';
      } finally {
        wish.snapshot.restoring--;
      }
      await pause(moment, undefined, { signal });
      if (thing.status === 'modifying') thing.status = 'available';
    });
  };
  const running = new Map<unknown, () => Promise<void>>();

  const remove = (thing: { status: string }, forget: () => void): void => {
    thing.status = 'deleting';
    work(async () => {
      await pause(moment + weather.slow, undefined, { signal });
      await running.get(thing)?.();
      running.delete(thing);
      forget();
    });
  };

  const assertInstances = (): void => {
    if (all.instances.length >= weather.quotas.instances)
      throw new Refusal('InstanceQuotaExceeded', 'You have reached the maximum number of DB instances.');
  };

  const settings = (wish: RestoreWish) => ({
    id: wish.id,
    status: 'creating',
    engine: wish.snapshot.engine,
    created: new Date(),
    tags: wish.tags,
    server: undefined,
    subnetGroup: wish.subnetGroup ?? 'default',
    securityGroups: wish.securityGroups.length > 0 ? wish.securityGroups : ['sg-0default'],
    parameterGroup: wish.parameterGroup ?? 'default.postgres15',
  });

  /** Of what is there when it begins, however long it takes to store. */
  const addSnapshot = (
    about: Omit<FakeSnapshot, 'backup' | 'created' | 'percent' | 'restoring'>,
    take: () => FakeSnapshot['backup'],
    after: () => void = () => undefined,
  ): FakeSnapshot => {
    if (all.snapshots.length >= weather.quotas.snapshots)
      throw new Refusal('SnapshotQuotaExceeded', 'Cannot create more than the allowed number of manual snapshots.');
    begun.snapshots++;
    const snapshot: FakeSnapshot = { ...about, created: new Date(), percent: 0, restoring: 0, backup: take() };
    all.snapshots.push(snapshot);
    work(async () => {
      try {
        await snapshot.backup;
        await takeTime((percent) => (snapshot.percent = percent));
        snapshot.status = weather.snapshots.shift() ?? 'available';
        snapshot.percent = 100;
      } finally {
        after();
      }
    });
    return snapshot;
  };

  return {
    region,
    weather,
    ...all,
    get instances() {
      return all.instances;
    },
    get clusters() {
      return all.clusters;
    },
    get snapshots() {
      return all.snapshots;
    },
    counts: () => ({
      begun: { ...begun },
      there: {
        snapshots: all.snapshots.length,
        servers:
          all.clusters.filter((each) => !clusters.includes(each)).length +
          all.instances.filter((each) => !instances.includes(each) && each.cluster === undefined).length,
      },
    }),
    snapshot: (source, { id, tags }) => {
      const server = source.server;
      if (!server) throw new Error('a server without an address');
      const before = source.status;
      const snapshot = addSnapshot(
        {
          id,
          tags,
          ofCluster: all.clusters.some((each) => each === source),
          source: source.id,
          engine: source.engine,
          server,
          kmsKeyId: source.kmsKeyId,
          copyOf: undefined,
          status: 'creating',
        },
        () => takeBaseBackup(server),
        () => {
          if (source.status === 'backing-up') source.status = before;
        },
      );
      source.status = 'backing-up';
      return snapshot;
    },
    elsewhere: (arn) =>
      others
        .flatMap((cloud) => cloud.snapshots.map((snapshot) => ({ snapshot, at: cloud.region })))
        .find(({ snapshot, at }) => snapshotArn(at, snapshot) === arn)?.snapshot,
    copy: (source, { id, tags, arn, kmsKeyId }) =>
      addSnapshot({ ...source, id, tags, kmsKeyId, copyOf: arn, status: 'copying' }, () =>
        source.backup?.then(copyBaseBackup),
      ),
    removeSnapshot: (snapshot) => {
      all.snapshots = all.snapshots.filter((each) => each !== snapshot);
      work(async () => (await snapshot.backup)?.remove());
    },
    restoreInstance: (wish) => {
      assertInstances();
      const instance: FakeInstance = { ...settings(wish), class: wish.class ?? 'db.t4g.medium' };
      all.instances.push(instance);
      restore(instance, wish);
      return instance;
    },
    restoreCluster: (wish) => {
      const cluster: FakeCluster = settings(wish);
      all.clusters.push(cluster);
      restore(cluster, wish);
      return cluster;
    },
    addMember: (cluster, { id, tags, class: size }) => {
      assertInstances();
      const { engine, subnetGroup, securityGroups } = cluster;
      const shared = { engine, subnetGroup, securityGroups, parameterGroup: 'default.aurora-postgresql15' };
      const more = { id, tags, class: size, created: new Date(), server: undefined, cluster: cluster.id };
      const member: FakeInstance = { ...shared, ...more, status: 'creating' };
      all.instances.push(member);
      work(async () => {
        await takeTime();
        member.status = weather.restores.shift() ?? 'available';
      });
      return member;
    },
    removeInstance: (instance) =>
      remove(instance, () => (all.instances = all.instances.filter((each) => each !== instance))),
    removeCluster: (cluster) => remove(cluster, () => (all.clusters = all.clusters.filter((each) => each !== cluster))),
    serverOf: ({ server, cluster }) => server ?? all.clusters.find(({ id }) => id === cluster)?.server,
    membersOf: ({ id }) => all.instances.filter(({ cluster }) => cluster === id),
    clear: async () => {
      await Promise.allSettled(works);
      for (const stop of running.values()) await stop();
      running.clear();
      for (const { backup } of all.snapshots) await (await backup)?.remove();
      Object.assign(all, { instances: [...instances], clusters: [...clusters], snapshots: [] });
    },
    end: async () => {
      over.abort();
      await Promise.allSettled(works);
      await Promise.all([...stops].map((stop) => stop()));
      await Promise.all(all.snapshots.map(async ({ backup }) => (await backup)?.remove()));
    },
  };
};
