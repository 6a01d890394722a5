import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { imagesOf } from '../templates/constructs/images.ts';
import { synthesize } from '../templates/synth.ts';
import { apiPage } from './reference/api-page.ts';
import { cataloguePage } from './reference/catalogue-page.ts';
import { errorsPage } from './reference/errors-page.ts';
import { manifestPage } from './reference/manifest-page.ts';
import { permissionsPage } from './reference/permissions-page.ts';
import { stepsPage } from './reference/steps-page.ts';
import { templatesPage } from './reference/templates-page.ts';

/** Writes docs/reference from the schemas, flows, contracts and errors, and the catalogue from its rows; with --check says what is stale. */

const root = join(import.meta.dirname, '..');

const pages: ReadonlyMap<string, string> = new Map([
  ['api.md', apiPage()],
  ['errors.md', errorsPage()],
  ['manifest.md', manifestPage()],
  ['permissions.md', permissionsPage()],
  ['steps.md', stepsPage()],
  ['templates.md', templatesPage()],
]);

const below = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)));
};

/** Paths of what differs, is missing, or should not be there. */
const stale = async (folder: string, wanted: ReadonlyMap<string, string>, onlyWanted: boolean): Promise<string[]> => {
  const present = new Set(await below(folder));
  const differs: string[] = [];
  for (const [file, text] of wanted) {
    if (!present.has(file) || (await readFile(join(folder, file), 'utf8')) !== text) differs.push(file);
  }
  const surplus = onlyWanted ? [...present].filter((file) => !wanted.has(file)) : [];
  return [...differs, ...surplus].map((file) => relative(root, join(folder, file))).sort();
};

const write = async (folder: string, files: ReadonlyMap<string, string>): Promise<void> => {
  for (const [file, text] of files) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
};

const reference = join(root, 'docs', 'reference');
const explanation = join(root, 'docs', 'explanation');
const explanations: ReadonlyMap<string, string> = new Map([['catalogue.md', cataloguePage()]]);

if (process.argv.includes('--check')) {
  const old = [
    // Pages beside the generated ones are written by hand.
    ...(await stale(reference, pages, false)),
    ...(await stale(explanation, explanations, false)),
    ...(await stale(join(root, 'dist'), synthesize(imagesOf({})), true)),
  ];
  for (const file of old) process.stderr.write(`${file} is stale: run npm run synth and npm run reference\n`);
  process.exitCode = old.length === 0 ? 0 : 1;
} else {
  await write(reference, pages);
  await write(explanation, explanations);
}
