import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { kubeconfig } from '../../fakes/kube/kubeconfig.ts';

/** The controller as a process of its own, bundled as in its image. */

export interface Program {
  readonly file: string;
  readonly folder: string;
  remove(): Promise<void>;
}

export const bundleController = async (): Promise<Program> => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-controller-'));
  const file = join(folder, 'controller.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, '../../../controller/main.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    outfile: file,
    logLevel: 'silent',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return { file, folder, remove: () => rm(folder, { recursive: true, force: true }) };
};

export interface Running {
  readonly child: ChildProcess;
  readonly log: () => string;
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>;
}

let configs = 0;

export interface RunOptions {
  readonly program: Program;
  readonly url: string;
  readonly env?: Readonly<Record<string, string>>;
}

export const runController = async ({ program, url, env = {} }: RunOptions): Promise<Running> => {
  const config = join(program.folder, `kubeconfig-${configs++}`);
  await writeFile(config, kubeconfig(url));
  const child = spawn(process.execPath, [program.file], {
    env: { PATH: process.env['PATH'], HOME: program.folder, KUBECONFIG: config, LC2_CONTROLLER_PORT: '0', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  return {
    child,
    log: () => log,
    kill: async (signal) => {
      if (child.exitCode === null && child.signalCode === null) {
        const exit = once(child, 'exit');
        child.kill(signal);
        await exit;
      }
      return child.exitCode;
    },
  };
};
