// A dump unpacked on the scratch volume: whole or not at all, and nothing of it stays.
import { randomBytes } from 'node:crypto';
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { zstdCompressSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { Lc2Error } from '../../core/errors.ts';
import { scratchRoom, tryStage } from '../../steps/engines/postgresql/scratch.ts';
import { bytesOf, codeOf } from './store-fixture.ts';

const content = Buffer.concat([randomBytes(300_000), Buffer.alloc(2_000_000)]);
const stored = zstdCompressSync(content);

const stage = (bytes: Uint8Array, room: number) => {
  const input = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    yield await Promise.resolve(bytes);
  };
  return tryStage(input(), room, {
    signal: new AbortController().signal,
    onFailure: (each, exit, tail) => new Lc2Error('BACKUP_DAMAGED', `${each.name} ${exit.code ?? ''} ${tail}`),
  });
};

const leftBehind = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('lc2-dump-'));

it('is a file without a name that others can open by its descriptor', async () => {
  const file = await stage(stored, content.byteLength);
  if (file === undefined) throw new Error('it did not fit');
  const path = `/proc/self/fd/${file.fd}`;
  expect((await bytesOf(createReadStream(path))).equals(content)).toBe(true);
  expect((await bytesOf(createReadStream(path))).equals(content)).toBe(true);
  expect(leftBehind()).toEqual([]);
  await file.close();
  expect(existsSync(path)).toBe(false);
});

it.each([0, 1, 300_000, content.byteLength - 1])('is given up when it is larger than %i bytes', async (room) => {
  expect(await stage(stored, room)).toBeUndefined();
  expect(leftBehind()).toEqual([]);
});

it.each([
  ['cut', stored.subarray(0, -10)],
  ['of another kind', Buffer.from('PGDMP')],
])('is refused when what is stored is %s', async (_, bytes) => {
  expect(await codeOf(stage(bytes, content.byteLength))).toBe('BACKUP_DAMAGED');
  expect(leftBehind()).toEqual([]);
});

it('never takes more than its limit, nor anything where there is none', async () => {
  expect(await scratchRoom(1000)).toBeLessThanOrEqual(1000);
  expect([await scratchRoom(0), await scratchRoom(Number.NaN)]).toEqual([0, 0]);
});
