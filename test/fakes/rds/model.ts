// AWS's own description of an interface of the Query protocol, as botocore carries it: reads requests, writes answers, and says
// what in them is not described.
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

export type Value = string | number | boolean | Date | readonly Value[] | { readonly [name: string]: Value };
export type Struct = { readonly [name: string]: Value };

interface Ref {
  readonly shape: string;
  readonly locationName?: string;
}

interface Shape {
  readonly type: string;
  readonly members?: Readonly<Record<string, Ref>>;
  readonly member?: Ref;
  readonly required?: readonly string[];
  readonly enum?: readonly string[];
  readonly error?: { readonly code: string; readonly httpStatusCode: number };
}

interface Operation {
  readonly input?: Ref;
  readonly output?: Ref & { readonly resultWrapper: string };
  readonly errors?: readonly Ref[];
}

interface Model {
  readonly metadata: { readonly apiVersion: string; readonly xmlNamespace: string };
  readonly operations: Readonly<Record<string, Operation>>;
  readonly shapes: Readonly<Record<string, Shape>>;
}

export interface ServiceModel {
  readonly version: string;
  knows(action: string): boolean;
  /** What was asked, and what of it is not described. */
  read(action: string, form: URLSearchParams): { readonly input: Struct; readonly problems: string[] };
  write(action: string, output: Struct): { readonly xml: string; readonly problems: string[] };
  /** The status of an error that the action may end with; undefined: it is not described. */
  statusOf(action: string, code: string): number | undefined;
  error(code: string, message: string): string;
}

/** A file of the installed moto, which brings AWS's Python client and its descriptions along. */
export const awsClient = (name: string): string => {
  const cache =
    process.env['LC2_CACHE_DIR'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lc2-backup');
  const file = join(cache, 'moto', name);
  if (!existsSync(file)) throw new Error(`${file} is missing: run test/install/install.sh servers`);
  return file;
};

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const element = (name: string, content: string): string => `<${name}>${content}</${name}>`;

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
const isStruct = (value: Value): value is Struct =>
  typeof value === 'object' && !isList(value) && !(value instanceof Date);

const hasBelow = (form: URLSearchParams, path: string): boolean =>
  [...form.keys()].some((key) => key === path || key.startsWith(`${path}.`));

const isNumber = ({ type }: Shape): boolean => /^(integer|long|double)$/.test(type);

const parseScalar = (text: string, shape: Shape, path: string, problems: string[]): Value => {
  if (shape.enum && !shape.enum.includes(text)) problems.push(`${path} is none of ${shape.enum.join(', ')}`);
  if (shape.type === 'boolean' && !/^(true|false)$/.test(text)) problems.push(`${path} is no boolean`);
  if (isNumber(shape) && (text === '' || Number.isNaN(Number(text)))) problems.push(`${path} is no number`);
  if (shape.type === 'boolean') return text === 'true';
  return isNumber(shape) ? Number(text) : text;
};

/** Undefined where the value is not of this shape. */
const printScalar = (value: Value, shape: Shape): string | undefined => {
  if (shape.type === 'timestamp') return value instanceof Date ? value.toISOString() : undefined;
  if (shape.type === 'boolean') return typeof value === 'boolean' ? String(value) : undefined;
  if (isNumber(shape)) return typeof value === 'number' ? String(value) : undefined;
  if (shape.type !== 'string' || typeof value !== 'string') return undefined;
  return shape.enum && !shape.enum.includes(value) ? undefined : escape(value);
};

/** `rds/2014-10-31` as in botocore. */
export const readModel = (service: string): ServiceModel => {
  const model = JSON.parse(
    gunzipSync(readFileSync(awsClient(`models/${service}/service-2.json.gz`))).toString('utf8'),
  ) as Model;
  const { apiVersion: version, xmlNamespace } = model.metadata;
  const shapeOf = ({ shape }: Ref): Shape => model.shapes[shape] ?? { type: 'unknown' };

  const parse = (form: URLSearchParams, ref: Ref, path: string, problems: string[]): Value | undefined => {
    const shape = shapeOf(ref);
    if (shape.type === 'structure') return parseStructure(form, shape, path, problems);
    if (shape.type === 'list') return parseList(form, shape, path, problems);
    const text = form.get(path);
    form.delete(path);
    return text === null ? undefined : parseScalar(text, shape, path, problems);
  };

  const parseStructure = (form: URLSearchParams, shape: Shape, path: string, problems: string[]): Struct => {
    const found: Record<string, Value> = {};
    for (const [name, member] of Object.entries(shape.members ?? {})) {
      const at = path === '' ? name : `${path}.${name}`;
      const value = hasBelow(form, at) ? parse(form, member, at, problems) : undefined;
      if (value !== undefined) found[name] = value;
      else if (shape.required?.includes(name)) problems.push(`${at} is missing`);
    }
    return found;
  };

  const parseList = (form: URLSearchParams, shape: Shape, path: string, problems: string[]): Value[] => {
    const each = shape.member ?? { shape: '' };
    const items: Value[] = [];
    for (let number = 1; ; number++) {
      const at = `${path}.${each.locationName ?? 'member'}.${number}`;
      const item = hasBelow(form, at) ? parse(form, each, at, problems) : undefined;
      if (item === undefined) return items;
      items.push(item);
    }
  };

  const print = (value: Value, ref: Ref, path: string, problems: string[]): string => {
    const shape = shapeOf(ref);
    if (shape.type === 'structure' && isStruct(value)) {
      const parts = Object.entries(value).map(([name, part]) => {
        const member = shape.members?.[name];
        if (member) return element(member.locationName ?? name, print(part, member, `${path}.${name}`, problems));
        problems.push(`${path} has no member ${name}`);
        return '';
      });
      return parts.join('');
    }
    const { member } = shape;
    if (shape.type === 'list' && member && isList(value)) {
      const name = member.locationName ?? 'member';
      return value.map((item, index) => element(name, print(item, member, `${path}[${index}]`, problems))).join('');
    }
    const text = printScalar(value, shape);
    if (text === undefined) problems.push(`${path} is no ${shape.type}`);
    return text ?? '';
  };

  const request = element('RequestId', '00000000-0000-0000-0000-000000000000');
  return {
    version,
    knows: (action) => Object.hasOwn(model.operations, action),
    read: (action, given) => {
      const form = new URLSearchParams(given);
      for (const name of ['Action', 'Version']) form.delete(name);
      const problems: string[] = [];
      const ref = model.operations[action]?.input;
      const input = ref ? parse(form, ref, '', problems) : {};
      problems.push(...[...form.keys()].map((key) => `there is no parameter ${key}`));
      return { input: (input ?? {}) as Struct, problems: problems.map((each) => `${action}: ${each}`) };
    },
    write: (action, output) => {
      const problems: string[] = [];
      const ref = model.operations[action]?.output;
      const result = ref ? element(ref.resultWrapper, print(output, ref, action, problems)) : '';
      const body = result + element('ResponseMetadata', request);
      return { xml: `<${action}Response xmlns="${xmlNamespace}">${body}</${action}Response>`, problems };
    },
    statusOf: (action, code) =>
      (model.operations[action]?.errors ?? []).map((ref) => shapeOf(ref).error).find((error) => error?.code === code)
        ?.httpStatusCode,
    error: (code, message) => {
      const parts = element('Type', 'Sender') + element('Code', code) + element('Message', escape(message));
      return `<ErrorResponse xmlns="${xmlNamespace}">${element('Error', parts)}${request}</ErrorResponse>`;
    },
  };
};
