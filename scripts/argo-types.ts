import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compile, type JSONSchema } from 'json-schema-to-typescript';

/**
 * Argo's own JSON schema, closed and cut down to the three kinds that are emitted: as TypeScript types for templates/ and as a
 * schema for the golden lane. Needs Go on the PATH (or GO); its results are committed, so nobody else does.
 */

const argo = 'github.com/argoproj/argo-workflows/v4@v4.0.7';
const kinds = ['ClusterWorkflowTemplate', 'CronWorkflow', 'Workflow'];
const root = join(import.meta.dirname, '..');

type Node = { [key: string]: unknown };
type Definitions = Record<string, Node>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

const readDefinitions = async (): Promise<Definitions> => {
  const { stdout } = await promisify(execFile)(process.env['GO'] ?? 'go', ['mod', 'download', '-json', argo]);
  const downloaded: unknown = JSON.parse(stdout);
  if (!isNode(downloaded) || typeof downloaded['Dir'] !== 'string')
    throw new Error(`go mod download of ${argo} named no folder`);
  const schema: unknown = JSON.parse(
    await readFile(join(downloaded['Dir'], 'api', 'jsonschema', 'schema.json'), 'utf8'),
  );
  if (!isNode(schema) || !isNode(schema['definitions'])) throw new Error('the schema has no definitions');
  return schema['definitions'] as Definitions;
};

const prefix = '#/definitions/';
const lastPart = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
/** Names that Argo and Kubernetes both use: those of Kubernetes get a prefix. */
const twins = new Set(['HTTPHeader']);
const shortName = (name: string): string =>
  twins.has(lastPart(name)) && name.startsWith('io.k8s.') ? `Core${lastPart(name)}` : lastPart(name);

/** What the schema says wrongly, or leaves open, of types that are not objects. */
const patched: Readonly<Record<string, Node>> = {
  IntOrString: { type: ['integer', 'string'] },
  Quantity: { type: ['number', 'string'] },
  Item: { tsType: 'unknown' },
};

/** Without prose, without siblings of $ref, and closed where it lists properties. */
const clean = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(clean);
  if (!isNode(value)) return value;
  if (typeof value['$ref'] === 'string') return { $ref: `${prefix}${shortName(value['$ref'])}` };
  const kept = Object.entries(value).filter(
    ([key, inner]) => !['description', 'title', 'format'].includes(key) || isNode(inner),
  );
  const cleaned = Object.fromEntries(
    kept.map(([key, inner]) => [key, key === 'properties' && isNode(inner) ? cleanProperties(inner) : clean(inner)]),
  );
  return isNode(value['properties']) ? { ...cleaned, additionalProperties: false } : cleaned;
};

const cleanProperties = (properties: Node): Node =>
  Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, clean(schema)]));

const referencesOf = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.flatMap(referencesOf);
  if (!isNode(value)) return [];
  const own = typeof value['$ref'] === 'string' ? [value['$ref'].slice(prefix.length)] : [];
  return [...own, ...Object.values(value).flatMap(referencesOf)];
};

const fullNameOf = (definitions: Definitions, short: string): string => {
  const preferred = [`io.argoproj.workflow.v1alpha1.${short}`, ...Object.keys(definitions)];
  const full = preferred.find((name) => name in definitions && shortName(name) === short);
  if (full === undefined) throw new Error(`the schema has no definition ${short}`);
  return full;
};

/** Reachable definitions by short name; two of one name would be mixed up, so that is an error. */
const reachable = (definitions: Definitions): Definitions => {
  const found = new Map<string, { readonly full: string; readonly schema: Node }>();
  const queue = kinds.map((kind) => fullNameOf(definitions, kind));
  for (let full = queue.shift(); full !== undefined; full = queue.shift()) {
    const name = shortName(full);
    const known = found.get(name);
    if (known && known.full !== full) throw new Error(`two definitions are called ${name}: ${known.full}, ${full}`);
    if (known) continue;
    const raw = definitions[full];
    if (!raw) throw new Error(`the schema lacks ${full}`);
    found.set(name, { full, schema: patched[name] ?? (clean(raw) as Node) });
    if (!(name in patched)) queue.push(...referencesOf(raw));
  }
  return Object.fromEntries(
    [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { schema }]) => [name, schema]),
  );
};

const typesOf = async (definitions: Definitions): Promise<string> => {
  const properties = Object.fromEntries(kinds.map((kind) => [kind, { $ref: `${prefix}${kind}` }]));
  const schema = { type: 'object', additionalProperties: false, properties, required: kinds, definitions };
  return compile(schema as JSONSchema, 'ArgoKinds', {
    additionalProperties: false,
    bannerComment: `/* Generated by scripts/argo-types.ts from the JSON schema of ${argo}. Do not edit. */`,
    strictIndexSignatures: false,
    style: { printWidth: 120, singleQuote: true },
    unreachableDefinitions: false,
  });
};

const definitions = reachable(await readDefinitions());
const golden = join(root, 'test', 'golden');
await mkdir(golden, { recursive: true });
await writeFile(join(root, 'templates', 'argo-types.ts'), await typesOf(definitions));
await writeFile(
  join(golden, 'argo-schema.json'),
  `${JSON.stringify({ $id: 'argo', $schema: 'https://json-schema.org/draft/2020-12/schema', definitions })}\n`,
);
