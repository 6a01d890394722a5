import { spawnSync } from 'node:child_process';

/** dependency-cruiser, and the proof that it looked: a broken parser makes it pass over nothing. */
const folders = ['core', 'steps', 'templates', 'controller', 'cli', 'scripts'];
const leastModules = 100;

const run = spawnSync('depcruise', ['--config', '.dependency-cruiser.cjs', ...folders], { encoding: 'utf8' });
process.stdout.write(run.stdout);
process.stderr.write(run.stderr);
const cruised = Number(/(\d+) modules/.exec(run.stdout)?.[1] ?? 0);
if (run.status !== 0 || cruised < leastModules) {
  process.stderr.write(`imports: ${cruised} modules cruised, status ${run.status ?? 'none'}\n`);
  process.exitCode = 1;
}
