import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findEnvironment, loadFile, secretsOf } from '../../cli/load-file.ts';
import { codeOf, messageOf } from './support/streams.ts';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'lc2-load-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const load = (text: string) => {
  const file = join(folder, 'env.yaml');
  writeFileSync(file, text);
  return loadFile(file);
};

const environment = (name = 'prd', spec = ''): string => `apiVersion: backup.lc2.dev/v1alpha1
kind: BackupEnvironment
metadata: {name: ${name}}
spec:
  projectId: retail
  database: {server: {engine: postgresql, host: db}, credentials: {secretName: db}}
  storage: {url: "file:///backups"}
${spec}`;
const secret = (name: string, data: string): string =>
  `---\napiVersion: v1\nkind: Secret\nmetadata: {name: ${name}}\n${data}\n`;

describe('a file', () => {
  it('holds environments and Secrets, and what is not ours', () => {
    const file = load(
      `${environment()}${secret('db', `data: {username: ${Buffer.from('ü').toString('base64')}}\nstringData: {password: "p"}`)}` +
        `---\napiVersion: v1\nkind: ConfigMap\nwhatever: [1]\n`,
    );
    expect(file.environments.map(({ name }) => name)).toEqual(['prd']);
    expect(file.secrets.get('db')).toEqual({ username: 'ü', password: 'p' });
    const only = findEnvironment(file, undefined);
    expect(secretsOf(file, only, only)).toEqual({
      database: { username: 'ü', password: 'p' },
      objects: {},
      storage: {},
      copies: {},
    });
  });

  it.each([
    ['a tab', 'kind: x\n\tfoo: 1', 'YAML_INVALID'],
    ['an open bracket', 'kind: [', 'YAML_INVALID'],
    ['a key twice', 'kind: Secret\nkind: Secret', 'YAML_INVALID'],
    ['a key twice below', `${environment()}  restore: {allowed: true, allowed: false}`, 'YAML_INVALID'],
    ['an alias', 'kind: Secret\nmetadata: &a {name: x}\nother: *a', 'YAML_INVALID'],
    ['a merged alias', 'a: &a {kind: Secret}\n<<: *a\nkind: Secret', 'YAML_INVALID'],
    ['no kind', 'metadata: {name: x}', 'YAML_INVALID'],
    ['a list', '- kind: Secret', 'YAML_INVALID'],
    ['text', 'hello', 'YAML_INVALID'],
    ['an environment twice', `${environment()}\n---\n${environment()}`, 'YAML_INVALID'],
    ['a Secret twice', `${environment()}${secret('a', '')}${secret('a', '')}`, 'YAML_INVALID'],
    ['a Secret that is not base64', secret('a', 'data: {x: "***"}'), 'YAML_INVALID'],
    ['a Secret with a number', secret('a', 'stringData: {x: 5}'), 'YAML_INVALID'],
    ['an unknown field', environment('prd', '  colour: red'), 'ENVIRONMENT_INVALID'],
    ['a wrong type', environment('prd', '  objectStores: {}'), 'ENVIRONMENT_INVALID'],
    ['another version', environment().replace('v1alpha1', 'v2'), 'ENVIRONMENT_INVALID'],
    ['a name that leaves the folder', environment('../x'), 'ENVIRONMENT_INVALID'],
    ['a name that YAML takes for false', environment('no'), 'ENVIRONMENT_INVALID'],
    ['__proto__ for a field', environment('prd', '  __proto__: {restore: {allowed: false}}'), 'ENVIRONMENT_INVALID'],
  ])('with %s is refused in one line that names it', async (_, text, code) => {
    expect(await codeOf(() => load(text))).toBe(code);
    const message = await messageOf(() => load(text));
    expect(message).toContain('env.yaml');
    expect(message).not.toContain('\n');
  });

  it('that is not there is refused', async () => {
    expect(await codeOf(() => loadFile(join(folder, 'none.yaml')))).toBe('YAML_INVALID');
    expect(await codeOf(() => loadFile(folder))).toBe('YAML_INVALID');
  });
});

describe('an environment of a file', () => {
  it('is found by name, or is the only one', async () => {
    const two = load(`${environment('prd')}\n---\n${environment('uat')}`);
    expect(findEnvironment(two, 'uat').name).toBe('uat');
    expect(await messageOf(() => findEnvironment(two, undefined))).toContain('name one of prd, uat with -e');
    expect(await messageOf(() => findEnvironment(two, 'dev'))).toContain('"dev" among: prd, uat');
    expect(await codeOf(() => findEnvironment(load(''), undefined))).toBe('ENVIRONMENT_NOT_FOUND');
    expect(await messageOf(() => findEnvironment(load(''), 'x'))).toContain('none');
  });

  it.each([
    ['is not there', '', 'Secret db is not in the file'],
    ['is empty', secret('db', ''), 'empty data'],
    ['has an empty value', secret('db', 'stringData: {username: x, password: ""}'), 'empty password'],
  ])('is refused when its Secret %s', async (_, text, mention) => {
    const file = load(`${environment()}${text}`);
    const only = findEnvironment(file, undefined);
    expect(await codeOf(() => secretsOf(file, only, only))).toBe('SECRET_MISSING');
    expect(await messageOf(() => secretsOf(file, only, only))).toContain(mention);
  });
});
