import { humanBytes } from '../../core/human-bytes.ts';
import { randomUUID } from 'node:crypto';
import { Lc2Error, oneLine } from '../../core/errors.ts';
import { restoreFlow } from '../../core/flow/restore.ts';
import { backupIdOf } from '../../core/plan/backup-id.ts';
import type { Environment } from '../../core/plan/environment.ts';
import { preview as previewContract } from '../../core/steps/preview.ts';
import { switchOverLine, verifyRestore } from '../../core/steps/verify-restore.ts';
import { type Command, openFile, printJson, readArgs, reporterFor, retrySecondsOf } from '../command.ts';
import { findEnvironment, secretsOf } from '../load-file.ts';
import type { Reporter } from '../reporter.ts';
import { runLocally, type StepFailure } from '../runner.ts';
import type { Io } from '../command.ts';

const none: string[] = [];

const options = {
  backup: { type: 'string' },
  before: { type: 'string', default: '' },
  source: { type: 'string' },
  into: { type: 'string' },
  components: { type: 'string', default: '' },
  database: { type: 'string', multiple: true, default: none },
  prefix: { type: 'string', multiple: true, default: none },
  'database-mode': { type: 'string', default: 'swap' },
  'new-server': { type: 'string', default: '' },
  'objects-mode': { type: 'string', default: 'merge' },
  preview: { type: 'boolean', default: false },
  confirm: { type: 'string', default: '' },
} as const;

export const restore: Command = {
  usage:
    'restore -f FILE --backup ID|latest|URL [--source NAME] [--into NAME] [--components a,b] [--database NAME[=AS]]… [--prefix P]…\n' +
    '          [--database-mode swap|in-place|recreate|new-server] [--new-server NAME] [--objects-mode merge|mirror]\n' +
    '          [--preview] --confirm NAME [--json] [--verbose]',
  summary: 'restore a backup, whole or in part',
  run: async (args, io) => {
    const { values } = readArgs(args, options, { max: 0 });
    if (values.backup === undefined) throw new Lc2Error('USAGE', 'say what to restore with --backup ID, latest or URL');
    const file = openFile(values);
    const into = findEnvironment(file, values.into ?? values.environment);
    const named = values.source === undefined ? into : findEnvironment(file, values.source);
    const { source, backup } = resolveUrl(values.backup, named);
    const runUid = randomUUID();
    const reporter = values.preview
      ? forPreview(reporterFor(io, values.verbose), values.verbose)
      : reporterFor(io, values.verbose);
    reporter.note(`${values.preview ? 'previewing' : 'restoring'} ${backup} of ${source.name} into ${into.name}`);
    const { results, failure } = await runLocally({
      flow: restoreFlow,
      parameters: {
        into: into.name,
        source: source.name,
        backup,
        before: values.before,
        components: values.components,
        databases: JSON.stringify(values.database.map(parseDatabase)),
        prefixes: JSON.stringify(values.prefix),
        'database-mode': values['database-mode'],
        'new-server': values['new-server'],
        'objects-mode': values['objects-mode'],
        preview: String(values.preview),
        confirm: values.confirm,
      },
      environment: into,
      source,
      secrets: secretsOf(file, into, named),
      timestamp: io.now(),
      runUid,
      reporter,
      signal: io.signal,
      retrySeconds: retrySecondsOf(io),
    });
    return failure
      ? failed(io, { failure, json: values.json, into: into.name })
      : done(io, { results, json: values.json, into: into.name });
  },
};

/** What a preview finds goes to standard output, once; that later steps do not run is no news. */
const forPreview = (reporter: Reporter, verbose: boolean): Reporter => ({
  ...reporter,
  skipped: () => undefined,
  log: (step, line) => (verbose ? reporter.log(step, line) : undefined),
});

/** `NAME` or `NAME=AS`; the last = counts, names may hold one. */
const parseDatabase = (text: string): { name: string; as?: string } => {
  const cut = text.lastIndexOf('=');
  return cut <= 0 ? { name: text } : { name: text.slice(0, cut), as: text.slice(cut + 1) };
};

/** A backup by the url of its manifest or folder needs no environment that knows it: the url says all but the credentials. */
const resolveUrl = (backup: string, named: Environment): { source: Environment; backup: string } => {
  if (!backup.includes('://')) return { source: named, backup };
  const match = /^(.+)\/([^/]+)\/([^/]+)\/(\d{8}-\d{6})(?:\/manifest\.json)?\/?$/.exec(backup);
  const [, url = '', projectId = '', name = '', stamp = ''] = match ?? [];
  if (!match)
    throw new Lc2Error('INPUT_INVALID', 'the url is not that of a backup or its manifest.json', { where: backup });
  const spec = { ...named.spec, projectId, storage: { ...named.spec.storage, url } };
  return { source: { ...named, name, spec }, backup: backupIdOf({ projectId, environment: name, stamp }) };
};

const failed = (io: Io, { failure, json, into }: { failure: StepFailure; json: boolean; into: string }): number => {
  const phase = failure.code === 'CANCELLED' ? 'Cancelled' : 'Failed';
  if (json) printJson(io, { into, phase, error: { code: failure.code, message: failure.message } });
  io.stderr(`${failure.message}\n`);
  return failure.status;
};

const done = (
  io: Io,
  { results, json, into }: { results: Readonly<Record<string, unknown>>; json: boolean; into: string },
): number => {
  const previewed = previewContract.output.parse(results['preview']);
  const { plan } = previewed;
  const restored =
    results['verify-restore'] === undefined ? undefined : verifyRestore.output.parse(results['verify-restore']);
  const { restoreId, backupId, components } = plan;
  const phase = restored ? 'Succeeded' : 'Previewed';
  const previous = restored?.previous ?? [];
  if (json)
    printJson(io, {
      restoreId,
      backupId,
      into,
      phase,
      components,
      previous,
      ...(restored?.newServer && { newServer: restored.newServer }),
      ...(restored ? {} : { preview: previewed.lines }),
    });
  else if (!restored)
    io.stdout(`${previewed.lines.map(oneLine).join('\n')}\nnothing was changed; restore it with --confirm ${into}\n`);
  else {
    const parts = [
      ...(plan.databases.length > 0 ? [`${restored.rows} rows in ${restored.tables} tables`] : []),
      ...(plan.stores.length > 0 ? [`${restored.objects} objects`, humanBytes(restored.bytes)] : []),
    ];
    io.stdout(`restored ${backupId} into ${into}: ${parts.join(', ')}\n`);
    if (restored.newServer) io.stdout(`${switchOverLine(restored.newServer)}\n`);
    for (const name of previous)
      io.stdout(`kept the replaced database as ${oneLine(name)} (see lc2-backup previous)\n`);
  }
  return 0;
};
