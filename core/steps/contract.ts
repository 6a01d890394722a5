import type { z } from 'zod';
import type { ComponentState } from '../api/request-status.ts';

/**
 * What a step promises to its host, be it Argo or the local runner.
 *
 * Input: parameters of the flow as environment variables (`LC2_` and the name in capitals), the environments as files
 * (LC2_ENVIRONMENT_FILE, LC2_SOURCE_FILE), Secrets as files below LC2_SECRETS_DIR. Parsed once, before anything else.
 * Output: `steps/<step>.json` in storage, written once; `result` in LC2_OUTPUT_DIR, written atomically on success.
 * Exit status: see core/errors.ts. A step may run twice at any time, also at once with itself; an attempt is a pod UID.
 */
export interface StepContract<Output extends z.ZodType = z.ZodType> {
  readonly name: string;
  /** For people: Argo UI, progress lines. */
  readonly title: string;
  /** `tool` carries the client programs of the engines and rclone, `plain` only the bundle. */
  readonly image: 'tool' | 'plain';
  readonly secrets: readonly SecretName[];
  readonly output: Output;
  /** Percent of the flow's progress that this step is worth. */
  readonly share: number;
  /** What a request shows while the step runs, and of which components. */
  readonly state: ComponentState;
  readonly concerns: 'database' | 'objects' | 'all';
  readonly resources: Resources;
  /** Name of the workflow output that carries the result, for steps whose result the controller reads. */
  readonly result?: string;
}

export type SecretName = 'database' | 'objects' | 'storage' | 'copies';

export interface Resources {
  readonly cpu: string;
  readonly memory: string;
  /** Limit; memory of a step does not grow with the data. */
  readonly memoryLimit: string;
  /** Most that Node's old generation takes: half of the limit, as Node itself chooses in a pod. */
  readonly heap: `${number}Mi`;
  /** Size of the scratch volume. */
  readonly scratch: string;
}

export const small: Resources = { cpu: '50m', memory: '128Mi', memoryLimit: '512Mi', heap: '256Mi', scratch: '64Mi' };
export const streaming: Resources = {
  cpu: '250m',
  memory: '256Mi',
  memoryLimit: '1Gi',
  heap: '512Mi',
  scratch: '256Mi',
};

/**
 * How Node runs a step. What a step holds is bounded, but where the machine has room Node lets garbage pile up. The young
 * generation is bounded everywhere, the old one to what a pod has.
 */
export const nodeFlags = ({ heap }: Resources): readonly string[] => [
  '--max-semi-space-size=4',
  `--max-old-space-size=${Number.parseInt(heap, 10)}`,
];
