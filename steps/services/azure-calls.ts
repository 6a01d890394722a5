import { z } from 'zod';
import { hasCode, Lc2Error } from '../../core/errors.ts';
import { type AzureOptions, openAzureClient, pathOf } from './azure-client.ts';

/** What we ask of flexible servers, and what we read of the answers. */
export interface AzureCalls {
  /** The live one. */
  source(): Promise<AzureServer>;
  /** Of the group in which temporary servers are. */
  server(name: string): Promise<AzureServer | undefined>;
  servers(): AsyncIterable<AzureServer>;
  /** The operation that makes it. */
  createServer(name: string, body: Readonly<Record<string, unknown>>): Promise<string | undefined>;
  deleteServer(name: string): Promise<void>;
  backup(name: string): Promise<AzureBackup | undefined>;
  backups(): AsyncIterable<AzureBackup>;
  createBackup(name: string): Promise<string | undefined>;
  /** By its id. */
  deleteBackup(id: string): Promise<void>;
  /** Undefined where Azure remembers it no more. */
  operation(path: string): Promise<AzureOperation | undefined>;
  /** Resource ids. */
  readonly sourceId: string;
  backupId(name: string): string;
}

const optional = z.string().nullish();

const server = z.object({
  name: z.string(),
  location: z.string(),
  tags: z.record(z.string(), z.string()).nullish(),
  sku: z.object({ tier: optional }).nullish(),
  properties: z.object({
    state: optional,
    fullyQualifiedDomainName: optional,
    replicationRole: optional,
    backup: z.object({ earliestRestoreDate: optional }).nullish(),
    network: z.object({ delegatedSubnetResourceId: optional, privateDnsZoneArmResourceId: optional }).nullish(),
  }),
});
export type AzureServer = z.output<typeof server>;

const backup = z.object({
  id: z.string(),
  name: z.string(),
  properties: z.object({ completedTime: optional }).nullish(),
});
export type AzureBackup = z.output<typeof backup>;

const operation = z.object({
  status: z.string(),
  percentComplete: z.number().nullish(),
  error: z.object({ code: z.string().nullish(), message: z.string().nullish() }).nullish(),
});
export type AzureOperation = z.output<typeof operation>;

const version = 'api-version=2025-08-01';
const provider = 'Microsoft.DBforPostgreSQL';

export const openAzureCalls = (options: AzureOptions): AzureCalls => {
  const { spec } = options;
  const client = openAzureClient(options);
  const where = `${spec.resourceGroup}/${spec.server}`;
  const inGroup = (group: string): string =>
    `/subscriptions/${spec.subscription}/resourceGroups/${encodeURIComponent(group)}/providers/${provider}/flexibleServers`;
  const sourceId = `${inGroup(spec.resourceGroup)}/${spec.server}`;
  const temporary = inGroup(spec.temporary.resourceGroup ?? spec.resourceGroup);
  const permission = (what: string): string => `${provider}/${what}`;

  const read = <T>(schema: z.ZodType<T>, body: unknown): T => {
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw new Lc2Error('SERVICE_FAILED', 'the answer is not understood', { where, cause: parsed.error });
  };

  const get = async <T>(path: string, action: string, schema: z.ZodType<T>): Promise<T> =>
    read(schema, (await client.call({ method: 'GET', path, action })).body);

  const tryGet = async <T>(path: string, action: string, schema: z.ZodType<T>): Promise<T | undefined> => {
    try {
      return await get(path, action, schema);
    } catch (error) {
      if (hasCode(error, 'SERVICE_NOT_FOUND')) return undefined;
      throw error;
    }
  };

  const list = async function* <T>(start: string, action: string, schema: z.ZodType<T>): AsyncIterable<T> {
    const page = z.object({ value: z.array(schema), nextLink: optional });
    for (let path: string | undefined = start; path !== undefined;) {
      const { value, nextLink }: z.output<typeof page> = await get(path, action, page);
      yield* value;
      path = nextLink ? pathOf(nextLink, 'https://azure') : undefined;
    }
  };

  /** What is gone is fine. */
  const remove = async (path: string, action: string): Promise<void> => {
    try {
      await client.call({ method: 'DELETE', path, action });
    } catch (error) {
      if (!hasCode(error, 'SERVICE_NOT_FOUND')) throw error;
    }
  };

  const put = async (path: string, action: string, body?: Readonly<Record<string, unknown>>) =>
    (await client.call({ method: 'PUT', path, action, ...(body === undefined ? {} : { body }) })).operation;

  return {
    sourceId,
    backupId: (name) => `${sourceId}/backups/${name}`,
    source: () => get(`${sourceId}?${version}`, permission('flexibleServers/read'), server),
    server: (name) => tryGet(`${temporary}/${name}?${version}`, permission('flexibleServers/read'), server),
    servers: () => list(`${temporary}?${version}`, permission('flexibleServers/read'), server),
    createServer: (name, body) => put(`${temporary}/${name}?${version}`, permission('flexibleServers/write'), body),
    deleteServer: (name) => remove(`${temporary}/${name}?${version}`, permission('flexibleServers/delete')),
    backup: (name) =>
      tryGet(`${sourceId}/backups/${name}?${version}`, permission('flexibleServers/backups/read'), backup),
    backups: () => list(`${sourceId}/backups?${version}`, permission('flexibleServers/backups/read'), backup),
    createBackup: (name) => put(`${sourceId}/backups/${name}?${version}`, permission('flexibleServers/backups/write')),
    deleteBackup: (id) => remove(`${id}?${version}`, permission('flexibleServers/backups/delete')),
    operation: (path) => tryGet(path, permission('locations/azureAsyncOperation/read'), operation),
  };
};
