import { spawn } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Client } from 'pg';
import { parseEnvironment } from '../../core/plan/environment.ts';
import { openDatabase } from '../../steps/engines/index.ts';
import { openStore } from '../../steps/stores/index.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { median, type Row } from './table.ts';

const rows = 400_000;
const rounds = 3;

const fill = async (server: PostgresServer): Promise<void> => {
  const { host, port, superuser: user, password } = server;
  const client = new Client({ host, port, user, password, database: 'postgres' });
  await client.connect();
  await client.query(`CREATE TABLE entry AS SELECT i AS id, md5(i::text) || repeat(md5((i % 1000)::text), 4) AS title,
    now() + i * interval '1 second' AS changed, (i * 37 % 1000)::numeric / 10 AS weight FROM generate_series(1, ${rows}) i`);
  await client.query('CHECKPOINT');
  await client.end();
};

/** Our dump with digest and upload into a folder, in turns with `pg_dump -Fc | gzip` into a file. */
export const benchDump = async (): Promise<Row[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-bench-dump-'));
  const server = await startPostgres();
  try {
    await fill(server);
    const ours: number[] = [];
    const other: number[] = [];
    const sizes = { ours: 0, other: 0 };
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      sizes.ours = await dumpOurs(server, folder, `${round}.dump.zst`);
      const middle = performance.now();
      sizes.other = await dumpPlain(server, join(folder, `${round}.dump.gz`));
      ours.push((middle - start) / 1000);
      other.push((performance.now() - middle) / 1000);
    }
    const mebibytes = (bytes: number): number => bytes / 1024 / 1024;
    return [
      {
        bench: 'dump incl. upload beside pg_dump -Fc | gzip',
        ours: median(ours),
        other: median(other),
        unit: 's',
        goal: 1,
      },
      { bench: 'size of that dump', ours: mebibytes(sizes.ours), other: mebibytes(sizes.other), unit: 'MiB' },
    ];
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
};

const dumpOurs = async (server: PostgresServer, folder: string, key: string): Promise<number> => {
  const { signal } = new AbortController();
  const { host, port } = server;
  const database = { server: { engine: 'postgresql', host, port, tls: { mode: 'disable' } } };
  const storage = { url: `file://${folder}/storage` };
  const environment = parseEnvironment({ name: 'bench', spec: { projectId: 'bench', database, storage } }, 'bench');
  const secrets = { username: server.superuser, password: server.password };
  const opened = openDatabase({ environment, secrets, signal, env: process.env });
  const store = await openStore({ location: environment.spec.storage, secrets: {}, signal });
  try {
    return await opened.withPoints(['postgres'], async ([point]) => {
      if (!point) throw new Error('the server gave no point');
      return (await store.put(key, opened.dump(point), { createOnly: true })).size;
    });
  } finally {
    await opened.close();
    await store.close();
  }
};

const dumpPlain = async (server: PostgresServer, file: string): Promise<number> => {
  const env = {
    PATH: process.env['PATH'] ?? '',
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.superuser,
    PGPASSWORD: server.password,
  };
  const dump = spawn(join(server.bin, 'pg_dump'), ['--format=custom', 'postgres'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gzip = spawn('gzip', ['-c'], { stdio: [dump.stdout, 'pipe', 'inherit'] });
  await pipeline(gzip.stdout, createWriteStream(file));
  return (await stat(file)).size;
};
