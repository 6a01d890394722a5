import { z } from 'zod';

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? undefined);

/** What is read of a node of a Workflow. */
export const nodeSchema = z.object({
  displayName: z.string().default(''),
  templateName: text,
  type: z.string().default(''),
  phase: z.string().default(''),
  message: z.string().default(''),
  progress: text,
  startedAt: text,
  finishedAt: text,
});
export type Node = z.output<typeof nodeSchema>;
