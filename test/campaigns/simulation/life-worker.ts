// A thread that lives the lives it is sent, one at a time.
import { parentPort } from 'node:worker_threads';
import { judgedLife } from './judged-life.ts';
import type { Plan } from './plan.ts';

parentPort?.on('message', (plan: Plan) => {
  void judgedLife(plan).then((verdict) => parentPort?.postMessage(verdict));
});
