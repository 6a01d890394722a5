import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { flows } from '../../core/flow/index.ts';
import { type Environment, renderConfigMapData, variableOf } from '../../core/plan/environment.ts';
import { nodeFlags } from '../../core/steps/contract.ts';
import { stepContracts, type StepName } from '../../core/steps/index.ts';
import { build, builtProgram } from './built.ts';

/** One run of a flow, of which a bench starts the steps itself, each as its host would: the built bundle, a process each. */
export interface StepRun {
  readonly flow: keyof typeof flows;
  readonly runUid: string;
  readonly timestamp: Date;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface StepHost {
  readonly folder: string;
  readonly environment: Environment;
  readonly secrets: Readonly<Record<'database' | 'objects' | 'storage', Readonly<Record<string, string>>>>;
  /** More variables for the step, such as a limit that is measured. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface EndedStep {
  readonly status: number;
  /** What it wrote as its reason to fail. */
  readonly said: string;
}

export const startStep = async (host: StepHost, run: StepRun, step: StepName): Promise<EndedStep> => {
  await build();
  const { folder, environment, secrets, env = {} } = host;
  const place = await mkdtemp(join(folder, `${step}-`));
  const [file, termination] = [join(place, 'environment.json'), join(place, 'termination-log')];
  await writeFile(file, renderConfigMapData(environment)['environment.json']);
  await writeFile(termination, '');
  const child = spawn(process.execPath, [...nodeFlags(stepContracts[step].resources), builtProgram, step], {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: {
      PATH: process.env['PATH'] ?? '',
      TMPDIR: place,
      NODE_ENV: 'production',
      ...Object.fromEntries(flows[run.flow].parameters.map(({ name, value = '' }) => [variableOf(name), value])),
      [variableOf(flows[run.flow].environment)]: environment.name,
      ...Object.fromEntries(Object.entries(run.parameters).map(([name, value]) => [variableOf(name), value])),
      LC2_FLOW: run.flow,
      LC2_RUNNER: 'bench',
      LC2_RUN_UID: run.runUid,
      LC2_ATTEMPT: randomUUID(),
      LC2_TIMESTAMP: run.timestamp.toISOString(),
      LC2_ENVIRONMENT_FILE: file,
      LC2_SECRETS: JSON.stringify(secrets),
      LC2_OUTPUT_DIR: place,
      LC2_TERMINATION_LOG: termination,
      ...env,
    },
  });
  const status = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 128));
  });
  const said = (await readFile(termination, 'utf8')).trim();
  await rm(place, { recursive: true, force: true });
  return { status, said };
};

/** It must end well, or there is nothing to measure. */
export const runStep = async (host: StepHost, run: StepRun, step: StepName): Promise<void> => {
  const { status, said } = await startStep(host, run, step);
  if (status !== 0) throw new Error(`step ${step} ended with ${status}: ${said}`);
};
