// Around every call to a cloud: just before it arrives, answered and lost, while the handle is written, while the cloud works.
import type { CloudName, CloudScene } from './clouds.ts';
import { anyOf, around, begins, http, type Row } from './points.ts';

export interface CloudSetting {
  readonly scene: CloudScene;
  readonly flow: 'backup' | 'restore';
  /** The next run comes while the cloud still works for the one that died. */
  readonly isSlow?: boolean;
}

const backup = (...all: readonly CloudScene[]): CloudSetting[] =>
  all.flatMap((scene) => {
    const quick: CloudSetting = { scene, flow: 'backup' };
    return scene === 'copy' ? [quick] : [quick, { ...quick, isSlow: true }];
  });
const restore = (...all: readonly CloudScene[]): CloudSetting[] => all.map((scene) => ({ scene, flow: 'restore' }));

type Spotter = Row<CloudSetting>['spot'];

/** A request whose body says what it is. */
const says =
  (path: RegExp, body: RegExp, most = 1): Spotter =>
  (random) => ({ at: 'http', method: 'POST', path, body, nth: random.between(1, most) });

interface Request {
  readonly method: string;
  readonly path: RegExp;
  readonly body?: RegExp;
}

/** Looks at work that goes on, once it was asked for. */
const looks =
  (spot: Request, after: RegExp): Spotter =>
  (random) => ({ at: 'http', ...spot, after, nth: random.between(1, 2) });

const looking = ['before', 'answered', 'told'] as const;

