import { describe, expect, it } from 'vitest';
import { backupRequestSpec } from '../../core/api/backup-request.ts';
import { restoreRequestSpec } from '../../core/api/restore-request.ts';
import { flows } from '../../core/flow/index.ts';
import { completeParameters, parseEnvironment } from '../../core/plan/environment.ts';
import { backupParameters, restoreParameters } from '../../core/plan/requests.ts';
import { assertAllowed, chooseRestore } from '../../core/plan/restore-choice.ts';
import { environment, environmentInput, sealed } from './support/samples.ts';
import { codeOf, messageOf } from './support/streams.ts';

const { manifest } = sealed();
const choose = (parameters: Record<string, string>) => chooseRestore(manifest, environment(), parameters);

describe('permission to restore', () => {
  const closed = (): ReturnType<typeof environment> =>
    parseEnvironment({ ...environmentInput(), spec: { ...environmentInput().spec, restore: { allowed: false } } }, 'w');

  it('needs the name of the environment that is written to', async () => {
    expect(await codeOf(() => assertAllowed(environment(), { confirm: 'prd' }))).toBe('no error');
    for (const confirm of ['', 'uat', 'PRD', 'prd '])
      expect(await codeOf(() => assertAllowed(environment(), { confirm }))).toBe('RESTORE_NOT_CONFIRMED');
    expect(await codeOf(() => assertAllowed(environment(), {}))).toBe('RESTORE_NOT_CONFIRMED');
  });

  it('needs the leave of an admin; a preview needs neither', async () => {
    expect(await codeOf(() => assertAllowed(closed(), { confirm: 'prd' }))).toBe('RESTORE_NOT_ALLOWED');
    expect(await codeOf(() => assertAllowed(closed(), { preview: 'true' }))).toBe('no error');
    expect(await codeOf(() => assertAllowed(closed(), { preview: 'yes', confirm: 'prd' }))).toBe('RESTORE_NOT_ALLOWED');
  });
});

describe('what a restore takes', () => {
  it('is all that backup and environment have in common', () => {
    expect(choose({})).toEqual({
      components: ['database', 'documentLibrary'],
      databases: [
        { database: 'lportal', as: 'lportal' },
        { database: 'other', as: 'other' },
      ],
      stores: ['documentLibrary'],
      prefixes: [],
    });
    const bare = parseEnvironment(
      { ...environmentInput(), spec: { ...environmentInput().spec, database: undefined } },
      'w',
    );
    expect(chooseRestore(manifest, bare, {})).toMatchObject({ components: ['documentLibrary'], databases: [] });
  });

  it('is what is named', () => {
    expect(choose({ components: 'documentLibrary' })).toMatchObject({ components: ['documentLibrary'], databases: [] });
    expect(choose({ databases: '[{"name":"lportal","as":"copy"}]', components: 'database' })).toEqual({
      components: ['database'],
      databases: [{ database: 'lportal', as: 'copy' }],
      stores: [],
      prefixes: [],
    });
    expect(choose({ prefixes: '["a/","b"]' }).prefixes).toEqual(['a/', 'b']);
    expect(
      choose({ databases: '[{"name":"lportal","as":"other"},{"name":"other","as":"lportal"}]' }).databases,
    ).toHaveLength(2);
  });

  it.each([
    [{ components: 'images' }, 'COMPONENT_UNKNOWN', 'the backup has no component "images"'],
    [{ databases: '[{"name":"gone"}]' }, 'DATABASE_NOT_FOUND', 'no database "gone"'],
    [{ databases: '[{"name":"lportal","as":"x"},{"name":"other","as":"x"}]' }, 'INPUT_INVALID', 'same name'],
    [{ databases: '[{"name":"lportal","as":"other"},{"name":"other"}]' }, 'INPUT_INVALID', 'same name'],
    [{ databases: 'lportal' }, 'INPUT_INVALID', 'databases'],
    [{ databases: '[{"name":""}]' }, 'INPUT_INVALID', 'databases'],
    [{ databases: '[{"name":"lportal","to":"x"}]' }, 'INPUT_INVALID', 'databases'],
    [{ databases: '{}' }, 'INPUT_INVALID', 'databases'],
    [{ 'new-server': 'retail-2' }, 'INPUT_INVALID', 'database-mode new-server'],
    [{ 'database-mode': 'new-server' }, 'INPUT_INVALID', 'name of the new server'],
    [{ 'database-mode': 'new-server', 'new-server': '-oProxy' }, 'INPUT_INVALID', 'name of the new server'],
    [
      { 'database-mode': 'new-server', 'new-server': 'retail-2', components: 'documentLibrary' },
      'INPUT_INVALID',
      'component database',
    ],
    [
      { 'database-mode': 'new-server', 'new-server': 'retail-2', databases: '[{"name":"other"}]' },
      'INPUT_INVALID',
      'all databases',
    ],
    [{ prefixes: '[""]' }, 'INPUT_INVALID', 'prefixes'],
    [{ prefixes: '[1]' }, 'INPUT_INVALID', 'prefixes'],
    [{ prefixes: 'null' }, 'INPUT_INVALID', 'prefixes'],
  ])('is refused for %j', async (parameters, code, mention) => {
    expect(await codeOf(() => choose(parameters))).toBe(code);
    expect(await messageOf(() => choose(parameters))).toContain(mention);
  });

  it('is refused when the environment lacks it, or nothing is left', async () => {
    const other = parseEnvironment(
      {
        name: 'x',
        spec: {
          projectId: 'p',
          storage: { url: 's3://backups' },
          objectStores: [{ name: 'images', url: 's3://images' }],
        },
      },
      'w',
    );
    expect(await codeOf(() => chooseRestore(manifest, other, { components: 'database' }))).toBe('COMPONENT_UNKNOWN');
    expect(await codeOf(() => chooseRestore(manifest, other, {}))).toBe('NOTHING_SELECTED');
  });
});

describe('requests as parameters', () => {
  it('are what the flows take', () => {
    const backup = backupRequestSpec.parse({ environment: 'prd', components: ['database', 'a'], full: true });
    expect(completeParameters(flows['lc2-backup'].parameters, backupParameters(backup))).toMatchObject({
      components: 'database,a',
      full: 'true',
    });
    const spec = restoreRequestSpec.parse({
      backup: { latest: true, before: '2025-11-09T14:30:00Z' },
      into: 'uat',
      source: 'prd',
      confirm: 'uat',
      databases: [{ name: 'odd "name", with; all' }],
      prefixes: ['a/', 'ünï'],
    });
    const given = completeParameters(flows['lc2-restore'].parameters, restoreParameters(spec, 'monday-0123'));
    expect(given).toMatchObject({
      backup: 'latest',
      before: '2025-11-09T14:30:00Z',
      source: 'prd',
      request: 'monday-0123',
      'database-mode': 'swap',
      'new-server': '',
    });
    expect(JSON.parse(given['databases'] ?? '')).toEqual(spec.databases);
    expect(JSON.parse(given['prefixes'] ?? '')).toEqual(spec.prefixes);
  });
});
