import { z } from 'zod';

/**
 * A zod schema as the structural schema that Kubernetes wants of a CRD. What the API server would refuse, and what zod would
 * leave out in silence (a refinement without a CEL rule, flags of a pattern), throws with the path.
 */

export interface StructuralSchema {
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly [key: string]: unknown;
}

export class NotStructuralError extends Error {
  constructor(path: string, what: string) {
    super(`${path}: ${what}`);
    this.name = 'NotStructuralError';
  }
}

export const structuralSchema = (schema: z.ZodType, path: string): StructuralSchema => {
  const refined: string[][] = [];
  const raw = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    reused: 'inline',
    unrepresentable: 'throw',
    override: (context) => {
      refuseFlags(context.zodSchema, `${path}.${context.path.join('.')}`);
      if (hasRefinement(context.zodSchema)) refined.push(context.path.map(String));
    },
  });
  const { $schema: _dialect, ...root } = raw;
  for (const place of refined) requireRules(root, place, path);
  return convert(root, path);
};

/** An API server compiles the pattern as RE2 and knows nothing of flags. */
const refuseFlags = (schema: z.core.$ZodType, path: string): void => {
  for (const check of schema._zod.def.checks ?? []) {
    const pattern: unknown = 'pattern' in check._zod.def ? check._zod.def.pattern : undefined;
    if (pattern instanceof RegExp && pattern.flags !== '') {
      throw new NotStructuralError(path, `the flags of ${String(pattern)} would be lost`);
    }
  }
};

const hasRefinement = (schema: z.core.$ZodType): boolean =>
  (schema._zod.def.checks ?? []).some((check) => check._zod.def.check === 'custom');

const requireRules = (root: unknown, place: readonly string[], path: string): void => {
  let node: unknown = root;
  for (const key of place) node = isRecord(node) ? node[key] : undefined;
  if (!isRecord(node) || node['x-kubernetes-validations'] === undefined) {
    throw new NotStructuralError([path, ...place].join('.'), 'a refinement without a CEL rule would be lost');
  }
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const types = new Set(['object', 'array', 'string', 'integer', 'number', 'boolean']);

const kept = new Set([
  'type',
  'description',
  'default',
  'enum',
  'format',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'required',
  'nullable',
]);

/** Handled apart, or said by the structural schema itself: unknown fields are refused anyway. */
const handled = new Set(['properties', 'items', 'additionalProperties', 'propertyNames']);

const formats = new Set(['date-time', 'int32', 'int64', 'double', 'byte', 'date']);

const isExtension = (key: string): boolean =>
  [
    'x-kubernetes-validations',
    'x-kubernetes-list-type',
    'x-kubernetes-list-map-keys',
    'x-kubernetes-map-type',
  ].includes(key);

const convert = (node: unknown, path: string): StructuralSchema => {
  if (!isRecord(node)) throw new NotStructuralError(path, 'not a schema');
  const { type } = node;
  if (typeof type !== 'string' || !types.has(type))
    throw new NotStructuralError(path, 'a schema needs one type (no union, no any)');
  const unknown = Object.keys(node).find((key) => !kept.has(key) && !handled.has(key) && !isExtension(key));
  if (unknown !== undefined) throw new NotStructuralError(path, `Kubernetes knows no ${unknown} here`);
  const own = Object.fromEntries(Object.entries(node).filter(([key]) => kept.has(key) || isExtension(key)));
  return defined({
    ...own,
    ...(type === 'string' ? text(own, path) : {}),
    ...(type === 'object' ? object(node, path) : {}),
    ...(type === 'array' ? { items: convert(node['items'], `${path}[]`) } : {}),
    ...(type === 'integer' ? integer(own, path) : {}),
    type: type as StructuralSchema['type'],
  });
};

const defined = (schema: StructuralSchema): StructuralSchema => ({
  ...Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined)),
  type: schema.type,
});

type Part = Record<string, unknown>;

const text = (own: Readonly<Part>, path: string): Part => {
  const { format, pattern } = own;
  if (format !== undefined && !(typeof format === 'string' && formats.has(format)))
    throw new NotStructuralError(path, `unknown format ${JSON.stringify(format)}`);
  if (typeof pattern !== 'string') return {};
  // The server checks date-time by its format; zod's pattern for it is long and says the same.
  if (format === 'date-time') return { pattern: undefined };
  refuseNotRe2(pattern, path);
  return {};
};

const refuseNotRe2 = (pattern: string, path: string): void => {
  const found = /\(\?(?:[=!]|<[=!])|\(\?<[A-Za-z]|\\(?:[1-9]|k<|u|c[A-Za-z])/.exec(pattern);
  if (found) throw new NotStructuralError(path, `RE2 does not know ${found[0]} of the pattern ${pattern}`);
};

const object = (node: Readonly<Part>, path: string): Part => {
  const { properties, additionalProperties } = node;
  if (isRecord(additionalProperties)) {
    if (isRecord(properties)) throw new NotStructuralError(path, 'either properties or additionalProperties');
    return { additionalProperties: convert(additionalProperties, `${path}.*`) };
  }
  if (!isRecord(properties)) throw new NotStructuralError(path, 'an object needs properties or values of one schema');
  return {
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, inner]) => [name, convert(inner, `${path}.${name}`)]),
    ),
  };
};

const int32 = 2 ** 31 - 1;

const integer = (own: Readonly<Part>, path: string): Part => {
  const minimum = boundOf(own['minimum'], path);
  const maximum = boundOf(own['maximum'], path);
  const fits = minimum !== undefined && minimum >= -int32 && maximum !== undefined && maximum <= int32;
  return { minimum, maximum, format: fits ? 'int32' : 'int64' };
};

/** The limits of JavaScript's numbers are no limits of ours. */
const boundOf = (bound: unknown, path: string): number | undefined => {
  if (bound === undefined) return undefined;
  if (typeof bound !== 'number') throw new NotStructuralError(path, 'a bound must be a number');
  return Math.abs(bound) >= Number.MAX_SAFE_INTEGER ? undefined : bound;
};
