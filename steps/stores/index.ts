import type { ObjectStore } from '../../core/ports/object-store.ts';
import type { StoreName } from '../../core/stores/index.ts';
import { type AdapterOptions, adapterOptionsOf, type StoreOptions } from './store-options.ts';

/** The only list of adapters. An adapter, and the SDK it needs, is loaded when a location of its kind is opened. */
const adapters = {
  file: async (options) => (await import('./file.ts')).openFileStore(options),
  s3: async (options) => (await import('./s3.ts')).openS3Store(options),
  gs: async (options) => (await import('./gs.ts')).openGsStore(options),
  azblob: async (options) => (await import('./azblob.ts')).openAzblobStore(options),
} as const satisfies Record<StoreName, (options: AdapterOptions) => Promise<ObjectStore>>;

/** Opens a place of objects. Nothing is read or written yet: a place that is missing shows at the first call. */
export const openStore = async (options: StoreOptions): Promise<ObjectStore> => {
  const opened = adapterOptionsOf(options);
  return adapters[opened.parsed.store](opened);
};
