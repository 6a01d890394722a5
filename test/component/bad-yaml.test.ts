// Bad input, as far as no server is needed to refuse it: one clear line, exit 78, nothing written.
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, errorLines, filesOf, type Lab } from '../support/lab.ts';

let lab: Lab;
let good: string;

beforeAll(async () => {
  lab = await createLab();
  await lab.library('library', { 'a/1': 'one' });
  good = `apiVersion: backup.lc2.dev/v1alpha1
kind: BackupEnvironment
metadata: {name: prd}
spec:
  projectId: retail
  database:
    server: {engine: postgresql, host: 127.0.0.1, port: 1, tls: {mode: disable}}
    credentials: {secretName: db}
  objectStores:
    - {name: documents, url: "file://${lab.path('library')}"}
  storage: {url: "file://${lab.storage}"}
  restore: {allowed: true}
---
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {username: u, password: p}
`;
});

afterAll(() => lab.remove());

interface Row {
  readonly what: string;
  readonly change: (good: string) => string;
  readonly line: RegExp;
  readonly args?: readonly string[];
}

const replace = (from: string | RegExp, to: string) => (text: string) => {
  const changed = text.replace(from, to);
  if (changed === text) throw new Error(`nothing to replace: ${String(from)}`);
  return changed;
};
const same = (text: string): string => text;

const documents: readonly Row[] = [
  { what: 'no YAML', change: () => '{a: [', line: /^YAML_INVALID: / },
  { what: 'an empty file', change: () => '', line: /^ENVIRONMENT_NOT_FOUND: .*no BackupEnvironment/ },
  { what: 'a list', change: () => '- a\n', line: /^YAML_INVALID: a document has no kind/ },
  { what: 'binary bytes', change: () => '\u0000\u0001\u0002', line: /^YAML_INVALID: / },
  {
    what: 'duplicate keys',
    change: replace('projectId: retail', 'projectId: retail\n  projectId: other'),
    line: /^YAML_INVALID: .*unique/i,
  },
  {
    what: 'anchors',
    change: replace('{username: u, password: p}', '{username: &a u, password: *a}'),
    line: /^YAML_INVALID: anchors/,
  },
  { what: 'a tab as indentation', change: replace('  projectId', '\tprojectId'), line: /^YAML_INVALID: / },
  {
    what: 'two environments of one name',
    change: (text) => `${text}---\n${text.split('---\n')[0]}`,
    line: /^YAML_INVALID: environment prd is given twice/,
  },
  {
    what: 'two Secrets of one name',
    change: (text) => `${text}---\n${text.split('---\n')[1]}`,
    line: /^YAML_INVALID: Secret db is given twice/,
  },
  {
    what: 'an unknown field of the spec',
    change: replace('projectId: retail', 'projectId: retail\n  projektId: x'),
    line: /^ENVIRONMENT_INVALID: .*spec.*projektId/,
  },
  {
    what: 'an unknown field of the server',
    change: replace('port: 1', 'prot: 1'),
    line: /^ENVIRONMENT_INVALID: .*spec\.database\.server.*prot/,
  },
  {
    what: 'a number as name',
    change: replace('{name: prd}', '{name: 7}'),
    line: /^ENVIRONMENT_INVALID: .*metadata\.name/,
  },
  {
    what: 'a text as port',
    change: replace('port: 1', 'port: "1"'),
    line: /^ENVIRONMENT_INVALID: .*spec\.database\.server\.port/,
  },
  {
    what: 'a port that is none',
    change: replace('port: 1', 'port: 70000'),
    line: /^ENVIRONMENT_INVALID: .*spec\.database\.server\.port/,
  },
  {
    what: 'a text as boolean',
    change: replace('allowed: true', 'allowed: "true"'),
    line: /^ENVIRONMENT_INVALID: .*spec\.restore\.allowed/,
  },
  { what: 'another API version', change: replace('v1alpha1', 'v9'), line: /^ENVIRONMENT_INVALID: .*apiVersion/ },
  {
    what: 'a name with a slash',
    change: replace('{name: prd}', '{name: ../prd}'),
    line: /^ENVIRONMENT_INVALID: .*metadata\.name/,
  },
  {
    what: 'a project with a slash',
    change: replace('projectId: retail', 'projectId: ../retail'),
    line: /^ENVIRONMENT_INVALID: .*spec\.projectId/,
  },
  {
    what: 'a store named database',
    change: replace('name: documents', 'name: database'),
    line: /^ENVIRONMENT_INVALID: .*objectStores\.0\.name.*reserved/,
  },
  {
    what: 'a store name with a slash',
    change: replace('name: documents', 'name: a/b'),
    line: /^ENVIRONMENT_INVALID: .*objectStores\.0\.name/,
  },
  {
    what: 'two stores of one name',
    change: replace('objectStores:', 'objectStores:\n    - {name: documents, url: "s3://x-y-z"}'),
    line: /^ENVIRONMENT_INVALID: .*different names/,
  },
  {
    what: 'a url that is none',
    change: replace(/storage: .*/, 'storage: {url: "not a url"}'),
    line: /^ENVIRONMENT_INVALID: .*spec\.storage\.url/,
  },
  {
    what: 'a url with ..',
    change: replace(/storage: .*/, 'storage: {url: "file:///tmp/../etc"}'),
    line: /^ENVIRONMENT_INVALID: .*spec\.storage\.url/,
  },
  {
    what: 'a relative folder',
    change: replace(/storage: .*/, 'storage: {url: "file://tmp"}'),
    line: /^ENVIRONMENT_INVALID: .*spec\.storage\.url/,
  },
  {
    what: 'a url of an unknown store',
    change: replace(/storage: .*/, 'storage: {url: "ftp://x/y"}'),
    line: /^ENVIRONMENT_INVALID: .*spec\.storage\.url/,
  },
  { what: 'no storage', change: replace(/ {2}storage: .*\n/, ''), line: /^ENVIRONMENT_INVALID: .*spec\.storage/ },
  {
    what: 'no service',
    change: replace(/ {4}server: .*\n/, ''),
    line: /^ENVIRONMENT_INVALID: .*spec\.database.*exactly one service/,
  },
  {
    what: 'a database name with braces',
    change: replace('port: 1', 'port: 1, databases: ["{{x}}"]'),
    line: /^ENVIRONMENT_INVALID: .*databases/,
  },
  {
    what: 'a database name with a newline',
    change: replace('port: 1', 'port: 1, databases: ["a\\nb"]'),
    line: /^ENVIRONMENT_INVALID: .*databases/,
  },
  {
    what: 'a duration that is none',
    change: replace('allowed: true', 'allowed: true, keepPrevious: 7 days'),
    line: /^ENVIRONMENT_INVALID: .*keepPrevious/,
  },
  {
    what: 'an unknown mover',
    change: replace('name: documents', 'name: documents, mover: pigeon'),
    line: /^ENVIRONMENT_INVALID: .*mover/,
  },
  {
    what: 'a Secret that is not there',
    change: replace('metadata: {name: db}', 'metadata: {name: other}'),
    line: /^SECRET_MISSING: Secret db/,
  },
  { what: 'a Secret without password', change: replace(', password: p', ''), line: /^SECRET_MISSING: .*password/ },
  {
    what: 'a Secret with an empty password',
    change: replace('password: p', 'password: ""'),
    line: /^SECRET_MISSING: .*password/,
  },
  {
    what: 'a Secret without data',
    change: replace('{username: u, password: p}', '{}'),
    line: /^SECRET_MISSING: Secret db/,
  },
  {
    what: 'a Secret that is no base64',
    change: replace('stringData: {username: u, password: p}', 'data: {username: "*"}'),
    line: /^YAML_INVALID: Secret: .*data/,
  },
  {
    what: 'an unknown environment',
    change: same,
    args: ['backup', '-e', 'uat'],
    line: /^ENVIRONMENT_NOT_FOUND: .*"uat"/,
  },
  {
    what: 'no environment named where there are two',
    change: (text) => `${text}---\n${text.split('---\n')[0]?.replace('prd', 'uat')}`,
    line: /^ENVIRONMENT_NOT_FOUND: .*-e/,
  },
];

