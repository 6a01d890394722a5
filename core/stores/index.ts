import { azblob } from './azblob.ts';
import { file } from './file.ts';
import { gs } from './gs.ts';
import { s3 } from './s3.ts';

export interface StoreDescriptor {
  readonly name: string;
  readonly scheme: string;
  readonly title: string;
  /** How its urls look, for whoever got one wrong. */
  readonly form: string;
  readonly pattern: RegExp;
  readonly onCluster: boolean;
  readonly contentChecksums: boolean;
  readonly metadata: boolean;
  readonly ownUploads: boolean;
  readonly serverCopy: boolean;
  readonly locks: boolean;
  /** Tells which version of an object was current at a time. */
  readonly versions: boolean;
  /**
   * What a Secret may hold: one of the sets, whole. Without any of their keys the identity of the pod counts; keys of
   * other stores do not matter, for one Secret may serve several.
   */
  readonly secretKeys: { readonly sets: readonly (readonly string[])[]; readonly optional: readonly string[] };
}

export const stores = { file, s3, gs, azblob } as const satisfies Record<string, StoreDescriptor>;

export type StoreName = keyof typeof stores;
export const storeNames = ['file', 's3', 'gs', 'azblob'] as const satisfies readonly StoreName[];

export interface ParsedUrl {
  readonly store: StoreName;
  /** Of azblob `account/container`. */
  readonly bucket: string;
  /** Without leading or trailing slash for bucket stores; the absolute path for file. */
  readonly prefix: string;
}

/** The parts of a location's url, or undefined when no store knows it. */
export const tryParseUrl = (url: string): ParsedUrl | undefined => {
  for (const store of storeNames) {
    const match = stores[store].pattern.exec(url);
    if (!match) continue;
    const [, bucket = '', rest = ''] = match;
    if (rest.split('/').some((segment) => segment === '..' || segment === '.')) return undefined;
    const trimmed = rest.replace(/\/+$/, '');
    return { store, bucket, prefix: store === 'file' ? trimmed || '/' : trimmed.replace(/^\/+/, '') };
  }
  return undefined;
};

/** The first key that a Secret lacks, where it has a part of a set and no whole one. */
export const missingSecretKey = (store: StoreName, secrets: Readonly<Record<string, string>>): string | undefined => {
  const sets: StoreDescriptor['secretKeys']['sets'] = stores[store].secretKeys.sets;
  const lacks = (key: string): boolean => (secrets[key] ?? '').trim() === '';
  if (sets.some((set) => !set.some(lacks))) return undefined;
  return sets.find((set) => !set.every(lacks))?.find(lacks);
};
