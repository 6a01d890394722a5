import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { serveHealth } from '../../../controller/health.ts';
import { setStage, startController, until } from './harness.ts';

test('/readyz says no until everything is known and when the API server is silent; /healthz does not mind', async () => {
  await using stage = await setStage();
  stage.kube.setFate(() => ({ code: 503, reason: 'ServiceUnavailable', message: 'not yet' }));
  const timings = {
    backoff: { baseMs: 20, capMs: 100 },
    watchSeconds: 1,
    idleMs: 500,
    relistMs: 60_000,
    silentMs: 700,
  };
  const controller = startController(stage, { timings });
  const server = await serveHealth({ port: 0, ready: controller.ready });
  stage.later(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const ask = async (path: string): Promise<number> => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  expect([await ask('/healthz'), await ask('/readyz'), await ask('/secrets')]).toEqual([200, 503, 404]);
  stage.kube.setFate(() => 'pass');
  await until('readiness', () => controller.ready());
  expect(await ask('/readyz')).toBe(200);
  await stage.kube.pause();
  await until('the loss to be noticed', () => !controller.ready());
  expect([await ask('/healthz'), await ask('/readyz')]).toEqual([200, 503]);
});
