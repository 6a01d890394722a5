// Safety: whatever names come from a store, a backup or a command line, nothing outside of the named folders is touched.
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { deleteBackup } from '../../cli/commands/delete.ts';
import { get } from '../../cli/commands/get.ts';
import { list } from '../../cli/commands/list.ts';
import { show } from '../../cli/commands/show.ts';
import { type ManifestBody, sealManifest } from '../../core/manifest/manifest.ts';
import { preview } from '../../steps/preview.ts';
import { sha256 } from '../../steps/runtime/bytes.ts';
import { hostileNames } from '../support/hostile-names.ts';
import { attempt, createHostileWorld, type HostileWorld, id, stamp } from '../support/hostile-world.ts';
import { readJson } from '../support/lab.ts';

let world: HostileWorld;
beforeAll(async () => {
  world = await createHostileWorld();
});
afterEach(() => world.reset());
afterAll(() => world.lab.remove());

/** Everything but line breaks. */
const controls = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/u;

describe('keys and names of databases', () => {
  test('are at least 200, and come back byte for byte out of a folder', async () => {
    expect(hostileNames.length).toBeGreaterThanOrEqual(200);
    const before = await world.outside();
    expect((await world.verified()).problems).toEqual([]);
    const wanted = new Map([...world.documents.contents].map(([key, bytes]) => [key, bytes.toString()]));
    await world.documents.delete([...wanted.keys()]);
    await world.restore({ run: 'back' });
    expect(new Map([...world.documents.contents].map(([key, bytes]) => [key, bytes.toString()]))).toEqual(wanted);
    expect(await world.outside()).toBe(before);
  });

  test('that a folder cannot hold are refused before it is written to; the others arrive in it', async () => {
    const before = await world.outside();
    const objects = `file://${world.target}`;
    expect(await attempt(() => world.restore({ run: 'folder', objects }))).toBe('KEY_UNSUPPORTED');
    expect(await readdir(world.target)).toEqual([]);
    let held = 0;
    for (const [index, name] of hostileNames.entries()) {
      const prefixes = JSON.stringify([name]);
      const ended = await attempt(() => world.restore({ run: `folder-${index}`, objects, parameters: { prefixes } }));
      if (ended === 'KEY_UNSUPPORTED') continue;
      held++;
      expect([name, ended]).toEqual([name, undefined]);
      expect(await readFile(`${world.target}/${name}`, 'utf8')).toBe(`bytes of ${name}`);
      await rm(world.target, { recursive: true });
      await mkdir(world.target);
    }
    expect(held).toBeGreaterThan(60);
    expect(await world.outside()).toBe(before);
  });

  test('are taken out one by one, to where the user says', async () => {
    const before = await world.outside();
    await mkdir(world.lab.path('out'), { recursive: true });
    const out = world.lab.path('out/file');
    for (const name of hostileNames) {
      const { status } = await world.command(get, id, `--key=${name}`, '--out', out);
      expect([name, status]).toEqual([name, 0]);
      expect(await readFile(out, 'utf8')).toBe(`bytes of ${name}`);
    }
    await symlink(join(world.canary, 'canary'), `${out}-link`);
    expect((await world.command(get, id, '--key', '..', '--out', `${out}-link`)).status).toBe(0);
    expect(await readdir(world.lab.path('out'))).toEqual(['file', 'file-link']);
    expect(await world.outside()).toBe(before);
  });
});

describe('ids and options', () => {
  test('that are no ids are refused by every command', async () => {
    const before = await world.outside();
    for (const name of hostileNames)
      for (const wanted of [name, `retail-prd-backup-${name}`, `${id}/../${name}`]) {
        for (const each of [show, deleteBackup]) {
          const { status } = await world
            .command(each, '--confirm', wanted, '--', wanted)
            .catch(() => ({ status: 'USAGE' }));
          expect(['BACKUP_OF_OTHER_ENVIRONMENT', 'USAGE']).toContain(status);
        }
        expect(await attempt(() => world.verified(wanted))).toBe('BACKUP_OF_OTHER_ENVIRONMENT');
        const parameters = { backup: wanted };
        expect(await attempt(() => world.restore({ parameters }))).toBe('BACKUP_OF_OTHER_ENVIRONMENT');
      }
    expect(await world.outside()).toBe(before);
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
    const before = await world.outside();
    const { digest: _digest, ...body } = await readJson<ManifestBody & { digest: string }>(
      join(world.root, stamp, 'manifest.json'),
    );
    // Nothing to read back: what is forged is what is looked at.
    const inside = new Set(await readdir(world.root, { recursive: true }));
    for (const [index, name] of hostileNames.entries()) {
      let text = '';
      try {
        text = sealManifest({ ...body, ...change(body, name) }, sha256).text;
      } catch (error) {
        // What our own schema refuses to seal, the reader refuses by the same schema.
        if (!(error instanceof z.ZodError)) throw error;
        continue;
      }
      await writeFile(join(world.root, stamp, 'manifest.json'), text);
      expect((await world.command(show, id)).said).not.toMatch(controls);
      // Some, for their time: where the manifest is taken, these read all of the backup.
      if (index % 16 > 0) continue;
      expect((await world.command(list)).said).not.toMatch(controls);
      const parameters = { preview: 'true', components: 'documents' };
      await attempt(() => preview(world.context('preview', { flow: 'lc2-restore', parameters })));
      await attempt(() => world.verified());
      await world.command(get, id, '--key', 'plain.txt', '--out', world.lab.path('out/file'));
    }
    const deleted = await world.command(deleteBackup, id, '--confirm', id);
    expect([0, 'BACKUP_REFERENCED']).toContain(deleted.status);
    expect((await readdir(world.root, { recursive: true })).filter((name) => !inside.has(name))).toEqual([]);
    expect(await world.outside()).toBe(before);
  });
});

describe('files that somebody planted', () => {
  const raw = (name: string): boolean =>
    !name.includes('\0') && !name.includes('/') && Buffer.byteLength(name) <= 255 && !/^\.{1,2}$/u.test(name);

  test('in the folder of a backup are named, and shown without steering the terminal', async () => {
    const before = await world.outside();
    const names = hostileNames.filter(
      (name) => raw(name) && !name.startsWith('.lc2-tmp-') && name !== 'manifest.json' && name !== 'run.json',
    );
    for (const name of names) await writeFile(join(world.root, stamp, name), 'planted');
    const { problems } = await world.verified();
    expect(problems.map(({ key }) => key).toSorted()).toEqual(names.map((name) => `${stamp}/${name}`).toSorted());
    const shown = await world.lab.cli('verify', id, '-f', world.file);
    expect(shown.status).toBe(70);
    // One line each; no dump is one that the tool would read.
    expect(shown.stdout.trimEnd().split('\n')).toHaveLength(names.length + world.databases.length);
    expect(shown.stdout).not.toMatch(controls);
    for (const args of [
      ['verify', id, '--json'],
      ['show', id, '--json'],
    ]) {
      const { stdout, stderr } = await world.lab.cli(...args, '-f', world.file);
      expect(`${stdout}${stderr}`).not.toMatch(controls);
    }
    expect((await world.command(deleteBackup, id, '--confirm', id)).status).toBe(0);
    expect(await world.outside()).toBe(before);
  });
});
