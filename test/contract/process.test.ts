// Who lives, as those who clean up after the dead ask it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { isAlive } from '../../steps/runtime/process.ts';
import { commandLineOf } from '../support/processes.ts';

describe('a process', () => {
  it('lives, or is gone', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const { pid = 0 } = child;
    expect([isAlive(process.pid), isAlive(1), isAlive(pid)]).toEqual([true, true, true]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isAlive(pid)).toBe(false);
  });

  it('that nobody has buried yet is dead', async () => {
    // The shell becomes a program that knows nothing of its child, which lives for longer than the shell.
    const parent = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    });
    const { stdout, pid: shell = 0 } = parent;
    if (stdout === null) throw new Error('the shell has no output');
    const [said] = await once(stdout, 'data');
    const pid = Number(String(said));
    await expect.poll(() => commandLineOf({ pid: shell })).toBe(['sleep', '60', ''].join('\0'));
    expect(isAlive(pid)).toBe(true);
    parent.stdio[3]?.destroy();
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect(process.kill(pid, 0)).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  });
});
