import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Location } from '../../core/api/location.ts';
import type { Counts, Latency } from './memory-s3.ts';

const program = fileURLToPath(new URL('memory-s3.ts', import.meta.url));

export interface MemoryS3 {
  readonly pid: number;
  readonly endpoint: string;
  readonly secrets: Readonly<Record<string, string>>;
  readonly at: (bucket: string) => Location;
  /** Objects number `from` to `to - 1`, of so many bytes each. */
  readonly fill: (
    bucket: string,
    what: { from: number; to: number; bytes: number; prefix?: string; folders?: number },
  ) => Promise<void>;
  readonly drop: (bucket: string) => Promise<void>;
  /** What was asked since the last time. */
  readonly counts: () => Promise<Counts>;
  readonly stop: () => Promise<void>;
}

const portOf = (message: unknown): number => {
  if (typeof message !== 'number') throw new Error('the stand-in did not tell its port');
  return message;
};

/** The stand-in of memory-s3.ts in a process of its own: what it costs is not the clients'. */
export const startMemoryS3 = async (latency: Latency = {}): Promise<MemoryS3> => {
  const child = fork(program, [JSON.stringify(latency)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(portOf(message)));
    child.once('exit', () => reject(new Error('the stand-in ended')));
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const ask = async (path: string, query: Readonly<Record<string, string>> = {}): Promise<Counts> => {
    const answer = await fetch(`${endpoint}/-/${path}?${new URLSearchParams(query).toString()}`);
    return JSON.parse(await answer.text());
  };
  return {
    pid: child.pid ?? 0,
    endpoint,
    secrets: { accessKeyId: 'bench', secretAccessKey: 'bench-secret' },
    at: (bucket) => ({ url: `s3://${bucket}`, endpoint, region: 'us-east-1', pathStyle: true }),
    fill: async (bucket, { from, to, bytes, prefix = '', folders = 97 }) => {
      const numbers = { from: String(from), to: String(to), bytes: String(bytes), folders: String(folders) };
      await ask('fill', { bucket, prefix, ...numbers });
    },
    drop: async (bucket) => void (await ask('drop', { bucket })),
    counts: () => ask('counts'),
    stop: async () => {
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.disconnect();
      await gone;
    },
  };
};
