import type { gaxios as Gaxios } from 'google-auth-library';
import { Lc2Error } from '../../core/errors.ts';
import { keyFor, parseKey } from '../runtime/google-key.ts';
import { asError, type CallAbout } from './google-error.ts';
import { failureOf } from './google-failure.ts';
import type { StorageTransferOptions } from './storage-transfer.ts';

/** Calls of the Storage Transfer API, by Google's own library for identities. docs/adr/0019 says why by nothing larger. */
export interface StorageTransferClient {
  /** The answer as JSON. Reads are tried again, everything else is asked once. */
  call(ask: Ask, about: CallAbout): Promise<unknown>;
}

export interface Ask {
  readonly method: 'GET' | 'POST';
  /** Below the root, with its query. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  /** In place of the step's own. */
  readonly signal?: AbortSignal;
}

type Send = (request: Gaxios.GaxiosOptions) => Promise<{ readonly data: unknown }>;

const scopes = ['https://www.googleapis.com/auth/cloud-platform'];
const timeout = 60_000;

export const openTransferClient = ({ spec, secrets, signal }: StorageTransferOptions): StorageTransferClient => {
  const where = `Storage Transfer of ${spec.project}`;
  const key = keyFor(spec.endpoint, secrets);
  const root = `${(spec.endpoint ?? 'https://storagetransfer.googleapis.com').replace(/\/+$/, '')}/v1/`;
  let opening: Promise<Send> | undefined;
  let reached = false;
  return {
    call: async ({ method, path, body, signal: own = signal }, about) => {
      const send = await (opening ??= openSend(root, key));
      const data = body === undefined ? {} : { data: body };
      try {
        const answer = await send({
          url: `${root}${path}`,
          method,
          signal: own,
          timeout,
          retry: method === 'GET',
          ...data,
        });
        reached = true;
        return answer.data;
      } catch (error) {
        if (error instanceof Lc2Error) throw error;
        own.throwIfAborted();
        throw asError(failureOf(error), { ...about, where, reached, cause: error });
      }
    },
  };
};

const openSend = async (root: string, key: string): Promise<Send> => {
  const { gaxios, GoogleAuth } = await import('./storage-transfer-sdk.ts');
  // A token never travels over plain http; there nobody is named, which Google refuses.
  if (root.startsWith('http://')) return (request) => gaxios.request(request);
  const auth = new GoogleAuth({
    scopes,
    ...(key === '' ? {} : { credentials: parseKey(key) as Record<string, string> }),
  });
  return (request) => auth.request(request);
};
