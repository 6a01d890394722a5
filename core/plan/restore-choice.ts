import { z } from 'zod';
import { newServerName } from '../api/new-server.ts';
import { Lc2Error } from '../errors.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { splitList } from '../flow/flow.ts';
import type { Environment } from './environment.ts';

/** What of a backup a restore takes, from the parameters of its flow. Pure; every refusal names the field. */

const databasesSchema = z
  .array(z.strictObject({ name: z.string().min(1).max(63), as: z.string().min(1).max(63).optional() }))
  .max(100);
const prefixesSchema = z.array(z.string().min(1).max(1024)).max(200);

export interface RestoreChoice {
  readonly components: string[];
  readonly databases: { database: string; as: string }[];
  readonly stores: string[];
  readonly prefixes: string[];
  readonly newServer?: string;
}

type Parameters = Readonly<Record<string, string>>;

export const assertAllowed = (into: Environment, parameters: Parameters): void => {
  if (parameters['preview'] === 'true') return;
  if (!into.spec.restore.allowed)
    throw new Lc2Error('RESTORE_NOT_ALLOWED', `environment ${into.name} may not be restored into`, {
      where: 'spec.restore.allowed',
    });
  if (parameters['confirm'] !== into.name) {
    throw new Lc2Error(
      'RESTORE_NOT_CONFIRMED',
      `confirm is ${JSON.stringify(parameters['confirm'] ?? '')}, not ${into.name}`,
      { where: 'confirm' },
    );
  }
};

export const chooseRestore = (manifest: Manifest, into: Environment, parameters: Parameters): RestoreChoice => {
  const wanted = new Set(splitList(parameters['components'] ?? ''));
  const inBackup = [...(manifest.database ? ['database'] : []), ...manifest.objectStores.map(({ name }) => name)];
  const inTarget = new Set([
    ...(into.spec.database ? ['database'] : []),
    ...into.spec.objectStores.map(({ name }) => name),
  ]);
  for (const name of wanted) {
    if (!inBackup.includes(name))
      throw new Lc2Error('COMPONENT_UNKNOWN', `the backup has no component ${JSON.stringify(name)}`, {
        where: manifest.backupId,
      });
    if (!inTarget.has(name))
      throw new Lc2Error('COMPONENT_UNKNOWN', `environment ${into.name} has no component ${JSON.stringify(name)}`, {
        where: into.name,
      });
  }
  const components = inBackup.filter((name) => (wanted.size > 0 ? wanted.has(name) : inTarget.has(name)));
  if (components.length === 0)
    throw new Lc2Error('NOTHING_SELECTED', 'backup and environment have no component in common', { where: into.name });
  const stores = components.filter((name) => name !== 'database');
  const prefixes = parseJson(parameters['prefixes'] ?? '[]', prefixesSchema, 'prefixes');
  const newServer = chooseNewServer(components, parameters);
  return {
    components,
    databases: components.includes('database') ? chooseDatabases(manifest, parameters) : [],
    stores,
    prefixes,
    ...(newServer === undefined ? {} : { newServer }),
  };
};

/** Templates are started without a request, too: its rules hold here again. */
const chooseNewServer = (components: readonly string[], parameters: Parameters): string | undefined => {
  const name = parameters['new-server'] ?? '';
  const where = 'new-server';
  if (parameters['database-mode'] !== 'new-server') {
    if (name === '') return undefined;
    throw new Lc2Error('INPUT_INVALID', 'it goes with database-mode new-server', { where });
  }
  const [issue] = newServerName.safeParse(name).error?.issues ?? [];
  if (issue)
    throw new Lc2Error('INPUT_INVALID', `the name of the new server, ${JSON.stringify(name)}: ${issue.message}`, {
      where,
    });
  if (!components.includes('database'))
    throw new Lc2Error('INPUT_INVALID', 'database-mode new-server needs the component database', { where });
  if (parseJson(parameters['databases'] ?? '[]', databasesSchema, 'databases').length > 0)
    throw new Lc2Error('INPUT_INVALID', 'a new server has all databases: none can be chosen', { where: 'databases' });
  return name;
};

const chooseDatabases = (manifest: Manifest, parameters: Parameters): { database: string; as: string }[] => {
  const known = (manifest.database?.dumps ?? []).map(({ database }) => database);
  const wanted = parseJson(parameters['databases'] ?? '[]', databasesSchema, 'databases');
  const missing = wanted.find(({ name }) => !known.includes(name));
  if (missing)
    throw new Lc2Error('DATABASE_NOT_FOUND', `the backup has no database ${JSON.stringify(missing.name)}`, {
      where: 'databases',
    });
  const chosen =
    wanted.length > 0
      ? wanted.map(({ name, as }) => ({ database: name, as: as ?? name }))
      : known.map((name) => ({ database: name, as: name }));
  const targets = new Set(chosen.map(({ as }) => as));
  if (targets.size !== chosen.length)
    throw new Lc2Error('INPUT_INVALID', 'two databases would get the same name', { where: 'databases' });
  return chosen;
};

const parseJson = <S extends z.ZodType>(text: string, schema: S, field: string): z.output<S> => {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Lc2Error('INPUT_INVALID', `parameter ${field} is not the expected JSON list`, { where: field, cause });
  }
};
