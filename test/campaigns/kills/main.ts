// `npm run test:kills -- [--flow backup|restore|verify|gcp|aws|azure|all] [--count N] [--seed N] [--only i,j]`: kill -9 at
// drawn moments.
import { setup } from '../../support/package.ts';
import { startVersitygw } from '../../support/s3-servers.ts';
import { type Case, type Closing, readCampaignArgs, runCampaign } from '../campaign.ts';
import { randomFrom } from '../random.ts';
import { killBackup } from './backup-case.ts';
import { backupRows } from './backup-points.ts';
import { killCloudBackup } from './cloud-case.ts';
import { cloudRows, type CloudSetting } from './cloud-points.ts';
import { killCloudRestore } from './cloud-restore-case.ts';
import { type CloudName, cloudNames } from './clouds.ts';
import { type CloudWorld, createCloudWorld } from './cloud-world.ts';
import type { Shot } from './hunt.ts';
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
// Each of its many servers ends with this process.
process.setMaxListeners(0);

const server = await startVersitygw();
const removePackage = await setup();

interface Pool<W> {
  /** Runs a case in a world that nobody else uses; one in which a case failed is not used again. */
  use(work: (world: W) => Promise<string>): Promise<string>;
  end(): Promise<void>;
}

const poolOf = <W extends { remove(): Promise<void> }>(make: () => Promise<W>): Pool<W> => {
  const free: W[] = [];
  return {
    use: async (work) => {
      const world = free.pop() ?? (await make());
      try {
        const said = await work(world);
        free.push(world);
        return said;
      } catch (error) {
        await world.remove();
        throw error;
      }
    },
    end: async () => void (await Promise.all(free.splice(0).map((world) => world.remove()))),
  };
};

const worlds = poolOf<World>(() => createWorld(server));
const clouds = new Map<CloudName, Pool<CloudWorld>>(
  cloudNames.map((name) => [name, poolOf(() => createCloudWorld({ name, server }))]),
);

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
    run: () => worlds.use((world) => killBackup(world, setting.scene, shot, setting.full === true)),
  }));

const restoreCases = (): Case[] =>
  chosenOf(restoreRows, 2).map(({ stratum, name, setting, shot }) => ({
    stratum: `restore ${stratum}`,
    name,
    run: () => worlds.use((world) => killRestore(world, setting, shot)),
  }));

const verifyCases = (): Case[] =>
  chosenOf(verifyRows, 3).map(({ stratum, name, setting, shot }) => ({
    stratum: `verify ${stratum}`,
    name,
    run: () => worlds.use((world) => killVerify(world, setting, shot)),
  }));

const cloudCases = (name: CloudName, salt: number): Case[] =>
  chosenOf(cloudRows[name], salt).map(({ stratum, name: title, setting, shot }) => ({
    stratum: `${name} ${stratum}`,
    name: title,
    run: () => inCloud(name, (world) => killInCloud(world, setting, shot)),
  }));

const killInCloud = (world: CloudWorld, { scene, flow: what, isSlow }: CloudSetting, shot: Shot): Promise<string> => {
  world.cloud.pace(isSlow === true ? 'slow' : 'quick');
  return (what === 'backup' ? killCloudBackup : killCloudRestore)(world, scene, shot);
};

const inCloud = async (name: CloudName, work: (world: CloudWorld) => Promise<string>): Promise<string> => {
  const pool = clouds.get(name);
  if (pool === undefined) throw new Error(`no cloud ${name}`);
  return pool.use(work);
};

const flows: Readonly<Record<string, () => Case[]>> = {
  backup: backupCases,
  restore: restoreCases,
  verify: verifyCases,
  gcp: () => cloudCases('gcp', 4),
  aws: () => cloudCases('aws', 5),
  azure: () => cloudCases('azure', 6),
};
const chosen = flow === 'all' ? Object.values(flows) : [flows[flow]].filter((make) => make !== undefined);
if (chosen.length === 0) throw new Error(`there is no flow ${flow}: ${Object.keys(flows).join(', ')} or all`);

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
  for (const pool of [worlds, ...clouds.values()]) await pool.end();
  await server.stop();
  await removePackage();
}
