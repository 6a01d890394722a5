import { describe, expect, it } from 'vitest';
import { backupRequestSpec } from '../../core/api/backup-request.ts';
import { durationSeconds } from '../../core/api/common.ts';
import { backupEnvironmentDocument } from '../../core/api/index.ts';
import { restoreRequestSpec } from '../../core/api/restore-request.ts';
import {
  chooseComponents,
  chosenStores,
  describeIssues,
  environmentFile,
  excludeRules,
  localLocations,
  parseEnvironment,
  renderConfigMapData,
  tryService,
} from '../../core/plan/environment.ts';
import { missingSecretKey, tryParseUrl } from '../../core/stores/index.ts';
import { environment, environmentInput } from './support/samples.ts';
import { messageOf } from './support/streams.ts';

/** The sample with one value put at a path such as `spec.storage.url`; undefined takes it away. */
const changed = (path: string, value: unknown): unknown => {
  const input: unknown = structuredClone(environmentInput());
  const parts = path.split('.');
  const last = parts.pop() ?? '';
  let place = input as Record<string, unknown>;
  for (const part of parts) place = (place[part] ??= {}) as Record<string, unknown>;
  if (value === undefined) delete place[last];
  else place[last] = value;
  return input;
};

const server = 'spec.database.server';
const store = 'spec.objectStores.0';

