import { randomUUID } from 'node:crypto';
import { exitStatus, oneLine } from '../../core/errors.ts';
import { verifyFlow } from '../../core/flow/verify.ts';
import { verifyBackup } from '../../core/steps/verify-backup.ts';
import { resolveStamp } from '../backup-argument.ts';
import { backupIdOf } from '../../core/plan/backup-id.ts';
import { type Command, openScene, printJson, readArgs, reporterFor, retrySecondsOf } from '../command.ts';
import { runLocally } from '../runner.ts';

export const verify: Command = {
  usage: 'verify ID|latest -f FILE [-e NAME] [--objects listed|sampled|full] [--json] [--verbose]',
  summary: 'read a backup from storage and check all of it',
  run: async (args, io) => {
    const { values, positionals } = readArgs(args, { objects: { type: 'string', default: 'auto' } }, { max: 1 });
    const scene = openScene(values, io);
    const { stamp } = await resolveStamp(scene, positionals[0]);
    const { environment } = scene;
    const backupId = backupIdOf({ projectId: environment.spec.projectId, environment: environment.name, stamp });
    const { results, failure } = await runLocally({
      flow: verifyFlow,
      parameters: { environment: environment.name, backup: backupId, objects: values.objects },
      environment,
      source: environment,
      secrets: scene.secrets,
      timestamp: io.now(),
      runUid: randomUUID(),
      reporter: reporterFor(io, values.verbose),
      signal: io.signal,
      retrySeconds: retrySecondsOf(io),
    });
    if (failure) {
      if (values.json)
        printJson(io, { backupId, ok: false, problems: [{ code: failure.code, key: '', message: failure.message }] });
      io.stderr(`${failure.message}\n`);
      return failure.status;
    }
    const { ok, problems } = verifyBackup.output.parse(results['verify-backup']);
    if (values.json) printJson(io, { backupId, ok, problems });
    else if (ok) io.stdout(`${backupId} is sound\n`);
    else
      for (const problem of problems) io.stdout(`${oneLine(`${problem.code}: ${problem.message} (${problem.key})`)}\n`);
    return ok ? 0 : exitStatus.terminal;
  },
};