const usages: readonly Row[] = [
  { what: 'an unknown command', change: same, args: ['bakcup'], line: /^USAGE: .*"bakcup"/ },
  { what: 'an unknown option', change: same, args: ['backup', '--fulll'], line: /^USAGE: .*--fulll/ },
  { what: 'an argument too many', change: same, args: ['backup', 'prd'], line: /^USAGE: unexpected argument "prd"/ },
  { what: 'an option without its value', change: same, args: ['backup', '--components'], line: /^USAGE: / },
  {
    what: 'an unknown component',
    change: same,
    args: ['backup', '--components', 'documents,nothing'],
    line: /^COMPONENT_UNKNOWN: .*"nothing"/,
  },
  {
    what: 'a component with a newline',
    change: same,
    args: ['backup', '--components', 'a\nb'],
    line: /^COMPONENT_UNKNOWN: /,
  },
  { what: 'a restore of nothing', change: same, args: ['restore', '--confirm', 'prd'], line: /^USAGE: .*--backup/ },
  {
    what: 'a restore with an unknown mode',
    change: same,
    args: ['restore', '--backup', 'latest', '--database-mode', 'x', '--confirm', 'prd'],
    line: /^INPUT_INVALID: .*database-mode/,
  },
  {
    what: 'a restore with an unknown object mode',
    change: same,
    args: ['restore', '--backup', 'latest', '--objects-mode', 'x', '--confirm', 'prd'],
    line: /^INPUT_INVALID: .*objects-mode/,
  },
  {
    what: 'a restore of the newest where there is none',
    change: same,
    args: ['restore', '--backup', 'latest', '--confirm', 'prd'],
    line: /^BACKUP_NOT_FOUND: /,
  },
  {
    what: 'a restore without confirm',
    change: same,
    args: ['restore', '--backup', 'latest'],
    line: /^RESTORE_NOT_CONFIRMED: /,
  },
  {
    what: 'a restore with a wrong confirm',
    change: same,
    args: ['restore', '--backup', 'latest', '--confirm', 'uat'],
    line: /^RESTORE_NOT_CONFIRMED: .*"uat"/,
  },
  {
    what: 'a restore that is not allowed',
    change: replace('allowed: true', 'allowed: false'),
    args: ['restore', '--backup', 'latest', '--confirm', 'prd'],
    line: /^RESTORE_NOT_ALLOWED: /,
  },
  {
    what: 'a restore of a foreign id',
    change: same,
    args: ['restore', '--backup', 'retail-uat-backup-20260101-000000', '--confirm', 'prd'],
    line: /^BACKUP_OF_OTHER_ENVIRONMENT: /,
  },
  {
    what: 'a restore of an id that is none',
    change: same,
    args: ['restore', '--backup', '../../etc/passwd', '--confirm', 'prd'],
    line: /^BACKUP_OF_OTHER_ENVIRONMENT: /,
  },
  {
    what: 'a restore of a backup that is not there',
    change: same,
    args: ['restore', '--backup', 'retail-prd-backup-20260101-000000', '--confirm', 'prd'],
    line: /^BACKUP_NOT_FOUND: /,
  },
  {
    what: 'a restore of a url that is none',
    change: same,
    args: ['restore', '--backup', 'file:///x', '--confirm', 'prd'],
    line: /^INPUT_INVALID: .*url/,
  },
  {
    what: 'a restore before a time that is none',
    change: same,
    args: ['restore', '--backup', 'latest', '--before', 'yesterday', '--confirm', 'prd'],
    line: /^INPUT_INVALID: .*"yesterday"/,
  },
  {
    what: 'a restore from an unknown source',
    change: same,
    args: ['restore', '--backup', 'latest', '--source', 'x', '--confirm', 'prd'],
    line: /^ENVIRONMENT_NOT_FOUND: .*"x"/,
  },
  { what: 'show of nothing', change: same, args: ['show'], line: /^USAGE: / },
  {
    what: 'show of the newest where there is none',
    change: same,
    args: ['show', 'latest'],
    line: /^BACKUP_NOT_FOUND: /,
  },
  {
    what: 'verify of the newest where there is none',
    change: same,
    args: ['verify', 'latest'],
    line: /^BACKUP_NOT_FOUND: /,
  },
  {
    what: 'verify at an unknown level',
    change: same,
    args: ['verify', 'retail-prd-backup-20260101-000000', '--objects', 'some'],
    line: /^INPUT_INVALID: .*objects/,
  },
  {
    what: 'delete without confirm',
    change: same,
    args: ['delete', 'retail-prd-backup-20260101-000000'],
    line: /^RESTORE_NOT_CONFIRMED: /,
  },
  {
    what: 'delete of what is not there',
    change: same,
    args: ['delete', 'retail-prd-backup-20260101-000000', '--confirm', 'retail-prd-backup-20260101-000000'],
    line: /^BACKUP_NOT_FOUND: /,
  },
  { what: 'get without a place', change: same, args: ['get', 'latest', '--database', 'x'], line: /^USAGE: .*--out/ },
  {
    what: 'get of two things',
    change: same,
    args: ['get', 'latest', '--database', 'x', '--key', 'y', '--out', '/dev/null'],
    line: /^USAGE: /,
  },
];