describe('an environment', () => {
  it('gets the defaults of the API', () => {
    const { spec } = environment();
    expect(spec.database?.server).toMatchObject({
      port: 5432,
      maintenanceDatabase: 'postgres',
      databases: [],
      tls: { mode: 'verify-full' },
      lockTimeout: 300,
    });
    expect(spec.objectStores[0]).toMatchObject({ region: 'us-east-1', mover: 'auto' });
    expect(spec).toMatchObject({
      verification: { objects: 'auto' },
      restore: { allowed: true, keepPrevious: '7d' },
      scheduling: { deadline: '24h' },
      storage: { adopt: false },
    });
  });

  it('may have storage only', () => {
    const { spec } = parseEnvironment({ name: 'x', spec: { projectId: 'p', storage: { url: 's3://backups' } } }, 'w');
    expect(spec.objectStores).toEqual([]);
    expect(tryService(spec)).toBeUndefined();
    expect(() => chooseComponents(spec, [], 'x')).toThrow('nothing to back up');
  });

  it.each([
    [`${server}.host`, '/var/run/postgresql'],
    [`${server}.host`, '::1'],
    [`${server}.port`, 65_535],
    [`${server}.databases`, ['With Space', 'quo"te', "ap'os", 'semi;colon', 'a,b', '../x', 'ünïcode', 'x'.repeat(63)]],
    [`${server}.tls`, { mode: 'disable' }],
    [`${store}.url`, 'file:///var/lib/documents'],
    [`${store}.url`, 's3://bucket/deep/prefix/'],
    [`${store}.exclude`, ['a', '**/*.tmp', 'x\\*y', 'ünïcode']],
    [`${store}.mover`, 'rclone'],
    ['spec.restore.keepPrevious', '90s'],
    ['spec.database', undefined],
    ['spec.objectStores', []],
  ])('is good with %s = %j', (path, value) => {
    expect(parseEnvironment(changed(path, value), 'w').name).toBe('prd');
  });

  it.each([
    ['name', '../prd', 'DNS label'],
    ['name', '', 'name'],
    ['name', 'Prd', 'DNS label'],
    ['name', 'a.b', 'DNS label'],
    ['name', 'a'.repeat(64), 'name'],
    ['color', 'red', 'Unrecognized key'],
    ['spec.color', 'red', 'Unrecognized key'],
    ['spec.projectId', undefined, 'spec.projectId'],
    ['spec.projectId', 'Retail', 'spec.projectId'],
    ['spec.projectId', '../x', 'spec.projectId'],
    ['spec.projectId', 'x'.repeat(41), 'spec.projectId'],
    ['spec.profile', 'drupal', 'spec.profile'],
    ['spec.database', {}, 'exactly one service'],
    [`${server}.engine`, 'oracle', `${server}.engine`],
    [`${server}.host`, '', `${server}.host`],
    [`${server}.host`, '-oProxy=x', `${server}.host`],
    [`${server}.host`, 'a b', `${server}.host`],
    [`${server}.host`, '{{workflow.name}}', `${server}.host`],
    [`${server}.port`, 0, `${server}.port`],
    [`${server}.port`, 65_536, `${server}.port`],
    [`${server}.port`, '5432', `${server}.port`],
    [`${server}.port`, 1.5, `${server}.port`],
    [`${server}.databases`, [''], `${server}.databases.0`],
    [`${server}.databases`, ['a\nb'], `${server}.databases.0`],
    [`${server}.databases`, ['{{x}}'], 'braces'],
    [`${server}.databases`, 'lportal', `${server}.databases`],
    [`${server}.tls`, { mode: 'prefer' }, `${server}.tls.mode`],
    [`${server}.tls`, { modus: 'x' }, 'Unrecognized key'],
    [`${server}.lockTimeout`, -1, `${server}.lockTimeout`],
    ['spec.database.credentials', { secretName: 'A_B' }, 'secretName'],
    ['spec.database.credentials', 'db', 'credentials'],
    [`${store}.name`, 'database', 'reserved'],
    [`${store}.name`, 'a/b', `${store}.name`],
    [`${store}.name`, '..', `${store}.name`],
    [`${store}.name`, '', `${store}.name`],
    [`${store}.url`, 'ftp://x/yyyy', `${store}.url`],
    [`${store}.url`, 's3://B', `${store}.url`],
    [`${store}.url`, 's3://bucket/../other', `${store}.url`],
    [`${store}.url`, 's3://bucket/./x', `${store}.url`],
    [`${store}.url`, 'file://relative/x', `${store}.url`],
    [`${store}.url`, 's3://bucket/a b', `${store}.url`],
    [`${store}.url`, 's3://bucket/{{x}}', `${store}.url`],
    [`${store}.endpoint`, 's3.example.com', `${store}.endpoint`],
    [`${store}.endpoint`, 'file:///x', `${store}.endpoint`],
    [`${store}.exclude`, [''], `${store}.exclude.0`],
    [`${store}.exclude`, ['{a,b}'], 'braces'],
    [`${store}.exclude`, Array.from({ length: 201 }, () => 'x'), `${store}.exclude`],
    [`${store}.mover`, 'scp', `${store}.mover`],
    [`${store}.pathStyle`, 'true', `${store}.pathStyle`],
    ['spec.storage', undefined, 'spec.storage'],
    ['spec.storage.url', undefined, 'spec.storage.url'],
    ['spec.storage.adopt', 'yes', 'spec.storage.adopt'],
    ['spec.verification', { objects: 'some' }, 'spec.verification.objects'],
    ['spec.restore.allowed', 'true', 'spec.restore.allowed'],
    ['spec.restore.keepPrevious', '7', 'spec.restore.keepPrevious'],
    ['spec.restore.keepPrevious', '0d', 'spec.restore.keepPrevious'],
    ['spec.restore.keepPrevious', '1w', 'spec.restore.keepPrevious'],
    ['spec.scheduling', { deadline: 'P1D' }, 'spec.scheduling.deadline'],
    ['spec.objectStores', {}, 'spec.objectStores'],
    ['spec', null, 'spec'],
    ['spec', [], 'spec'],
  ])('is refused with %s = %j', async (path, value, mention) => {
    const input = changed(path, value);
    const message = await messageOf(() => parseEnvironment(input, 'env.yaml'));
    expect(message).toContain(mention);
    expect(message).toContain('(env.yaml)');
    expect(message).not.toContain('\n');
    expect(() => parseEnvironment(input, 'w')).toThrow(
      expect.objectContaining({ code: 'ENVIRONMENT_INVALID', kind: 'user' }),
    );
  });

  it('is refused with two stores of one name or of two Secrets', async () => {
    const [one] = environmentInput().spec.objectStores;
    const twice = changed('spec.objectStores', [one, one]);
    expect(await messageOf(() => parseEnvironment(twice, 'w'))).toContain('objectStores must have different names');
    const secrets = changed('spec.objectStores', [one, { ...one, name: 'b', credentials: { secretName: 'other' } }]);
    expect(await messageOf(() => parseEnvironment(secrets, 'w'))).toContain('same Secret');
  });

  const google = (store: object, storage = 'gs://backups'): unknown => ({
    name: 'x',
    spec: { projectId: 'p', objectStores: [{ name: 'documents', ...store }], storage: { url: storage } },
  });
  const storageTransfer = { project: 'retail-prd' };

  it('lets Storage Transfer copy within gs:// only, and by no other mover', async () => {
    const good = { url: 'gs://documents', storageTransfer };
    expect(parseEnvironment(google(good), 'w').spec.objectStores[0]?.storageTransfer?.minimumObjects).toBe(100_000);
    expect(parseEnvironment(google({ ...good, mover: 'storage-transfer' }), 'w').spec.objectStores).toHaveLength(1);
    for (const bad of [
      google({ ...good, mover: 'copy' }),
      google({ ...good, url: 's3://documents' }),
      google(good, 's3://backups'),
      google({ url: 'gs://documents', mover: 'storage-transfer' }),
    ])
      expect(await messageOf(() => parseEnvironment(bad, 'w'))).toContain(
        'storage-transfer and storageTransfer go together',
      );
    expect(await messageOf(() => parseEnvironment(google({ ...good, storageTransfer: {} }), 'w'))).toContain('project');
  });

  it('with many faults names some of them', () => {
    const parsed = backupEnvironmentDocument.safeParse({ kind: 'x' });
    expect(parsed.success).toBe(false);
    expect(parsed.error && describeIssues(parsed.error).split('; ').length).toBeLessThanOrEqual(5);
  });

  it('with __proto__ as a field is refused or left without it', () => {
    const hostile: unknown = JSON.parse(
      `{"name":"x","spec":{"projectId":"p","storage":{"url":"s3://backups"},"__proto__":{"storage":{"url":"s3://evil","adopt":true}}}}`,
    );
    const parsed = environmentFile.safeParse(hostile);
    expect(parsed.data?.spec.storage.adopt ?? false).toBe(false);
  });
});

