// Safety: whatever names come from a store, a backup or a command line, nothing outside of the named folders is touched.
import { cp, lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createHash } from 'node:crypto';
import { deleteBackup } from '../../cli/commands/delete.ts';
import { get } from '../../cli/commands/get.ts';
import { list } from '../../cli/commands/list.ts';
import { show } from '../../cli/commands/show.ts';
import { Lc2Error } from '../../core/errors.ts';
import { type ManifestBody, sealManifest } from '../../core/manifest/manifest.ts';
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
import { createMemoryStore, type MemoryStore } from '../fakes/memory-store.ts';
import { hostileNames } from '../support/hostile-names.ts';
import { createLab, environmentDocument, type Lab, readJson } from '../support/lab.ts';
import { contextFor } from '../support/steps.ts';

const stamp = '20251109-143000';
const id = `retail-prd-backup-${stamp}`;
const time = '2025-11-09T14:30:00Z';

let lab: Lab;
/** Of the sealed storage. */
let pristine: string;
let root: string;
let target: string;
let file: string;
let canary: string;
let documents: MemoryStore;
let databases: readonly string[];

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

interface Told {
  readonly flow?: 'lc2-backup' | 'lc2-restore' | 'lc2-verify';
  readonly objects?: string;
  readonly run?: string;
  readonly at?: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

/** A step with real folders; the bucket and the server that it reads from are in memory and hold any name. */
const context = (step: StepName, told: Told = {}): StepContext => {
  const { flow = 'lc2-backup', objects = 's3://documents', parameters = {} } = told;
  const named = flow === 'lc2-restore' ? { into: 'prd', confirm: 'prd' } : { environment: 'prd' };
  const real = contextFor(step, {
    flow,
    runUid: told.run ?? 'run',
    time: told.at ?? time,
    environment: environmentOf(objects),
    secrets: { database: {}, objects: {}, storage: {} },
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

/** What it says, or the code it ends with; anything but an error of the catalogue is a defect. */
const attempt = async <T>(work: () => Promise<T>): Promise<T | string> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Lc2Error && error.code !== 'BUG') return error.code;
    throw error;
  }
};

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

/** Everything but line breaks. */
const controls = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/u;

beforeAll(async () => {
  lab = await createLab();
  [root, target, pristine] = [join(lab.storage, 'retail/prd'), lab.path('target'), lab.path('pristine')];
  canary = lab.path('outside');
  await lab.library('outside', { canary: 'alive', 'dir/canary': 'alive', 'etc/passwd': 'alive' });
  for (const name of ['canary', 'etc/passwd', 'storage-canary/x', 'targetcanary'])
    await lab.library('.', { [name]: 'alive' });
  await mkdir(target);
  documents = createMemoryStore({ url: 's3://documents' });
  databases = ['lportal', '../../x', '/etc/passwd', '..', 'a/b', 'a.b', '\u001b[31m', 'x'.repeat(63), 'ü%2f'];
  for (const name of hostileNames) documents.write(name, `bytes of ${name}`);
  file = await lab.write('env.yaml', [
    environmentDocument('prd', {
      database: { server: { engine: 'postgresql', host: 'db' } },
      objectStores: [{ name: 'documents', url: 's3://documents' }],
      storage: { url: `file://${lab.storage}` },
    }),
  ]);
  const before = await outside();
  await backUp();
  expect(await outside()).toBe(before);
  await cp(lab.storage, pristine, { recursive: true });
});

afterEach(async () => {
  await rm(lab.path('outside/moved'), { recursive: true, force: true });
  await rm(lab.storage, { recursive: true });
  await cp(pristine, lab.storage, { recursive: true });
  await rm(target, { recursive: true, force: true });
  await mkdir(target);
});

afterAll(() => lab.remove());

describe('keys and names of databases', () => {
  test('are at least 200, and come back byte for byte out of a folder', async () => {
    expect(hostileNames.length).toBeGreaterThanOrEqual(200);
    const before = await outside();
    expect((await verified()).problems).toEqual([]);
    const wanted = new Map([...documents.contents].map(([key, bytes]) => [key, bytes.toString()]));
    await documents.delete([...wanted.keys()]);
    await restore({ run: 'back' });
    expect(new Map([...documents.contents].map(([key, bytes]) => [key, bytes.toString()]))).toEqual(wanted);
    expect(await outside()).toBe(before);
  });

  test('that a folder cannot hold are refused before it is written to; the others arrive in it', async () => {
    const before = await outside();
    const objects = `file://${target}`;
    expect(await attempt(() => restore({ run: 'folder', objects }))).toBe('KEY_UNSUPPORTED');
    expect(await readdir(target)).toEqual([]);
    let held = 0;
    for (const [index, name] of hostileNames.entries()) {
      const prefixes = JSON.stringify([name]);
      const ended = await attempt(() => restore({ run: `folder-${index}`, objects, parameters: { prefixes } }));
      if (ended === 'KEY_UNSUPPORTED') continue;
      held++;
      if (ended !== undefined) expect([name, ended]).toEqual([name, undefined]);
      expect(await readFile(`${target}/${name}`, 'utf8')).toBe(`bytes of ${name}`);
      await rm(target, { recursive: true });
      await mkdir(target);
    }
    expect(held).toBeGreaterThan(60);
    expect(await outside()).toBe(before);
  });

  test('are taken out one by one, to where the user says', async () => {
    const before = await outside();
    await mkdir(lab.path('out'), { recursive: true });
    const out = lab.path('out/file');
    for (const name of hostileNames) {
      const { status } = await command(get, id, `--key=${name}`, '--out', out);
      expect([name, status]).toEqual([name, 0]);
      expect(await readFile(out, 'utf8')).toBe(`bytes of ${name}`);
    }
    await symlink(join(canary, 'canary'), `${out}-link`);
    expect((await command(get, id, '--key', '..', '--out', `${out}-link`)).status).toBe(0);
    expect(await readdir(lab.path('out'))).toEqual(['file', 'file-link']);
    expect(await outside()).toBe(before);
  });
});

describe('ids and options', () => {
  test('that are no ids are refused by every command', async () => {
    const before = await outside();
    for (const name of hostileNames)
      for (const wanted of [name, `retail-prd-backup-${name}`, `${id}/../${name}`]) {
        for (const each of [show, deleteBackup]) {
          const { status } = await command(each, '--confirm', wanted, '--', wanted).catch(() => ({ status: 'USAGE' }));
          expect(['BACKUP_OF_OTHER_ENVIRONMENT', 'USAGE']).toContain(status);
        }
        expect(await attempt(() => verified(wanted))).toBe('BACKUP_OF_OTHER_ENVIRONMENT');
        const parameters = { backup: wanted };
        expect(await attempt(() => restore({ parameters }))).toBe('BACKUP_OF_OTHER_ENVIRONMENT');
      }
    expect(await outside()).toBe(before);
  });
});

describe('a manifest', () => {
  type Change = (body: ManifestBody, name: string) => Partial<ManifestBody>;
  const eachStore = (body: ManifestBody, change: object) => body.objectStores.map((store) => ({ ...store, ...change }));
  const withDump = (body: ManifestBody, change: object): Partial<ManifestBody> =>
    body.database
      ? { database: { ...body.database, dumps: body.database.dumps.map((each) => ({ ...each, ...change })) } }
      : {};
  const fields: readonly (readonly [string, Change])[] = [
    ['backupId', (_, backupId) => ({ backupId })],
    ['projectId', (_, projectId) => ({ projectId })],
    ['environment', (_, environment) => ({ environment })],
    ['key of a dump', (body, key) => withDump(body, { key })],
    ['name of a store', (body, name) => ({ objectStores: eachStore(body, { name }) })],
    [
      'key of an inventory',
      (body, key) => ({
        objectStores: body.objectStores.map((store) => ({
          ...store,
          inventory: store.inventory.map((part) => ({ ...part, key })),
        })),
      }),
    ],
    ['reference', (body, name) => ({ objectStores: eachStore(body, { references: [name] }) })],
    ['leftover', (_, name) => ({ leftovers: [name] })],
    ['tool', (_, tool) => ({ tool })],
    ['url of a store', (body, url) => ({ objectStores: eachStore(body, { url }) })],
  ];

  test.for(fields)('whose %s is one of them leads nowhere, and shows nothing raw', async ([, change]) => {
    const before = await outside();
    const { digest: _digest, ...body } = await readJson<ManifestBody & { digest: string }>(
      join(root, stamp, 'manifest.json'),
    );
    // Nothing to read back: what is forged is what is looked at.
    const inside = new Set(await readdir(root, { recursive: true }));
    for (const [index, name] of hostileNames.entries()) {
      const said: string[] = [];
      let text = '';
      try {
        text = sealManifest({ ...body, ...change(body, name) }, sha256).text;
      } catch (error) {
        // What our own schema refuses to seal, the reader refuses by the same schema.
        if (!(error instanceof z.ZodError)) throw error;
        continue;
      }
      await writeFile(join(root, stamp, 'manifest.json'), text);
      for (const each of [show, list]) said.push((await command(each, ...(each === show ? [id] : []))).said);
      for (const each of said) expect(each).not.toMatch(controls);
      // Some, for their time: where the manifest is taken, these read all of the backup.
      if (index % 10 > 0) continue;
      const parameters = { preview: 'true', components: 'documents' };
      await attempt(() => preview(context('preview', { flow: 'lc2-restore', parameters })));
      await attempt(() => verified());
      await command(get, id, '--key', 'plain.txt', '--out', lab.path('out/file'));
    }
    const deleted = await command(deleteBackup, id, '--confirm', id);
    expect([0, 'BACKUP_REFERENCED']).toContain(deleted.status);
    expect((await readdir(root, { recursive: true })).filter((name) => !inside.has(name))).toEqual([]);
    expect(await outside()).toBe(before);
  });
});

describe('files that somebody planted', () => {
  const raw = (name: string): boolean =>
    !name.includes('\0') && !name.includes('/') && Buffer.byteLength(name) <= 255 && !/^\.{1,2}$/u.test(name);

  test('in the folder of a backup are named, and shown without steering the terminal', async () => {
    const before = await outside();
    const names = hostileNames.filter(
      (name) => raw(name) && !name.startsWith('.lc2-tmp-') && name !== 'manifest.json' && name !== 'run.json',
    );
    for (const name of names) await writeFile(join(root, stamp, name), 'planted');
    const { problems } = await verified();
    expect(problems.map(({ key }) => key).toSorted()).toEqual(names.map((name) => `${stamp}/${name}`).toSorted());
    const shown = await lab.cli('verify', id, '-f', file);
    expect(shown.status).toBe(70);
    // One line each; no dump is one that the tool would read.
    expect(shown.stdout.trimEnd().split('\n')).toHaveLength(names.length + databases.length);
    for (const args of [['verify', id], ['verify', id, '--json'], ['list'], ['show', id], ['show', id, '--json']]) {
      const { stdout, stderr } = await lab.cli(...args, '-f', file);
      expect(`${stdout}${stderr}`).not.toMatch(controls);
    }
    expect((await command(deleteBackup, id, '--confirm', id)).status).toBe(0);
    expect(await outside()).toBe(before);
  });
});

describe('links', () => {
  const places = [
    '',
    'manifest.json',
    'database',
    'inventory',
    'inventory/documents',
    'objects',
    'objects/documents',
    'steps',
    'run.json',
  ];
  test.for(places)('in place of %j in a backup are never followed', async (place) => {
    const at = join(root, stamp, place);
    const moved = lab.path('outside/moved');
    await rename(at, moved);
    await symlink(moved, at);
    await mkdir(lab.path('out'), { recursive: true });
    const before = await outside();
    const codes = [
      await attempt(() => verified()),
      await attempt(() =>
        restore({ run: 'link', objects: `file://${target}`, parameters: { backup: id, prefixes: '["plain"]' } }),
      ),
      (await command(get, id, '--key', 'plain.txt', '--out', lab.path('out/file'))).status,
      (await command(deleteBackup, id, '--confirm', id)).status,
    ];
    // What a restore of objects does not read does not stop it.
    const read = ['database', 'steps', 'run.json'].includes(place)
      ? [undefined, 0]
      : ['KEY_UNSUPPORTED', 'KEY_UNSUPPORTED'];
    expect(codes).toEqual(['KEY_UNSUPPORTED', ...read, 'KEY_UNSUPPORTED']);
    expect(await outside()).toBe(before);
  });

  test.for(['', 'database', 'objects', 'objects/documents', 'inventory', 'steps'])(
    'that wait for a backup in place of %j are never written through',
    async (place) => {
      const folder = join(root, '20251110-143000');
      await mkdir(dirname(join(folder, place, 'x')), { recursive: true });
      await rm(join(folder, place), { recursive: true });
      await symlink(canary, join(folder, place));
      const before = await outside();
      expect(await attempt(() => backUp({ run: 'run-2', at: '2025-11-10T14:30:00Z' }))).toBe('KEY_UNSUPPORTED');
      expect(await outside()).toBe(before);
    },
  );

  test.for(['merge', 'mirror'])(
    'in the target of a restore are never written or deleted through (%s)',
    async (mode) => {
      const parameters = { 'objects-mode': mode };
      for (const [link, aim] of [
        ['sorted', canary],
        ['plain.txt', join(canary, 'canary')],
        ['surplus', canary],
      ] as const) {
        await symlink(aim, join(target, link));
        const before = await outside();
        expect(
          await attempt(() =>
            restore({
              run: `${mode}-${link}`,
              objects: `file://${target}`,
              parameters: { ...parameters, prefixes: '["sorted","plain","surplus"]' },
            }),
          ),
        ).toBe('KEY_UNSUPPORTED');
        expect(await outside()).toBe(before);
        await rm(join(target, link));
      }
    },
  );
});
