import { Lc2Error } from '../core/errors.ts';
import { missingSecretKey, tryParseUrl } from '../core/stores/index.ts';
import { openDatabase } from './engines/index.ts';
import { openMover } from './movers/index.ts';
import type { Adapters } from './runtime/context.ts';
import { openService, openTransfer } from './services/index.ts';
import { openStore } from './stores/index.ts';

/** Wires the adapters to one signal: every call of theirs ends when it fires. */
export const createAdapters = (signal: AbortSignal, env: Readonly<Record<string, string | undefined>>): Adapters => ({
  openStore: (at) => {
    requireKeys(at.location.url, at.secrets);
    return openStore({ ...at, signal });
  },
  openMover: (name, ends) => openMover(name, { ...ends, signal }),
  openDatabase: (environment, secrets) => openDatabase({ environment, secrets, signal, env }),
  openService: (environment, secrets) => openService({ environment, secrets, signal }),
  openTransfer: (spec, secrets) => openTransfer({ spec, secrets, signal }),
});

/** Half a key pair is a mistake in the Secret, not a wish for the SDK's default chain. */
const requireKeys = (url: string, secrets: Readonly<Record<string, string>>): void => {
  const store = tryParseUrl(url)?.store;
  const key = store === undefined ? undefined : missingSecretKey(store, secrets);
  if (key !== undefined) throw new Lc2Error('SECRET_MISSING', `the Secret has no ${key}`, { where: url });
};
