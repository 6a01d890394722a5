import { z } from 'zod';
import { profileNames } from '../profiles/index.ts';
import { type ServiceName, serviceNames, services } from '../services/index.ts';
import { storeNames, stores } from '../stores/index.ts';
import { credentials, duration, labelKey, labelName, plainText, projectId, storeName, withRules } from './common.ts';
import { conditionSchema } from './conditions.ts';
import { estimateShape } from './estimate.ts';
import { immutability } from './immutability.ts';
import { type Location, locationShape } from './location.ts';
import { storageTransfer } from './storage-transfer.ts';

export const moverNames = ['copy', 'rclone', 'storage-transfer', 'stream'] as const;
export type MoverName = (typeof moverNames)[number];

const excludeRule = plainText(1024).min(1);

const objectStore = z.strictObject({
  name: withRules(storeName, [
    { rule: "self != 'database'", message: 'the name database is reserved', check: (name) => name !== 'database' },
  ]).describe('Name of the component, as documentLibrary.'),
  ...locationShape,
  excludeGeneratedFiles: z.boolean().default(false).describe('Leave out what the profile says can be generated again.'),
  exclude: z
    .array(excludeRule)
    .max(200)
    .default([])
    .describe(
      'Prefixes, or globs: * within a segment, ** across segments, ? one character. A backslash makes them literal.',
    ),
  mover: z
    .enum(['auto', ...moverNames])
    .default('auto')
    .describe('Who moves the objects; auto picks by what both ends can do.'),
  storageTransfer: storageTransfer.optional(),
  versions: z
    .enum(['newest', 'atPoint'])
    .default('newest')
    .describe(
      'newest: objects as they are when they are copied; atPoint: as they were at the point of the databases, out of a bucket that keeps versions.',
    ),
});

const database = withRules(
  z.strictObject({
    server: services.server.schema.optional(),
    cloudSql: services.cloudSql.schema.optional(),
    rds: services.rds.schema.optional(),
    azureFlexibleServer: services.azureFlexibleServer.schema.optional(),
    credentials: credentials.optional(),
  } satisfies Record<ServiceName | 'credentials', z.ZodType>),
  [
    {
      rule: `${serviceNames.map((name) => `(has(self.${name}) ? 1 : 0)`).join(' + ')} == 1`,
      message: `exactly one service must be given: ${serviceNames.join(' or ')}`,
      check: (value) => serviceNames.filter((name) => value[name] !== undefined).length === 1,
    },
  ],
);

/** Another place of sealed backups. */
const copyPlace = z.strictObject({
  name: labelName.describe('Of this copy, in records and messages.'),
  ...locationShape,
});
export type CopySpec = z.output<typeof copyPlace>;

const storage = z.strictObject({
  ...locationShape,
  adopt: z.boolean().default(false).describe('Take over a storage that another installation owned.'),
  immutability: immutability.optional(),
  copies: z
    .array(copyPlace)
    .max(5)
    .default([])
    .describe('Other places (region, account, cloud) that each sealed backup is copied to, whole.')
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
});

/** Of stores that can lock objects, as urls begin. */
const locking = storeNames.filter((name) => stores[name].locks).map((name) => `${stores[name].scheme}://`);

/** Of stores that tell what was current when. */
const versioned = storeNames.filter((name) => stores[name].versions).map((name) => `${stores[name].scheme}://`);

const toleration = z.strictObject({
  key: plainText(317).optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: plainText(63).optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.int().min(0).max(2_147_483_647).optional(),
});

/** Parts of rules in the API server's language, of a location by its name there. */
const celSecret = (of: string): string => `(has(${of}.credentials) ? ${of}.credentials.secretName : '')`;
const celEndpoint = (of: string): string => `(has(${of}.endpoint) ? ${of}.endpoint : '')`;
const celFolder = (of: string): string => `(${of}.url.endsWith('/') ? ${of}.url : ${of}.url + '/')`;

const celApart = (a: string, b: string): string =>
  `(${celEndpoint(a)} != ${celEndpoint(b)} || ` +
  `!(${celFolder(a)}.startsWith(${celFolder(b)}) || ${celFolder(b)}.startsWith(${celFolder(a)})))`;

/** A backup that copies itself has no end. */
export const overlap = (a: Pick<Location, 'url' | 'endpoint'>, b: Pick<Location, 'url' | 'endpoint'>): boolean => {
  const [first, second] = [`${a.url.replace(/\/+$/, '')}/`, `${b.url.replace(/\/+$/, '')}/`];
  return a.endpoint === b.endpoint && (first.startsWith(second) || second.startsWith(first));
};

