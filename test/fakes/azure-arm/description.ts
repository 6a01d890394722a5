// Microsoft's description of the interface as a judge: the mappers, parameters and operations of its own client. What goes in
// and comes out must be in it, field by field.
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface Description {
  /** What is wrong with method, path and query. */
  requestProblems(method: string, url: URL): string[];
  /** What is wrong with a body; a call that is not described is not judged here. */
  bodyProblems(method: string, url: URL, body: unknown, direction: Direction): string[];
}

type Direction = 'request' | 'response';

interface Mapper {
  readonly serializedName?: string;
  readonly required?: boolean;
  readonly readOnly?: boolean;
  readonly constraints?: { readonly Pattern?: RegExp; readonly MaxLength?: number; readonly MinLength?: number };
  readonly type: {
    readonly name: string;
    readonly className?: string;
    readonly modelProperties?: Readonly<Record<string, Mapper>>;
    readonly element?: Mapper;
    readonly value?: Mapper;
  };
}

interface Operation {
  readonly method: string;
  readonly pattern: RegExp;
  /** Names of parameters, in order. */
  readonly names: readonly string[];
  readonly request: Mapper | undefined;
  readonly response: Mapper | undefined;
}

type Exports = Readonly<Record<string, unknown>>;

export const apiVersion = '2025-08-01';

export const readDescription = async (): Promise<Description> => {
  const folder = join(dirname(createRequire(import.meta.url).resolve('@azure/arm-postgresql-flexible')), '../esm');
  const load = async (file: string): Promise<Exports> =>
    (await import(pathToFileURL(join(folder, file)).href)) as Exports;
  const [mappers, parameters, models] = await Promise.all([
    load('models/mappers.js'),
    load('models/parameters.js'),
    load('models/index.js'),
  ]);
  const operations = await readOperations(folder, { mappers, parameters });
  const find = (method: string, { pathname }: URL): Operation | undefined =>
    operations.find((each) => each.method === method && each.pattern.test(pathname));
  const problems = createJudge(mappers as Readonly<Record<string, Mapper>>, models);
  return {
    requestProblems: (method, url) => {
      const query = [...url.searchParams].filter(([name]) => name !== '$skipToken');
      // Where operations are looked at is Azure's own word, which no client knows before.
      if (method === 'GET' && /\/locations\/[^/]+\/azureAsyncOperation\/[^/]+$/.test(url.pathname)) return [];
      const found = find(method, url);
      if (!found) return [`${method} ${url.pathname} is no operation`];
      const wrong = query.filter(([name, value]) => name !== 'api-version' || value !== apiVersion);
      const values = found.pattern.exec(url.pathname)?.slice(1) ?? [];
      return [
        ...wrong.map(([name, value]) => `${method} ${url.pathname} takes no ${name}=${value}`),
        ...(url.searchParams.has('api-version') ? [] : [`${method} ${url.pathname} has no api-version`]),
        ...found.names.flatMap((name, index) =>
          valueProblems(mapperOf(parameters[name]), decodeURIComponent(values[index] ?? ''), name),
        ),
      ];
    },
    bodyProblems: (method, url, body, direction) => {
      const found = find(method, url);
      if (!found) return [];
      const mapper = found[direction];
      if (mapper) return body === undefined && direction === 'response' ? [] : problems(mapper, body, direction);
      return body === undefined ? [] : [`${method} ${url.pathname} has no body in its ${direction}`];
    },
  };
};

const mapperOf = (parameter: unknown): Mapper | undefined =>
  (parameter as { readonly mapper?: Mapper } | undefined)?.mapper;

const valueProblems = (mapper: Mapper | undefined, value: string, name: string): string[] => {
  const { Pattern, MaxLength = Infinity, MinLength = 0 } = mapper?.constraints ?? {};
  const fits = Pattern === undefined || Pattern.exec(value)?.[0] === value;
  const isRight = fits && value.length <= MaxLength && value.length >= MinLength;
  return mapper && isRight ? [] : [`${value} is no ${name}`];
};

