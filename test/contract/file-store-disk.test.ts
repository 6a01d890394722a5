import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, chmod, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import { openStore } from '../../steps/stores/index.ts';
import { bytesOf, chunks, codeOf, keysOf, readText } from './store-fixture.ts';

const run = promisify(execFile);
const text = (value: string): Uint8Array => Buffer.from(value);

describe('file store: what only a disk does', () => {
  let folder: string;
  let root: string;
  let store: ObjectStore;
  const open = (path: string, subfolder?: string) =>
    openStore({
      location: { url: `file://${path}`, region: 'us-east-1', pathStyle: false },
      secrets: {},
      signal: new AbortController().signal,
      ...(subfolder !== undefined && { subfolder }),
    });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lc2-disk-'));
    root = join(folder, 'root');
    store = await open(root);
  });
  afterEach(async () => {
    await chmod(folder, 0o755);
    await rm(folder, { recursive: true, force: true });
  });

  it('makes its root, and says when the folder above is missing', async () => {
    const calls = () => [store.head('x'), store.get('x'), keysOf(store), store.delete(['x']), store.abortUploads('')];
    expect(await Promise.all(calls().map((call) => codeOf(call)))).toEqual(
      Array.from({ length: 5 }, () => 'STORE_NOT_FOUND'),
    );
    await store.put('x', text('x'));
    const below = await open(root, 'not/yet');
    expect([await keysOf(below), await below.head('x'), await codeOf(below.get('x'))]).toEqual([
      [],
      undefined,
      'OBJECT_NOT_FOUND',
    ]);
    const orphan = await open(join(folder, 'no', 'root'));
    expect(await codeOf(orphan.put('x', text('x')))).toBe('STORE_NOT_FOUND');
    expect(existsSync(join(folder, 'no'))).toBe(false);
  });

  it('never follows a link, and names it', async () => {
    await store.put('a/x', text('x'));
    await writeFile(join(folder, 'outside'), 'secret');
    await symlink(join(folder, 'outside'), join(root, 'a/link'));
    await symlink(folder, join(root, 'way'));
    await expect(keysOf(store)).rejects.toMatchObject({ code: 'KEY_UNSUPPORTED', where: join(root, 'way') });
    await expect(keysOf(store, { prefix: 'a' })).rejects.toMatchObject({
      code: 'KEY_UNSUPPORTED',
      where: join(root, 'a/link'),
    });
    await expect(keysOf(store, { prefix: 'way/' })).rejects.toMatchObject({ code: 'KEY_UNSUPPORTED' });
    expect(await codeOf(store.get('a/link'))).toBe('KEY_UNSUPPORTED');
    expect(await codeOf(store.head('a/link'))).toBe('KEY_UNSUPPORTED');
    // One after the other: a promise that fails before anybody waits for it ends the run.
    for (const call of [
      () => store.get('way/outside'),
      () => store.head('way/outside'),
      () => store.delete(['way/outside']),
      () => store.put('way/new', text('x')),
    ]) {
      expect(await codeOf(call())).toBe('KEY_UNSUPPORTED');
    }
    expect([existsSync(join(folder, 'outside')), existsSync(join(folder, 'new'))]).toEqual([true, false]);
    expect(await keysOf(store, { prefix: 'a/x' })).toEqual(['a/x']);
  });

  it('follows a link above its root', async () => {
    await mkdir(root);
    await symlink(root, join(folder, 'alias'));
    const aliased = await open(join(folder, 'alias'));
    await aliased.put('a/x', text('x'));
    expect([await keysOf(aliased), await readText(store, 'a/x')]).toEqual([['a/x'], 'x']);
  });

  it('names pipes, sockets and names that are not UTF-8', async () => {
    await mkdir(root);
    await run('mkfifo', [join(root, 'pipe')]);
    await expect(keysOf(store)).rejects.toMatchObject({
      code: 'KEY_UNSUPPORTED',
      where: expect.stringContaining('pipe'),
    });
    expect(await codeOf(store.get('pipe'))).toBe('KEY_UNSUPPORTED');
    await rm(join(root, 'pipe'));
    const server = createServer();
    await new Promise<void>((ready) => server.listen(join(root, 'sock'), ready));
    await expect(keysOf(store)).rejects.toMatchObject({
      code: 'KEY_UNSUPPORTED',
      where: expect.stringContaining('sock'),
    });
    expect(await codeOf(store.get('sock'))).toBe('KEY_UNSUPPORTED');
    await new Promise((closed) => server.close(closed));
    await writeFile(Buffer.concat([Buffer.from(`${root}/bad-`), Buffer.from([0xff, 0xfe])]), 'x');
    await expect(keysOf(store)).rejects.toMatchObject({
      code: 'KEY_UNSUPPORTED',
      where: expect.stringContaining('bad-'),
    });
    expect(await keysOf(store, { prefix: 'good' })).toEqual([]);
  });

  it('hides working files, refuses them as keys, and removes those below a prefix', async () => {
    await store.put('a/x', text('x'));
    for (const name of ['.lc2-tmp-1', 'a/.lc2-tmp-2']) await writeFile(join(root, name), 'dead');
    expect(await keysOf(store)).toEqual(['a/x']);
    expect([store.holds('.lc2-tmp-1'), store.holds('a/.lc2-tmp-x/b')]).toEqual([false, false]);
    expect(await codeOf(store.get('.lc2-tmp-1'))).toBe('OBJECT_NOT_FOUND');
    expect([await store.abortUploads('a/'), await store.abortUploads('a/'), await store.abortUploads('')]).toEqual([
      1, 0, 1,
    ]);
    expect(await readText(store, 'a/x')).toBe('x');
    await writeFile(join(root, `a/.lc2-tmp-${process.pid}-3`), 'a writer that lives');
    expect(await store.abortUploads('a/')).toBe(0);
  });

  it('leaves no working file of a body that throws', async () => {
    const failing = async function* () {
      yield* chunks(3, 1000);
      throw new RangeError('the body broke');
    };
    await expect(store.put('a/x', failing())).rejects.toThrow('the body broke');
    expect(await readdir(join(root, 'a'))).toEqual([]);
  });

  it('gives way to a key where only empty folders are', async () => {
    await mkdir(join(root, 'k/empty/deep'), { recursive: true });
    await store.put('k', text('1'), { createOnly: true });
    await mkdir(join(root, 'l'));
    await store.put('l', text('2'));
    expect([await readText(store, 'k'), await readText(store, 'l')]).toEqual(['1', '2']);
  });

  it('notices a file that is written into while it is read', async () => {
    await store.put('x', chunks(5, 1024 * 1024));
    const before = await store.head('x');
    for (const version of [before?.version, undefined]) {
      const body = await store.get('x', version === undefined ? {} : { version });
      const iterator = body.bytes[Symbol.asyncIterator]();
      await iterator.next();
      await appendFile(join(root, 'x'), 'more');
      const rest = async () => {
        for (let next = await iterator.next(); next.done !== true; next = await iterator.next());
      };
      expect(await codeOf(rest())).toBe('OBJECT_CHANGED');
      await store.put('x', chunks(5, 1024 * 1024));
      // A read that asks for no version takes what is there now.
      expect(await codeOf(store.get('x', { version: before?.version ?? '' }))).toBe('OBJECT_CHANGED');
    }
  });

  it('notices a file of the same size and time', async () => {
    await store.put('x', text('one'));
    const first = await store.head('x');
    await writeFile(join(root, 'x'), 'two');
    await utimes(join(root, 'x'), new Date(first?.mtime ?? 0), new Date(first?.mtime ?? 0));
    expect(await codeOf(store.get('x', { version: first?.version ?? '' }))).toBe('OBJECT_CHANGED');
  });

  it('reads the old bytes whole while a file is replaced', async () => {
    await store.put('x', chunks(3, 1024 * 1024));
    const body = await store.get('x');
    await store.put('x', text('new'));
    expect((await bytesOf(body.bytes)).byteLength).toBe(3 * 1024 * 1024);
    expect(await readText(store, 'x')).toBe('new');
  });

  /** Runs a probe as a process of its own: as another user, or where a tiny file system is mounted for it alone. */
  const probe = async (wrap: (argv: readonly string[]) => readonly string[]): Promise<string> => {
    const script = resolve(import.meta.dirname, '../support/put-probe.ts');
    const [command = '', ...args] = wrap([process.execPath, script, root]);
    const { stdout } = await run(command, args, { env: { PATH: process.env['PATH'] ?? '' } });
    return stdout.trim();
  };

  it('says that the disk is full, and leaves nothing there', async () => {
    await mkdir(root);
    const mounted = [
      '--user',
      '--map-root-user',
      '--mount',
      'sh',
      '-c',
      'mount -t tmpfs -o size=1m none "$3" && exec "$@"',
      'sh',
    ];
    expect(await probe((argv) => ['unshare', ...mounted, ...argv])).toBe('STORE_FULL []');
  });

  it('says that a folder may not be written', async () => {
    await mkdir(root);
    const readOnly = [
      '--user',
      '--map-root-user',
      '--mount',
      'sh',
      '-c',
      'mount --bind "$3" "$3" && mount -o remount,bind,ro "$3" && exec "$@"',
      'sh',
    ];
    expect(await probe((argv) => ['unshare', ...readOnly, ...argv])).toBe('STORE_DENIED []');
  });
});
