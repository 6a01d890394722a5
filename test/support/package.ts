// Before tests and campaigns that run the product: the files of its npm package, made from the sources as they are now.
// What ships is what is tested, and it starts in two thirds of the time that the sources take.
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundles, runEsbuild } from '../../scripts/bundles.ts';

const root = join(import.meta.dirname, '../..');

/** As vitest wants it: gives what takes the package away. */
export const setup = async (): Promise<() => Promise<void>> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-package-'));
  for (const bundle of bundles) await runEsbuild(root, { ...bundle, folder: join(folder, bundle.folder) }, true);
  await mkdir(join(folder, 'cli'));
  await cp(join(root, 'cli/bin.mjs'), join(folder, 'cli/bin.mjs'));
  process.env['LC2_TEST_PACKAGE'] = folder;
  return () => rm(folder, { recursive: true, force: true });
};
