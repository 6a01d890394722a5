import { Ajv } from 'ajv';
import type { StructuralSchema } from '../../../core/api/structural.ts';
import { propertiesOf } from './schema-arbitrary.ts';

/** What an API server does with an object: nulls pruned where a default is, defaults, schema, rules. Rules about an old self need one. */

const ajv = new Ajv({
  allErrors: false,
  useDefaults: true,
  strict: false,
  formats: {
    int32: { type: 'number', validate: (value: number) => Math.abs(value) < 2 ** 31 },
    int64: { type: 'number', validate: (value: number) => Number.isSafeInteger(value) },
    'date-time': /^\d{4}-\d\d-\d\d[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/,
  },
});

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The schema as ajv wants it: fields that are not named are refused, as kubectl asks for. */
const closed = (schema: StructuralSchema): Record<string, unknown> => {
  const { items, additionalProperties } = schema;
  const inner = (value: unknown): unknown =>
    isRecord(value) && 'type' in value ? closed(value as StructuralSchema) : value;
  if (schema.type === 'array') return { ...schema, items: inner(items) };
  if (schema.type !== 'object') return { ...schema };
  if (isRecord(additionalProperties)) return { ...schema, additionalProperties: inner(additionalProperties) };
  const properties = Object.fromEntries([...propertiesOf(schema)].map(([name, value]) => [name, closed(value)]));
  return { ...schema, properties, additionalProperties: false };
};

const withoutNulls = (value: unknown, schema: StructuralSchema): void => {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (isRecord(items)) for (const each of value) withoutNulls(each, items as StructuralSchema);
    return;
  }
  if (!isRecord(value)) return;
  for (const [name, inner] of propertiesOf(schema)) {
    if (value[name] === null && 'default' in inner) delete value[name];
    else withoutNulls(value[name], inner);
  }
};

interface Rule {
  readonly rule: string;
  readonly message: string;
}

export const rulesOf = (schema: StructuralSchema): readonly Rule[] => {
  const rules = schema['x-kubernetes-validations'];
  return Array.isArray(rules) ? (rules as readonly Rule[]) : [];
};

const isTransition = ({ rule }: Rule): boolean => rule.includes('oldSelf');

/** The few words of the rule language that our rules use, as JavaScript. What is left over would not parse. */
const compile = (rule: string): ((self: unknown) => unknown) => {
  const source = rule
    .replaceAll(/([!=])=/g, '$1==')
    .replaceAll(/(\w+)\.matches\(('[^']*')\)/g, 'new RegExp($2).test($1)')
    .replaceAll(/has\(([\w.]+)\)/g, '($1 !== undefined)')
    .replaceAll(/([\w.]+)\.exists_one\((\w+), ([^()]*)\)/g, '($1.filter(($2) => $3).length === 1)')
    .replaceAll(/\.size\(\)/g, '.length')
    .replaceAll(/('[^']*') in ([\w.]+)/g, '$2.includes($1)')
    .replaceAll(/\.all\((\w+), /g, '.every(($1) => ');
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval
  return new Function('self', `return ${source};`) as (self: unknown) => unknown;
};

const compiled = new Map<string, (self: unknown) => unknown>();
const evaluate = (rule: string, self: unknown): unknown => {
  const known = compiled.get(rule) ?? compile(rule);
  compiled.set(rule, known);
  return known(self);
};

const brokenRule = (value: unknown, schema: StructuralSchema): string | undefined => {
  for (const rule of rulesOf(schema))
    if (!isTransition(rule) && evaluate(rule.rule, value) !== true) return rule.message;
  const children = Array.isArray(value)
    ? value.map((each): [unknown, unknown] => [each, schema['items']])
    : isRecord(value)
      ? [...propertiesOf(schema)].map(([name, inner]): [unknown, unknown] => [value[name], inner])
      : [];
  for (const [inner, of] of children) {
    const broken = inner !== undefined && isRecord(of) ? brokenRule(inner, of as StructuralSchema) : undefined;
    if (broken !== undefined) return broken;
  }
  return undefined;
};

/** The list that has a key for its entries holds no entry twice. */
const twice = (value: unknown, schema: StructuralSchema): boolean =>
  isRecord(value) &&
  [...propertiesOf(schema)].some(([name, inner]) => {
    const list = value[name];
    if (inner['x-kubernetes-list-type'] !== 'map' || !Array.isArray(list)) return false;
    const names = list.map((each) => (isRecord(each) ? each['name'] : each));
    return new Set(names).size !== names.length;
  });

export type Stored = { readonly ok: true; readonly stored: unknown } | { readonly ok: false; readonly why: string };

/** A function that stores a spec, or says why not. */
export const apiServer = (schema: StructuralSchema): ((spec: unknown) => Stored) => {
  const validate = ajv.compile(closed(schema));
  return (spec) => {
    const stored: unknown = structuredClone(spec);
    withoutNulls(stored, schema);
    if (!validate(stored)) return { ok: false, why: ajv.errorsText(validate.errors) };
    if (twice(stored, schema)) return { ok: false, why: 'Duplicate value' };
    const broken = brokenRule(stored, schema);
    return broken === undefined ? { ok: true, stored } : { ok: false, why: broken };
  };
};
