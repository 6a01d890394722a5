import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseAllDocuments } from 'yaml';

export const root = join(import.meta.dirname, '..', '..', '..');
export const dist = join(root, 'dist');

/** Files below a folder by relative path. */
export const filesBelow = (folder: string): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [relative(folder, path), readFileSync(path, 'utf8')]),
  );

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name?: string; readonly generateName?: string };
  readonly [field: string]: unknown;
}

const isObject = (value: unknown): value is KubernetesObject =>
  typeof value === 'object' && value !== null && 'apiVersion' in value && 'kind' in value && 'metadata' in value;

/** The objects of a file as kubectl reads them: YAML 1.1, duplicate keys refused. */
export const objectsOf = (text: string, where: string): KubernetesObject[] =>
  parseAllDocuments(text, { version: '1.1', uniqueKeys: true }).map((document) => {
    const [error] = [...document.errors, ...document.warnings];
    if (error) throw new Error(`${where}: ${error.message}`);
    const object: unknown = document.toJS();
    if (!isObject(object)) throw new Error(`${where}: not an object of Kubernetes`);
    return object;
  });

/** Every object of dist/ with the file that it is in. */
export const allObjects = (): { readonly file: string; readonly object: KubernetesObject }[] =>
  [...filesBelow(dist)].flatMap(([file, text]) => objectsOf(text, file).map((object) => ({ file, object })));
