import fc from 'fast-check';
import type { StructuralSchema } from '../../../core/api/structural.ts';

/** Objects as a schema of the API server describes them, some of them wrong in one place or two. */

const isSchema = (value: unknown): value is StructuralSchema =>
  typeof value === 'object' && value !== null && 'type' in value;

const numberIn = (schema: StructuralSchema, key: string, otherwise: number): number => {
  const value = schema[key];
  return typeof value === 'number' ? value : otherwise;
};

const listIn = (schema: StructuralSchema, key: string): readonly unknown[] => {
  const value = schema[key];
  return Array.isArray(value) ? value : [];
};

export const propertiesOf = (schema: StructuralSchema): ReadonlyMap<string, StructuralSchema> => {
  const { properties } = schema;
  const entries = typeof properties === 'object' && properties !== null ? Object.entries(properties) : [];
  return new Map(entries.filter((entry): entry is [string, StructuralSchema] => isSchema(entry[1])));
};

const times = fc.constantFrom('2025-11-09T14:30:00Z', '2025-11-09T14:30:00.5+01:00', '1999-01-01T00:00:00-00:30');

const text = (schema: StructuralSchema): fc.Arbitrary<unknown> => {
  if (schema['enum'] !== undefined) return fc.constantFrom(...listIn(schema, 'enum'));
  if (schema['format'] === 'date-time') return times;
  const size = {
    minLength: numberIn(schema, 'minLength', 0),
    maxLength: Math.min(12, numberIn(schema, 'maxLength', 12)),
  };
  const { pattern } = schema;
  if (typeof pattern !== 'string') return fc.string(size);
  return fc.stringMatching(new RegExp(pattern), { size: 'small' }).filter((word) => word.length >= size.minLength);
};

const object = (schema: StructuralSchema): fc.Arbitrary<unknown> => {
  const { additionalProperties } = schema;
  if (isSchema(additionalProperties))
    return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), valid(additionalProperties), { maxKeys: 3 });
  const model = Object.fromEntries([...propertiesOf(schema)].map(([name, inner]) => [name, valid(inner)]));
  return fc.record(model, { requiredKeys: listIn(schema, 'required').map(String) });
};

/** What the schema takes by its types and bounds; rules may still refuse it. */
export const valid = (schema: StructuralSchema): fc.Arbitrary<unknown> => {
  if (schema.type === 'string') return text(schema);
  if (schema.type === 'boolean') return fc.boolean();
  if (schema.type === 'object') return object(schema);
  if (schema.type === 'array' && isSchema(schema['items']))
    return fc.array(valid(schema['items']), { maxLength: Math.min(3, numberIn(schema, 'maxItems', 3)) });
  return fc.integer({ min: numberIn(schema, 'minimum', -5), max: numberIn(schema, 'maximum', 9) });
};

const hostile = [
  undefined,
  null,
  '',
  ' ',
  '30d ',
  '-1s',
  '0d',
  '999999999999d',
  '8',
  '{{workflow.parameters.x}}',
  '{{=sprig.env("X")}}',
  '$(id)',
  ';rm -rf /',
  '`id`',
  '-h evil',
  'postgres://x?options=-c',
  '../../etc/x',
  '%2e%2e%2f',
  'other/secret',
  'nul\u0000byte',
  'line\nbreak',
  'right\u202eleft',
  '\ud800',
  'a'.repeat(64),
  'a'.repeat(254),
  'x'.repeat(5000),
  's3://B',
  's3://bucket/../other',
  'file://relative/x',
  'http://x',
  'database',
  0,
  -1,
  1.5,
  65_536,
  1e6,
  2 ** 53 + 2,
  Number.MAX_VALUE,
  true,
  false,
  [],
  [[]],
  {},
  { unknown: true },
  Array.from({ length: 201 }, () => 'x'),
] as const;

export interface Damage {
  /** Which place, as a share of all places. */
  readonly at: number;
  readonly how: unknown;
}

const damage: fc.Arbitrary<Damage> = fc.record({
  at: fc.double({ min: 0, max: 0.999, noNaN: true }),
  how: fc.oneof(fc.constantFrom<unknown>(...hostile), fc.jsonValue({ maxDepth: 2 })),
});

type Place = { readonly holder: Record<string, unknown> | unknown[]; readonly key: string };

const isHolder = (value: unknown): value is Record<string, unknown> | unknown[] =>
  typeof value === 'object' && value !== null;

const places = (value: unknown): Place[] => {
  if (!isHolder(value)) return [];
  const own = Object.entries(value).flatMap(([key, inner]) => [{ holder: value, key }, ...places(inner)]);
  return [...own, { holder: value, key: Array.isArray(value) ? String(value.length) : 'surprise' }];
};

const hurt = (value: unknown, { at, how }: Damage): unknown => {
  const copy = structuredClone(value);
  const all = places(copy);
  const place = all[Math.floor(at * all.length)];
  if (place === undefined) return how;
  const { holder, key } = place;
  if (Array.isArray(holder)) holder[Number(key)] = how ?? null;
  else if (how === undefined) delete holder[key];
  else holder[key] = how;
  return copy;
};

type Adjust = (value: Record<string, unknown>) => unknown;

const isRecord = (value: unknown): value is Record<string, unknown> => isHolder(value) && !Array.isArray(value);

/** One third is as the schema says, the rest wrong in one place or two. `adjust` keeps rules that chance would never keep. */
export const spoiled = (schema: StructuralSchema, adjust: Adjust): fc.Arbitrary<unknown> =>
  fc
    .tuple(valid(schema), fc.boolean(), fc.array(damage, { maxLength: 2 }))
    .map(([value, kept, all]) =>
      all.reduce((spoilt, each) => hurt(spoilt, each), kept && isRecord(value) ? adjust(value) : value),
    );
