import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { controllerFlags } from '../../templates/constructs/controller.ts';
import { kubeconfig } from '../fakes/kube/kubeconfig.ts';
import { build, builtController } from './built.ts';
import type { KubeFacts } from './kube-server.ts';
import type { LoopFacts } from './loop-probe.ts';
import { type Pair, rounds, rowOf } from './pairs.ts';
import type { Row } from './table.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const watched = Number(process.env['LC2_BENCH_WATCHED'] ?? 50_000);
const burst = Number(process.env['LC2_BENCH_BURST'] ?? 1000);
const runsPerSecond = 40;
const patience = 120_000;

interface Kube {
  readonly child: ChildProcess;
  readonly config: string;
  readonly ask: (path: string) => Promise<KubeFacts>;
}

const numberOf = (message: unknown): number => {
  if (typeof message !== 'number') throw new Error('the stand-in did not tell its port');
  return message;
};

const startKube = async (folder: string): Promise<Kube> => {
  const child = fork(here('kube-server.ts'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [message] = await once(child, 'message');
  const url = `http://127.0.0.1:${numberOf(message)}`;
  const config = join(folder, `kubeconfig-${child.pid ?? 0}`);
  await writeFile(config, kubeconfig(url));
  const ask = async (path: string): Promise<KubeFacts> => JSON.parse(await (await fetch(`${url}/-/${path}`)).text());
  return { child, config, ask };
};

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
};

const peakMiB = ({ pid }: ChildProcess): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid ?? 0}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024;

interface Controller {
  readonly child: ChildProcess;
  readonly facts: () => Promise<LoopFacts>;
}

