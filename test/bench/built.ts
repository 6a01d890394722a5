import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const root = join(import.meta.dirname, '../..');

/** What images and the npm package carry, made from the sources as they are now. */
export const builtProgram = join(root, 'build/app/main.mjs');
export const builtController = join(root, 'build/app/controller.mjs');
export const builtCli = join(root, 'build/cli/main.mjs');

let building: Promise<unknown> | undefined;

export const build = async (): Promise<void> => {
  await (building ??= run(process.execPath, [join(root, 'scripts/build.ts')]));
};
