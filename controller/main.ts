import { destination, pino } from 'pino';
import { ensureLc2Error, errorLine, exitStatus } from '../core/errors.ts';
import { type Config, parseConfig } from './config.ts';
import { createController } from './controller.ts';
import { serveHealth } from './health.ts';
import { createClient } from './kube/client.ts';
import { connect } from './kube/connection.ts';
import type { Log, LogFields } from './log.ts';
import { fieldManager } from './names.ts';
import { systemTime } from './time.ts';

const callTimeoutMs = 30_000;

const createLog = (level: Config['logLevel']): Log => {
  const logger = pino({ level, base: { app: 'lc2-backup-controller' } }, destination({ dest: 2, sync: true }));
  const at =
    (name: Config['logLevel']) =>
    (message: string, fields: LogFields = {}): void => {
      logger[name](fields, message);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
};

const untilSignal = (): Promise<string> =>
  new Promise((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, resolve);
  });

const run = async (): Promise<void> => {
  const config = parseConfig(process.env);
  const log = createLog(config.logLevel);
  const api = createClient({ connection: await connect(), fieldManager, timeoutMs: callTimeoutMs });
  const controller = createController({ api, time: systemTime, log, ...config });
  const health = await serveHealth({ port: config.port, ready: controller.ready });
  controller.start();
  log.info('started', { namespaces: config.namespaces.join(',') || 'all' });
  log.info('stopping', { signal: await untilSignal() });
  await controller.stop();
  health.closeAllConnections();
  health.close();
  log.info('stopped');
};

try {
  await run();
  process.exit(0);
} catch (error) {
  const failure = ensureLc2Error(error);
  process.stderr.write(`${errorLine(failure)}\n`);
  process.exit(exitStatus[failure.kind]);
}
