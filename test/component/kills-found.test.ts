// What the campaign of kills found, one case each.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { killBackup } from '../campaigns/kills/backup-case.ts';
import { swapCommit } from '../campaigns/kills/points.ts';
import { killRestore, sourceOf } from '../campaigns/kills/restore-case.ts';
import { killVerify } from '../campaigns/kills/verify-case.ts';
import { createWorld, type World } from '../campaigns/kills/world.ts';
import { type S3Server, startVersitygw } from '../support/s3-servers.ts';

let s3: S3Server;
let world: World;

beforeAll(async () => {
  s3 = await startVersitygw();
  world = await createWorld(s3);
});

afterAll(async () => {
  await world.remove();
  await s3.stop();
});

const again = 'in flight, ended 0';

test('a step that is killed beside rclone leaves no folder of its own', async () => {
  const spot = { at: 'http', method: 'PUT', path: /\/objects\//, agent: /rclone/, nth: 2 } as const;
  const shot = { spot, side: 'before', delay: 0, victim: 'transfer' } as const;
  expect(await killBackup(world, 'rclone', shot, true)).toBe(again);
});

test('a step that is killed while it writes into a folder leaves no working file beside the seal', async () => {
  const shot = {
    spot: { at: 'copy', direction: 'out', bytes: 600_000 },
    side: 'before',
    delay: 0,
    victim: 'dump',
  } as const;
  expect(await killBackup(world, 'folder', shot, false)).toBe(again);
});

test('a step that is killed while it uploads parts leaves no open upload beside the seal', async () => {
  const spot = { at: 'http', method: 'POST', path: /[?&]uploadId=/, nth: 1 } as const;
  const shot = { spot, side: 'before', delay: 0, victim: 'dump' } as const;
  expect(await killBackup(world, 'large', shot, false)).toBe(again);
});

test('a verification whose pg_restore is killed fails and calls nothing damaged', async () => {
  const spot = { at: 'http', method: 'GET', path: /\.dump\.zst(\?|$)/, nth: 1 } as const;
  const shot = { spot, side: 'mid', delay: 0, victim: 'pg_restore' } as const;
  expect(await killVerify(world, { from: 'bucket' }, shot)).toBe('in flight, ended 70');
});

test('a restore into a folder removes the working files of one that was killed', async () => {
  const { library } = await sourceOf(world, 'folder');
  await library.put('folder 1/.lc2-tmp-0123456789abcdef01234567', 'half of an object');
  const shot = { spot: swapCommit(), side: 'before', delay: 0, victim: 'commit' } as const;
  const setting = { from: 'folder', databases: ['app'], mode: 'swap', objects: 'merge' } as const;
  expect(await killRestore(world, setting, shot)).toBe(again);
});
