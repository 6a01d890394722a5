// npm run fake -- NAME [--port N] …: one fake cloud by itself, for any client of it, until it is told to stop.
import { parseArgs } from 'node:util';
import { group as resourceGroup, startAzureLab } from '../support/azure.ts';
import { instanceOf as cloudSqlInstance, project, startCloudLab } from '../support/cloud-sql.ts';
import { startPostgres } from '../support/postgres.ts';
import { clusterOf, elsewhere, instanceOf } from '../support/rds.ts';
import { startTransferLab, transferProject } from '../support/storage-transfer.ts';
import { subscription, tenant } from './azure-arm/things.ts';
import { startRdsFake } from './rds/server.ts';
import { region } from './rds/things.ts';

const usage = `npm run fake -- cloudsql [--port N] [--instance NAME] [--bucket NAME]…
npm run fake -- rds [--port N] [--instance NAME] [--cluster NAME]
npm run fake -- azure [--port N] [--instance NAME]
npm run fake -- storage-transfer [--port N] [--bucket NAME]…`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: 'string', default: '0' },
    instance: { type: 'string', default: 'main' },
    cluster: { type: 'string', default: 'aurora' },
    bucket: { type: 'string', multiple: true, default: ['documents', 'backups'] },
  },
});

interface Running {
  readonly about: object;
  readonly help: string;
  readonly violations: () => readonly string[];
  stop(): Promise<void>;
}

const port = Number(values.port);
const hint = 'rootUrl of Google’s clients; no credentials, METADATA_SERVER_DETECTION=none';
const buckets = `Cloud Storage with the buckets ${values.bucket.join(', ')}`;

const fakes: Readonly<Record<string, () => Promise<Running>>> = {
  cloudsql: async () => {
    const server = await startPostgres();
    const cloud = await startCloudLab([cloudSqlInstance(server, values.instance)], port);
    for (const bucket of values.bucket) await cloud.bucket(bucket);
    const { endpoint: api, violations } = cloud.fake;
    const { host, port: at, superuser: user, password } = server;
    return {
      about: {
        api,
        buckets: cloud.buckets.endpoint,
        project,
        instance: values.instance,
        server: { host, port: at, user, password },
      },
      help: `Cloud SQL Admin API at ${api}/ (${hint}); ${buckets}`,
      violations: () => violations,
      stop: async () => {
        await cloud.stop();
        await server.stop();
      },
    };
  },
  rds: async () => {
    const server = await startPostgres();
    const { instance, cluster: name } = values;
    const { cluster, writer } = clusterOf(server, name);
    const instances = [instanceOf(server, instance), writer];
    const fake = await startRdsFake({ instances, clusters: [cluster], port });
    const other = await startRdsFake({ region: elsewhere, others: [fake] });
    const { host, port: at, superuser: user, password } = server;
    return {
      about: {
        api: fake.endpoint,
        region,
        elsewhere: { api: other.endpoint, region: elsewhere },
        instance,
        cluster: name,
        server: { host, port: at, user, password },
      },
      help:
        `API of RDS at ${fake.endpoint} (endpoint_url of AWS's clients), region ${region}, any access key; ` +
        `${elsewhere}, which copies snapshots from there, at ${other.endpoint}`,
      violations: () => [...fake.violations, ...other.violations],
      stop: async () => {
        await other.stop();
        await fake.stop();
        await server.stop();
      },
    };
  },
  azure: async () => {
    const lab = await startAzureLab({ port, name: values.instance });
    const { fake, server, certificates } = lab;
    const { host, port: at, superuser: user, password } = server;
    const { endpoint: api, violations } = fake;
    return {
      about: {
        api,
        authority: api,
        ca: certificates.ca,
        subscription,
        tenant,
        resourceGroup,
        server: { name: values.instance, host, port: at, user, password },
      },
      help: `Azure Resource Manager and Microsoft Entra at ${api} (NODE_EXTRA_CA_CERTS=${certificates.ca}), any application`,
      violations: () => violations,
      stop: () => lab.stop(),
    };
  },
  'storage-transfer': async () => {
    const cloud = await startTransferLab(port);
    for (const bucket of values.bucket) await cloud.buckets.make(bucket);
    const { endpoint: api, violations } = cloud.fake;
    return {
      about: { api, buckets: cloud.buckets.front?.endpoint, project: transferProject },
      help: `Storage Transfer API at ${api}/ (${hint}); ${buckets}`,
      violations: () => violations,
      stop: () => cloud.stop(),
    };
  },
};

const start = fakes[positionals[0] ?? ''];
if (!start) {
  process.stderr.write(`${usage}\n`);
  process.exit(78);
}

const fake = await start();
const { about, help } = fake;
process.stdout.write(`${JSON.stringify(about)}\n`);
process.stderr.write(`${help}\n`);

const end = async (): Promise<void> => {
  const violations = fake.violations();
  for (const violation of violations) process.stderr.write(`not in the vendor's description: ${violation}\n`);
  await fake.stop();
  process.exit(violations.length > 0 ? 70 : 0);
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end());
