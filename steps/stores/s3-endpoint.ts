import type { Location } from '../../core/api/location.ts';
import type { LateSdk } from './s3-sdk.ts';

/** Of a bucket: its own address, and the region that signatures name. */
export interface Endpoint {
  readonly url: URL;
  readonly region: string;
}

/** Where the SDK would ask for the bucket; undefined: it would sign in a way that only it can. */
export const endpointOf = async (
  { location, sdk }: { readonly location: Location; readonly sdk: LateSdk },
  bucket: string,
): Promise<Endpoint | undefined> => plainEndpoint(location, bucket) ?? ruledEndpoint(sdk, bucket);

/** Names with a meaning of their own to the SDK, such as directory buckets and pseudo regions, are not plain. */
const plainBucket = /^(?!.*--)[a-z0-9][-a-z0-9._]*$/;
const plainRegion = /^(?!.*(fips|global))[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** A service that is named, with the bucket in the path, leaves nothing to rules: most need no SDK for that. */
export const plainEndpoint = ({ endpoint, pathStyle, region }: Location, bucket: string): Endpoint | undefined => {
  if (endpoint === undefined || !pathStyle || !plainBucket.test(bucket) || !plainRegion.test(region)) return undefined;
  const url = URL.parse(endpoint);
  if (url === null || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
    return undefined;
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${bucket}`;
  return { url, region };
};

export const ruledEndpoint = async (sdk: LateSdk, bucket: string): Promise<Endpoint | undefined> => {
  const { config } = (await sdk.load()).client;
  const given = await config.endpoint?.();
  const { url, properties } = config.endpointProvider(
    {
      Bucket: bucket,
      Region: await config.region(),
      ForcePathStyle: config.forcePathStyle === true,
      UseFIPS: false,
      UseDualStack: false,
      Accelerate: false,
      UseGlobalEndpoint: false,
      UseArnRegion: false,
      DisableMultiRegionAccessPoints: true,
      DisableS3ExpressSessionAuth: true,
      ...(given !== undefined && { Endpoint: `${given.protocol}//${given.hostname}${portOf(given)}${given.path}` }),
    },
    {},
  );
  const schemes: unknown = properties?.['authSchemes'];
  const scheme = new Map(Object.entries(Array.isArray(schemes) ? schemes[0] : {}));
  const region: unknown = scheme.get('signingRegion');
  const isOurs = scheme.get('name') === 'sigv4' && scheme.get('signingName') === 's3' && typeof region === 'string';
  return isOurs ? { url, region } : undefined;
};

const portOf = ({ port }: { readonly port?: number | undefined }): string => (port === undefined ? '' : `:${port}`);
