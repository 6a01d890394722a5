// What each method of the Admin API does and answers.
import { type Asked, Refusal } from '../google/google-api.ts';
import type { Cloud } from './cloud.ts';
import { backupJson, type FakeInstance, type FakeOperation, instanceJson, operationJson } from './instances.ts';

/** Who calls a method must have it. */
export const permissions: Readonly<Record<string, string>> = {
  'sql.instances.get': 'cloudsql.instances.get',
  'sql.instances.export': 'cloudsql.instances.export',
  'sql.instances.import': 'cloudsql.instances.import',
  'sql.instances.insert': 'cloudsql.instances.create',
  'sql.instances.delete': 'cloudsql.instances.delete',
  'sql.instances.restoreBackup': 'cloudsql.instances.restoreBackup',
  'sql.operations.get': 'cloudsql.instances.get',
  'sql.operations.list': 'cloudsql.instances.get',
  'sql.operations.cancel': 'cloudsql.instances.update',
  'sql.Backups.CreateBackup': 'cloudsql.backupRuns.create',
  'sql.Backups.GetBackup': 'cloudsql.backupRuns.get',
  'sql.Backups.ListBackups': 'cloudsql.backupRuns.list',
  'sql.Backups.DeleteBackup': 'cloudsql.backupRuns.delete',
};

type Answer = (cloud: Cloud, asked: Asked) => unknown;

const instanceOf = (cloud: Cloud, { values }: Asked): FakeInstance =>
  cloud.instance(values['project'] ?? '', values['instance'] ?? '');

const operationOf = (cloud: Cloud, { values }: Asked): FakeOperation => {
  const found = cloud.operations.find(
    ({ name, instance }) => name === values['operation'] && instance.project === values['project'],
  );
  if (!found) throw new Refusal(404, 'operationDoesNotExist', 'The Cloud SQL instance operation does not exist.');
  return found;
};

const partOf = (body: Asked['body'], name: string): Readonly<Record<string, unknown>> => {
  const part = body?.[name];
  return typeof part === 'object' && part !== null ? (part as Record<string, unknown>) : {};
};

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const invalid = (message: string): Refusal => new Refusal(400, 'invalid', `Invalid request: ${message}`);

/** So many at a time, so that whoever forgets the token forgets most. */
const pageSize = 3;

const page = <T>(all: readonly T[], { query }: Asked): { readonly items: T[]; readonly nextPageToken?: string } => {
  const start = Number(query.get('pageToken') ?? '0');
  const items = all.slice(start, start + pageSize);
  return start + pageSize < all.length ? { items, nextPageToken: String(start + pageSize) } : { items };
};

export const answers: Readonly<Record<string, Answer>> = {
  'sql.instances.get': (cloud, asked) => instanceJson(instanceOf(cloud, asked)),

  'sql.instances.insert': (cloud, asked) =>
    operationJson(asked.endpoint, cloud.insert(asked.values['project'] ?? '', asked.body ?? {})),

  'sql.instances.delete': (cloud, asked) => operationJson(asked.endpoint, cloud.remove(instanceOf(cloud, asked))),

  'sql.instances.export': (cloud, asked) => {
    const instance = instanceOf(cloud, asked);
    const context = partOf(asked.body, 'exportContext');
    const { fileType, uri, databases } = context;
    if (fileType !== 'SQL') throw invalid('the fake exports SQL only.');
    const [database, other] = Array.isArray(databases) ? databases.map(String) : [];
    if (database === undefined || other !== undefined)
      throw invalid('exactly one database must be specified for an export of PostgreSQL.');
    const order = { instance, type: 'EXPORT', context, database, uri: textOf(uri) ?? '' } as const;
    return operationJson(asked.endpoint, cloud.submit(order));
  },

  'sql.instances.import': (cloud, asked) => {
    const instance = instanceOf(cloud, asked);
    const context = partOf(asked.body, 'importContext');
    const { fileType, uri, database, importUser } = context;
    if (fileType !== 'SQL') throw invalid('the fake imports SQL only.');
    if (textOf(database) === undefined) throw invalid('a database must be specified.');
    const order = {
      instance,
      type: 'IMPORT',
      context,
      database: textOf(database) ?? '',
      uri: textOf(uri) ?? '',
      user: textOf(importUser),
    } as const;
    return operationJson(asked.endpoint, cloud.submit(order));
  },

  'sql.instances.restoreBackup': (cloud, asked) => {
    const instance = instanceOf(cloud, asked);
    const backup = cloud.backup(textOf(asked.body?.['backup']) ?? '');
    return operationJson(asked.endpoint, cloud.submit({ instance, type: 'RESTORE_VOLUME', backup }));
  },

  'sql.operations.get': (cloud, asked) => operationJson(asked.endpoint, operationOf(cloud, asked)),

  'sql.operations.list': (cloud, asked) => {
    const instance = cloud.instance(asked.values['project'] ?? '', asked.query.get('instance') ?? '');
    // Of an earlier one of the same name, too.
    const all = cloud.operations.filter(
      (operation) => operation.instance.project === instance.project && operation.instance.name === instance.name,
    );
    const { items, ...more } = page(all, asked);
    return { kind: 'sql#operationsList', items: items.map((each) => operationJson(asked.endpoint, each)), ...more };
  },

  'sql.operations.cancel': (cloud, asked) => {
    cloud.cancel(operationOf(cloud, asked));
    return {};
  },

  'sql.Backups.CreateBackup': (cloud, asked) => {
    const { instance, description, location, ttlDays } = asked.body ?? {};
    const project = (asked.values['parent'] ?? '').replace(/^projects\//, '');
    const operation = cloud.createBackup(cloud.instance(project, textOf(instance) ?? ''), {
      description: textOf(description),
      location: textOf(location),
      ttlDays: ttlDays === undefined ? undefined : Number(ttlDays),
    });
    return operationJson(asked.endpoint, operation);
  },

  'sql.Backups.GetBackup': (cloud, { values }) => backupJson(cloud.backup(values['name'] ?? '')),

  'sql.Backups.ListBackups': (cloud, asked) => {
    const project = (asked.values['parent'] ?? '').replace(/^projects\//, '');
    const wanted = /^instance:(\S+)$/.exec(asked.query.get('filter') ?? '')?.[1];
    // A search, and not a comparison.
    const all = cloud.backups.filter(
      ({ instance }) => instance.project === project && (wanted === undefined || instance.name.includes(wanted)),
    );
    const { items, ...more } = page(all, asked);
    return { backups: items.map(backupJson), ...more };
  },

  'sql.Backups.DeleteBackup': (cloud, asked) =>
    operationJson(asked.endpoint, cloud.deleteBackup(asked.values['name'] ?? '')),
};
