import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { kinds } from '../../core/api/index.ts';
import { withRules } from '../../core/api/common.ts';
import { NotStructuralError, structuralSchema } from '../../core/api/structural.ts';

const convert = (field: z.ZodType) => structuralSchema(z.strictObject({ outer: z.strictObject({ field }) }), 'spec');
const fieldOf = (field: z.ZodType): unknown => {
  const { properties } = convert(field) as unknown as { properties: { outer: { properties: { field: unknown } } } };
  return properties.outer.properties.field;
};

describe('structural schemas', () => {
  it.each([
    ['a union', z.union([z.string(), z.int()]), 'one type'],
    ['anything', z.any(), 'one type'],
    ['unknown', z.unknown(), 'one type'],
    ['an open object', z.looseObject({ a: z.string() }), 'either properties or additionalProperties'],
    ['a look-ahead', z.string().regex(/^(?!-)a/), 'RE2'],
    ['a look-behind', z.string().regex(/(?<!-)a$/), 'RE2'],
    ['a back-reference', z.string().regex(/(a)\1/), 'RE2'],
    ['flags of a pattern', z.string().regex(/^a$/i), 'flags'],
    ['a refinement alone', z.string().refine((text) => text !== ''), 'refinement'],
    ['a title', z.string().meta({ title: 'a' }), 'title'],
    ['a format that the server does not know', z.iso.duration(), 'format'],
    ['base64', z.base64(), 'contentEncoding'],
  ])('refuse %s and name the path', (_, field, text) => {
    expect(() => convert(field)).toThrow(NotStructuralError);
    expect(() => convert(field)).toThrow(text);
    expect(() => convert(field)).toThrow(/^spec\..*outer.*field/);
  });

  it('leave out what the server says by itself', () => {
    expect(fieldOf(z.record(z.string().max(9), z.string()))).toEqual({
      type: 'object',
      additionalProperties: { type: 'string' },
    });
    expect(fieldOf(z.strictObject({ a: z.boolean().optional() }))).toEqual({
      type: 'object',
      properties: { a: { type: 'boolean' } },
    });
    expect(fieldOf(z.iso.datetime({ offset: true }))).toEqual({ type: 'string', format: 'date-time' });
    expect(fieldOf(z.int())).toEqual({ type: 'integer', format: 'int64' });
    expect(fieldOf(z.int().min(1).max(65_535))).toEqual({
      type: 'integer',
      format: 'int32',
      minimum: 1,
      maximum: 65_535,
    });
  });

  it('carry defaults, descriptions and rules', () => {
    const rules = [{ rule: 'self != 0', message: 'not zero', check: (value: number) => value !== 0 }];
    expect(fieldOf(withRules(z.int().default(1), rules).describe('A number.'))).toEqual({
      type: 'integer',
      format: 'int64',
      default: 1,
      description: 'A number.',
      'x-kubernetes-validations': [{ rule: 'self != 0', message: 'not zero' }],
    });
    expect(fieldOf(z.strictObject({ days: z.int().default(30) }).prefault({}))).toMatchObject({ default: {} });
  });

  it('are made of every kind, with every text and list bounded: the rules have a cost', () => {
    for (const { kind, spec, status } of Object.values(kinds)) {
      expect(unbounded(structuralSchema(spec, `${kind}.spec`), 'spec')).toEqual([]);
      expect(unbounded(structuralSchema(status, `${kind}.status`), 'status')).toEqual([]);
    }
    expect(unbounded(convert(z.array(z.string())), 'spec')).toEqual(['spec.outer.field', 'spec.outer.field[]']);
  });
});

/** Paths of texts and lists without a longest length. */
const unbounded = (schema: unknown, path: string): string[] => {
  if (typeof schema !== 'object' || schema === null) return [];
  const node = schema as Readonly<Record<string, unknown>>;
  const isText = node['type'] === 'string' && !('enum' in node) && !('format' in node);
  const open = (isText && !('maxLength' in node)) || (node['type'] === 'array' && !('maxItems' in node)) ? [path] : [];
  const properties = Object.entries(Object(node['properties']) as Record<string, unknown>);
  return [
    ...open,
    ...properties.flatMap(([name, inner]) => unbounded(inner, `${path}.${name}`)),
    ...unbounded(node['items'], `${path}[]`),
  ];
};
