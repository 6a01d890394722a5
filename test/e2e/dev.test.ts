import { afterAll, beforeAll, test } from 'vitest';
import { startWorld, type World } from './support/world.ts';
import { backUpAndRestore, restoreElsewhere } from './scenarios/round-trip.ts';
let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 1_800_000);
afterAll(() => world.stop(), 300_000);
test('bc', async () => {
  const shop = await backUpAndRestore(world);
  await restoreElsewhere(world, shop);
});
