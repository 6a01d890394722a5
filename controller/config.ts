import { z } from 'zod';
import { labelName } from '../core/api/common.ts';
import { Lc2Error } from '../core/errors.ts';
import { describeIssues } from '../core/plan/environment.ts';

const prefix = 'LC2_CONTROLLER_';

/** Settings of the controller, by the rest of their variable's name. */
const schema = z.strictObject({
  NAMESPACES: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
    )
    .pipe(z.array(labelName).max(200))
    .describe('Comma-separated namespaces to watch; empty means all.'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(8080).describe('Of /healthz and /readyz.'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  INSTANCE_ID: labelName.optional().describe('instanceID of the Argo controller that shall run our Workflows.'),
  WORKERS: z.coerce.number().int().min(1).max(64).default(4).describe('Requests looked at at once.'),
});

export interface Config {
  readonly namespaces: readonly string[];
  readonly port: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly instanceId?: string;
  readonly workers: number;
}

/** A setting that is wrong or unknown is an error, never a default. */
export const parseConfig = (env: Readonly<Record<string, string | undefined>>): Config => {
  const given = Object.entries(env).filter(([name, value]) => name.startsWith(prefix) && value !== undefined);
  const parsed = schema.safeParse(Object.fromEntries(given.map(([name, value]) => [name.slice(prefix.length), value])));
  if (!parsed.success) {
    throw new Lc2Error('INPUT_INVALID', describeIssues(parsed.error), {
      where: `${prefix}*`,
      remedy: 'correct or remove the named variable',
    });
  }
  const { NAMESPACES, PORT, LOG_LEVEL, INSTANCE_ID, WORKERS } = parsed.data;
  return {
    namespaces: [...new Set(NAMESPACES)],
    port: PORT,
    logLevel: LOG_LEVEL,
    workers: WORKERS,
    ...(INSTANCE_ID === undefined ? {} : { instanceId: INSTANCE_ID }),
  };
};
