import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ErrorCode, exitStatus, Lc2Error } from '../../core/errors.ts';
import { renderConfigMapData } from '../../core/plan/environment.ts';
import type { Adapters } from '../../steps/runtime/context.ts';
import { runStep, type StepFunction } from '../../steps/runtime/run-step.ts';
import { environment } from './support/samples.ts';

const refuse = (): never => {
  throw new Error('not in this test');
};
const adapters: Adapters = {
  openStore: refuse,
  openMover: refuse,
  openDatabase: refuse,
  openService: refuse,
  openTransfer: refuse,
};
const sealed = {
  backupId: 'b',
  url: 'u',
  digest: 'd',
  bytes: 1,
  objects: 1,
  verified: 'full',
  components: ['database'],
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lc2-step-'));
  writeFileSync(join(folder, 'environment.json'), renderConfigMapData(environment())['environment.json']);
  writeFileSync(join(folder, 'termination'), '');
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = async (
  step: StepFunction,
  options: { argv?: string[]; env?: Record<string, string | undefined>; stop?: boolean } = {},
) => {
  const lines: string[] = [];
  const status = await runStep(
    {
      argv: options.argv ?? ['manifest'],
      env: {
        LC2_FLOW: 'lc2-backup',
        LC2_ENVIRONMENT: 'prd',
        LC2_RUN_UID: 'run',
        LC2_ATTEMPT: 'attempt',
        LC2_TIMESTAMP: '2025-11-09T14:30:00Z',
        LC2_ENVIRONMENT_FILE: join(folder, 'environment.json'),
        LC2_OUTPUT_DIR: join(folder, 'outputs'),
        LC2_TERMINATION_LOG: join(folder, 'termination'),
        ...options.env,
      },
      stderr: (line) => void lines.push(line),
      now: () => new Date('2025-11-09T14:30:00Z'),
      tool: 'test',
      onStop: (stop) => {
        if (options.stop === true) setTimeout(stop, 5);
      },
    },
    { manifest: step, verify: step, dump: step },
    () => adapters,
  );
  return { status, log: lines.join(''), termination: readFileSync(join(folder, 'termination'), 'utf8') };
};

describe('a step', () => {
  it('that ends well says so by its result, written whole', async () => {
    const { status, termination } = await run(() => Promise.resolve(sealed));
    expect(status).toBe(0);
    expect(termination).toBe('');
    expect(readdirSync(join(folder, 'outputs'))).toEqual(['result']);
    expect(JSON.parse(readFileSync(join(folder, 'outputs/result'), 'utf8'))).toEqual({ ...sealed, copies: [] });
  });

  it('that returns what its contract does not say has failed, and leaves no result', async () => {
    const { status } = await run(() => Promise.resolve({ ...sealed, objects: 'many' }));
    expect(status).toBe(exitStatus.bug);
    expect(readdirSync(folder)).not.toContain('outputs');
  });

  it.each<[ErrorCode, number]>([
    ['STORE_FAILED', 75],
    ['DATABASE_LOGIN_FAILED', 78],
    ['DUMP_FAILED', 70],
    ['CANCELLED', 143],
    ['BUG', 1],
  ])('that fails with %s ends with %i and one line', async (code, wanted) => {
    const { status, termination, log } = await run(() =>
      Promise.reject(new Lc2Error(code, 'what\nhappened', { where: 'there' })),
    );
    expect(status).toBe(wanted);
    expect(termination).toMatch(new RegExp(`^${code}: what happened \\(there\\); .+\\n$`));
    expect(log).toContain(code);
  });

  it('that cannot reach what an earlier one reached is tried again', async () => {
    const failing = (code: ErrorCode) => () => Promise.reject(new Lc2Error(code, 'refused', { where: 'db:5432' }));
    const first = { argv: ['dump'] };
    const later = { argv: ['manifest'] };
    const repeated = { argv: ['dump'], env: { LC2_RETRIES: '1' } };
    for (const [code, then] of [
      ['DATABASE_UNREACHABLE', 'DATABASE_FAILED'],
      ['STORE_UNREACHABLE', 'STORE_FAILED'],
    ] as const) {
      expect(await run(failing(code), first)).toMatchObject({ status: 78, termination: expect.stringContaining(code) });
      for (const options of [later, repeated])
        expect(await run(failing(code), options)).toMatchObject({
          status: 75,
          termination: expect.stringMatching(new RegExp(`^${then}: refused \\(db:5432\\)`)),
        });
    }
    expect((await run(failing('DATABASE_LOGIN_FAILED'), repeated)).status).toBe(78);
  });

  it('that throws what nobody foresaw is a bug, with its stack in the log', async () => {
    const { status, log } = await run(() => Promise.reject(new TypeError('x of undefined')));
    expect(status).toBe(1);
    expect(log).toContain('TypeError: x of undefined');
  });

  it('that is stopped is cancelled, whatever its calls end with', async () => {
    const waits: StepFunction = ({ signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(new Lc2Error('STORE_FAILED', 'aborted'))),
      );
    const { status, termination } = await run(waits, { stop: true });
    expect(status).toBe(143);
    expect(termination).toContain('CANCELLED');
  });

  it('lets no secret out: not by its log, not by its last words', async () => {
    const secrets = {
      database: { username: 'app', password: 's3cr"t/1' },
      storage: { secretAccessKey: 'AKIA+secret\n' },
      objects: {
        connectionString: 'AccountName=a;AccountKey=azure+key==;EndpointSuffix=b',
        'credentials.json': '{"private_key_id": "google-key-id", "private_key": "google-key"}',
      },
    };
    const leaks: StepFunction = ({ log, secrets: { database, storage } }) => {
      log.info(
        { connection: `postgres://app:${encodeURIComponent(database['password'] ?? '')}@db` },
        `using ${storage['secretAccessKey']?.trim()} azure+key== google-key-id google-key`,
      );
      return Promise.reject(
        new Lc2Error('DUMP_FAILED', `pg_dump said ${database['password']}`, {
          where: storage['secretAccessKey'] ?? '',
        }),
      );
    };
    const { log, termination } = await run(leaks, { env: { LC2_SECRETS: JSON.stringify(secrets) } });
    for (const text of [log, termination]) {
      expect(text).toContain('***');
      for (const secret of [
        's3cr"t/1',
        's3cr\\"t/1',
        encodeURIComponent('s3cr"t/1'),
        'AKIA+secret',
        'azure+key',
        'google-key',
      ])
        expect(text).not.toContain(secret);
    }
  });

  it('reads Secrets as they are mounted, without what the mount adds', async () => {
    mkdirSync(join(folder, 'secrets/database/..data'), { recursive: true });
    writeFileSync(join(folder, 'secrets/database/password'), 'mounted');
    let seen: unknown;
    await run(
      ({ secrets }) => {
        seen = secrets;
        return Promise.resolve(sealed);
      },
      { env: { LC2_SECRETS_DIR: join(folder, 'secrets') } },
    );
    expect(seen).toEqual({ database: { password: 'mounted' }, objects: {}, storage: {}, copies: {} });
  });

  it.each<[string, { argv?: string[]; env?: Record<string, string | undefined> }, string]>([
    ['no name', { argv: [] }, 'USAGE'],
    ['an unknown name', { argv: ['explode'] }, 'USAGE'],
    ['the name of something else', { argv: ['constructor'] }, 'USAGE'],
    ['no flow', { env: { LC2_FLOW: undefined } }, 'INPUT_INVALID'],
    ['an unknown flow', { env: { LC2_FLOW: 'lc2-destroy' } }, 'INPUT_INVALID'],
    ['no run', { env: { LC2_RUN_UID: '' } }, 'INPUT_INVALID'],
    ['no attempt', { env: { LC2_ATTEMPT: undefined } }, 'INPUT_INVALID'],
    ['a time that is none', { env: { LC2_TIMESTAMP: 'now' } }, 'INPUT_INVALID'],
    ['a parameter outside its values', { env: { LC2_FULL: 'maybe' } }, 'INPUT_INVALID'],
    ['no environment', { env: { LC2_ENVIRONMENT: undefined } }, 'INPUT_INVALID'],
    [
      'an environment that is not there',
      { env: { LC2_ENVIRONMENT_FILE: '/nowhere/environment.json' } },
      'ENVIRONMENT_NOT_FOUND',
    ],
  ])('with %s does nothing and ends with 78', async (_, options, code) => {
    let ran = false;
    const { status, termination } = await run(() => {
      ran = true;
      return Promise.resolve(sealed);
    }, options);
    expect({ ran, status }).toEqual({ ran: false, status: 78 });
    expect(termination).toMatch(new RegExp(`^${code}: `));
  });

  it('cuts its last words to what Kubernetes keeps', async () => {
    const { termination } = await run(() => Promise.reject(new Lc2Error('DUMP_FAILED', 'x'.repeat(10_000))));
    expect(termination.length).toBeLessThanOrEqual(1025);
  });
});
