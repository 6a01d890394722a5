import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { flows } from '../../core/flow/index.ts';
import { parseEnvironment } from '../../core/plan/environment.ts';
import { isStepName, stepContracts, type StepName } from '../../core/steps/index.ts';
import { freePort } from '../support/postgres.ts';
import { build, builtProgram } from './built.ts';
import { newRun } from './database.ts';
import { compareSides, measureRounds } from './rounds.ts';
import { startStep, type StepHost, type StepRun } from './steps.ts';
import type { Row } from './table.ts';
import { measureUsage, type Usage } from './usage.ts';

const rounds = 5;
/** AccessDenied and a database that refuses: everything is loaded that a step needs before its first work. */
const expected = /ACCESS_DENIED|DENIED|UNREACHABLE/;

const startRefusingStore = async (): Promise<{ readonly url: string; readonly stop: () => void }> => {
  const server = createServer((_, response) => {
    response.writeHead(403, { 'content-type': 'application/xml' });
    response.end('<Error><Code>AccessDenied</Code><Message>no</Message></Error>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return { url: `http://127.0.0.1:${address.port}`, stop: () => void server.close() };
};

const hostIn = async (folder: string, endpoint: string): Promise<StepHost> => {
  const location = { url: 's3://bench', endpoint, region: 'us-east-1', pathStyle: true };
  const spec = {
    projectId: 'bench',
    database: {
      server: { engine: 'postgresql', host: '127.0.0.1', port: await freePort(), tls: { mode: 'disable' } },
    },
    objectStores: [{ name: 'documents', ...location }],
    storage: { ...location, url: 's3://backups' },
  };
  const keys = { accessKeyId: 'bench', secretAccessKey: 'bench-secret' };
  const environment = parseEnvironment({ name: 'start', spec }, 'bench');
  const secrets = { database: { username: 'u', password: 'p' }, objects: keys, storage: keys };
  return { folder, environment, secrets };
};

const runOf = (step: StepName): StepRun => {
  const flow = Object.values(flows).find(({ steps }) => steps.some((each) => each.step === step));
  return newRun(flow?.name ?? 'lc2-backup', flow?.name === 'lc2-restore' ? { confirm: 'start' } : {});
};

/**
 * From start to exit of each step, as the built bundle, when its storage (S3) or its database refuses it: all that is
 * loaded before the first work. Beside a Node that runs an empty file. And the files that a step can load at all.
 */
export const benchStart = async (): Promise<Row[]> => {
  await build();
  const folder = await mkdtemp(join(tmpdir(), 'lc2-bench-start-'));
  const store = await startRefusingStore();
  try {
    const host = await hostIn(folder, store.url);
    const empty = join(folder, 'empty.mjs');
    await writeFile(empty, '');
    const steps = Object.keys(stepContracts).filter(isStepName);
    const refused = async (step: StepName): Promise<void> => {
      const { status, said } = await startStep(host, runOf(step), step);
      if (!expected.test(said)) throw new Error(`step ${step} was to be refused, but ended with ${status}: ${said}`);
    };
    const sides: Record<StepName | 'node', () => Promise<Usage>> = {
      node: () => measureUsage(() => runNode(empty)),
      ...fromSteps(steps, (step) => () => measureUsage(() => refused(step))),
    };
    const measured = await measureRounds({ sides, rounds });
    return [
      ...steps.map((step) => ({
        bench: `start of ${step} / empty node`,
        ...compareSides(measured, { ours: step, other: 'node' }),
        unit: 's',
        goal: 4.5,
      })),
      ...(await Promise.all(clouds.map(loadable))),
    ];
  } finally {
    store.stop();
    await rm(folder, { recursive: true, force: true });
  }
};

const fromSteps = <T>(steps: readonly StepName[], value: (step: StepName) => T): Record<StepName, T> =>
  Object.fromEntries(steps.map((step) => [step, value(step)])) as Record<StepName, T>;

const runNode = async (file: string): Promise<void> => {
  const child = spawn(process.execPath, [file], { stdio: 'ignore', env: { PATH: process.env['PATH'] ?? '' } });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`an empty file ended with ${String(code)}`);
};

/** Names of the files of the bundle that are asked for late, by who asks. */
const late = {
  s3: ['s3', 'copy-s3'],
  gs: ['gs', 'copy-gs', 'gs-sdk'],
  azblob: ['azblob', 'copy-azblob'],
  rds: ['rds-sdk'],
  cloudSql: ['cloud-sql-sdk'],
  storageTransfer: ['storage-transfer', 'storage-transfer-sdk'],
} as const;
type Late = keyof typeof late;

/** What environments are made of. */
const clouds: readonly (readonly Late[])[] = [
  ['s3'],
  ['gs'],
  ['azblob'],
  ['s3', 'rds'],
  ['gs', 'cloudSql', 'storageTransfer'],
];

/** What a step can load with these and no others: nothing of the others is ever asked for. */
const loadable = async (used: readonly Late[]): Promise<Row> => {
  const needed = new Set<string>(used.flatMap((name) => late[name]));
  const others = Object.values(late)
    .flat()
    .filter((name) => !needed.has(name));
  const ours = await bytesFrom(builtProgram, new RegExp(`/(${others.join('|')})-[A-Z0-9]{8}\\.mjs$`));
  return { bench: `files that a step can load: ${used.join(', ')}`, ours, other: 1.5, unit: 'MB', goal: 1 };
};

/** Megabytes of a built file with everything that it imports, at once or later. */
const bytesFrom = async (entry: string, without: RegExp): Promise<number> => {
  const seen = new Set([entry]);
  let bytes = 0;
  for (const file of seen) {
    const text = await readFile(file, 'utf8');
    bytes += (await stat(file)).size;
    for (const [, name = ''] of text.matchAll(/(?:from|import)\s*\(?\s*"(\.\/[^"]+\.mjs)"/g))
      if (!without.test(join(dirname(file), name))) seen.add(join(dirname(file), name));
  }
  return bytes / 1e6;
};
