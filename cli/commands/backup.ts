import { humanBytes } from '../../core/human-bytes.ts';
import { randomUUID } from 'node:crypto';
import { backupFlow } from '../../core/flow/backup.ts';
import { backupIdOf, stampOf } from '../../core/plan/backup-id.ts';
import { copy } from '../../core/steps/copy.ts';
import { manifest } from '../../core/steps/manifest.ts';
import { type Command, openScene, printJson, readArgs, reporterFor, retrySecondsOf } from '../command.ts';
import { runLocally } from '../runner.ts';

export const backup: Command = {
  usage: 'backup -f FILE [-e NAME] [--components a,b] [--full] [--json] [--verbose]',
  summary: 'make one consistent, verified, sealed backup',
  run: async (args, io) => {
    const { values } = readArgs(
      args,
      { components: { type: 'string', default: '' }, full: { type: 'boolean', default: false } },
      { max: 0 },
    );
    const { environment, secrets } = openScene(values, io);
    const started = io.now();
    const stamp = stampOf(started);
    const backupId = backupIdOf({ projectId: environment.spec.projectId, environment: environment.name, stamp });
    const reporter = reporterFor(io, values.verbose);
    reporter.note(`backing up ${environment.name} as ${backupId}`);
    const { results, failure } = await runLocally({
      flow: backupFlow,
      parameters: { environment: environment.name, components: values.components, full: String(values.full) },
      environment,
      source: environment,
      secrets,
      timestamp: started,
      runUid: randomUUID(),
      reporter,
      signal: io.signal,
      retrySeconds: retrySecondsOf(io),
    });
    const times = { startedAt: started.toISOString(), finishedAt: io.now().toISOString() };
    if (failure) {
      const phase = failure.code === 'CANCELLED' ? 'Cancelled' : 'Failed';
      if (values.json)
        printJson(io, { backupId, phase, error: { code: failure.code, message: failure.message }, ...times });
      io.stderr(`${failure.message}\n`);
      return failure.status;
    }
    const sealed = manifest.output.parse(results.manifest);
    const { copies } = copy.output.parse(results.copy ?? { backupId, copies: [] });
    if (values.json) {
      printJson(io, {
        backupId: sealed.backupId,
        phase: 'Succeeded',
        manifest: { url: sealed.url, digest: sealed.digest },
        components: sealed.components,
        ...(copies.length > 0 && { copies: copies.map(({ name, url }) => ({ name, url })) }),
        bytes: sealed.bytes,
        objects: sealed.objects,
        ...times,
      });
    } else {
      io.stdout(
        `sealed ${sealed.backupId}: ${humanBytes(sealed.bytes)}, ${sealed.objects} objects, verified (${sealed.verified})\n${sealed.url}\n`,
      );
      for (const { name, url } of copies) io.stdout(`copy ${name} in ${url}\n`);
    }
    return 0;
  },
};
