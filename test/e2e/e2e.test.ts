// The product on a real Kubernetes with real Argo Workflows. One world for all: tests with environments of their own run
// beside each other, those that take the controller away come after them.
import { afterAll, beforeAll, describe, test } from 'vitest';
import { accepted, schemasHold } from './scenarios/acceptance.ts';
import { withinAmazon, withinGoogle } from './scenarios/clouds.ts';
import { apiServerHangs, argoHangs, requestReplaced, workflowDeleted } from './scenarios/faults.ts';
import { controllerKilled, killedMidDump, killedMidLoad, killedMidTransfer } from './scenarios/kills.ts';
import { lateDump, lateTransfer } from './scenarios/late.ts';
import { listed } from './scenarios/listing.ts';
import { appliedTwice, cancelled, twoAtOnce, wrongPassword } from './scenarios/requests.ts';
import { controllerMay, runAccountMay } from './scenarios/rights.ts';
import { backUpAndRestore, restoreElsewhere, type Shop } from './scenarios/round-trip.ts';
import { withoutController } from './scenarios/without-controller.ts';
import { startWorld, type World } from './support/world.ts';

let world: World;
/** Nothing, where the world could not be made. */
let stop: () => Promise<void> = () => Promise.resolve();

beforeAll(async () => {
  world = await startWorld();
  stop = () => world.stop();
}, 3_600_000);

afterAll(() => stop(), 300_000);

describe('what is installed', () => {
  test('the API server and Argo accept all of dist/', () => accepted(world));
  test('defaults and rules of the schemas hold in the API server', () => schemasHold(world));
  test('a run may report its results and nothing else', () => runAccountMay(world));
  test('the controller may do what it is for and cannot read a Secret', () => controllerMay(world));
});

describe.concurrent('backups and restores', () => {
  const shop = Promise.withResolvers<Shop>();
  // Whoever waits for it reports the failure; so does the test that makes it.
  shop.promise.catch(() => undefined);

  test('a request backs up, and after damage a request restores what was', async () => {
    try {
      shop.resolve(await backUpAndRestore(world));
    } catch (error) {
      shop.reject(error);
      throw error;
    }
  });
  test('within Google Cloud, whose work pods vanish from: asked for once, and equal in the end', () =>
    withinGoogle(world));
  test('within AWS, whose work pods vanish from: asked for once, and equal in the end', () => withinAmazon(world));
  test('a dump that wakes up after the seal changes nothing', () => lateDump(world));
  test('a transfer that wakes up after the seal changes nothing', () => lateTransfer(world));
  test('cancelled while running and while waiting: no manifest, nothing left', () => cancelled(world));
  test('the same RestoreRequest applied twice restores once', () => appliedTwice(world));
  test('a restore whose pod vanishes while it loads is good in the end', () => killedMidLoad(world));
  test('a backup whose pod vanishes while it dumps is good in the end', () => killedMidDump(world));
  test('a backup whose process is killed while it copies is good in the end', () => killedMidTransfer(world));
  test('into another environment with other roles', async () => restoreElsewhere(world, await shop.promise));
  test('a wrong password fails with its code and writes nothing', () => wrongPassword(world));
  test('two requests at once make two backups', () => twoAtOnce(world));
  test('a request whose Workflow somebody deletes fails, and the next is good', () => workflowDeleted(world));
  test('a request that is replaced while it runs has a run of its own', () => requestReplaced(world));
});

describe('the controller', () => {
  test('is not needed by argo submit nor by a CronWorkflow, and finds what ended without it', () =>
    withoutController(world));
  test('outlives an API server that hangs', () => apiServerHangs(world));
  test('waits for Argo', () => argoHangs(world));
  test('may be killed at any moment', () => controllerKilled(world));
  test('shows what became of everything', () => listed(world));
});