describe('what templates read of an environment', () => {
  it('is in the ConfigMap, and the file reads back the same', () => {
    const data = renderConfigMapData(environment());
    const { 'environment.json': file, ...small } = data;
    expect(small).toEqual({
      'database-secret': 'db',
      'objects-secret': 'documents',
      'storage-secret': 'backups',
      'copies-secret': '',
      deadline: '86400',
      'has-database': 'true',
      'has-objects': 'true',
      'has-snapshot': 'false',
      'has-export': 'false',
      'has-dump': 'true',
      'has-copies': 'false',
    });
    expect(parseEnvironment(JSON.parse(file), 'w')).toEqual(environment());
  });

  it('is empty for what the environment does not have', () => {
    const data = renderConfigMapData(
      parseEnvironment({ name: 'x', spec: { projectId: 'p', storage: { url: 's3://backups' } } }, 'w'),
    );
    expect(data).toMatchObject({
      'database-secret': '',
      'objects-secret': '',
      'storage-secret': '',
      'has-database': 'false',
      'has-objects': 'false',
    });
  });

  it.each([
    ['90s', 90],
    ['5m', 300],
    ['12h', 43_200],
    ['7d', 604_800],
  ])('of %s is %i seconds', (text, seconds) => {
    expect(durationSeconds(text)).toBe(seconds);
  });

  it('names the locations that a cluster cannot reach', () => {
    const local = parseEnvironment(changed(`${store}.url`, 'file:///documents'), 'w');
    expect(localLocations(local.spec)).toEqual(['spec.objectStores[0].url']);
    expect(localLocations(parseEnvironment(changed('spec.storage.url', 'file:///backups'), 'w').spec)).toEqual([
      'spec.storage.url',
    ]);
    expect(localLocations(environment().spec)).toEqual([]);
  });
});

