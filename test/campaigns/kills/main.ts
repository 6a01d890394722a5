// `npm run test:kills -- [--flow backup|restore|verify|all] [--count N] [--seed N] [--only i,j]`: kill -9 at drawn moments.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startVersitygw } from '../../support/s3-servers.ts';
import { type Case, type Closing, readCampaignArgs, runCampaign } from '../campaign.ts';
import { randomFrom } from '../random.ts';
import { killBackup } from './backup-case.ts';
import { backupRows } from './backup-points.ts';
import { draw, type Drawn, pick, type Row } from './points.ts';
import { killRestore } from './restore-case.ts';
import { restoreRows } from './restore-points.ts';
import { killVerify } from './verify-case.ts';
import { verifyRows } from './verify-points.ts';
import { createWorld, type World } from './world.ts';

const args = readCampaignArgs(process.argv.slice(2), new Date(), {
  count: 200,
  workers: 2,
  options: { flow: 'all', case: '' },
});
const flow = args.options['flow'] ?? 'all';

const server = await startVersitygw();
const compileCache = await mkdtemp(join(tmpdir(), 'lc2-kills-'));
const free: World[] = [];

/** Runs a case in a world that nobody else uses; one in which a case failed is not used again. */
const inWorld = async (use: (world: World) => Promise<string>): Promise<string> => {
  const world = free.pop() ?? (await createWorld(server, compileCache));
  try {
    const said = await use(world);
    free.push(world);
    return said;
  } catch (error) {
    await world.remove();
    throw error;
  }
};

/** Drawn, or the one that `--case` names. */
const chosenOf = <Setting>(rows: readonly Row<Setting>[], salt: number): Drawn<Setting>[] => {
  const random = randomFrom(args.seed, salt);
  const name = args.options['case'] ?? '';
  return name === '' ? draw(rows, args.count, random) : pick(rows, name, random);
};

const backupCases = (): Case[] =>
  chosenOf(backupRows, 1).map(({ stratum, name, setting, shot }) => ({
    stratum: `backup ${stratum}`,
    name,
    run: () => inWorld((world) => killBackup(world, setting.scene, shot, setting.full === true)),
  }));

const restoreCases = (): Case[] =>
  chosenOf(restoreRows, 2).map(({ stratum, name, setting, shot }) => ({
    stratum: `restore ${stratum}`,
    name,
    run: () => inWorld((world) => killRestore(world, setting, shot)),
  }));

const verifyCases = (): Case[] =>
  chosenOf(verifyRows, 3).map(({ stratum, name, setting, shot }) => ({
    stratum: `verify ${stratum}`,
    name,
    run: () => inWorld((world) => killVerify(world, setting, shot)),
  }));

const flows: Readonly<Record<string, () => Case[]>> = {
  backup: backupCases,
  restore: restoreCases,
  verify: verifyCases,
};
const chosen = flow === 'all' ? Object.values(flows) : [flows[flow]].filter((make) => make !== undefined);
if (chosen.length === 0) throw new Error(`there is no flow ${flow}: backup, restore, verify or all`);

const leastInFlight = 0.8;

const close = (said: ReadonlyMap<string, number>): Closing[] => {
  const sum = (start: string): number =>
    [...said].filter(([text]) => text.startsWith(start)).reduce((total, [, count]) => total + count, 0);
  const [hit, all] = [sum('in flight'), sum('')];
  const share = all === 0 ? 0 : hit / all;
  return [
    { good: share >= leastInFlight, text: `${hit} of ${all} were killed in flight (${Math.round(share * 100)} %)` },
  ];
};

try {
  await runCampaign({ name: 'kills', args, cases: chosen.flatMap((make) => make()), close });
} finally {
  await Promise.all(free.map((world) => world.remove()));
  await server.stop();
  await rm(compileCache, { recursive: true, force: true });
}
