import { Lc2Error } from '../../core/errors.ts';
import { backupFlow } from '../../core/flow/backup.ts';
import { timeOfStamp } from '../../core/plan/backup-id.ts';
import { copy } from '../../core/steps/copy.ts';
import { findBackup } from '../backup-argument.ts';
import { type Command, openScene, printJson, readArgs, reporterFor, retrySecondsOf } from '../command.ts';
import { runLocally } from '../runner.ts';

/** The step of that name once more, of a run that is long over: what it finds recorded is not copied again. */
export const copyAgain: Command = {
  usage: 'copy ID|latest -f FILE [-e NAME] [--json] [--verbose]',
  summary: 'make up for copies of a sealed backup that are missing in the places of its environment',
  run: async (args, io) => {
    const { values, positionals } = readArgs(args, {}, { max: 1 });
    const scene = openScene(values, io);
    const { environment, secrets } = scene;
    const { stamp, manifest } = await findBackup(scene, positionals[0]);
    const { results, failure } = await runLocally({
      flow: { ...backupFlow, steps: backupFlow.steps.filter(({ step }) => step === copy.name) },
      parameters: { environment: environment.name },
      environment,
      source: environment,
      secrets,
      timestamp: new Date(timeOfStamp(stamp)),
      runUid: manifest.runUid,
      reporter: reporterFor(io, values.verbose),
      signal: io.signal,
      retrySeconds: retrySecondsOf(io),
    });
    if (failure) {
      io.stderr(`${failure.message}\n`);
      return failure.status;
    }
    if (results.copy === undefined)
      throw new Lc2Error('NOTHING_SELECTED', 'the environment names no other places', {
        where: environment.name,
        remedy: 'give storage.copies, or snapshotCopies of its database',
      });
    const { backupId, copies } = copy.output.parse(results.copy);
    if (values.json) printJson(io, { backupId, copies: copies.map(({ name, url }) => ({ name, url })) });
    else for (const { name, url } of copies) io.stdout(`copy ${name} in ${url}\n`);
    return 0;
  },
};
