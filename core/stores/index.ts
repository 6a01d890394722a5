import { file } from './file.ts';
import { s3 } from './s3.ts';

export interface StoreDescriptor {
  readonly name: string;
  readonly scheme: string;
  readonly title: string;
  readonly pattern: RegExp;
  readonly onCluster: boolean;
  readonly contentChecksums: boolean;
  readonly metadata: boolean;
  readonly ownUploads: boolean;
  readonly serverCopy: boolean;
  readonly secretKeys: { readonly required: readonly string[]; readonly optional: readonly string[] };
}

export const stores = { file, s3 } as const satisfies Record<string, StoreDescriptor>;

export type StoreName = keyof typeof stores;
export const storeNames = ['file', 's3'] as const satisfies readonly StoreName[];

export interface ParsedUrl {
  readonly store: StoreName;
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
