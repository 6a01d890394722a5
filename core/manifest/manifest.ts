import { z } from 'zod';
import { storeName } from '../api/common.ts';
import { Lc2Error } from '../errors.ts';
import { canonical, type Json } from './canonical.ts';
import { contradictionIn } from './contradictions.ts';

/** manifest.json: written once and last. No manifest, no backup. */

export const manifestVersion = '2.0';

const count = z.int().min(0);
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const storageKey = z.string().min(1).max(1024);

export const filePart = z.object({ key: storageKey, digest, size: count });
export const inventoryPart = filePart.extend({ first: z.string(), last: z.string(), objects: count, bytes: count });
export type InventoryPart = z.output<typeof inventoryPart>;

const properties = z.object({
  owner: z.string(),
  encoding: z.string(),
  collate: z.string(),
  ctype: z.string(),
  localeProvider: z.string().optional(),
  locale: z.string().optional(),
  tablespace: z.string().optional().describe('Where new tables go, unless it is pg_default.'),
  connectionLimit: z.int(),
  comment: z.string().optional(),
  acl: z
    .array(
      z.object({
        grantee: z.string(),
        privilege: z.string(),
        grantable: z.boolean(),
        grantor: z.string().optional().describe('Who granted it, where that is not the owner.'),
      }),
    )
    .optional(),
  settings: z.array(z.object({ role: z.string().optional(), name: z.string(), value: z.string() })),
  extensions: z.array(z.object({ name: z.string(), version: z.string() })),
  roles: z.array(z.string()),
  bytes: count,
});

export const dumpFormats = ['custom', 'plain'] as const;
export type DumpFormat = (typeof dumpFormats)[number];

export const dumpEntry = properties.extend({
  database: z.string().min(1).max(63),
  key: storageKey,
  size: count,
  digest,
  tables: z.record(z.string(), count),
  format: z
    .enum(dumpFormats)
    .optional()
    .describe('plain: SQL in gzip, as clouds export it. Without it: of pg_dump, in zstd.'),
});
export type DumpEntry = z.output<typeof dumpEntry>;

export const objectStoreEntry = z.object({
  name: storeName,
  url: z.string(),
  objectCount: count,
  bytes: count,
  copied: z.object({ count, bytes: count }),
  excluded: z.object({ count, bytes: count, rules: z.array(z.string()) }),
  deletedSincePoint: z.object({ count, parts: z.array(filePart) }),
  inventory: z.array(inventoryPart),
  /** Earlier runs whose folders hold bytes of this inventory: they must outlive this backup. */
  references: z.array(z.string()),
  mover: z.string(),
});
export type ObjectStoreEntry = z.output<typeof objectStoreEntry>;

const body = z.object({
  version: z.string(),
  backupId: z.string().min(1),
  timestamp: z.iso.datetime({ offset: true }),
  projectId: z.string(),
  environment: z.string(),
  profile: z.string(),
  runUid: z.string(),
  creationType: z.string(),
  creator: z.object({ name: z.string(), email: z.string() }),
  components: z.array(z.string()),
  points: z.array(z.object({ database: z.string(), time: z.string(), position: z.string().optional() })),
  sizes: z.object({ database: count, objects: count, copied: count }),
  lcp: z.record(z.string(), z.string()).optional(),
  database: z
    .object({
      engine: z.string(),
      version: z.string(),
      major: z.int(),
      service: z.string(),
      snapshotId: z.string().optional(),
      snapshotLocation: z.string().optional(),
      systemId: z.string().optional(),
      globals: filePart.optional(),
      dumps: z.array(dumpEntry),
    })
    .optional(),
  objectStores: z.array(objectStoreEntry),
  verification: z.object({
    database: z.enum(['none', 'read']),
    objects: z.enum(['none', 'listed', 'sampled', 'full']),
    at: z.string(),
    estimate: z.string().optional(),
  }),
  /** What it names was locked at least so before it was sealed. */
  immutability: z.object({ until: z.iso.datetime(), mode: z.enum(['governance', 'compliance']) }).optional(),
  /** Files of this run's dead attempts: part of nothing, known, so not "extra". */
  leftovers: z.array(storageKey),
  /** The claim and the results of the steps, as they were at the seal. Backups of 0.1.0 may lack it. */
  records: z.array(filePart).optional(),
  tool: z.string(),
});

export const manifestSchema = body.extend({ digest });
export type Manifest = z.output<typeof manifestSchema>;
export type ManifestBody = z.output<typeof body>;

/** Every file that a manifest names, but for copies of objects and what is left over. */
export const filesIn = ({ records = [], database, objectStores }: ManifestBody): z.output<typeof filePart>[] => [
  ...objectStores.flatMap((store) => [...store.inventory, ...store.deletedSincePoint.parts]),
  ...(database?.dumps ?? []),
  ...(database?.globals ? [database.globals] : []),
  ...records,
];

export type Sha256 = (text: string) => string;

/** The manifest with its own digest, and the exact bytes to store. */
export const sealManifest = (unsealed: ManifestBody, sha256: Sha256): { manifest: Manifest; text: string } => {
  const plain = body.parse(unsealed);
  const manifest = { ...plain, digest: sha256(canonical(plain)) };
  return { manifest, text: canonical(manifest) };
};

/** The manifest of stored bytes. Anything but the exact bytes that were sealed is refused. */
export const parseManifest = (text: string, where: string, sha256: Sha256): Manifest => {
  const raw = parseJson(text, where);
  const version: unknown = raw['version'];
  if (typeof version !== 'string' || !/^2\.\d+$/.test(version)) {
    throw new Lc2Error('MANIFEST_VERSION', `manifest version ${JSON.stringify(version)} is unknown`, { where });
  }
  const { digest: stated, ...rest } = raw;
  if (canonical(raw) !== text)
    throw new Lc2Error('MANIFEST_INVALID', 'the manifest is not in its canonical form', { where });
  if (sha256(canonical(rest)) !== stated)
    throw new Lc2Error('MANIFEST_INVALID', 'the manifest does not match its digest', { where });
  const parsed = manifestSchema.safeParse(raw);
  if (!parsed.success)
    throw new Lc2Error('MANIFEST_INVALID', `the manifest is malformed: ${z.prettifyError(parsed.error)}`, { where });
  const contradiction = contradictionIn(parsed.data);
  if (contradiction !== undefined)
    throw new Lc2Error('MANIFEST_INVALID', `the manifest contradicts itself: ${contradiction}`, { where });
  return parsed.data;
};

const parseJson = (text: string, where: string): { [key: string]: Json } => {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as { [key: string]: Json };
  } catch (cause) {
    throw new Lc2Error('MANIFEST_INVALID', 'the manifest is not JSON (truncated?)', { where, cause });
  }
  throw new Lc2Error('MANIFEST_INVALID', 'the manifest is not a JSON object', { where });
};
