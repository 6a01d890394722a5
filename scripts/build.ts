// node scripts/build.ts   bundles the sources to JavaScript: build/app for the images, build/cli for the npm package.
// The same sources give the same bytes. Prints what each entry loads at its start, and how much there is in all.
import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { thirdPartyText } from './third-party.ts';

const root = resolve(import.meta.dirname, '..');

interface Bundle {
  readonly folder: string;
  /** Output name by source file. */
  readonly entries: Readonly<Record<string, string>>;
}

const bundles: readonly Bundle[] = [
  { folder: 'build/app', entries: { main: 'steps/images/entry.ts', controller: 'controller/main.ts' } },
  // Its steps are those of build/app, which the package carries too.
  { folder: 'build/cli', entries: { main: 'cli/main.ts' } },
];

/** CommonJS parts of dependencies ask for Node's own modules by `require`, which an ES module does not have. */
const banner = `import { createRequire as lc2CreateRequire } from 'node:module';
const require = lc2CreateRequire(import.meta.url);`;

/**
 * Imported as an ES module, Node's http hands out every one of its exports, and with the last of them it loads the whole
 * of undici, which no step uses: a sixth of the start of a step. Required, it does not.
 */
const requiredHttp: Plugin = {
  name: 'required-http',
  setup: (on) => {
    on.onResolve({ filter: /^(node:)?https?$/ }, ({ path, kind, namespace }) =>
      kind === 'require-call' && namespace === 'required'
        ? { path, external: true }
        : { path: path.replace(/^node:/, ''), namespace: 'required' },
    );
    on.onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require('node:${path}');`,
      loader: 'js',
    }));
  },
};

/** zod's messages in all languages but its own, English: a third of what every step loads. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup: (on) =>
    on.onLoad({ filter: /[/\\]zod[/\\]v4[/\\]locales[/\\]index\.js$/ }, () => ({
      contents: `export { default as en } from './en.js';`,
      loader: 'js',
    })),
};

const bundle = async ({ folder, entries }: Bundle): Promise<Metafile> => {
  await rm(join(root, folder), { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: entries,
    outdir: folder,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    // Beside the entries, so that what a module finds by its own place stays where it was.
    chunkNames: '[name]-[hash]',
    minify: true,
    keepNames: true,
    legalComments: 'none',
    // CommonJS twins of the AWS SDK's modules do not survive being split.
    mainFields: ['module', 'main'],
    banner: { js: banner },
    plugins: [requiredHttp, englishOnly],
    metafile: true,
    logLevel: 'warning',
  });
  await writeFile(join(root, folder, 'THIRD-PARTY.txt'), await thirdPartyText(root, metafile));
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

for (const each of bundles) process.stdout.write(`${report(each, await bundle(each)).join('\n')}\n`);