/** An object of Google's is named in what is sent, not in the path. */
const gsWrites = (key: RegExp, most?: number): Spotter => says(/^\/upload\/storage\/v1\//, key, most);

const gsOperation = { method: 'GET', path: /\/operations\/[0-9a-f-]+(\?|$)/ };
const gsTransfer = { method: 'GET', path: /\/transferOperations\// };

const gcp: readonly Row<CloudSetting>[] = [
  {
    stratum: 'snapshot: asked',
    settings: backup('cloud-sql'),
    spot: http('POST', /\/backups(\?|$)/),
    sides: around,
    victims: anyOf('snapshot'),
  },
  {
    stratum: 'export: asked',
    settings: backup('cloud-sql'),
    spot: http('POST', /\/export(\?|$)/),
    sides: around,
    victims: anyOf('export'),
  },
  {
    stratum: 'transfer: run',
    settings: backup('storage-transfer'),
    spot: http('POST', /\/transferJobs\/[^/]+:run/),
    sides: around,
    victims: anyOf('transfer'),
  },
  {
    stratum: 'import: asked',
    settings: restore('cloud-sql'),
    spot: http('POST', /\/import(\?|$)/),
    sides: around,
    victims: anyOf('load-database'),
  },
  {
    stratum: 'snapshot: handle',
    settings: backup('cloud-sql'),
    spot: gsWrites(/\/steps\/snapshot\/0001\.operation\.json"/),
    sides: around,
    victims: anyOf('snapshot'),
  },
  {
    stratum: 'export: looked at',
    settings: backup('cloud-sql'),
    spot: looks(gsOperation, /^POST \S+\/export/),
    sides: looking,
    victims: anyOf('export'),
  },
  {
    stratum: 'transfer: looked at',
    settings: backup('storage-transfer'),
    spot: looks(gsTransfer, /^POST \S+:run/),
    sides: looking,
    victims: anyOf('transfer'),
  },
  {
    stratum: 'import: looked at',
    settings: restore('cloud-sql'),
    spot: looks(gsOperation, /^POST \S+\/import/),
    sides: looking,
    victims: anyOf('load-database'),
  },
  {
    stratum: 'object: copied',
    settings: backup('copy'),
    spot: http('POST', /\/rewriteTo\//, 4),
    sides: around,
    victims: anyOf('transfer'),
  },
  {
    stratum: 'export: handle',
    settings: backup('cloud-sql'),
    spot: gsWrites(/\/steps\/export\/[^"]*\/0001\.operation\.json"/),
    sides: around,
    victims: anyOf('export'),
  },
  {
    stratum: 'transfer: job made',
    settings: backup('storage-transfer'),
    spot: http('POST', /\/transferJobs(\?|$)/),
    sides: around,
    victims: anyOf('transfer'),
  },
  {
    stratum: 'snapshot: looked at',
    settings: backup('cloud-sql'),
    spot: looks(gsOperation, /^POST \S+\/backups/),
    sides: looking,
    victims: anyOf('snapshot'),
  },
  {
    stratum: 'transfer: handle',
    settings: backup('storage-transfer'),
    spot: gsWrites(/\/steps\/transfer\/[^"]*\/0001\.operation\.json"/),
    sides: around,
    victims: anyOf('transfer'),
  },
  {
    stratum: 'import: handle',
    settings: restore('cloud-sql'),
    spot: gsWrites(/\/import\/[^"]*\/0001\.operation\.json"/),
    sides: around,
    victims: anyOf('load-database'),
  },
  {
    stratum: 'object: put back',
    settings: restore('copy'),
    spot: http('POST', /\/rewriteTo\//, 4),
    sides: around,
    victims: anyOf('restore-objects'),
  },
  {
    stratum: 'snapshot: written down',
    settings: backup('cloud-sql'),
    spot: gsWrites(/\/steps\/snapshot\/0001\.json"/),
    sides: around,
    victims: anyOf('snapshot'),
  },
  {
    stratum: 'export: written down',
    settings: backup('cloud-sql'),
    spot: gsWrites(/\/steps\/export\/[^"]*\/0001\.json"/),
    sides: around,
    victims: anyOf('export'),
  },
  {
    stratum: 'transfer: planned',
    settings: backup('storage-transfer'),
    spot: gsWrites(/\/steps\/[^"]*\/(plan\.json|list\.csv|0001\.json)"/, 3),
    sides: around,
    victims: anyOf('transfer'),
  },
  ...(['snapshot', 'export'] as const).map((step) => ({
    stratum: `record of ${step}`,
    settings: backup('cloud-sql'),
    spot: gsWrites(new RegExp(`/steps/${step}\\.json"`)),
    sides: around,
    victims: anyOf(step),
  })),
  {
    stratum: 'record of transfer',
    settings: backup('storage-transfer', 'copy'),
    spot: gsWrites(/\/steps\/transfer\.json"/),
    sides: around,
    victims: anyOf('transfer'),
  },
  {
    stratum: 'seal',
    settings: backup('cloud-sql', 'storage-transfer'),
    spot: gsWrites(/\/manifest\.json"/),
    sides: around,
    victims: anyOf('manifest'),
  },
];

/** What steps write down that have a cloud make something. */
const recordRows = (first: CloudScene, ...others: readonly CloudScene[]): Row<CloudSetting>[] =>
  (['snapshot', 'dump'] as const).flatMap((step) => [
    {
      stratum: `${step}: handle`,
      settings: backup(first, ...others),
      spot: http('PUT', new RegExp(`/steps/${step}/0001\\.operation\\.json`)),
      sides: around,
      victims: anyOf(step),
    },
    {
      stratum: `${step}: written down`,
      settings: backup(first),
      spot: http('PUT', new RegExp(`/steps/${step}/0001\\.json`)),
      sides: around,
      victims: anyOf(step),
    },
    {
      stratum: `record of ${step}`,
      settings: backup(first, ...others),
      spot: http('PUT', new RegExp(`/steps/${step}\\.json`)),
      sides: around,
      victims: anyOf(step),
    },
  ]);

const api = /^\/$/;
const snapshots = /Action=DescribeDB(Cluster)?Snapshots&/;
const servers = /Action=DescribeDB(Instances|Clusters)&/;

const aws: readonly Row<CloudSetting>[] = [
  {
    stratum: 'snapshot: asked',
    settings: backup('instance', 'cluster'),
    spot: says(api, /Action=CreateDB(Cluster)?Snapshot&/),
    sides: around,
    victims: anyOf('snapshot'),
  },
  {
    stratum: 'server: asked',
    settings: backup('instance', 'cluster'),
    spot: says(api, /Action=RestoreDB/),
    sides: around,
    victims: anyOf('dump'),
  },
  {
    stratum: 'dump of the server',
    settings: backup('instance'),
    spot: http('PUT', /\.dump\.zst(\?|$)/),
    sides: [...around, 'mid'],
    victims: anyOf('dump'),
  },
  {
    stratum: 'object: copied',
    settings: backup('copy'),
    spot: http('PUT', /\/objects\//, 4),
    sides: around,
    victims: anyOf('transfer'),
  },
  {
    stratum: 'server: deleted',
    settings: backup('instance', 'cluster'),
    spot: says(api, /Action=DeleteDB(Instance|Cluster)&/),
    sides: around,
    victims: anyOf('dump'),
  },
  {
    stratum: 'server: looked at',
    settings: backup('instance', 'cluster'),
    spot: looks({ method: 'POST', path: api, body: servers }, /Action=RestoreDB/),
    sides: looking,
    victims: anyOf('dump'),
  },
  {
    stratum: 'snapshot: looked at',
    settings: backup('instance', 'cluster'),
    spot: looks({ method: 'POST', path: api, body: snapshots }, /Action=CreateDB(Cluster)?Snapshot&/),
    sides: looking,
    victims: anyOf('snapshot'),
  },
  {
    stratum: 'object: put back',
    settings: restore('copy'),
    spot: http('PUT', /-live-copy\/.+/, 4),
    sides: around,
    victims: anyOf('restore-objects'),
  },
  {
    stratum: 'server: member asked',
    settings: backup('cluster'),
    spot: says(api, /Action=CreateDBInstance&/),
    sides: around,
    victims: anyOf('dump'),
  },
  ...recordRows('instance', 'cluster'),
  {
    stratum: 'seal',
    settings: backup('instance', 'copy'),
    spot: http('PUT', /\/manifest\.json(\?|$)/),
    sides: around,
    victims: anyOf('manifest'),
  },
];

const asksServer = /\/flexibleServers\/lc2-[^/]*\?/;
const armOperation = { method: 'GET', path: /\/azureAsyncOperation\// };

const azure: readonly Row<CloudSetting>[] = [
  ...(
    [
      ['snapshot', 'snapshot', /\/backups\/lc2-[^/]*\?/],
      ['server', 'dump', asksServer],
    ] as const
  ).flatMap(([what, step, path]): Row<CloudSetting>[] => [
    {
      stratum: `${what}: asked`,
      settings: backup('point'),
      spot: http('PUT', path),
      sides: around,
      victims: anyOf(step),
    },
    {
      stratum: `${what}: looked at`,
      settings: backup('point'),
      spot: looks(armOperation, new RegExp(`^PUT \\S+${path.source}`)),
      sides: looking,
      victims: anyOf(step),
    },
  ]),
  {
    stratum: 'server: deleted',
    settings: backup('point'),
    spot: http('DELETE', asksServer),
    sides: around,
    victims: anyOf('dump'),
  },
  ...recordRows('point'),
  {
    stratum: 'object: copied',
    settings: backup('copy'),
    spot: http('PUT', /\/objects\//, 5),
    sides: around,
    victims: anyOf('transfer'),
  },
  {
    stratum: 'object: looked at',
    settings: backup('copy'),
    spot: http('HEAD', /\/objects\//, 5),
    sides: looking,
    victims: anyOf('transfer'),
  },
  {
    stratum: 'object: put back',
    settings: restore('copy'),
    spot: http('PUT', /\/live-copy\/.+/, 8),
    sides: around,
    victims: anyOf('restore-objects'),
  },
  {
    stratum: 'object: put back, looked at',
    settings: restore('copy'),
    spot: http('HEAD', /\/live-copy\/.+/, 8),
    sides: looking,
    victims: anyOf('restore-objects'),
  },
  ...(['transfer', 'catch-up', 'verify'] as const).map((step) => ({
    stratum: `record of ${step}`,
    settings: backup('copy'),
    spot: http('PUT', new RegExp(`/steps/${step}\\.json`)),
    sides: around,
    victims: anyOf(step),
  })),
  {
    stratum: 'claim',
    settings: backup('copy'),
    spot: http('PUT', /\/run\.json/),
    sides: around,
    victims: anyOf('transfer'),
  },
  {
    stratum: 'inventory',
    settings: backup('copy'),
    spot: http('PUT', /\/(steps|inventory)\/.*\.ndjson\.zst/, 2),
    sides: around,
    victims: ['tree', 'runner'],
  },
  {
    stratum: 'seal',
    settings: backup('copy'),
    spot: http('PUT', /\/manifest\.json/),
    sides: around,
    victims: anyOf('manifest'),
  },
  {
    stratum: 'step transfer',
    settings: backup('copy'),
    spot: begins('transfer'),
    sides: ['told'],
    victims: anyOf('transfer'),
    delay: 250,
  },
];

export const cloudRows: Readonly<Record<CloudName, readonly Row<CloudSetting>[]>> = { gcp, aws, azure };
