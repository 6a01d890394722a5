// npm run test:seeds -- [--seed N] [--count N] [--only i,j] [--kinds "tables,views"] [--restores "full,in-place"]
import { setup } from '../../support/package.ts';
import { readCampaignArgs, runCampaign } from '../campaign.ts';
import { runCase } from './case.ts';
import { kindNames } from './database/database.ts';
import { drawPlan } from './plan.ts';
import { isRestoreForm, restoreForms } from './restores.ts';
import { startWorld } from './world.ts';

const listOf = (text: string | undefined): string[] => (text ?? '').split(',').filter(Boolean);

const args = readCampaignArgs(process.argv.slice(2), new Date(), {
  count: 20,
  workers: 2,
  options: { kinds: '', restores: '' },
});
const only = listOf(args.options['kinds']);
const wanted = listOf(args.options['restores']);
const unknown = [
  ...only.filter((kind) => kind !== 'encodings' && !kindNames.includes(kind)),
  ...wanted.filter((form) => !isRestoreForm(form)),
];
if (unknown.length > 0)
  throw new Error(
    `unknown: ${unknown.join(', ')}; kinds are ${[...kindNames, 'encodings'].join(', ')}; restores are ${restoreForms.join(', ')}`,
  );

const removePackage = await setup();
const world = await startWorld(args.seed);
try {
  const cases = Array.from({ length: args.count }, (_, index) => {
    const plan = drawPlan({ seed: args.seed, index, world, only, restores: wanted.filter(isRestoreForm) });
    const encodings = plan.databases.map(({ encoding }) => encoding).join(' and ');
    return {
      stratum: `${plan.source} to ${plan.storage}, into ${plan.target}`,
      name: `${encodings}; ${plan.restores.join('; ')}; ${plan.databases.map(({ kinds }) => kinds.join(', ')).join(' | ')}`,
      run: () => runCase(world, plan),
    };
  });
  await runCampaign({ name: 'seeds', args, cases });
} finally {
  await world.stop();
  await removePackage();
}
