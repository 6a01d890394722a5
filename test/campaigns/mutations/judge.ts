// Runs verify and restore on what a bench holds now, in this process or by the command, and says what they made of it.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, Lc2Error } from '../../../core/errors.ts';
import { cleanUp } from '../../../steps/clean-up.ts';
import { commit } from '../../../steps/commit.ts';
import { loadDatabase } from '../../../steps/load-database.ts';
import { preview } from '../../../steps/preview.ts';
import { restoreObjects } from '../../../steps/restore-objects.ts';
import type { ObjectsLevel } from '../../../steps/runtime/check-objects.ts';
import { verifyBackup } from '../../../steps/verify-backup.ts';
import { verifyRestore } from '../../../steps/verify-restore.ts';
import { runCli } from '../../support/cli.ts';
import { manifestKey } from './facts.ts';
import { contextFor, type StepOptions } from '../../support/steps.ts';
import { type Bench, idOf, newer } from './world.ts';

const backupId = idOf(newer.stamp);

/** `CODE key` of each problem. */
export const verifyHere = async (bench: Bench, level: ObjectsLevel): Promise<string[]> => {
  try {
    const { ok, problems } = await verifyBackup(
      contextFor('verify-backup', {
        flow: 'lc2-verify',
        runUid: 'verify',
        time: new Date().toISOString(),
        environment: bench.environment,
        secrets: bench.secrets,
        parameters: { environment: 'prd', backup: backupId, objects: level },
      }),
    );
    if (ok !== (problems.length === 0)) throw new Error(`ok is ${String(ok)} with ${problems.length} problems`);
    return problems.map(({ code, key }) => `${code} ${key}`).toSorted();
  } catch (error) {
    if (hasCode(error, 'MANIFEST_VERSION') && error.where?.endsWith(manifestKey))
      return [`${error.code} ${manifestKey}`];
    throw error;
  }
};

export const verifyByCommand = async (bench: Bench, level: ObjectsLevel): Promise<string[]> => {
  const { status, stdout, stderr } = await command(bench, 'verify', backupId, '--objects', level, '-e', 'prd');
  const said = JSON.parse(stdout) as { ok: boolean; problems: { code: string; key: string }[] };
  const codes = said.problems.map(({ code, key }) => `${code} ${key === '' ? manifestKey : key}`);
  const expected = said.ok ? 0 : codes.some((code) => code.startsWith('MANIFEST_VERSION')) ? 78 : 70;
  if (status !== expected || stderr.includes('    at ')) throw new Error(`verify ended with ${status}: ${stderr}`);
  return codes.toSorted();
};

const command = async (bench: Bench, ...args: readonly string[]) => {
  const file = join(bench.folder, 'environment.yaml');
  const temporary = join(bench.folder, 'tmp');
  await mkdir(temporary, { recursive: true });
  const document = (kind: string, name: string, more: object) => ({
    apiVersion: kind === 'Secret' ? 'v1' : 'backup.lc2.dev/v1alpha1',
    kind,
    metadata: { name },
    ...more,
  });
  const documents = [
    document('BackupEnvironment', 'prd', { spec: bench.environment.spec }),
    document('BackupEnvironment', 'target', { spec: bench.target.spec }),
    document('Secret', 'db', { stringData: bench.secrets.database }),
    document('Secret', 's3', { stringData: bench.secrets.storage }),
  ];
  await writeFile(file, documents.map((each) => `---\n${JSON.stringify(each)}\n`).join(''));
  return runCli([...args, '--json', '-f', file], { env: { TMPDIR: temporary, LC2_RETRY_SECONDS: '0.05' } });
};

/** How far a restore came: the code it ended with, and whether it had begun to change anything. */
export interface RestoreOutcome {
  readonly code: string | undefined;
  readonly at: 'preview' | 'later' | 'end';
}

const databasesOf = ({ prefix }: Bench): { name: string; as: string }[] =>
  ['app', 'other'].map((name) => ({ name, as: `${prefix}_${name}` }));

/** `whole` goes on to the end; otherwise what comes before the first change is all. */
export const restoreHere = async (bench: Bench, { runUid, whole }: { runUid: string; whole: boolean }) => {
  const options: StepOptions = {
    flow: 'lc2-restore',
    runUid,
    time: new Date().toISOString(),
    environment: bench.target,
    source: bench.environment,
    secrets: bench.secrets,
    parameters: {
      into: 'target',
      source: 'prd',
      confirm: 'target',
      backup: backupId,
      databases: JSON.stringify(databasesOf(bench)),
    },
  };
  let at: RestoreOutcome['at'] = 'preview';
  try {
    await preview(contextFor('preview', options));
    at = 'later';
    if (!whole) return { code: undefined, at: 'end' } as const;
    await restoreObjects(contextFor('restore-objects', options));
    await loadDatabase(contextFor('load-database', options));
    await commit(contextFor('commit', options));
    await verifyRestore(contextFor('verify-restore', options));
    return { code: undefined, at: 'end' } as const;
  } catch (error) {
    if (!(error instanceof Lc2Error)) throw error;
    if (at === 'later') await cleanUp(contextFor('clean-up', options));
    return { code: error.code, at };
  }
};

export const restoreByCommand = async (bench: Bench): Promise<RestoreOutcome> => {
  const databases = databasesOf(bench).flatMap(({ name, as }) => ['--database', `${name}=${as}`]);
  const { status, stdout, stderr } = await command(
    bench,
    'restore',
    '--backup',
    backupId,
    '--source',
    'prd',
    '--into',
    'target',
    '--confirm',
    'target',
    ...databases,
  );
  const said = JSON.parse(stdout) as { phase: string; error?: { code: string } };
  if ((status === 0) !== (said.phase === 'Succeeded') || stderr.includes('    at '))
    throw new Error(`restore ended with ${status}: ${stderr}`);
  return { code: said.error?.code, at: status === 0 ? 'end' : stderr.includes('✗ Preview') ? 'preview' : 'later' };
};
