import { Lc2Error } from '../core/errors.ts';
import { openDatabase } from './engines/index.ts';
import { openMover } from './movers/index.ts';
import type { Adapters } from './runtime/context.ts';
import { openStore } from './stores/index.ts';

/** Wires the adapters to one signal: every call of theirs ends when it fires. */
export const createAdapters = (signal: AbortSignal, env: Readonly<Record<string, string | undefined>>): Adapters => ({
  openStore: (at) => openStore({ ...at, secrets: requireKeys(at.secrets), signal }),
  openMover: (name, ends) => openMover(name, { ...ends, signal }),
  openDatabase: (environment, secrets) => openDatabase({ environment, secrets, signal, env }),
});

/** Half a key pair is a mistake in the Secret, not a wish for the SDK's default chain. */
const requireKeys = (secrets: Readonly<Record<string, string>>): Readonly<Record<string, string>> => {
  const one = (secrets['accessKeyId'] ?? '') !== '';
  const other = (secrets['secretAccessKey'] ?? '') !== '';
  if (one !== other)
    throw new Lc2Error('SECRET_MISSING', `the Secret has no ${one ? 'secretAccessKey' : 'accessKeyId'}`);
  return secrets;
};