describe('components', () => {
  it('are all, or those that are named, in the order of the environment', () => {
    const { spec } = environment();
    expect(chooseComponents(spec, [], 'x')).toEqual(['database', 'documentLibrary']);
    expect(chooseComponents(spec, ['documentLibrary', 'database'], 'x')).toEqual(['database', 'documentLibrary']);
    expect(chosenStores(spec, ['database'])).toEqual([]);
    expect(chosenStores(spec, ['documentLibrary']).map(({ name }) => name)).toEqual(['documentLibrary']);
    expect(() => chooseComponents(spec, ['documents'], 'x')).toThrow(
      'component "documents" is not one of database, documentLibrary',
    );
  });

  it('have the rules of the profile when asked for, and their own', () => {
    const { spec } = environment();
    const [only] = spec.objectStores;
    expect(only && excludeRules(spec, only)).toEqual(['*/0/document_preview/**', '*/0/document_thumbnail/**', 'tmp/']);
    expect(only && excludeRules(spec, { ...only, excludeGeneratedFiles: false })).toEqual(['tmp/']);
  });
});

describe('requests', () => {
  it.each([
    [{ environment: 'prd' }, true],
    [{ environment: 'prd', components: ['database', 'a_B-1'] }, true],
    [{ environment: 'prd', cancel: true }, true],
    [{}, false],
    [{ environment: '../prd' }, false],
    [{ environment: 'prd', components: ['a,b'] }, false],
    [{ environment: 'prd', creationType: 'magic' }, false],
    [{ environment: 'prd', creator: { name: '{{x}}' } }, false],
    [{ environment: 'prd', creator: { name: 'x', phone: '1' } }, false],
    [{ environment: 'prd', full: 'true' }, false],
    [{ environment: 'prd', force: true }, false],
  ])('to back up: %j is good: %s', (spec, good) => {
    expect(backupRequestSpec.safeParse(spec).success).toBe(good);
  });

  const restore = { backup: { id: 'retail-prd-backup-20251109-143000' }, into: 'uat', confirm: 'uat' };
  it.each([
    [restore, true],
    [{ ...restore, backup: { latest: true } }, true],
    [{ ...restore, backup: { latest: true, before: '2025-11-09T14:30:00+01:00' } }, true],
    [{ ...restore, confirm: undefined, preview: true }, true],
    [{ ...restore, databases: [{ name: 'lportal', as: 'new name' }] }, true],
    [{ ...restore, confirm: undefined }, false],
    [{ ...restore, confirm: 'prd' }, false],
    [{ ...restore, backup: {} }, false],
    [{ ...restore, backup: { id: 'x', latest: true } }, false],
    [{ ...restore, backup: { id: '../x' } }, false],
    [{ ...restore, backup: { id: 'x', before: '2025-11-09T14:30:00Z' } }, false],
    [{ ...restore, backup: { latest: true, before: 'yesterday' } }, false],
    [{ ...restore, databaseMode: 'overwrite' }, false],
    [{ ...restore, databaseMode: 'new-server', newServer: { name: 'retail-2' } }, true],
    [{ ...restore, databaseMode: 'new-server', newServer: { name: 'retail-2' }, components: ['database'] }, true],
    [{ ...restore, databaseMode: 'new-server' }, false],
    [{ ...restore, newServer: { name: 'retail-2' } }, false],
    [{ ...restore, databaseMode: 'swap', newServer: { name: 'retail-2' } }, false],
    [{ ...restore, databaseMode: 'new-server', newServer: { name: 'retail-2' }, components: ['documents'] }, false],
    [{ ...restore, databaseMode: 'new-server', newServer: { name: 'x-2' }, databases: [{ name: 'lportal' }] }, false],
    [{ ...restore, databaseMode: 'new-server', newServer: { name: 'ab' } }, false],
    [{ ...restore, databaseMode: 'new-server', newServer: { name: '2-retail' } }, false],
    [{ ...restore, databaseMode: 'new-server', newServer: { name: 'retail-' } }, false],
    [{ ...restore, databaseMode: 'new-server', newServer: { name: 'retail--2' } }, false],
    [{ ...restore, databaseMode: 'new-server', newServer: { name: 'Retail' } }, false],
    [{ ...restore, databaseMode: 'new-server', newServer: { name: `r${'x'.repeat(60)}` } }, false],
    [{ ...restore, databaseMode: 'new-server', newServer: { name: 'retail-2', size: 'db.m6g.large' } }, false],
    [{ ...restore, objectsMode: 'sync' }, false],
    [{ ...restore, prefixes: [''] }, false],
    [{ ...restore, databases: [{ name: 'x', as: '' }] }, false],
    [{ ...restore, databases: [{ name: 'x', to: 'y' }] }, false],
  ])('to restore: %j is good: %s', (spec, good) => {
    expect(restoreRequestSpec.safeParse(spec).success).toBe(good);
  });
});

