import type { ClusterWorkflowTemplate } from '../../../templates/argo/index.ts';
import { bounds, commands, images, mounts, outputs, restricted, secretsByFile } from './pods.ts';
import { references, targets } from './references.ts';
import { displayNames, expressions, parameters, userText } from './texts.ts';

export type Lint = (object: ClusterWorkflowTemplate) => string[];

/** What no schema says of a template. */
export const lints = {
  bounds,
  commands,
  displayNames,
  expressions,
  images,
  mounts,
  outputs,
  parameters,
  references,
  restricted,
  secretsByFile,
  targets,
  userText,
} as const satisfies Record<string, Lint>;
