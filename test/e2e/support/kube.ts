// The API server by plain HTTP, through `kubectl proxy`: for the many small questions of a test.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { places } from '../../cluster/settings.ts';

export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly creationTimestamp: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
}

export interface Kube {
  /** Undefined when there is no such object. */
  get<T extends KubeObject>(path: string): Promise<T | undefined>;
  list<T extends KubeObject>(path: string): Promise<readonly T[]>;
  /** As it comes, a log for instance; or why it does not. */
  text(path: string): Promise<string>;
  create<T extends KubeObject>(path: string, body: object): Promise<T>;
  /** JSON merge patch. */
  patch(path: string, body: object): Promise<void>;
  /** Resolves at once; the object may live on until its finalizers are gone. */
  remove(path: string, options?: { readonly graceSeconds?: number }): Promise<void>;
  stop(): Promise<void>;
}

const kubectl = (): string => {
  const own = join(places.programs, 'kubectl');
  return existsSync(own) ? own : 'kubectl';
};

export const connectKube = async (kubeconfig: string): Promise<Kube> => {
  const child = spawn(kubectl(), ['--kubeconfig', kubeconfig, 'proxy', '--port=0', '--reject-methods=^$'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const address = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`kubectl proxy ended with ${code}`)));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const found = /127\.0\.0\.1:\d+/.exec(text)?.[0];
      if (found !== undefined) resolve(found);
    });
  });
  const call = async (method: string, path: string, body?: { readonly type: string; readonly value: object }) => {
    const response = await fetch(`http://${address}${path}`, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': body.type }, body: JSON.stringify(body.value) }),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
    return JSON.parse(text) as unknown;
  };
  return {
    text: async (path) => (await fetch(`http://${address}${path}`, { signal: AbortSignal.timeout(60_000) })).text(),
    get: async <T extends KubeObject>(path: string) => (await call('GET', path)) as T | undefined,
    list: async <T extends KubeObject>(path: string) =>
      ((await call('GET', path)) as { readonly items?: readonly T[] } | undefined)?.items ?? [],
    create: async <T extends KubeObject>(path: string, value: object) => {
      const made = await call('POST', path, { type: 'application/json', value });
      if (made === undefined) throw new Error(`POST ${path}: there is no such resource`);
      return made as T;
    },
    patch: async (path, value) => {
      await call('PATCH', path, { type: 'application/merge-patch+json', value });
    },
    remove: async (path, { graceSeconds } = {}) => {
      const value = graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds };
      await call('DELETE', path, { type: 'application/json', value });
    },
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) resolve();
        else {
          child.removeAllListeners('exit').once('exit', () => resolve());
          child.kill('SIGTERM');
        }
      }),
  };
};

/** Asks until there is an answer other than undefined; the message says what never came. */
export const until = async <T>(what: string, ask: () => Promise<T | undefined>, seconds = 240): Promise<T> => {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(250);
  }
};
