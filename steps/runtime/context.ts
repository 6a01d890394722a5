import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Location } from '../../core/api/location.ts';
import type { MoverName } from '../../core/api/backup-environment.ts';
import type { StorageTransferSpec } from '../../core/api/storage-transfer.ts';
import { Lc2Error } from '../../core/errors.ts';
import type { Flow } from '../../core/flow/flow.ts';
import { flows } from '../../core/flow/index.ts';
import { completeParameters, type Environment, parseEnvironment, variableOf } from '../../core/plan/environment.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Database } from '../../core/ports/database.ts';
import type { DatabaseService } from '../../core/ports/database-service.ts';
import type { Mover } from '../../core/ports/mover.ts';
import type { TransferService } from '../../core/ports/transfer-service.ts';
import type { ObjectStore } from '../../core/ports/object-store.ts';
import type { SecretName } from '../../core/steps/contract.ts';
import { isStepName, type StepName } from '../../core/steps/index.ts';
import type { Logger } from './logger.ts';
import type { Progress } from './progress.ts';

export type Secrets = Readonly<Record<string, string>>;

/** What a step was told. */
export interface StepInput {
  readonly step: StepName;
  readonly flow: Flow;
  readonly runUid: string;
  /** Of this try: the pod's UID. */
  readonly attempt: string;
  /** Attempts of this step that have failed. It identifies nothing. */
  readonly retries: number;
  /** Creation of the Workflow or of the local run; names the backup. */
  readonly timestamp: Date;
  readonly parameters: Readonly<Record<string, string>>;
  /** Backed up or written to. */
  readonly environment: Environment;
  /** Whose storage holds the backup. */
  readonly source: Environment;
  readonly secrets: Readonly<Record<SecretName, Secrets>>;
  /** `argo`, or `local:<host>:<pid>`. */
  readonly runner: string;
  readonly outputDir: string;
  readonly tool: string;
}

export interface StoreAt {
  readonly location: Location;
  readonly secrets: Secrets;
  readonly subfolder?: string;
}

/** The adapters, wired by main.ts only. */
export interface Adapters {
  openStore(at: StoreAt): Promise<ObjectStore>;
  openMover(
    name: MoverName,
    ends: {
      readonly from: StoreAt;
      readonly to: StoreAt;
      readonly source: ObjectStore;
      readonly target: ObjectStore;
      /** Of copies that a service has made, for the mover that looks for them. */
      readonly folder?: string;
    },
  ): Promise<Mover>;
  openDatabase(environment: Environment, secrets: Secrets): Database;
  /** Undefined where nobody but the server itself can be asked. */
  openService(environment: Environment, secrets: Secrets): DatabaseService | undefined;
  openTransfer(spec: StorageTransferSpec, secrets: Secrets): TransferService;
}

export interface StepContext extends StepInput, Adapters {
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly progress: Progress;
  readonly clock: Clock;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Parses everything a host hands to a step, or says in one line what is wrong. */
export const parseInput = (step: string | undefined, env: Env, tool: string): StepInput => {
  if (step === undefined || !isStepName(step))
    throw new Lc2Error('USAGE', `there is no step ${JSON.stringify(step ?? '')}`);
  const flow = flowOf(required(env, 'LC2_FLOW'));
  const given: Record<string, string> = {};
  for (const { name } of flow.parameters) {
    const value = env[variableOf(name)];
    if (value !== undefined) given[name] = value;
  }
  const environmentFile = required(env, 'LC2_ENVIRONMENT_FILE');
  const sourceFile = env['LC2_SOURCE_FILE'] ?? environmentFile;
  const timestamp = new Date(required(env, 'LC2_TIMESTAMP'));
  if (Number.isNaN(timestamp.getTime())) throw new Lc2Error('INPUT_INVALID', 'LC2_TIMESTAMP is not a time');
  return {
    step,
    flow,
    runUid: required(env, 'LC2_RUN_UID'),
    attempt: required(env, 'LC2_ATTEMPT'),
    retries: Number(env['LC2_RETRIES'] ?? '0') || 0,
    timestamp,
    parameters: completeParameters(flow.parameters, given),
    environment: readEnvironment(environmentFile),
    source: readEnvironment(sourceFile),
    secrets: readSecrets(env),
    runner: env['LC2_RUNNER'] ?? 'argo',
    outputDir: env['LC2_OUTPUT_DIR'] ?? '/tmp/lc2/outputs',
    tool,
  };
};

const required = (env: Env, name: string): string => {
  const value = env[name];
  if (value === undefined || value === '')
    throw new Lc2Error('INPUT_INVALID', `environment variable ${name} is missing`);
  return value;
};

const flowOf = (name: string): Flow => {
  for (const flow of Object.values(flows)) if (flow.name === name) return flow;
  throw new Lc2Error('INPUT_INVALID', `there is no flow ${JSON.stringify(name)}`);
};

const readEnvironment = (file: string): Environment => {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new Lc2Error('ENVIRONMENT_NOT_FOUND', 'the environment of this run cannot be read', { where: file, cause });
  }
  return parseEnvironment(value, file);
};

/** Files of mounted Secrets; the local runner hands them over as one JSON variable instead, so that none touches a disk. */
const readSecrets = (env: Env): Record<SecretName, Secrets> => {
  const inline = env['LC2_SECRETS'];
  if (inline !== undefined) {
    const value = JSON.parse(inline) as Partial<Record<SecretName, Secrets>>;
    const { database = {}, objects = {}, storage = {}, copies = {} } = value;
    return { database, objects, storage, copies };
  }
  const root = env['LC2_SECRETS_DIR'];
  const read = (name: SecretName): Secrets => (root === undefined ? {} : readSecretFolder(join(root, name)));
  return { database: read('database'), objects: read('objects'), storage: read('storage'), copies: read('copies') };
};

const readSecretFolder = (folder: string): Secrets => {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    // An optional mount: a step that needs the Secret says so itself.
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return {};
    throw cause;
  }
  const values: Record<string, string> = {};
  for (const name of names) if (!name.startsWith('.')) values[name] = readFileSync(join(folder, name), 'utf8');
  return values;
};
