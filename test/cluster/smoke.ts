// node test/cluster/smoke.ts   proves the test cluster: install, start, a Workflow through Argo under restricted Pod
// Security, a PostgreSQL pod, versions, a clean stop. Prints how long each part took.
import { createServer } from 'node:net';
import { join } from 'node:path';
import { startCluster } from './cluster.ts';
import type { Cluster } from './cluster-port.ts';
import { eventually } from './eventually.ts';
import { buildImage, postgresImage } from './images.ts';
import { run } from './run.ts';
import { namespace, postgres, workflow } from './smoke-resources.ts';

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  const started = performance.now();
  const result = await work();
  say(`${what}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return result;
};

const apply = (cluster: Cluster, resources: readonly unknown[]) =>
  cluster.kubectl(['apply', '-f', '-'], {
    input: resources.map((resource) => JSON.stringify(resource)).join('\n---\n'),
  });

const runWorkflow = async (cluster: Cluster): Promise<void> => {
  await apply(cluster, namespace);
  const argo = (...args: readonly string[]) => cluster.argo(['-n', 'smoke', ...args]);
  await cluster.argo(['-n', 'smoke', 'submit', '-', '--wait'], { input: JSON.stringify(workflow) });
  const { stdout } = await argo('get', '@latest', '-o', 'json');
  if (!stdout.includes('zstd') || !stdout.includes('"Succeeded"')) {
    throw new Error(`the Workflow did not succeed: ${stdout}`);
  }
};

const runPostgres = async (cluster: Cluster): Promise<void> => {
  await apply(cluster, postgres);
  await cluster.kubectl(['-n', 'smoke', 'wait', '--for=condition=Ready', 'pod/postgres', '--timeout=60s']);
  const { stdout: address } = await cluster.kubectl([
    '-n',
    'smoke',
    'get',
    'service',
    'postgres',
    '-o',
    'jsonpath={.spec.clusterIP}',
  ]);
  const query = ['psql', '-h', 'postgres.smoke.svc', '-U', 'postgres', '-Atc', 'select 6 * 7'];
  const inPod = ['-n', 'smoke', 'exec', 'postgres', '--', 'env', 'PGPASSWORD=smoke-password', ...query];
  const { stdout } = await eventually(() => cluster.kubectl(inPod));
  // The same from outside, as a test would ask.
  const outside = await run(['psql', '-h', address, '-U', 'postgres', '-Atc', 'select 6 * 7'], {
    env: { PGPASSWORD: 'smoke-password' },
  });
  if (stdout.trim() !== '42' || outside.stdout.trim() !== '42') {
    throw new Error(`PostgreSQL answered '${stdout}' and '${outside.stdout}'`);
  }
};

/** A pod reaches a server on this machine; bash opens the connection. */
const reachHost = async (cluster: Cluster): Promise<void> => {
  const server = createServer((socket) => socket.end('hello from the host'));
  await new Promise<void>((resolve) => server.listen(0, cluster.hostAddress, resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  try {
    const read = `cat < /dev/tcp/${cluster.hostAddress}/${port}`;
    const { stdout } = await cluster.kubectl(['-n', 'smoke', 'exec', 'postgres', '--', 'bash', '-c', read]);
    if (stdout !== 'hello from the host') {
      throw new Error(`the pod got '${stdout}' from the host`);
    }
  } finally {
    server.close();
  }
};

const installer = join(import.meta.dirname, '..', 'install', 'install.sh');
const images = join(import.meta.dirname, 'images');

await timed('install', () => run(['bash', installer, 'cluster', 'demo']));
const built = await timed('build images', async () => [
  await buildImage({ dockerfile: join(images, 'probe.Dockerfile'), context: images, tag: 'lab.local/probe:1' }),
  await postgresImage(),
]);
const cluster = await timed('start cluster', startCluster);
try {
  await timed('import images', async () => {
    for (const image of built) {
      await cluster.importImage(image.archive, image.ref);
    }
  });
  say(JSON.stringify(await cluster.versions()));
  await timed('Workflow', () => runWorkflow(cluster));
  await timed('PostgreSQL', () => runPostgres(cluster));
  await timed('pod to host', () => reachHost(cluster));
} finally {
  await timed('stop cluster', () => cluster.stop());
}
say('the test cluster works, and nothing of it is left');