export const backupEnvironmentSpec = withRules(
  z.strictObject({
    projectId: projectId.describe('Groups environments; part of every backup id.'),
    profile: z.enum(profileNames).default('generic').describe('The application, for what it generates by itself.'),
    database: database.optional(),
    objectStores: z
      .array(objectStore)
      .max(20)
      .default([])
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
    storage: storage.describe('Where the backups of this environment are kept.'),
    verification: z
      .strictObject({
        objects: z
          .enum(['auto', 'listed', 'sampled', 'full'])
          .default('auto')
          .describe('How copied objects are checked; auto: listed where the store reports checksums, else full.'),
      })
      .prefault({}),
    restore: z
      .strictObject({
        allowed: z
          .boolean()
          .default(true)
          .describe('Whether a restore may write into this environment; it must be confirmed by name in any case.'),
        keepPrevious: duration.default('7d').describe('How long the replaced databases are kept.'),
        estimate: estimateShape.prefault({}),
      })
      .prefault({}),
    scheduling: z
      .strictObject({
        nodeSelector: z.record(labelKey, plainText(63)).default({}),
        tolerations: z.array(toleration).max(20).default([]),
        deadline: duration.default('24h').describe('After this time a step is ended.'),
      })
      .prefault({}),
  }),
  [
    {
      rule: 'self.objectStores.all(a, self.objectStores.exists_one(b, b.name == a.name))',
      message: 'objectStores must have different names',
      check: (spec) => new Set(spec.objectStores.map((store) => store.name)).size === spec.objectStores.length,
    },
    {
      rule: `self.objectStores.all(a, self.objectStores.all(b, ${celSecret('a')} == ${celSecret('b')}))`,
      message: 'all objectStores must use the same Secret',
      check: (spec) => new Set(spec.objectStores.map((store) => store.credentials?.secretName)).size <= 1,
    },
    {
      rule: `self.objectStores.all(a, ${celApart('a', 'self.storage')})`,
      message: 'storage and objectStores must not lie within each other',
      check: (spec) => spec.objectStores.every((store) => !overlap(store, spec.storage)),
    },
    {
      rule:
        `self.objectStores.all(a, has(a.storageTransfer) ? (a.mover == 'auto' || a.mover == 'storage-transfer') && ` +
        `a.url.startsWith('gs://') && self.storage.url.startsWith('gs://') : a.mover != 'storage-transfer')`,
      message: 'mover storage-transfer and storageTransfer go together, within gs:// only',
      check: ({ objectStores, storage: { url: to } }) =>
        objectStores.every(({ storageTransfer: given, mover, url: from }) =>
          given === undefined
            ? mover !== 'storage-transfer'
            : ['auto', 'storage-transfer'].includes(mover) && [from, to].every((each) => each.startsWith('gs://')),
        ),
    },
    {
      rule: `self.objectStores.all(a, a.versions != 'atPoint' || ${versioned.map((start) => `a.url.startsWith('${start}')`).join(' || ')})`,
      message: `versions: atPoint needs a store that tells which version was current: ${versioned.join(', ')}`,
      check: ({ objectStores }) =>
        objectStores.every(
          ({ versions, url }) => versions !== 'atPoint' || versioned.some((start) => url.startsWith(start)),
        ),
    },
    {
      rule: `self.storage.copies.all(a, self.storage.copies.all(b, ${celSecret('a')} == ${celSecret('b')}))`,
      message: 'all storage.copies must use the same Secret',
      check: ({ storage: { copies } }) => new Set(copies.map(({ credentials: of }) => of?.secretName)).size <= 1,
    },
    {
      rule: `self.storage.copies.all(a, self.storage.copies.exists_one(b, b.name == a.name))`,
      message: 'storage.copies must have different names',
      check: ({ storage: { copies } }) => new Set(copies.map(({ name }) => name)).size === copies.length,
    },
    {
      rule:
        `self.storage.copies.all(a, ${celApart('a', 'self.storage')} && self.objectStores.all(b, ${celApart('a', 'b')}) && ` +
        `self.storage.copies.all(b, a.name == b.name || ${celApart('a', 'b')}))`,
      message: 'storage.copies must not lie within each other, the storage or an object store',
      check: ({ storage: { copies, ...kept }, objectStores }) =>
        copies.every((a) =>
          [kept, ...objectStores, ...copies.filter(({ name }) => name !== a.name)].every((b) => !overlap(a, b)),
        ),
    },
    {
      rule:
        '!has(self.storage.immutability) || ' +
        locking.map((start) => `self.storage.url.startsWith('${start}')`).join(' || '),
      message: `storage.immutability needs a store that can lock objects: ${locking.join(', ')}`,
      check: ({ storage: { immutability: asked, url } }) =>
        asked === undefined || locking.some((start) => url.startsWith(start)),
    },
    {
      rule:
        `!has(self.database) || !has(self.database.cloudSql) || self.database.cloudSql.method != 'export' || ` +
        services.cloudSql.exchange.map((scheme) => `self.storage.url.startsWith('${scheme}://')`).join(' || '),
      message: 'Cloud SQL exports into gs:// only: set database.cloudSql.method to dump, or give a storage in gs://',
      check: ({ database: given, storage: { url } }) =>
        given?.cloudSql?.method !== 'export' ||
        services.cloudSql.exchange.some((scheme) => url.startsWith(`${scheme}://`)),
    },
  ],
);

export type EnvironmentSpec = z.output<typeof backupEnvironmentSpec>;
export type ObjectStoreSpec = EnvironmentSpec['objectStores'][number];

export const backupEnvironmentStatus = z.strictObject({
  observedGeneration: z.int().optional(),
  service: z.string().max(63).optional(),
  ready: z.string().max(10).optional(),
  lastBackupId: z.string().max(200).optional(),
  lastBackupTime: z.iso.datetime({ offset: true }).optional(),
  verified: z.string().max(64).optional().describe('Level of the last good backup’s verification.'),
  conditions: z
    .array(conditionSchema)
    .max(10)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
});
export type EnvironmentStatus = z.output<typeof backupEnvironmentStatus>;

export const environmentName = labelName;
