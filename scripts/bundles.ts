// What is bundled, and how: scripts/build.ts writes it, test/golden/supply.test.ts looks at it.
import { build, type Metafile } from 'esbuild';
import { englishOnly, noHttp2, noMilo, ownFetch, requiredHttp, withoutArrow } from './lean-plugins.ts';

export interface Bundle {
  readonly folder: string;
  /** Output name by source file. */
  readonly entries: Readonly<Record<string, string>>;
}

export const bundles: readonly Bundle[] = [
  { folder: 'build/app', entries: { main: 'steps/images/entry.ts', controller: 'controller/main.ts' } },
  // Its steps are those of build/app, which the package carries too.
  { folder: 'build/cli', entries: { main: 'cli/main.ts' } },
];

/** CommonJS parts of dependencies ask for Node's own modules by `require`, which an ES module does not have. */
const banner = `import { createRequire as lc2CreateRequire } from 'node:module';
const require = lc2CreateRequire(import.meta.url);`;

export const runEsbuild = async (root: string, { folder, entries }: Bundle, write: boolean): Promise<Metafile> => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: entries,
    outdir: folder,
    write,
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
    // Sockets of another runtime, and passwords from a file in the home folder: ours come from Secrets, always.
    external: ['pg-cloudflare', 'pgpass'],
    banner: { js: banner },
    plugins: [requiredHttp, englishOnly, noHttp2, noMilo, withoutArrow, ownFetch],
    metafile: true,
    logLevel: 'warning',
  });
  return metafile;
};

/** `node_modules/a/node_modules/@b/c/dist/x.js` -> `node_modules/a/node_modules/@b/c` */
const packageFolder = (file: string): string | undefined =>
  /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];

/** Folders of the packages that the outputs hold bytes of, sorted. */
export const packagesOf = ({ outputs }: Metafile, among: readonly string[] = Object.keys(outputs)): string[] => {
  const files = among.flatMap((output) =>
    Object.entries(outputs[output]?.inputs ?? {}).flatMap(([file, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [file] : [],
    ),
  );
  return [...new Set(files.flatMap((file) => packageFolder(file) ?? []))].sort();
};
