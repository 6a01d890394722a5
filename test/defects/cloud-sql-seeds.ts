import { component, contract, golden, type Seed, unit } from './seed.ts';

/** Work that a cloud does: what it refuses, what it ends with, and what is asked for twice. */
export const cloudSqlSeeds: readonly Seed[] = [
  {
    breaks: 'what was given up may write into a folder that is gone',
    file: 'steps/runtime/jobs.ts',
    find: 'if (handle === undefined || (await service.cancel(handle))) return true;',
    replace: 'if (handle === undefined || (await service.cancel(handle), true)) return true;',
    test: component('cloud-sql-faults', 'an export that is given up too late leaves no file either'),
  },
  {
    breaks: 'the cleaner waits for what never ends',
    file: 'steps/runtime/jobs.ts',
    find: '    if (round === patience) break;\n',
    replace: '    if (round === patience + 1) break;\n',
    test: unit('jobs', 'a job > that goes on all the same is not waited for for ever, and is told'),
  },
  {
    breaks: 'snapshots are kept wherever Google likes',
    file: 'steps/services/cloud-sql.ts',
    find: '              ...(location === undefined ? {} : { location }),\n',
    replace: '',
    test: contract('cloud-sql', 'jobs of Cloud SQL > keep a snapshot where that was asked for, and say where it is'),
  },
  {
    breaks: 'nobody looks where a snapshot is kept',
    file: 'steps/services/cloud-sql.ts',
    find: 'if (asked !== undefined && location && location.toLowerCase() !== asked)',
    replace: "if (asked !== undefined && location === '' && location !== asked)",
    test: contract(
      'cloud-sql',
      'jobs of Cloud SQL > fail where a snapshot is kept somewhere else, or cannot be kept there',
    ),
  },
  {
    breaks: 'an operation that is done with an error is taken for a success',
    file: 'steps/services/cloud-sql.ts',
    find: 'if (error) throw failed(job, error.errors ?? []);',
    replace: 'if (error && handle === "") throw failed(job, error.errors ?? []);',
    test: contract('cloud-sql', 'an operation that is done with an error > EXPORT is a failure'),
  },
  {
    breaks: 'work whose answer was lost is not found again',
    file: 'steps/services/cloud-sql.ts',
    find: 'if (isOf(job, operation) && operation.name)',
    replace: 'if (isOf(job, operation) && operation.name && job.kind === "import")',
    test: contract(
      'cloud-sql',
      'jobs of Cloud SQL > are found again when the answer to a export was lost, page after page',
    ),
  },
  {
    breaks: 'only the first page of snapshots is read',
    file: 'steps/services/cloud-sql.ts',
    find: "      for (const backup of page.backups ?? []) if (backup.instance?.split('/').at(-1) === instance) yield backup;\n      pageToken = page.nextPageToken ?? undefined;",
    replace:
      "      for (const backup of page.backups ?? []) if (backup.instance?.split('/').at(-1) === instance) yield backup;\n      pageToken = undefined;",
    test: contract(
      'cloud-sql',
      'jobs of Cloud SQL > are found again when the answer to a snapshot was lost, page after page',
    ),
  },
  {
    breaks: 'work is asked for again by Google’s client when its answer was lost',
    file: 'steps/services/cloud-sql-client.ts',
    find: 'once: { signal, timeout, retry: false },',
    replace: "once: { signal, timeout, retry: true, retryConfig: { httpMethodsToRetry: ['POST'] } } as CallConfig,",
    test: contract('cloud-sql', 'bad weather > 503 backendError at submission is SERVICE_FAILED, asked once'),
  },
  {
    breaks: 'a client that is bundled is loaded without its names',
    file: 'steps/services/cloud-sql-client.ts',
    find: "await import('./cloud-sql-sdk.ts')",
    replace: "await import('@googleapis/sqladmin')",
    test: golden(
      'late-parts',
      'parts that come late > are named in modules of ours: of CommonJS that is loaded late a bundle hands out nothing but a default',
    ),
  },
  {
    breaks: 'a failed import is taken for the one that follows it',
    file: 'steps/services/cloud-sql.ts',
    find: "&& !job.ignore.includes(name ?? '')",
    replace: '',
    test: contract(
      'cloud-sql',
      'an operation that is done with an error > of an earlier import is not that of a later one',
    ),
  },
  {
    breaks: 'who was told to stop cannot give up what the cloud does',
    file: 'steps/services/cloud-sql.ts',
    find: 'const late = AbortSignal.timeout(10_000);',
    replace: 'const late = signal;',
    test: contract('cloud-sql', 'jobs of Cloud SQL > can be given up by whoever was told to stop'),
  },
  {
    breaks: 'a plain dump counts as whole without its end mark',
    file: 'steps/engines/postgresql/plain-script.ts',
    find: 'if (copying || lines.length > 0 || rest.length > 0 || !complete)',
    replace: 'if (copying || lines.length > 0 || rest.length > 0)',
    test: unit('plain-script', 'a plain script > is damaged when cut before its mark'),
  },
  {
    breaks: 'commands for psql come through from a plain dump',
    file: 'steps/engines/postgresql/plain-script.ts',
    find: "  throw damaged('the dump holds a command for psql', text);",
    replace: '  return true;',
    test: unit('plain-script', 'a plain script > is damaged when with a command for psql'),
  },
  {
    breaks: 'owners come along into another environment',
    file: 'steps/engines/postgresql/plain.ts',
    find: '  /^ALTER .+ OWNER TO',
    replace: '  /^ALTER .+ OWNED TO',
    test: unit(
      'plain-script',
      'a plain script > for another environment has no owners, grants, subscriptions and tablespaces, and everything else',
    ),
  },
  {
    breaks: 'an attempt asks again for what an earlier one has asked for',
    file: 'steps/runtime/jobs.ts',
    find: '  if (known) {',
    replace: "  if (known && folder === '') {",
    test: unit('jobs', 'a job > is gone on with by whoever comes next, without looking for it'),
  },
  {
    breaks: 'a job is asked for without a look whether it runs already',
    file: 'steps/runtime/jobs.ts',
    find: '    if (found !== undefined) {\n      context.log.info',
    replace: "    if (found === '') {\n      context.log.info",
    test: unit('jobs', 'a job > that was taken while its answer was lost is not asked for again'),
  },
  {
    breaks: 'an attempt repeats without end what it sees fail',
    file: 'steps/runtime/jobs.ts',
    find: '|| record.attempt === context.attempt) throw error;',
    replace: ') throw error;',
    test: unit('jobs', 'a job > that fails is not repeated by who saw it fail'),
  },
  {
    breaks: 'an attempt that is told to stop gives up what the next one would wait for',
    file: 'steps/runtime/jobs.ts',
    find: '      if (context.signal.aborted ||',
    replace:
      '      if (context.signal.aborted) await task.service.cancel(handle);\n      if (context.signal.aborted ||',
    test: unit('jobs', 'a job > goes on when the attempt that waits for it is told to stop: another may follow'),
  },
];
