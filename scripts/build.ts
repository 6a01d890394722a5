// node scripts/build.ts   bundles the sources to JavaScript: build/app for the images, build/cli for the npm package.
// The same sources give the same bytes. Prints what each entry loads at its start, and how much there is in all.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Metafile } from 'esbuild';
import { z } from 'zod';
import { type Bundle, bundles, packagesOf, runEsbuild } from './bundles.ts';
import { parseLockfile, sbomText } from './sbom.ts';
import { thirdPartyText } from './third-party.ts';

const root = resolve(import.meta.dirname, '..');

const version = z.object({ version: z.string() }).parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
const lock = parseLockfile(await readFile(join(root, 'package-lock.json'), 'utf8'));

const write = async (bundle: Bundle): Promise<Metafile> => {
  const { folder } = bundle;
  await rm(join(root, folder), { recursive: true, force: true });
  const metafile = await runEsbuild(root, bundle, true);
  await writeFile(join(root, folder, 'THIRD-PARTY.txt'), await thirdPartyText(root, metafile));
  const sbom = { name: 'lc2-backup', ...version, lock, folders: packagesOf(metafile) };
  await writeFile(join(root, folder, 'sbom.cdx.json'), sbomText(sbom));
  return metafile;
};

/** An output file with all that it imports before it runs. Of lazy parts only the entry's own count: it loads them at once. */
const loadedAtStart = ({ outputs }: Metafile, entry: string): ReadonlySet<string> => {
  const seen = new Set([entry]);
  for (const file of seen) {
    for (const { path, kind } of outputs[file]?.imports ?? [])
      if ((kind === 'import-statement' || file === entry) && path in outputs) seen.add(path);
  }
  return seen;
};

const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(0)} kB`;

const report = ({ folder, entries }: Bundle, metafile: Metafile): string[] => {
  const size = (files: Iterable<string>): number =>
    [...files].reduce((sum, file) => sum + (metafile.outputs[file]?.bytes ?? 0), 0);
  const files = Object.keys(metafile.outputs);
  return [
    ...Object.keys(entries).map((name) => {
      const entry = `${folder}/${name}.mjs`;
      return `${entry}: ${kilobytes(size([entry]))}, ${kilobytes(size(loadedAtStart(metafile, entry)))} at start`;
    }),
    `${folder}: ${files.length} files, ${kilobytes(size(files))}`,
  ];
};

for (const each of bundles) process.stdout.write(`${report(each, await write(each)).join('\n')}\n`);
