import { readFileSync } from 'node:fs';
import { z } from 'zod';

const packageFile = z.object({ version: z.string() });

export const version = packageFile.parse(
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')),
).version;

/** Image references of the generated objects. */
export interface Images {
  /** With the client programs of the engines and rclone. */
  readonly tool: string;
  /** The bundle only. */
  readonly plain: string;
  readonly controller: string;
}

/** Those of this version, or what LC2_TOOL_IMAGE, LC2_STEP_IMAGE and LC2_CONTROLLER_IMAGE say. */
export const imagesOf = (env: Readonly<Record<string, string | undefined>>): Images => {
  const plain = env['LC2_STEP_IMAGE'] ?? `lc2-backup/step:${version}`;
  return {
    tool: env['LC2_TOOL_IMAGE'] ?? `lc2-backup/tool:${version}`,
    plain,
    controller: env['LC2_CONTROLLER_IMAGE'] ?? plain,
  };
};