const runRow = async ({ change, args = ['backup'], line }: Row): Promise<void> => {
  const file = lab.path('env.yaml');
  await writeFile(file, change(good));
  const ended = await lab.cli(...args, '-f', file);
  expect([ended.status, ended.stdout, errorLines(ended)]).toEqual([78, '', [expect.stringMatching(line)]]);
  expect(ended.stderr).not.toMatch(/\n {4}at |node:internal/u);
  expect(await filesOf(lab.storage)).toEqual([]);
  expect(await lab.leftBehind()).toEqual([]);
};

describe('a file with', () => {
  test.for(documents.map((row) => [row.what, row] as const))('%s is refused in one line', ([, row]) => runRow(row));
});

describe('a command with', () => {
  test.for(usages.map((row) => [row.what, row] as const))('%s is refused in one line', ([, row]) => runRow(row));

  test('a file that is not there is refused in one line', async () => {
    const ended = await lab.cli('backup', '-f', lab.path('nowhere.yaml'));
    expect([ended.status, errorLines(ended)]).toEqual([
      78,
      [expect.stringMatching(/^YAML_INVALID: the file cannot be read/u)],
    ]);
  });

  test('no file is refused in one line', async () => {
    const ended = await lab.cli('backup');
    expect([ended.status, errorLines(ended)]).toEqual([78, [expect.stringMatching(/^USAGE: .*-f/u)]]);
  });
});
