import {
  BlobSASPermissions,
  BlobServiceClient,
  type ContainerClient,
  generateBlobSASQueryParameters,
  newPipeline,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { Lc2Error } from '../../core/errors.ts';
import { tryParseUrl } from '../../core/stores/index.ts';
import { entraCredential, type TokenCredential } from '../runtime/entra.ts';
import type { StoreOptions } from './store-options.ts';

export type AzblobOptions = Pick<StoreOptions, 'location' | 'secrets'>;

export interface AzblobPlace {
  readonly container: ContainerClient;
  readonly account: string;
  readonly containerName: string;
  /** What signs here, where it is a key. */
  readonly key: StorageSharedKeyCredential | undefined;
}

/** A container of an account, called once for each call: repeating is ours, for then it is known how often was asked. */
export const openContainer = (options: AzblobOptions): AzblobPlace => {
  const { location, secrets } = options;
  const [account = '', containerName = ''] = (tryParseUrl(location.url)?.bucket ?? '').split('/');
  const found = keyOf(secrets, { account, where: location.url });
  const url = location.endpoint ?? found.endpoint ?? `https://${account}.blob.core.windows.net`;
  if (found.key === undefined && url.startsWith('http://'))
    throw new Lc2Error('ENVIRONMENT_INVALID', 'an identity’s token is not sent over plain http', {
      where: url,
      remedy: 'use an https endpoint, or a Secret with accountName and accountKey',
    });
  const credential = found.key ?? workloadIdentity(location.url, process.env);
  const pipeline = newPipeline(credential, {
    retryOptions: { maxTries: 1 },
    userAgentOptions: { userAgentPrefix: 'lc2-backup' },
  });
  const service = new BlobServiceClient(url.replace(/\/+$/, ''), pipeline);
  return { container: service.getContainerClient(containerName), account, containerName, key: found.key };
};

/** The pod's own. */
export const workloadIdentity = (where: string, env: Readonly<Record<string, string | undefined>>): TokenCredential =>
  entraCredential({
    where,
    audience: 'https://storage.azure.com',
    env,
    errors: {
      denied: 'STORE_DENIED',
      failed: 'STORE_FAILED',
      remedy: 'give the Secret accountName and accountKey, or the ServiceAccount a workload identity',
    },
  });

interface Found {
  readonly key: StorageSharedKeyCredential | undefined;
  readonly endpoint: string | undefined;
}

const keyOf = (
  secrets: StoreOptions['secrets'],
  { account, where }: { readonly account: string; readonly where: string },
): Found => {
  const text = secrets['connectionString']?.trim() ?? '';
  const parts = partsOf(text);
  const own = (key: string): string => secrets[key]?.trim() ?? '';
  const [name = '', key = ''] =
    text === '' ? [own('accountName'), own('accountKey')] : [parts.get('AccountName'), parts.get('AccountKey')];
  if (name === '' || key === '') {
    if (text === '') return { key: undefined, endpoint: undefined };
    throw new Lc2Error('SECRET_MISSING', 'the connectionString has no AccountName and AccountKey', { where });
  }
  if (name !== account)
    throw new Lc2Error('ENVIRONMENT_INVALID', `the Secret is of account ${name}, the url of ${account}`, { where });
  return { key: new StorageSharedKeyCredential(name, key), endpoint: endpointOf(parts, account) };
};

/** Of a sovereign cloud, or wherever the connection string says. */
const endpointOf = (parts: ReadonlyMap<string, string>, account: string): string | undefined => {
  const suffix = parts.get('EndpointSuffix');
  return parts.get('BlobEndpoint') ?? (suffix === undefined ? undefined : `https://${account}.blob.${suffix}`);
};

/** `Name=value;Name=value`; values end with `=` where they are keys. */
const partsOf = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .trim()
      .split(';')
      .flatMap((part) => {
        const at = part.indexOf('=');
        return at > 0 ? [[part.slice(0, at).trim(), part.slice(at + 1).trim()] as const] : [];
      }),
  );

const hour = 3_600_000;

/** Url of a blob for a service that is to read it; where it stands in another account, with a word of ours for some hours. */
export const sourceUrl = (place: AzblobPlace, name: string, reader: AzblobPlace): string => {
  const { url } = place.container.getBlobClient(name);
  if (place.account === reader.account || place.key === undefined) return url;
  const now = Date.now();
  const signed = generateBlobSASQueryParameters(
    {
      containerName: place.containerName,
      blobName: name,
      permissions: BlobSASPermissions.parse('r'),
      // Clocks differ.
      startsOn: new Date(now - hour / 4),
      expiresOn: new Date(now + 24 * hour),
    },
    place.key,
  );
  return `${url}?${signed.toString()}`;
};
