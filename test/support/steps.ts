// The steps of the product in this process: the same functions with the same adapters as in a pod, without its start.
import { hostname } from 'node:os';
import { pino } from 'pino';
import { flows } from '../../core/flow/index.ts';
import { completeParameters, type Environment } from '../../core/plan/environment.ts';
import type { StepName } from '../../core/steps/index.ts';
import { createAdapters } from '../../steps/adapters.ts';
import type { StepContext } from '../../steps/runtime/context.ts';

export type Secrets = StepContext['secrets'];

export interface StepOptions {
  readonly flow: keyof typeof flows;
  readonly runUid: string;
  readonly time: string;
  readonly environment: Environment;
  readonly source?: Environment;
  readonly secrets: Secrets;
  readonly parameters: Readonly<Record<string, string>>;
}

export const contextFor = (step: StepName, options: StepOptions): StepContext => {
  const flow = flows[options.flow];
  const { signal } = new AbortController();
  const { environment, source = environment } = options;
  return {
    step,
    flow,
    runUid: options.runUid,
    attempt: `${options.runUid}-${step}`,
    retries: 0,
    timestamp: new Date(options.time),
    parameters: completeParameters(flow.parameters, options.parameters),
    environment,
    source,
    secrets: options.secrets,
    runner: `local:${hostname()}:${process.pid}`,
    outputDir: '/nowhere',
    tool: 'lc2-backup campaign',
    ...createAdapters(signal, process.env),
    signal,
    log: pino({ level: 'silent' }),
    progress: { set: () => undefined },
    clock: { now: () => new Date() },
  };
};
