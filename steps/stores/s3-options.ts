import type { Location } from '../../core/api/location.ts';
import type { StoreTuning } from './store-options.ts';

/** What an S3 service is called with, by the SDK and without it. */
export interface ClientOptions {
  readonly location: Location;
  readonly secrets: Readonly<Record<string, string>>;
  readonly tuning?: StoreTuning;
}

/** Enough for every worker of a mover with some to spare for listings. */
export const sockets = 80;

/** Keys of the Secret, if it has any. Its files often end with a newline that is not part of the key. */
export const keysOf = (secrets: ClientOptions['secrets']) => {
  const accessKeyId = secrets['accessKeyId']?.trim();
  const sessionToken = secrets['sessionToken']?.trim();
  if (accessKeyId === undefined) return undefined;
  return {
    accessKeyId,
    secretAccessKey: secrets['secretAccessKey']?.trim() ?? '',
    ...(sessionToken !== undefined && sessionToken !== '' && { sessionToken }),
  };
};
