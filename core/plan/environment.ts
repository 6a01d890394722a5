import { z } from 'zod';
import {
  backupEnvironmentSpec,
  environmentName,
  type EnvironmentSpec,
  type ObjectStoreSpec,
} from '../api/backup-environment.ts';
import { durationSeconds } from '../api/common.ts';
import { canonical } from '../manifest/canonical.ts';
import { Lc2Error } from '../errors.ts';
import { type EnvironmentFlag, type FlowFacts, type FlowParameter, flagsOf } from '../flow/flow.ts';
import type { SecretName } from '../steps/contract.ts';
import type { ServerAddress } from '../ports/job-service.ts';
import { profiles } from '../profiles/index.ts';
import { type ChosenService, tryChooseService } from '../services/index.ts';
import { stores, tryParseUrl } from '../stores/index.ts';

/** An environment as a run sees it: validated, with defaults. */
export const environmentFile = z.strictObject({
  name: environmentName,
  namespace: z.string().optional(),
  spec: backupEnvironmentSpec,
});
export type Environment = z.output<typeof environmentFile>;

/** Parsed, or ENVIRONMENT_INVALID with the path of the first wrong field. */
export const parseEnvironment = (value: unknown, where: string): Environment => {
  const parsed = environmentFile.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Lc2Error('ENVIRONMENT_INVALID', describeIssues(parsed.error), { where });
};

/** `spec.database.server.port: Invalid input …`, one clause per issue. */
export const describeIssues = (error: z.ZodError): string =>
  error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || 'document'}: ${issue.message}`)
    .join('; ');

export const configMapName = (environment: string): string => `backup-environment-${environment}`;

/** Keys of the ConfigMap that templates read. */
export type ConfigMapData = Readonly<
  Record<'environment.json' | `${SecretName}-secret` | 'deadline' | EnvironmentFlag, string>
>;

const secretOf = (place: { readonly credentials?: { readonly secretName: string } | undefined } | undefined): string =>
  place?.credentials?.secretName ?? '';

/** Of its backups, or of their snapshots. */
export const wantsCopies = (spec: EnvironmentSpec): boolean =>
  spec.storage.copies.length + (tryService(spec)?.snapshotCopies.length ?? 0) > 0;

export const renderConfigMapData = (environment: Environment): ConfigMapData => {
  const { spec } = environment;
  const uses = tryService(spec)?.uses;
  return {
    'environment.json': canonical(environment),
    'database-secret': secretOf(spec.database),
    'objects-secret': secretOf(spec.objectStores[0]),
    'storage-secret': secretOf(spec.storage),
    'copies-secret': secretOf(spec.storage.copies[0]),
    deadline: String(durationSeconds(spec.scheduling.deadline)),
    'has-database': String(spec.database !== undefined),
    'has-objects': String(spec.objectStores.length > 0),
    'has-snapshot': String(uses?.snapshot === true),
    'has-export': String(uses?.export === true),
    'has-dump': String(uses?.dump === true),
    'has-copies': String(wantsCopies(spec)),
  };
};

/** What the conditions of a flow's steps are about. */
export const factsOf = (environment: Environment, parameters: FlowFacts['parameters']): FlowFacts => {
  const data = renderConfigMapData(environment);
  return { flags: flagsOf((flag) => data[flag] === 'true'), parameters };
};

/** Locations that only the local runner can reach, by field path. */
export const localLocations = (spec: EnvironmentSpec): string[] => {
  const local = (url: string): boolean => {
    const parsed = tryParseUrl(url);
    return parsed !== undefined && !stores[parsed.store].onCluster;
  };
  return [
    ...(local(spec.storage.url) ? ['spec.storage.url'] : []),
    ...spec.storage.copies.flatMap((place, index) => (local(place.url) ? [`spec.storage.copies[${index}].url`] : [])),
    ...spec.objectStores.flatMap((store, index) => (local(store.url) ? [`spec.objectStores[${index}].url`] : [])),
  ];
};

/** The one service member that is given, or undefined for an environment without database. */
export const tryService = ({ database }: EnvironmentSpec): ChosenService | undefined =>
  database === undefined ? undefined : tryChooseService(database);

/** The same environment, whose server is reached somewhere else. */
export const atServer = (environment: Environment, { host, port }: ServerAddress): Environment => {
  const { spec } = environment;
  const name = tryService(spec)?.name;
  const member = name && spec.database?.[name];
  if (!member) return environment;
  return { ...environment, spec: { ...spec, database: { ...spec.database, [name]: { ...member, host, port } } } };
};

/** Components of the environment that the run is about; unknown names are an error, as is a selection of nothing. */
export const chooseComponents = (spec: EnvironmentSpec, wanted: readonly string[], where: string): string[] => {
  const known = [...(spec.database === undefined ? [] : ['database']), ...spec.objectStores.map((store) => store.name)];
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Lc2Error('COMPONENT_UNKNOWN', `component ${JSON.stringify(unknown)} is not one of ${known.join(', ')}`, {
      where,
    });
  }
  const chosen = wanted.length === 0 ? known : known.filter((name) => wanted.includes(name));
  if (chosen.length === 0) throw new Lc2Error('NOTHING_SELECTED', 'the environment has nothing to back up', { where });
  return chosen;
};

export const chosenStores = (spec: EnvironmentSpec, components: readonly string[]): ObjectStoreSpec[] =>
  spec.objectStores.filter((store) => components.includes(store.name));

/** Exclude rules of a store: the profile's, if asked for, and its own. */
export const excludeRules = (spec: EnvironmentSpec, store: ObjectStoreSpec): string[] => [
  ...(store.excludeGeneratedFiles ? profiles[spec.profile].generatedFiles : []),
  ...store.exclude,
];

/** Environment variable that carries a flow parameter to a step. */
export const variableOf = (parameter: string): string => `LC2_${parameter.toUpperCase().replaceAll('-', '_')}`;

/** Parameters as given, with the defaults of the flow; a missing one, an unknown one or a value outside its enum is an error. */
export const completeParameters = (
  parameters: readonly FlowParameter[],
  given: Readonly<Record<string, string>>,
): Record<string, string> => {
  const unknown = Object.keys(given).find((name) => !parameters.some((parameter) => parameter.name === name));
  if (unknown !== undefined) throw new Lc2Error('INPUT_INVALID', `there is no parameter ${unknown}`);
  const complete: Record<string, string> = {};
  for (const { name, value, enum: allowed } of parameters) {
    const chosen = given[name] ?? value;
    if (chosen === undefined || (value === undefined && chosen === ''))
      throw new Lc2Error('INPUT_INVALID', `parameter ${name} is missing`);
    if (allowed && !allowed.includes(chosen)) {
      throw new Lc2Error(
        'INPUT_INVALID',
        `parameter ${name} must be one of ${allowed.join(', ')}, not ${JSON.stringify(chosen)}`,
      );
    }
    complete[name] = chosen;
  }
  return complete;
};
