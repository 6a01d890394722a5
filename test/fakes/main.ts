// npm run fake -- NAME [--port N] …: one fake cloud by itself, for any client of it, until it is told to stop.
import { parseArgs } from 'node:util';
import { instanceOf, project, startCloudLab } from '../support/cloud-sql.ts';
import { startPostgres } from '../support/postgres.ts';

const usage = 'npm run fake -- cloudsql [--port N] [--instance NAME] [--bucket NAME]';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: 'string', default: '0' },
    instance: { type: 'string', default: 'main' },
    bucket: { type: 'string', default: 'backups' },
  },
});
const [name] = positionals;
if (name !== 'cloudsql') {
  process.stderr.write(`${usage}\n`);
  process.exit(78);
}

const server = await startPostgres();
const cloud = await startCloudLab([instanceOf(server, values.instance)], Number(values.port));
await cloud.bucket(values.bucket);

const about = {
  api: cloud.fake.endpoint,
  buckets: cloud.buckets.endpoint,
  project,
  instance: values.instance,
  bucket: values.bucket,
  server: { host: server.host, port: server.port, user: server.superuser, password: server.password },
};
process.stdout.write(`${JSON.stringify(about)}\n`);
process.stderr.write(
  `Cloud SQL Admin API at ${about.api}/ (rootUrl of Google's clients; no credentials, METADATA_SERVER_DETECTION=none)\n` +
    `Cloud Storage at ${about.buckets} (apiEndpoint), with bucket ${about.bucket}\n`,
);

const stop = async (): Promise<void> => {
  for (const violation of cloud.fake.violations) process.stderr.write(`not in Google's description: ${violation}\n`);
  await cloud.stop();
  await server.stop();
  process.exit(cloud.fake.violations.length > 0 ? 70 : 0);
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
