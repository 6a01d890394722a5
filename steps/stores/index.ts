import { Lc2Error } from '../../core/errors.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { type StoreName, tryParseUrl } from '../../core/stores/index.ts';
import type { AdapterOptions, StoreOptions } from './store-options.ts';

/** The only list of adapters. An adapter, and the SDK it needs, is loaded when a location of its kind is opened. */
const adapters = {
  file: async (options) => (await import('./file.ts')).openFileStore(options),
  s3: async (options) => (await import('./s3.ts')).openS3Store(options),
  gs: async (options) => (await import('./gs.ts')).openGsStore(options),
  azblob: async (options) => (await import('./azblob.ts')).openAzblobStore(options),
} as const satisfies Record<StoreName, (options: AdapterOptions) => Promise<ObjectStore>>;

/** Opens a place of objects. Nothing is read or written yet: a place that is missing shows at the first call. */
export const openStore = async (options: StoreOptions): Promise<ObjectStore> => {
  const { location, subfolder } = options;
  const parsed = tryParseUrl(location.url);
  if (parsed === undefined) throw new Lc2Error('INPUT_INVALID', 'no store knows this url', { where: location.url });
  const trimmed = location.url.replace(/\/+$/, '');
  const url = subfolder === undefined || subfolder === '' ? trimmed : `${trimmed}/${subfolder}`;
  return adapters[parsed.store]({ ...options, parsed, url });
};
