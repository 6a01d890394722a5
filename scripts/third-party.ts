// The licence texts of the packages that a bundle carries parts of.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { z } from 'zod';

const packageFile = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string().optional(),
});

/** `node_modules/a/node_modules/@b/c/dist/x.js` -> `node_modules/a/node_modules/@b/c` */
const packageFolder = (file: string): string | undefined =>
  /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];

const textsOf = async (folder: string): Promise<string> => {
  const files = (await readdir(folder)).filter((name) => /^(licen[cs]e|notice|copying)/i.test(name)).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8').catch(ignoreFolder)));
  return texts
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .join('\n\n');
};

const ignoreFolder = (error: NodeJS.ErrnoException): string => {
  if (error.code === 'EISDIR') return '';
  throw error;
};

/** Sorted, so that it changes only with the packages. Packages that share a text share a section. */
export const thirdPartyText = async (root: string, { inputs }: Metafile): Promise<string> => {
  const folders = new Set(Object.keys(inputs).flatMap((file) => packageFolder(file) ?? []));
  const packages = new Map<string, Set<string>>();
  for (const folder of [...folders].sort()) {
    const text = await readFile(join(root, folder, 'package.json'), 'utf8');
    const { name, version, license } = packageFile.parse(JSON.parse(text));
    const licence = (await textsOf(join(root, folder))) || 'The package carries no licence text.';
    const sharers = packages.get(licence) ?? new Set();
    packages.set(licence, sharers.add(`${name} ${version} (${license ?? 'see below'})`));
  }
  const sections = [...packages].map(([licence, names]) => `${[...names].sort().join('\n')}\n\n${licence}`).sort();
  return `This folder holds parts of the following packages.${line}${sections.join(line)}\n`;
};

const line = `\n\n${'-'.repeat(80)}\n\n`;
