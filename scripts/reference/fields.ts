import { z } from 'zod';
import { code, table } from './markdown.ts';

/** A schema as rows of a table, one for each field. */

type Node = Readonly<Record<string, unknown>>;

export interface Field {
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly defaultValue: string;
  readonly description: string;
  readonly rules: readonly string[];
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const typeOf = (node: Node): string => {
  const items = node['items'];
  if (Array.isArray(node['enum'])) return node['enum'].map((each) => code(String(each))).join(', ');
  if (node['const'] !== undefined) return code(JSON.stringify(node['const']));
  if (node['type'] === 'array' && isNode(items)) return `list of ${typeOf(items)}`;
  if (isNode(node['additionalProperties'])) return `map of ${typeOf(node['additionalProperties'])}`;
  return textOf(node['type']) + limitOf(node);
};

const limitOf = (node: Node): string => {
  const { minimum, maximum, maxLength } = node;
  if (typeof maxLength === 'number') return `, up to ${maxLength}`;
  if (typeof minimum === 'number' && typeof maximum === 'number' && maximum < Number.MAX_SAFE_INTEGER)
    return `, ${minimum} to ${maximum}`;
  return '';
};

const rulesOf = (node: Node): string[] => {
  const rules = node['x-kubernetes-validations'];
  return Array.isArray(rules) ? rules.filter(isNode).map((rule) => textOf(rule['message'])) : [];
};

/** The schema that a field's own fields are in: its list's items or its map's values. */
const inside = (node: Node, path: string): { readonly node: Node; readonly path: string } => {
  if (isNode(node['items'])) return inside(node['items'], `${path}[]`);
  if (isNode(node['additionalProperties'])) return inside(node['additionalProperties'], `${path}.*`);
  return { node, path };
};

export const fieldsOf = (schema: unknown, path: string): Field[] => {
  if (!isNode(schema) || !isNode(schema['properties'])) return [];
  const required = Array.isArray(schema['required']) ? schema['required'].map(String) : [];
  return Object.entries(schema['properties']).flatMap(([name, node]): Field[] => {
    if (!isNode(node)) return [];
    const own = path === '' ? name : `${path}.${name}`;
    const inner = inside(node, own);
    const defaultValue =
      node['default'] === undefined || isNode(node['default']) ? '' : JSON.stringify(node['default']);
    return [
      {
        path: own,
        type: typeOf(node),
        required: required.includes(name),
        defaultValue,
        description: textOf(node['description']),
        rules: [...rulesOf(node), ...(inner.node === node ? [] : rulesOf(inner.node))],
      },
      ...fieldsOf(inner.node, inner.path),
    ];
  });
};

export const fieldTable = (fields: readonly Field[]): string =>
  table(
    ['field', 'type', 'default', 'meaning'],
    fields.map(({ path, type, required, defaultValue, description, rules }) => [
      code(path),
      type,
      required ? 'required' : code(defaultValue),
      [description, ...rules.map((rule) => `Rule: ${rule}.`)].filter((text) => text !== '').join(' '),
    ]),
  );

/** Of records that we write: every field is as it is stored. */
export const recordTable = (schema: z.ZodType): string => {
  const fields = fieldsOf(z.toJSONSchema(schema, { io: 'output', reused: 'inline' }), '');
  return table(
    ['field', 'type', 'always there', 'meaning'],
    fields.map(({ path, type, required, description }) => [code(path), type, required ? 'yes' : '', description]),
  );
};
