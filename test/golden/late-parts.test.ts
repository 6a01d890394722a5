import type { Metafile } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundles, packagesOf, runEsbuild } from '../../scripts/bundles.ts';
import { root } from './support/dist.ts';

/** What a program loads only when it is needed, as it is bundled. */

let metafile: Metafile;

/** The output that holds a source, with all that it imports before it runs. */
const loadedWith = (source: string): string[] => {
  const first = Object.keys(metafile.outputs).filter((name) => source in (metafile.outputs[name]?.inputs ?? {}));
  const seen = new Set(first);
  for (const name of seen)
    for (const { path, kind } of metafile.outputs[name]?.imports ?? []) if (kind === 'import-statement') seen.add(path);
  return packagesOf(
    metafile,
    [...seen].filter((name) => name in metafile.outputs),
  );
};

beforeAll(async () => {
  const [images] = bundles;
  if (images === undefined) throw new Error('nothing is bundled');
  metafile = await runEsbuild(root, images, false);
});

describe('parts that come late', () => {
  it('are the SDK of S3, for opening a store and for copies', () => {
    const ofSdk = (source: string) => loadedWith(source).filter((name) => /@aws-sdk|@smithy/.test(name));
    expect(ofSdk('steps/stores/s3-client.ts')).not.toEqual([]);
    for (const source of ['steps/main.ts', 'steps/stores/s3.ts', 'steps/movers/copy-s3.ts'])
      expect(ofSdk(source)).toEqual([]);
  });

  it('are named in modules of ours: of CommonJS that is loaded late a bundle hands out nothing but a default', () => {
    const late = Object.entries(metafile.inputs)
      .filter(([file]) => !file.includes('node_modules/'))
      .flatMap(([file, { imports }]) =>
        imports.flatMap(({ kind, path }) => (kind === 'dynamic-import' ? { file, path } : [])),
      );
    expect(late.length).toBeGreaterThan(10);
    expect(late.filter(({ path }) => metafile.inputs[path]?.format === 'cjs')).toEqual([]);
  });

  it('never are HTTP/2 of undici, which nobody here allows', () => {
    const client = 'node_modules/undici/lib/dispatcher/client.js';
    const imports = Object.values(metafile.outputs)
      .filter(({ inputs }) => client in inputs)
      .flatMap((output) => output.imports.map(({ path }) => path));
    expect(imports).toContain('node:net');
    expect(imports).not.toContain('node:http2');
  });

  it('are the client of Kubernetes, without its models', () => {
    expect(loadedWith('controller/main.ts')).not.toContain('node_modules/@kubernetes/client-node');
    const bytes = Object.values(metafile.outputs).flatMap(({ inputs }) =>
      Object.entries(inputs).map(([file, { bytesInOutput }]) =>
        file.startsWith('node_modules/@kubernetes/client-node/') ? bytesInOutput : 0,
      ),
    );
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThan(500_000);
  });
});