/** The real controller, as in its image. Ready when it has listed everything. */
const startController = async (folder: string, kube: Kube): Promise<Controller> => {
  const child = fork(builtController, {
    execArgv: [...controllerFlags, '--import', here('loop-probe.ts')],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'], HOME: folder, KUBECONFIG: kube.config, LC2_CONTROLLER_PORT: '0' },
  });
  // Loading modules is not what is measured.
  kube.child.once('message', () => child.send('reset'));
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-100_000)));
  const kinds = ['backupenvironments', 'backuprequests', 'restorerequests', 'workflows'];
  const isSynced = (): boolean =>
    kinds.every((kind) => log.includes(`"what":"${kind}"`)) && !log.includes('interrupted');
  for (const deadline = Date.now() + patience; !isSynced(); await sleep(20))
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the controller did not sync: ${log}`);
  return {
    child,
    facts: async () => {
      child.send('facts');
      const [facts] = await once(child, 'message');
      return facts as LoopFacts;
    },
  };
};

/** Peak memory and longest standstill while everything is listed for the first time, beside client-node's informer. */
const benchWatch = async (folder: string): Promise<Row[]> => {
  const memory: Pair[] = [];
  const stalls: Pair[] = [];
  const turns: Pair[] = [];
  for (let round = 0; round < rounds; round++) {
    const kube = await startKube(folder);
    await kube.ask(`past?count=${watched}`);
    const controller = await startController(folder, kube);
    const facts = await controller.facts();
    await end(controller.child);
    const informer = fork(here('informer.ts'), [String(watched)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, KUBECONFIG: kube.config },
    });
    const [synced] = await Promise.race([once(informer, 'message'), once(informer, 'exit')]);
    if (synced !== 'synced') throw new Error('the informer did not sync');
    memory.push({ ours: facts.peakMiB, other: peakMiB(informer) });
    stalls.push({ ours: facts.stallMs, other: 50 });
    turns.push({ ours: facts.busyMs, other: 50 });
    await Promise.all([end(informer), end(kube.child)]);
  }
  return [
    rowOf(memory, { bench: `controller: memory of ${watched} runs beside an informer`, unit: 'MiB', goal: 0.15 }),
    rowOf(stalls, { bench: 'controller: longest standstill beside 50 ms', unit: 'ms' }),
    rowOf(turns, { bench: 'controller: longest computing without a pause beside 50 ms', unit: 'ms', goal: 1 }),
  ];
};

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN;

const until = async (what: string, isTrue: () => Promise<boolean>): Promise<void> => {
  for (const deadline = Date.now() + patience; !(await isTrue()); await sleep(100))
    if (Date.now() > deadline) throw new Error(`${what} did not happen`);
};

/** Writes per request that its environment did not cost. */
const writesOf = (writes: KubeFacts['writes'], requests: number): number => {
  process.stderr.write(`writes: ${JSON.stringify(writes)}\n`);
  const counts = Object.entries(writes).flatMap(([what, count]) => (/environments|configmaps/.test(what) ? [] : count));
  return counts.reduce((sum, count) => sum + count, 0) / requests;
};

const few = 20;

/** A few requests, whose runs Argo takes up at once. */
const benchWrites = async (folder: string): Promise<Row[]> => {
  const kube = await startKube(folder);
  await kube.ask(`environments?count=${few}`);
  const controller = await startController(folder, kube);
  await until('every ConfigMap', async () => {
    const { writes } = await kube.ask('facts');
    return (writes['PATCH configmaps'] ?? 0) >= few && (writes['PATCH backupenvironments/status'] ?? 0) >= few;
  });
  await kube.ask(`requests?count=${few}&prompt=yes`);
  await until('the end of every run', async () => (await kube.ask('facts')).ended === few);
  await sleep(1000);
  const { writes } = await kube.ask('facts');
  await Promise.all([end(controller.child), end(kube.child)]);
  return [
    { bench: 'controller: writes per request, beside 7', ours: writesOf(writes, few), other: 7, unit: '', goal: 1 },
  ];
};

/** A thousand requests at once, each for an environment of its own; then their runs begin and end. */
const benchBurst = async (folder: string): Promise<Row[]> => {
  const kube = await startKube(folder);
  await kube.ask(`environments?count=${burst}`);
  const controller = await startController(folder, kube);
  await until('every ConfigMap', async () => {
    const { writes } = await kube.ask('facts');
    return (writes['PATCH configmaps'] ?? 0) >= burst && (writes['PATCH backupenvironments/status'] ?? 0) >= burst;
  });
  await sleep(2500);
  const before = await controller.facts();
  controller.child.send('reset');
  await kube.ask(`requests?count=${burst}`);
  await until('every Workflow', async () => ((await kube.ask('facts')).writes['POST workflows'] ?? 0) >= burst);
  const after = await controller.facts();
  const facts = await kube.ask(`run?rate=${runsPerSecond}`);
  await sleep(1000);
  const { writes } = await kube.ask('facts');
  const last = await controller.facts();
  await Promise.all([end(controller.child), end(kube.child)]);
  if (facts.ended !== burst) throw new Error(`${facts.ended} of ${burst} requests ended well`);
  const row = (bench: string, ours: number, other: number, unit: string): Row => ({
    bench,
    ours,
    other,
    unit,
    goal: 1,
  });
  return [
    row(`controller: ${burst} requests submitted, beside 10 s`, facts.submittedMs / 1000, 10, 's'),
    {
      bench: 'controller: peak memory with them, beside without',
      ours: after.peakMiB,
      other: before.peakMiB,
      unit: 'MiB',
    },
    { bench: 'controller: writes per request, Argo late', ours: writesOf(writes, burst), other: 7, unit: '' },
    row('controller: news to status, p99, beside 250 ms', percentile(facts.latencies, 0.99), 250, 'ms'),
    { bench: 'controller: longest standstill of all that, beside 50 ms', ours: last.stallMs, other: 50, unit: 'ms' },
    row('controller: longest computing of all that, beside 50 ms', last.busyMs, 50, 'ms'),
  ];
};

/** The controller as a process beside a pretended API server in another process. */
export const benchController = async (): Promise<Row[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-bench-controller-'));
  await build();
  try {
    return [...(await benchWatch(folder)), ...(await benchWrites(folder)), ...(await benchBurst(folder))];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
