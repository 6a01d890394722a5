// What each call of the interface does and answers.
import { type Cloud, Refusal } from './cloud.ts';
import {
  backupJson,
  type FakeBackup,
  type FakeFlexibleServer,
  type Json,
  operationJson,
  provider,
  serverId,
  serverJson,
  subscription,
} from './things.ts';

export interface Answer {
  readonly status: number;
  readonly body?: Json;
  /** Id of the operation that was begun. */
  readonly operation?: string;
}

interface Request {
  readonly values: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

export interface Route {
  readonly call: string;
  readonly method: string;
  readonly pattern: RegExp;
  /** What a role must allow. */
  readonly action: string;
  readonly answer: (cloud: Cloud, request: Request) => Answer;
}

const group = `/subscriptions/(?<subscription>[^/]+)/resourceGroups/(?<group>[^/]+)/providers/${provider}/flexibleServers`;
const one = `${group}/(?<server>[^/]+)`;
const operations = `/subscriptions/(?<subscription>[^/]+)/providers/${provider}/locations/[^/]+/azureAsyncOperation`;
const pathOf = (text: string): RegExp => new RegExp(`^${text.replaceAll('.', '\\.')}$`, 'i');

const same = (a: string, b = ''): boolean => a.toLowerCase() === decodeURIComponent(b).toLowerCase();

const serversOf = (cloud: Cloud, values: Request['values']): FakeFlexibleServer[] => {
  const inGroup = cloud.servers.filter((each) => same(each.group, values['group']));
  if (inGroup.length === 0 && !groups.some((name) => same(name, values['group'])))
    throw new Refusal(404, 'ResourceGroupNotFound', `Resource group '${values['group'] ?? ''}' could not be found.`);
  return inGroup;
};

/** Groups that are there without a server in them. */
const groups = ['temporary'];

const serverOf = (cloud: Cloud, values: Request['values']): FakeFlexibleServer => {
  const found = serversOf(cloud, values).find(({ name }) => same(name, values['server']));
  if (found) return found;
  const what = `${provider}/flexibleServers/${values['server'] ?? ''}`;
  const text = `The Resource '${what}' under resource group '${values['group'] ?? ''}' was not found.`;
  throw new Refusal(404, 'ResourceNotFound', text);
};

const tryBackup = ({ backups }: FakeFlexibleServer, values: Request['values']): FakeBackup | undefined =>
  backups.find(({ name }) => same(name, values['backup']));

/** So many at a time, so that whoever forgets the link forgets most. */
const pageSize = 2;

const page = (all: readonly Json[], path: string, values: Request['values']): Json => {
  const start = Number(values['skip'] ?? 0);
  const end = start + pageSize;
  const query = `api-version=2025-08-01&%24skipToken=${end}`;
  return {
    value: all.slice(start, end),
    ...(end < all.length ? { nextLink: `https://management.azure.com${path}?${query}` } : {}),
  };
};

const taken = (operation: { readonly id: string }, body?: Json): Answer => ({
  status: 202,
  operation: operation.id,
  ...(body ? { body } : {}),
});

const textAt = (value: unknown, ...path: readonly string[]): string | undefined => {
  let at = value;
  for (const name of path) at = typeof at === 'object' && at !== null ? (Reflect.get(at, name) as unknown) : undefined;
  return typeof at === 'string' ? at : undefined;
};

const assertName = (cloud: Cloud, values: Request['values']): string => {
  const name = values['server'] ?? '';
  const standing = serversOf(cloud, values).find((each) => same(each.name, name));
  if (standing) throw new Refusal(409, 'ServerNameAlreadyExists', `The name '${standing.name}' is already in use.`);
  if (/^[a-z0-9]([-a-z0-9]{1,61})[a-z0-9]$/.test(name)) return name;
  throw new Refusal(400, 'InvalidServerName', `The server name '${name}' is invalid.`);
};

const assertTime = ({ backups: [first] }: FakeFlexibleServer, text: string): Date => {
  const time = new Date(text);
  if (first && time >= first.completed && time.getTime() < Date.now() + 1000) return time;
  throw new Refusal(400, 'InvalidPointInTime', 'The point in time is not within those that can be restored.');
};

const restore = (cloud: Cloud, { values, body }: Request): Answer => {
  const name = assertName(cloud, values);
  const given = (...path: readonly string[]): string | undefined => textAt(body, 'properties', ...path);
  if (given('createMode') !== 'PointInTimeRestore')
    throw new Refusal(400, 'InvalidParameterValue', 'Invalid value given for parameter createMode.');
  const wanted = given('sourceServerResourceId') ?? '';
  const source = cloud.servers.find((each) => same(serverId(each), wanted));
  if (!source) throw new Refusal(404, 'SourceServerNotFound', `The source server '${wanted}' was not found.`);
  const time = assertTime(source, given('pointInTimeUTC') ?? '');
  const subnet = given('network', 'delegatedSubnetResourceId');
  if ((subnet === undefined) !== (source.subnet === undefined))
    throw new Refusal(400, 'InvalidNetwork', 'A server cannot be restored across public and private access.');
  const operation = cloud.restore(source, {
    name,
    group: decodeURIComponent(values['group'] ?? ''),
    time,
    tags: (body?.['tags'] ?? {}) as Readonly<Record<string, string>>,
    subnet,
    privateDnsZone: given('network', 'privateDnsZoneArmResourceId'),
  });
  return taken(operation);
};

const role = (what: string): string => `${provider}/${what}`;

export const routes: readonly Route[] = [
  {
    call: 'servers.list',
    method: 'GET',
    pattern: pathOf(group),
    action: role('flexibleServers/read'),
    answer: (cloud, { values }) => {
      const path = `/subscriptions/${subscription}/resourceGroups/${values['group'] ?? ''}/providers/${provider}/flexibleServers`;
      return { status: 200, body: page(serversOf(cloud, values).map(serverJson), path, values) };
    },
  },
  {
    call: 'servers.get',
    method: 'GET',
    pattern: pathOf(one),
    action: role('flexibleServers/read'),
    answer: (cloud, { values }) => ({ status: 200, body: serverJson(serverOf(cloud, values)) }),
  },
  {
    call: 'servers.create',
    method: 'PUT',
    pattern: pathOf(one),
    action: role('flexibleServers/write'),
    answer: restore,
  },
  {
    call: 'servers.delete',
    method: 'DELETE',
    pattern: pathOf(one),
    action: role('flexibleServers/delete'),
    answer: (cloud, { values }) => {
      const found = serversOf(cloud, values).find(({ name }) => same(name, values['server']));
      return found ? taken(cloud.remove(found)) : { status: 204 };
    },
  },
  {
    call: 'backups.list',
    method: 'GET',
    pattern: pathOf(`${one}/backups`),
    action: role('flexibleServers/backups/read'),
    answer: (cloud, { values }) => {
      const server = serverOf(cloud, values);
      const all = server.backups.map((each) => backupJson(server, each));
      return { status: 200, body: page(all, `${serverId(server)}/backups`, values) };
    },
  },
  {
    call: 'backups.get',
    method: 'GET',
    pattern: pathOf(`${one}/backups/(?<backup>[^/]+)`),
    action: role('flexibleServers/backups/read'),
    answer: (cloud, { values }) => {
      const server = serverOf(cloud, values);
      const backup = tryBackup(server, values);
      if (backup) return { status: 200, body: backupJson(server, backup) };
      throw new Refusal(404, 'ResourceNotFound', `The backup '${values['backup'] ?? ''}' was not found.`);
    },
  },
  {
    call: 'backups.create',
    method: 'PUT',
    pattern: pathOf(`${one}/backups/(?<backup>[^/]+)`),
    action: role('flexibleServers/backups/write'),
    answer: (cloud, { values }) => {
      const server = serverOf(cloud, values);
      if (tryBackup(server, values))
        throw new Refusal(409, 'BackupAlreadyExists', `The backup '${values['backup'] ?? ''}' exists.`);
      return taken(cloud.backUp(server, values['backup'] ?? ''));
    },
  },
  {
    call: 'backups.delete',
    method: 'DELETE',
    pattern: pathOf(`${one}/backups/(?<backup>[^/]+)`),
    action: role('flexibleServers/backups/delete'),
    answer: (cloud, { values }) => {
      const server = serverOf(cloud, values);
      const operation = cloud.removeBackup(server, tryBackup(server, values));
      return operation ? taken(operation) : { status: 204 };
    },
  },
  {
    call: 'operations.get',
    method: 'GET',
    pattern: pathOf(`${operations}/(?<operation>[^/]+)`),
    action: role('locations/azureAsyncOperation/read'),
    answer: (cloud, { values }) => {
      const found = cloud.operation(values['operation'] ?? '');
      if (found) return { status: 200, body: operationJson(found) };
      throw new Refusal(404, 'OperationNotFound', 'The operation was not found.');
    },
  },
];
