import { humanBytes } from '../../core/human-bytes.ts';
import { Lc2Error, oneLine } from '../../core/errors.ts';
import { durationSeconds } from '../../core/api/common.ts';
import { type Command, openScene, printJson, readArgs } from '../command.ts';
import { createHash, randomUUID } from 'node:crypto';

export const previous: Command = {
  usage: 'previous -f FILE [-e NAME] [--swap-back NAME | --drop NAME] [--confirm NAME] [--json]',
  summary: 'databases that restores replaced and kept: list, put back, drop',
  run: async (args, io) => {
    const { values } = readArgs(
      args,
      { 'swap-back': { type: 'string' }, drop: { type: 'string' }, confirm: { type: 'string' } },
      { max: 0 },
    );
    const { environment, secrets, adapters } = openScene(values, io);
    const database = adapters.openDatabase(environment, secrets.database);
    try {
      const kept = await database.previous();
      const name = values['swap-back'] ?? values.drop;
      if (name === undefined) {
        const line = (each: (typeof kept)[number]): string =>
          `${each.previous}  was ${each.database}  ${humanBytes(each.bytes ?? 0)}  until ${each.keepUntil ?? 'ever'}`;
        if (values.json) printJson(io, { previous: kept });
        else
          io.stdout(
            kept.length === 0 ? 'no kept databases\n' : `${kept.map((each) => oneLine(line(each))).join('\n')}\n`,
          );
        return 0;
      }
      const chosen = kept.find((each) => each.previous === name);
      if (!chosen) throw new Lc2Error('DATABASE_NOT_FOUND', `there is no kept database ${JSON.stringify(name)}`);
      if (values.confirm !== name)
        throw new Lc2Error('RESTORE_NOT_CONFIRMED', 'confirm is not the name of the database', {
          remedy: 'repeat the name after --confirm',
        });
      if (values.drop === undefined) {
        const keepUntil = new Date(
          io.now().getTime() + durationSeconds(environment.spec.restore.keepPrevious) * 1000,
        ).toISOString();
        const restoreId = createHash('sha256').update(randomUUID()).digest('hex').slice(0, 10);
        await database.swapBack(chosen, { restoreId, environment: environment.name, keepUntil });
      } else await database.dropPrevious(chosen);
      const action = values.drop === undefined ? 'swapped back' : 'dropped';
      if (values.json) printJson(io, { [values.drop === undefined ? 'swappedBack' : 'dropped']: name });
      else io.stdout(`${action} ${name}\n`);
      return 0;
    } finally {
      await database.close();
    }
  },
};
