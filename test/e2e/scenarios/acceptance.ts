import { join } from 'node:path';
import { expect } from 'vitest';
import { backupEnvironmentSpec } from '../../../core/api/backup-environment.ts';
import { say } from '../support/log.ts';
import { namespaces } from '../support/manifests.ts';
import type { World } from '../support/world.ts';

/** The API server takes every generated file, and Argo finds nothing wrong with the templates. */
export const accepted = async ({ cluster, dist }: World): Promise<void> => {
  const dryRun = (file: string, ...more: readonly string[]) =>
    cluster.kubectl([
      'apply',
      '--server-side',
      '--dry-run=server',
      '--force-conflicts',
      '-f',
      join(dist, file),
      ...more,
    ]);
  const all = await dryRun('install.yaml');
  const lines = all.stdout.trim().split('\n');
  expect(lines.length).toBeGreaterThan(12);
  say('a', `the API server accepts install.yaml: ${lines.length} objects (server-side dry run)`);
  for (const file of [
    'tenant.yaml',
    'examples/environment.yaml',
    'examples/schedule.yaml',
    'examples/restore-request.yaml',
  ])
    await dryRun(file, '--namespace', namespaces.uat);
  say('a', 'the API server accepts tenant.yaml and the examples');
  const templates = ['lc2-backup', 'lc2-restore', 'lc2-verify'].map((name) => join(dist, 'templates', `${name}.yaml`));
  const lint = await cluster.argo(['lint', '--offline', ...templates, join(dist, 'examples', 'schedule.yaml')]);
  expect(lint.stdout + lint.stderr).toContain('no linting errors found');
  say(
    'a',
    'argo lint --offline: no linting errors in lc2-backup, lc2-restore, lc2-verify and a CronWorkflow that uses one',
  );
};

const dryCreate = (world: World, object: object) =>
  world.cluster.kubectl(['-n', namespaces.uat, 'create', '--dry-run=server', '-o', 'json', '-f', '-'], {
    input: JSON.stringify(object),
    allow: [1],
  });

const apiVersion = 'backup.lc2.dev/v1alpha1';
const metadata = { name: 'probe' };
const bare = { projectId: 'retail', storage: { url: 's3://backups' } };
const environment = (spec: object): object => ({
  apiVersion,
  kind: 'BackupEnvironment',
  metadata,
  spec: { ...bare, ...spec },
});
const restore = (spec: object): object => ({ apiVersion, kind: 'RestoreRequest', metadata, spec });

/** The schemas do in the API server what zod does in the controller: defaults, unions, rules. */
export const schemasHold = async (world: World): Promise<void> => {
  const filled = JSON.parse((await dryCreate(world, environment({}))).stdout) as { readonly spec: object };
  expect(filled.spec).toEqual(backupEnvironmentSpec.parse(bare));
  say('a', 'the API server fills the same defaults as zod, inner ones too');
  const refused: readonly (readonly [object, string])[] = [
    [environment({ database: { credentials: { secretName: 'x' } } }), 'exactly one service must be given'],
    [environment({ objectStores: [{ name: 'database', url: 's3://x-y' }] }), 'the name database is reserved'],
    [environment({ storage: { url: 's3://backups/../other' } }), 'must name a bucket'],
    [environment({ bogus: true }), 'unknown field "spec.bogus"'],
    [restore({ backup: { latest: true }, into: 'prd' }), 'confirm must equal into'],
    [restore({ backup: { latest: true, id: 'x' }, into: 'prd', confirm: 'prd' }), 'give either id or latest: true'],
  ];
  for (const [object, words] of refused) {
    const { status, stderr } = await dryCreate(world, object);
    expect(stderr).toContain(words);
    expect(status).toBe(1);
    say('a', `the API server refuses: ${words}`);
  }
};
