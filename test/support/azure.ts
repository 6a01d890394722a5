// A subscription with one flexible server, for tests: a real server that archives its log, and the fake of Azure over HTTPS.
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { parseEnvironment } from '../../core/plan/environment.ts';
import type { DatabaseService, ServiceJob } from '../../core/ports/database-service.ts';
import { openService } from '../../steps/services/index.ts';
import { type AzureFake, startAzureFake } from '../fakes/azure-arm/server.ts';
import { type FakeFlexibleServer, subscription, tenant } from '../fakes/azure-arm/things.ts';
import { runPsql } from '../oracle/psql.ts';
import { type Certificates, createCertificates } from './certificates.ts';
import { connectTo, type Spec, secretDocument } from './lab.ts';
import { type PostgresOptions, type PostgresServer, startPostgres } from './postgres.ts';
import { ownFolder, takeBaseBackup } from './postgres-programs.ts';

export const group = 'retail-prd';

export interface AzureLab {
  readonly server: PostgresServer;
  readonly main: FakeFlexibleServer;
  readonly fake: AzureFake;
  readonly certificates: Certificates;
  /** For programs that talk to the fake. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export interface AzureLabOptions {
  readonly port?: number;
  readonly name?: string;
  /** One that archives its log there, and stays when the lab is stopped. */
  readonly given?: { readonly server: PostgresServer; readonly archive: string };
}

/** What a server needs that is to be restored to a time. */
export const archivingTo = (archive: string): Required<Pick<PostgresOptions, 'settings' | 'hba'>> => ({
  // Restored servers have addresses of their own.
  hba: ['host all all 127.0.0.0/8 scram-sha-256'],
  settings: { archive_mode: 'on', archive_command: `cp %p ${archive}/%f` },
});

export const startAzureLab = async ({ port = 0, name = 'main', given }: AzureLabOptions = {}): Promise<AzureLab> => {
  const archive = given?.archive ?? (await ownFolder('lc2-archive-'));
  const folder = await mkdtemp(join(tmpdir(), 'lc2-azure-'));
  await chmod(folder, 0o755);
  const certificates = await createCertificates(folder, ['127.0.0.1']);
  const server = given?.server ?? (await startPostgres(archivingTo(archive)));
  const { host, port: at, superuser, password, bin } = server;
  const machine = { host, port: at, superuser, password, bin, archive };
  // Azure takes one when a server is made, and then every day.
  const files = await takeBaseBackup(machine);
  const main: FakeFlexibleServer = {
    name,
    group,
    state: 'Ready',
    tier: 'GeneralPurpose',
    replicationRole: 'Primary',
    tags: { team: 'retail' },
    machine,
    subnet: `/subscriptions/${subscription}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/v/subnets/db`,
    privateDnsZone: `/subscriptions/${subscription}/resourceGroups/net/providers/Microsoft.Network/privateDnsZones/retail.private.postgres.database.azure.com`,
    backups: [{ name: 'backup_638830782181266873', type: 'Full', files, completed: new Date() }],
  };
  const fake = await startAzureFake({ servers: [main], certificates, port });
  return {
    server,
    main,
    fake,
    certificates,
    env: { NODE_EXTRA_CA_CERTS: certificates.ca },
    stop: async () => {
      await fake.stop();
      if (!given) await server.stop();
      for (const each of [folder, ...(given ? [] : [archive])])
        await rm(each, { recursive: true, force: true, maxRetries: 5 });
    },
  };
};

/** `spec.database` of an environment whose server Azure runs; the Secret is `db`. */
export const azureDatabase = (
  { fake, server, main }: Pick<AzureLab, 'fake' | 'server' | 'main'>,
  more: Spec = {},
): Spec => ({
  azureFlexibleServer: { ...memberOf({ fake, server, main }), ...more },
  credentials: { secretName: 'db' },
});

const memberOf = ({ fake, server, main }: Pick<AzureLab, 'fake' | 'server' | 'main'>): Spec => ({
  engine: 'postgresql',
  host: server.host,
  port: server.port,
  tls: { mode: 'disable' },
  subscription,
  resourceGroup: group,
  server: main.name,
  endpoint: fake.endpoint,
  authority: fake.endpoint,
});

export const application = { tenantId: tenant, clientId: 'lc2-backup', clientSecret: 'secret of the application\n' };

export const azureSecret = ({ server: { superuser, password } }: Pick<AzureLab, 'server'>): Spec =>
  secretDocument('db', { username: superuser, password, ...application });

/** The adapter of an environment `retail/prd` whose server this fake runs. */
export const openAzureService = (
  lab: AzureLab,
  more: Spec = {},
  secrets: Readonly<Record<string, string>> = application,
): DatabaseService => {
  const azureFlexibleServer = { ...memberOf(lab), temporary: { logDelay: '1s' }, ...more };
  const spec = { projectId: 'retail', database: { azureFlexibleServer }, storage: { url: 's3://backups' } };
  const environment = parseEnvironment({ name: 'prd', spec }, 'test');
  const service = openService({ environment, secrets, signal: new AbortController().signal });
  if (!service) throw new Error('no service');
  return service;
};

/** The log has sequences some values ahead until they are set, and so has what is restored to a time. */
export const settleSequences = async (server: PostgresServer, database: string): Promise<void> => {
  const each = `setval(format('%I.%I', schemaname, sequencename)::regclass, last_value)`;
  await runPsql(connectTo(server, database), `SELECT ${each} FROM pg_sequences WHERE last_value IS NOT NULL`);
};

let jobs = 0;
export const runPrefix = 'lc2-backup retail-prd-backup-x 0123456789ab ';
export const snapshotJob = () => ({ kind: 'snapshot', description: `${runPrefix}run ${++jobs}` }) as const;

/** As of the next whole second, as the step asks for. */
export const serverJob = (seconds = 300, time = new Date(Math.floor(Date.now() / 1000 + 1) * 1000)) =>
  ({
    kind: 'temporary-server',
    description: `${runPrefix}run server ${++jobs}`,
    point: { time: time.toISOString() },
    until: new Date(Date.now() + seconds * 1000).toISOString(),
  }) as const;

/** This process trusts the fake from now on. */
export const trust = async ({ certificates }: AzureLab): Promise<void> => {
  setDefaultCACertificates([...getCACertificates('default'), await readFile(certificates.ca, 'utf8')]);
};

/** As steps do: what cannot be taken yet is asked for again. */
const startWhenMay = async (job: ServiceJob, service: DatabaseService): Promise<string> => {
  for (;;) {
    try {
      return await service.start(job);
    } catch (error) {
      if (!String(error).includes('may not be stored')) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
};

export const azureWork = {
  startWhenMay,
  run: async (job: ServiceJob, service: DatabaseService) => service.wait(job, await startWhenMay(job, service)),
};

export const newServerJob = (name: string, time = new Date(Math.floor(Date.now() / 1000 + 1) * 1000), seconds = 300) =>
  ({
    kind: 'new-server',
    description: `lc2-backup new-server 0123456789ab run-${++jobs} ${name}`,
    name,
    point: { time: time.toISOString() },
    until: new Date(Date.now() + seconds * 1000).toISOString(),
  }) as const;
