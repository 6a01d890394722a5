// The product on a real Kubernetes with real Argo Workflows. One world for all; tests that mind each other run in turn.
import { afterAll, beforeAll, describe, test } from 'vitest';
import { accepted, schemasHold } from './scenarios/acceptance.ts';
import { controllerMay, runAccountMay } from './scenarios/rights.ts';
import { startWorld, type World } from './support/world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld();
}, 1_800_000);

afterAll(() => world.stop(), 300_000);

describe('what is installed', () => {
  test('the API server and Argo accept all of dist/', () => accepted(world));
  test('defaults and rules of the schemas hold in the API server', () => schemasHold(world));
  test('a run may report its results and nothing else', () => runAccountMay(world));
  test('the controller may do what it is for and cannot read a Secret', () => controllerMay(world));
});