describe('urls of locations', () => {
  it.each([
    ['s3://bucket', { store: 's3', bucket: 'bucket', prefix: '' }],
    ['s3://bucket/', { store: 's3', bucket: 'bucket', prefix: '' }],
    ['s3://bucket/a/b/', { store: 's3', bucket: 'bucket', prefix: 'a/b' }],
    ['file:///', { store: 'file', bucket: '', prefix: '/' }],
    ['file:///a/b//', { store: 'file', bucket: '', prefix: '/a/b' }],
    ['s3://BUCKET', undefined],
    ['s3://', undefined],
    ['s3://bucket/..', undefined],
    ['file://host/x', undefined],
    ['gs://bucket.example.com/a', { store: 'gs', bucket: 'bucket.example.com', prefix: 'a' }],
    ['gs://Bucket', undefined],
    ['gs://bucket/../other', undefined],
    ['azblob://account/container/a/b', { store: 'azblob', bucket: 'account/container', prefix: 'a/b' }],
    ['azblob://account/container', { store: 'azblob', bucket: 'account/container', prefix: '' }],
    ['azblob://account', undefined],
    ['azblob://account/-container', undefined],
    ['azblob://account.blob.core.windows.net/container', undefined],
    ['', undefined],
  ])('%j', (url, parsed) => expect(tryParseUrl(url)).toEqual(parsed));
});

describe('keys of a Secret', () => {
  it.each([
    ['s3', {}, undefined],
    ['s3', { accessKeyId: 'a' }, 'secretAccessKey'],
    ['s3', { secretAccessKey: 'a' }, 'accessKeyId'],
    ['s3', { accessKeyId: 'a', secretAccessKey: 'b' }, undefined],
    ['gs', { accessKeyId: 'a' }, undefined],
    ['gs', { 'credentials.json': '{}' }, undefined],
    ['azblob', { accountName: 'a' }, 'accountKey'],
    ['azblob', { accountKey: 'a', accountName: ' \n' }, 'accountName'],
    ['azblob', { accountName: 'a', connectionString: 'b' }, undefined],
    ['file', { accessKeyId: 'a' }, undefined],
  ] as const)('of %s: %j lacks %s', (store, secrets, missing) =>
    expect(missingSecretKey(store, secrets)).toBe(missing),
  );
});
