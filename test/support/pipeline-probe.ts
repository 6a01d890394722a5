// Starts a pipeline of two programs that would run for ever, and prints their process ids.
import { Lc2Error } from '../../core/errors.ts';
import { spawnPipeline } from '../../steps/runtime/children.ts';

const { output } = await spawnPipeline({
  stages: [
    { program: 'sh', args: ['-c', 'echo $$; exec sleep 600'], name: 'first' },
    { program: 'sh', args: ['-c', 'echo $$; exec cat'], name: 'second' },
  ],
  signal: new AbortController().signal,
  onFailure: (stage) => new Lc2Error('STEP_FAILED', stage.name),
});
for await (const chunk of output) process.stdout.write(chunk);
