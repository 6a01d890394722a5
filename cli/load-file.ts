import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { backupEnvironmentDocument } from '../core/api/index.ts';
import { Lc2Error } from '../core/errors.ts';
import { describeIssues, type Environment } from '../core/plan/environment.ts';
import type { SecretName } from '../core/steps/contract.ts';

/** The YAML that kubectl applies: BackupEnvironment and Secret documents; documents of other kinds are not ours. */
export interface LoadedFile {
  readonly environments: readonly Environment[];
  readonly secrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

const secretDocument = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string().optional() }),
  data: z.record(z.string(), z.base64()).default({}),
  stringData: z.record(z.string(), z.string()).default({}),
});

export const loadFile = (file: string): LoadedFile => {
  const environments: Environment[] = [];
  const secrets = new Map<string, Record<string, string>>();
  for (const [index, document] of parseFile(file).entries()) {
    const where = `${file}, document ${index + 1}`;
    const kind = kindOf(document, where);
    if (kind === 'BackupEnvironment') addEnvironment(environments, document, where);
    else if (kind === 'Secret') addSecret(secrets, document, where);
  }
  return { environments, secrets };
};

const parseFile = (file: string): unknown[] => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Lc2Error('YAML_INVALID', 'the file cannot be read', { where: file, cause });
  }
  const documents = parseAllDocuments(text, { version: '1.1', uniqueKeys: true, strict: true });
  const values: unknown[] = [];
  for (const document of documents) {
    const [problem] = document.errors;
    if (problem) throw new Lc2Error('YAML_INVALID', problem.message.split('\n')[0] ?? 'not YAML', { where: file });
    const value = toPlain(() => document.toJS({ maxAliasCount: 0 }), file);
    // An empty document, as between two separators.
    if (value !== null && value !== undefined) values.push(value);
  }
  return values;
};

/** kubectl would expand aliases; a file that is reviewed line by line should not need them. */
const toPlain = (convert: () => unknown, where: string): unknown => {
  try {
    return convert();
  } catch (cause) {
    throw new Lc2Error('YAML_INVALID', 'anchors and aliases are not supported', { where, cause });
  }
};

const kindOf = (document: unknown, where: string): string => {
  const parsed = z.object({ kind: z.string() }).safeParse(document);
  if (!parsed.success) throw new Lc2Error('YAML_INVALID', 'a document has no kind', { where });
  return parsed.data.kind;
};

const addEnvironment = (environments: Environment[], document: unknown, where: string): void => {
  const parsed = backupEnvironmentDocument.safeParse(document);
  if (!parsed.success) throw new Lc2Error('ENVIRONMENT_INVALID', describeIssues(parsed.error), { where });
  const { metadata, spec } = parsed.data;
  const { name, namespace } = metadata;
  if (environments.some((each) => each.name === name))
    throw new Lc2Error('YAML_INVALID', `environment ${name} is given twice`, { where });
  environments.push({ name, spec, ...(namespace === undefined ? {} : { namespace }) });
};

const addSecret = (secrets: Map<string, Record<string, string>>, document: unknown, where: string): void => {
  const parsed = secretDocument.safeParse(document);
  if (!parsed.success) throw new Lc2Error('YAML_INVALID', `Secret: ${describeIssues(parsed.error)}`, { where });
  const { metadata, data, stringData } = parsed.data;
  if (secrets.has(metadata.name))
    throw new Lc2Error('YAML_INVALID', `Secret ${metadata.name} is given twice`, { where });
  const decoded = Object.entries(data).map(
    ([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')] as const,
  );
  secrets.set(metadata.name, { ...Object.fromEntries(decoded), ...stringData });
};

/** The environment of this name, or the only one. */
export const findEnvironment = ({ environments }: LoadedFile, name: string | undefined): Environment => {
  const names = environments.map((environment) => environment.name).join(', ');
  if (name === undefined) {
    const [only, other] = environments;
    if (only && !other) return only;
    throw new Lc2Error(
      'ENVIRONMENT_NOT_FOUND',
      only ? `name one of ${names} with -e` : 'the file holds no BackupEnvironment',
    );
  }
  const found = environments.find((environment) => environment.name === name);
  if (!found)
    throw new Lc2Error(
      'ENVIRONMENT_NOT_FOUND',
      `there is no environment ${JSON.stringify(name)} among: ${names || 'none'}`,
    );
  return found;
};

export type SecretSet = Readonly<Record<SecretName, Readonly<Record<string, string>>>>;

/** Secrets as the steps get them: database and objects of one environment, storage of the one that holds the backups. */
export const secretsOf = (file: LoadedFile, environment: Environment, source: Environment): SecretSet => {
  const pick = (name: string | undefined): Readonly<Record<string, string>> => {
    if (name === undefined) return {};
    const secret = file.secrets.get(name);
    if (!secret) throw new Lc2Error('SECRET_MISSING', `Secret ${name} is not in the file`, { where: environment.name });
    const empty = Object.entries(secret).find(([, value]) => value === '');
    if (empty || Object.keys(secret).length === 0)
      throw new Lc2Error('SECRET_MISSING', `Secret ${name} has an empty ${empty?.[0] ?? 'data'}`);
    return secret;
  };
  return {
    database: pick(environment.spec.database?.credentials?.secretName),
    objects: pick(environment.spec.objectStores[0]?.credentials?.secretName),
    storage: pick(source.spec.storage.credentials?.secretName),
    copies: pick(source.spec.storage.copies[0]?.credentials?.secretName),
  };
};
