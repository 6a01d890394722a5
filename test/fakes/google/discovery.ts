// Google's description of an interface as a judge: what goes in and comes out must be in it, field by field.
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';

export interface Method {
  /** As `sql.instances.export`. */
  readonly id: string;
  readonly httpMethod: string;
  /** Of the path; groups are the parameters in it. */
  readonly pattern: RegExp;
  readonly parameters: ReadonlySet<string>;
  readonly request: string | undefined;
  readonly response: string;
}

type Way = 'asked' | 'answered';

export interface Discovery {
  match(httpMethod: string, path: string): { method: Method; values: Readonly<Record<string, string>> } | undefined;
  /** What is wrong with a value of this schema; nothing, when it is right. What is asked holds nothing that Google alone says. */
  problems(schema: string, value: unknown, way: Way): string[];
  /** Of all methods. */
  readonly common: ReadonlySet<string>;
}

interface Json {
  [name: string]: unknown;
}

/** A file of the installed client, which brings the descriptions along. */
export const googleClient = (name: string): string => {
  const cache =
    process.env['LC2_CACHE_DIR'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lc2-backup');
  const file = join(cache, 'google-client', name);
  if (!existsSync(file)) throw new Error(`${file} is missing: run test/install/install.sh servers`);
  return file;
};

export const readDiscovery = (name: string): Discovery => {
  const document = JSON.parse(readFileSync(googleClient(`documents/${name}`), 'utf8')) as Json;
  const methods = methodsOf(document['resources'] as Json);
  const ajv = new Ajv({ strict: false, allErrors: true });
  const add = (way: Way) => {
    const schemas = Object.entries(document['schemas'] as Json);
    const definitions = Object.fromEntries(schemas.map(([schema, text]) => [schema, closed(text as Json, way)]));
    ajv.addSchema({ $id: way, definitions });
  };
  add('asked');
  add('answered');
  const validators = new Map<string, ValidateFunction>();
  const validatorOf = (name: string): ValidateFunction => {
    const known = validators.get(name) ?? ajv.compile({ $ref: name });
    validators.set(name, known);
    return known;
  };
  return {
    common: new Set(Object.keys(document['parameters'] as Json)),
    match: (httpMethod, path) => {
      for (const method of methods) {
        const found = method.httpMethod === httpMethod ? method.pattern.exec(path) : null;
        if (found)
          return {
            method,
            values: Object.fromEntries(
              Object.entries(found.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]),
            ),
          };
      }
      return undefined;
    },
    problems: (schema, value, way) => {
      const validate = validatorOf(`${way}#/definitions/${schema}`);
      if (validate(value)) return [];
      return (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${schema}${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
      );
    },
  };
};

/** Objects take no field that is not described; numbers of 64 bits are strings already. */
const closed = (schema: Json, way: Way): Json => {
  const { $ref, type, properties, items, additionalProperties, enum: allowed } = schema;
  if (typeof $ref === 'string') return { $ref: `#/definitions/${$ref}` };
  if (type === 'any') return {};
  if (type === 'array') return { type, items: closed(items as Json, way) };
  if (type !== 'object') return { type, ...(allowed === undefined ? {} : { enum: allowed }) };
  const fields = Object.entries((properties ?? {}) as Json)
    .filter(([, field]) => way === 'answered' || (field as Json)['readOnly'] !== true)
    .map(([name, field]) => [name, closed(field as Json, way)]);
  return {
    type,
    properties: Object.fromEntries(fields),
    additionalProperties: additionalProperties === undefined ? false : closed(additionalProperties as Json, way),
  };
};

const methodsOf = (resources: Json): Method[] =>
  Object.values(resources).flatMap((each) => {
    const { methods = {}, resources: below = {} } = each as { methods?: Json; resources?: Json };
    return [...Object.values(methods).map((method) => methodOf(method as Json)), ...methodsOf(below)];
  });

const refOf = (value: unknown): string | undefined => (value as { $ref?: string } | undefined)?.$ref;

const methodOf = (method: Json): Method => ({
  id: String(method['id']),
  httpMethod: String(method['httpMethod']),
  pattern: patternOf(String(method['path']), (method['parameters'] ?? {}) as Json),
  parameters: new Set(Object.keys(method['parameters'] ?? {})),
  request: refOf(method['request']),
  response: refOf(method['response']) ?? 'Empty',
});

/** `v1/{+parent}/backups`, where a plus lets the value hold slashes in the form that is described. */
const patternOf = (path: string, parameters: Json): RegExp => {
  const source = path.replaceAll(/\{(\+?)(\w+)\}|[.:]/g, (text, plus: string | undefined, name: string | undefined) => {
    if (name === undefined) return `\\${text}`;
    if (plus !== '+') return `(?<${name}>[^/]+)`;
    const form = String((parameters[name] as Json)['pattern']).replace(/^\^|\$$/g, '');
    return `(?<${name}>${form})`;
  });
  return new RegExp(`^/${source}$`);
};
