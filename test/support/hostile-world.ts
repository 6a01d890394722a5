// A sealed backup of hostile names with real folders for storage and target; the bucket and the server it is of are in memory.
import { createHash } from 'node:crypto';
import { cp, lstat, mkdir, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { show } from '../../cli/commands/show.ts';
import { Lc2Error } from '../../core/errors.ts';
import { type Environment, parseEnvironment } from '../../core/plan/environment.ts';
import type { StepName } from '../../core/steps/index.ts';
import { catchUp } from '../../steps/catch-up.ts';
import { commit } from '../../steps/commit.ts';
import { dump } from '../../steps/dump.ts';
import { manifest } from '../../steps/manifest.ts';
import { preview } from '../../steps/preview.ts';
import { restoreObjects } from '../../steps/restore-objects.ts';
import { sha256 } from '../../steps/runtime/bytes.ts';
import type { StepContext } from '../../steps/runtime/context.ts';
import { transfer } from '../../steps/transfer.ts';
import { verifyBackup } from '../../steps/verify-backup.ts';
import { verify } from '../../steps/verify.ts';
import { createMemoryDatabase } from '../fakes/memory-database.ts';
import { createMemoryStore } from '../fakes/memory-store.ts';
import { hostileNames } from './hostile-names.ts';
import { createLab, environmentDocument } from './lab.ts';
import { contextFor } from './steps.ts';

export const stamp = '20251109-143000';
export const id = `retail-prd-backup-${stamp}`;
const time = '2025-11-09T14:30:00Z';

export interface Told {
  readonly flow?: 'lc2-backup' | 'lc2-restore' | 'lc2-verify';
  readonly objects?: string;
  readonly run?: string;
  readonly at?: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

/** What it says, or the code it ends with; anything but an error of the catalogue is a defect. */
export const attempt = async <T>(work: () => Promise<T>): Promise<T | string> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Lc2Error && error.code !== 'BUG') return error.code;
    throw error;
  }
};

export type HostileWorld = Awaited<ReturnType<typeof createHostileWorld>>;

export const createHostileWorld = async () => {
  const lab = await createLab();
  const [root, target, pristine] = [join(lab.storage, 'retail/prd'), lab.path('target'), lab.path('pristine')];
  const canary = lab.path('outside');
  await lab.library('outside', { canary: 'alive', 'dir/canary': 'alive', 'etc/passwd': 'alive' });
  for (const name of ['canary', 'etc/passwd', 'storage-canary/x', 'targetcanary'])
    await lab.library('.', { [name]: 'alive' });
  await mkdir(target);
  const documents = createMemoryStore({ url: 's3://documents' });
  const databases = ['lportal', '../../x', '/etc/passwd', '..', 'a/b', 'a.b', '\u001b[31m', 'x'.repeat(63), 'ü%2f'];
  for (const name of hostileNames) documents.write(name, `bytes of ${name}`);
  const file = await lab.write('env.yaml', [
    environmentDocument('prd', {
      database: { server: { engine: 'postgresql', host: 'db' } },
      objectStores: [{ name: 'documents', url: 's3://documents' }],
      storage: { url: `file://${lab.storage}` },
    }),
  ]);

  /** Every name outside of storage, target and the temporary folder, with what it holds and where it leads. */
  const outside = async (): Promise<string> => {
    const own = new Set([lab.storage, target, lab.temporary, pristine, file, lab.path('out')]);
    const facts: string[] = [];
    const walk = async (folder: string): Promise<void> => {
      for (const name of (await readdir(folder)).toSorted()) {
        const path = join(folder, name);
        if (own.has(path)) continue;
        const stats = await lstat(path);
        facts.push(`${path} ${stats.mode} ${stats.nlink}`);
        if (stats.isDirectory()) await walk(path);
        else facts.push(stats.isSymbolicLink() ? await readlink(path) : sha256(await readFile(path)));
      }
    };
    await walk(lab.folder);
    return createHash('sha256').update(facts.join('\n')).digest('hex');
  };

  const environmentOf = (objects: string): Environment =>
    parseEnvironment(
      {
        name: 'prd',
        spec: {
          projectId: 'retail',
          database: { server: { engine: 'postgresql', host: 'db' } },
          objectStores: [{ name: 'documents', url: objects }],
          storage: { url: `file://${lab.storage}` },
          restore: { allowed: true },
        },
      },
      'test',
    );

  /** A step with real folders; the bucket and the server that it reads from are in memory and hold any name. */
  const context = (step: StepName, told: Told = {}): StepContext => {
    const { flow = 'lc2-backup', objects = 's3://documents', parameters = {} } = told;
    const named = flow === 'lc2-restore' ? { into: 'prd', confirm: 'prd' } : { environment: 'prd' };
    const real = contextFor(step, {
      flow,
      runUid: told.run ?? 'run',
      time: told.at ?? time,
      environment: environmentOf(objects),
      secrets: { database: {}, objects: {}, storage: {}, copies: {} },
      parameters: { ...named, ...parameters },
    });
    return {
      ...real,
      openStore: (at) => (at.location.url.startsWith('s3:') ? Promise.resolve(documents) : real.openStore(at)),
      openDatabase: () => createMemoryDatabase(Object.fromEntries(databases.map((name) => [name, { 'public.t': 1 }]))),
    };
  };

  const backUp = async (told: Told = {}): Promise<void> => {
    await dump(context('dump', told));
    await transfer(context('transfer', told));
    await catchUp(context('catch-up', told));
    await verify(context('verify', told));
    await manifest(context('manifest', told));
  };

  const restore = async (told: Told): Promise<void> => {
    const whole: Told = { flow: 'lc2-restore', ...told, parameters: { components: 'documents', ...told.parameters } };
    await preview(context('preview', whole));
    await restoreObjects(context('restore-objects', whole));
    await commit(context('commit', whole));
  };

  const verified = (backup = id): Promise<{ readonly problems: readonly { readonly key: string }[] }> =>
    verifyBackup(context('verify-backup', { flow: 'lc2-verify', parameters: { backup, objects: 'full' } }));

  const command = async (
    { run }: { run: typeof show.run },
    ...args: readonly string[]
  ): Promise<{ readonly said: string; readonly status: number | string }> => {
    let said = '';
    const status = await attempt(() =>
      run([...args, '-f', file], {
        stdout: (text) => (said += text),
        stderr: (text) => (said += text),
        terminal: false,
        now: () => new Date(time),
        signal: new AbortController().signal,
        env: {},
      }),
    );
    return { said, status };
  };

  const unsealed = await outside();
  await backUp();
  if ((await outside()) !== unsealed) throw new Error('a backup wrote outside of its storage');
  await cp(lab.storage, pristine, { recursive: true });
  const reset = async (): Promise<void> => {
    for (const place of [lab.path('outside/moved'), lab.storage, target])
      await rm(place, { recursive: true, force: true });
    await cp(pristine, lab.storage, { recursive: true });
    await mkdir(target);
  };
  return {
    lab,
    root,
    target,
    canary,
    documents,
    databases,
    file,
    outside,
    context,
    backUp,
    restore,
    verified,
    command,
    reset,
  };
};
