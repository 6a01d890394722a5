import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { imagesOf } from './constructs/images.ts';
import { synthesize } from './synth.ts';

/** Writes dist/, or the folder that the cdk8s command line names. */

const named = process.env['CDK8S_OUTDIR'];
const folder = named ?? fileURLToPath(new URL('../dist', import.meta.url));

// Only our own folder is emptied.
if (named === undefined) await rm(folder, { recursive: true, force: true });
for (const [file, text] of synthesize(imagesOf(process.env))) {
  const path = join(folder, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
