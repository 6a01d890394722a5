import type { AuthClient, GoogleAuth } from 'google-auth-library';
import { Lc2Error } from '../../core/errors.ts';
import { keyFor, keyRemedy, parseKey } from '../runtime/google-key.ts';
import type { StoreOptions } from './store-options.ts';

/** Headers that say who asks. */
export type Identity = () => Promise<Readonly<Record<string, string>>>;

const scopes = ['https://www.googleapis.com/auth/devstorage.read_write'];

/**
 * The service account of the Secret, else what Google's default chain finds (workload identity). A token never travels
 * over plain http: there nobody is named, which emulators take and Google refuses.
 */
export const createIdentity = ({ location, secrets }: Pick<StoreOptions, 'location' | 'secrets'>): Identity => {
  const key = keyFor(location.endpoint, secrets);
  if (location.endpoint?.startsWith('http://') === true) return () => Promise.resolve({});
  const account = key === '' ? undefined : accountOf(key, location.url);
  let opening: Promise<AuthClient | GoogleAuth> | undefined;
  return async () => {
    opening ??= account === undefined ? openChain() : openAccount(account);
    const client = await opening;
    try {
      return Object.fromEntries(await client.getRequestHeaders());
    } catch (error) {
      throw identityError(error, location.url);
    }
  };
};

interface Account {
  readonly client_email: string;
  readonly private_key: string;
}

const accountOf = (text: string, where: string): Account => {
  const value = parseKey(text, where);
  const parts = new Map<string, unknown>(Object.entries(typeof value === 'object' && value !== null ? value : {}));
  const [type, email, key] = ['type', 'client_email', 'private_key'].map((name) => parts.get(name));
  if (type !== 'service_account' || typeof email !== 'string' || typeof key !== 'string')
    throw new Lc2Error('SECRET_MISSING', 'credentials.json of the Secret is no service account’s key', {
      where,
      remedy: keyRemedy,
    });
  return { client_email: email, private_key: key };
};

/** Signs its own tokens: nobody else is asked for one. */
const openAccount = async ({ client_email: email, private_key: key }: Account): Promise<AuthClient> => {
  const { JWT } = await import('./gs-sdk.ts');
  const client = new JWT({ email, key, scopes });
  client.useJWTAccessWithScope = true;
  return client;
};

const openChain = async (): Promise<GoogleAuth> => {
  const { GoogleAuth } = await import('./gs-sdk.ts');
  return new GoogleAuth({ scopes });
};

/** A token that cannot be had now may be had later, except where nobody is there to give one. */
const identityError = (error: unknown, where: string): Lc2Error => {
  const status: unknown = error instanceof Error && 'status' in error ? error.status : undefined;
  const isOutage = typeof status === 'number' && (status >= 500 || status === 429);
  const what = 'Google gives no token for the identity of this process';
  // Its message may hold the key that could not be read.
  return new Lc2Error(isOutage ? 'STORE_FAILED' : 'STORE_DENIED', what, {
    where,
    ...(!isOutage && { remedy: 'give the Secret a credentials.json, or the ServiceAccount a workload identity' }),
  });
};
