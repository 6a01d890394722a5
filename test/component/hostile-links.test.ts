// Safety: links that somebody planted in a storage or a target are never followed.
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { deleteBackup } from '../../cli/commands/delete.ts';
import { get } from '../../cli/commands/get.ts';
import { attempt, createHostileWorld, type HostileWorld, id, stamp } from '../support/hostile-world.ts';

let world: HostileWorld;
beforeAll(async () => {
  world = await createHostileWorld();
});
afterEach(() => world.reset());
afterAll(() => world.lab.remove());

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
    const at = join(world.root, stamp, place);
    const moved = world.lab.path('outside/moved');
    await rename(at, moved);
    await symlink(moved, at);
    await mkdir(world.lab.path('out'), { recursive: true });
    const before = await world.outside();
    const codes = [
      await attempt(() => world.verified()),
      await attempt(() =>
        world.restore({
          run: 'link',
          objects: `file://${world.target}`,
          parameters: { backup: id, prefixes: '["plain"]' },
        }),
      ),
      (await world.command(get, id, '--key', 'plain.txt', '--out', world.lab.path('out/file'))).status,
      (await world.command(deleteBackup, id, '--confirm', id)).status,
    ];
    // What a restore of objects does not read does not stop it.
    const read = ['database', 'steps', 'run.json'].includes(place)
      ? [undefined, 0]
      : ['KEY_UNSUPPORTED', 'KEY_UNSUPPORTED'];
    expect(codes).toEqual(['KEY_UNSUPPORTED', ...read, 'KEY_UNSUPPORTED']);
    expect(await world.outside()).toBe(before);
  });

  test.for(['', 'database', 'objects', 'objects/documents', 'inventory', 'steps'])(
    'that wait for a backup in place of %j are never written through',
    async (place) => {
      const folder = join(world.root, '20251110-143000');
      await mkdir(dirname(join(folder, place, 'x')), { recursive: true });
      await rm(join(folder, place), { recursive: true });
      await symlink(world.canary, join(folder, place));
      const before = await world.outside();
      expect(await attempt(() => world.backUp({ run: 'run-2', at: '2025-11-10T14:30:00Z' }))).toBe('KEY_UNSUPPORTED');
      expect(await world.outside()).toBe(before);
    },
  );

  test.for(['merge', 'mirror'])(
    'in the target of a restore are never written or deleted through (%s)',
    async (mode) => {
      const parameters = { 'objects-mode': mode };
      for (const [link, aim] of [
        ['sorted', world.canary],
        ['plain.txt', join(world.canary, 'canary')],
        ['surplus', world.canary],
      ] as const) {
        await symlink(aim, join(world.target, link));
        const before = await world.outside();
        expect(
          await attempt(() =>
            world.restore({
              run: `${mode}-${link}`,
              objects: `file://${world.target}`,
              parameters: { ...parameters, prefixes: '["sorted","plain","surplus"]' },
            }),
          ),
        ).toBe('KEY_UNSUPPORTED');
        expect(await world.outside()).toBe(before);
        await rm(join(world.target, link));
      }
    },
  );
});