/** Specifications of operations are not exported: they are read as text. */
const readOperations = async (
  folder: string,
  { mappers, parameters }: { readonly mappers: Exports; readonly parameters: Exports },
): Promise<Operation[]> => {
  const operations: Operation[] = [];
  for (const file of await readdir(join(folder, 'operations'))) {
    if (!file.endsWith('.js')) continue;
    const text = await readFile(join(folder, 'operations', file), 'utf8');
    for (const [, spec = ''] of text.matchAll(/OperationSpec = \{\n(.*?)\n\};/gs)) {
      const [, path = '', method = ''] = /path: "([^"]+)",\s+httpMethod: "(\w+)"/.exec(spec) ?? [];
      const body = /requestBody: Parameters\.(\w+)/.exec(spec)?.[1];
      const answer = /(?:200|201|202): \{\s+bodyMapper: Mappers\.(\w+)/.exec(spec)?.[1];
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
      operations.push({
        method,
        names,
        pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '([^/]+)')}$`, 'i'),
        request: body === undefined ? undefined : mapperOf(parameters[body]),
        response: answer === undefined ? undefined : (mappers[answer] as Mapper),
      });
    }
  }
  return operations;
};

/** Enumerations of which the mappers know no more than that they are text. */
const enumerations: Readonly<Record<string, string>> = {
  'Server.state': 'KnownServerState',
  'Server.createMode': 'KnownCreateMode',
  'Server.version': 'KnownPostgresMajorVersion',
  'Server.replicationRole': 'KnownReplicationRole',
  'Sku.tier': 'KnownSkuTier',
  'Backup.geoRedundantBackup': 'KnownGeographicallyRedundantBackup',
  'Network.publicNetworkAccess': 'KnownServerPublicNetworkAccessState',
  'HighAvailability.mode': 'KnownHighAvailabilityMode',
  'BackupAutomaticAndOnDemand.backupType': 'KnownBackupType',
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const simple: Readonly<Record<string, (value: unknown) => boolean>> = {
  String: (value) => typeof value === 'string',
  Uuid: (value) => typeof value === 'string',
  Boolean: (value) => typeof value === 'boolean',
  Number: (value) => typeof value === 'number',
  DateTime: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value),
  any: () => true,
};

const createJudge = (mappers: Readonly<Record<string, Mapper>>, models: Exports) => {
  const judge = (mapper: Mapper, value: unknown, at: string, direction: Direction): string[] => {
    const { name, className = '', element, value: inner } = mapper.type;
    if (name === 'Composite') return judgeComposite(className, value, at, direction);
    if (name === 'Sequence' && element)
      return Array.isArray(value)
        ? value.flatMap((each, index) => judge(element, each, `${at}[${index}]`, direction))
        : [`${at} is no list`];
    if (name === 'Dictionary' && inner)
      return isObject(value)
        ? Object.entries(value).flatMap(([key, each]) => judge(inner, each, `${at}.${key}`, direction))
        : [`${at} is no map`];
    return simple[name]?.(value) === true ? [] : [`${at} is no ${name}: ${JSON.stringify(value)}`];
  };

  const judgeField = (field: Mapper, found: unknown, at: string, direction: Direction): string[] => {
    const { required = false, readOnly = false } = field;
    const isOurs = direction === 'request' && readOnly;
    if (found === undefined) return required && !isOurs ? [`${at} is missing`] : [];
    return [...(isOurs ? [`${at} is read only`] : []), ...judge(field, found, at, direction)];
  };

  const enumerationProblems = (field: string, found: unknown, at: string): string[] => {
    const values = enumerations[field];
    if (values === undefined || found === undefined) return [];
    const isKnown = Object.values(Object(models[values]) as object).includes(found);
    return isKnown ? [] : [`${at} is not of ${values}: ${JSON.stringify(found)}`];
  };

  const judgeComposite = (className: string, value: unknown, at: string, direction: Direction): string[] => {
    if (!isObject(value)) return [`${at} is no ${className}`];
    const problems: string[] = [];
    const known = new Set<string>();
    for (const [name, field] of Object.entries(mappers[className]?.type.modelProperties ?? {})) {
      const path = (field.serializedName ?? name).split('.');
      path.forEach((_, index) => known.add(path.slice(0, index + 1).join('.')));
      // What is below is judged by its own class.
      if (field.type.name === 'Composite' || field.type.name === 'Dictionary') known.add(`${path.join('.')}.*`);
      const found = path.reduce<unknown>((on, part) => (isObject(on) ? on[part] : undefined), value);
      const where = `${at}.${path.join('.')}`;
      problems.push(...judgeField(field, found, where, direction));
      problems.push(...enumerationProblems(`${className}.${name}`, found, where));
    }
    problems.push(...strangers(value, known, '').map((name) => `${at}.${name} is not of ${className}`));
    return problems;
  };

  return (mapper: Mapper, value: unknown, direction: Direction): string[] =>
    judge(mapper, value, mapper.type.className ?? direction, direction);
};

/** Fields that nobody described, within what is not a class of its own. */
const strangers = (value: Readonly<Record<string, unknown>>, known: ReadonlySet<string>, at: string): string[] =>
  Object.entries(value).flatMap(([name, below]) => {
    const path = `${at}${name}`;
    if (!known.has(path)) return [path];
    const isOwn = known.has(`${path}.*`) || ![...known].some((each) => each.startsWith(`${path}.`));
    return isOwn || !isObject(below) ? [] : strangers(below, known, `${path}.`);
  });
