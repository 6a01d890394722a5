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

export interface Discovery {
  match(httpMethod: string, path: string): { method: Method; values: Readonly<Record<string, string>> } | undefined;
  /** What is wrong with a value of this schema; nothing, when it is right. */
  problems(schema: string, value: unknown): string[];
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
  const definitions = Object.fromEntries(
    Object.entries(document['schemas'] as Json).map(([schema, text]) => [schema, closed(text as Json)]),
  );
  ajv.addSchema({ $id: 'google', definitions });
  const validators = new Map<string, ValidateFunction>();
  const validatorOf = (schema: string): ValidateFunction => {
    const known = validators.get(schema) ?? ajv.compile({ $ref: `google#/definitions/${schema}` });
    validators.set(schema, known);
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
    problems: (schema, value) => {
      const validate = validatorOf(schema);
      if (validate(value)) return [];
      return (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${schema}${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
      );
    },
  };
};

/** Objects take no field that is not described; numbers of 64 bits are strings already. */
const closed = (schema: Json): Json => {
  const { $ref, type, properties, items, additionalProperties, enum: allowed } = schema;
  if (typeof $ref === 'string') return { $ref: `#/definitions/${$ref}` };
  if (type === 'any') return {};
  if (type === 'array') return { type, items: closed(items as Json) };
  if (type !== 'object') return { type, ...(allowed === undefined ? {} : { enum: allowed }) };
  const fields = Object.entries((properties ?? {}) as Json).map(([name, field]) => [name, closed(field as Json)]);
  return {
    type,
    properties: Object.fromEntries(fields),
    additionalProperties: additionalProperties === undefined ? false : closed(additionalProperties as Json),
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
