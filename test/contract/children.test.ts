import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Lc2Error } from '../../core/errors.ts';
import { type PipelineOptions, spawnPipeline, type Stage } from '../../steps/runtime/children.ts';
import { bytesOf, codeOf } from './store-fixture.ts';

const sh = (name: string, script: string, more: Partial<Stage> = {}): Stage => ({
  program: 'sh',
  args: ['-c', script],
  name,
  ...more,
});

const pipeline = (stages: readonly Stage[], more: Partial<PipelineOptions> = {}) =>
  spawnPipeline({
    stages,
    signal: new AbortController().signal,
    onFailure: (stage, exit, tail) =>
      new Lc2Error('DUMP_FAILED', `${stage.name} ${exit.code ?? exit.signal ?? ''} ${tail}`),
    ...more,
  });

const outputOf = async (stages: readonly Stage[], more: Partial<PipelineOptions> = {}): Promise<string> => {
  const running = await pipeline(stages, more);
  return (await bytesOf(running.output)).toString();
};

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

const gone = async (pid: number): Promise<boolean> => {
  for (let i = 0; i < 200 && isAlive(pid); i++) await sleep(25);
  return !isAlive(pid);
};

async function* input(count: number, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let i = 0; i < count; i++) yield await Promise.resolve(Buffer.alloc(size, 65));
}

describe('pipelines of programs', () => {
  it('carries bytes from the input through every stage', async () => {
    expect(await outputOf([sh('upper', 'tr a-z A-Z'), sh('count', 'wc -c')], { input: input(300, 10_000) })).toBe(
      '3000000\n',
    );
    expect(
      await outputOf([sh('many', 'seq 1 200000'), sh('zip', 'gzip'), sh('unzip', 'gunzip'), sh('sum', 'wc -l')]),
    ).toBe('200000\n');
  });

  it('keeps nothing of its input', async () => {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    const given: WeakRef<Uint8Array>[] = [];
    let kept = Number.NaN;
    const source = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      for (let i = 0; i < 200; i++) {
        const chunk = new Uint8Array(100_000);
        given.push(new WeakRef(chunk));
        yield chunk;
      }
      await sleep(50);
      if (typeof collect === 'function') collect();
      kept = given.filter((chunk) => chunk.deref() !== undefined).length;
    };
    expect(await outputOf([sh('count', 'wc -c')], { input: source() })).toBe('20000000\n');
    expect(kept).toBeLessThan(20);
  });

  it('takes for read what was handed over whole before the reader left', async () => {
    const source = input(1, 4 * 1024 * 1024);
    expect(await outputOf([sh('some', 'head -c 3')], { input: source })).toBe('AAA');
  });

  it('gives children no environment of ours', async () => {
    process.env['LC2_TEST_SECRET'] = 'hidden';
    const seen = await outputOf([sh('env', 'env', { env: { GIVEN: 'yes' } })]);
    delete process.env['LC2_TEST_SECRET'];
    expect(
      seen
        .split('\n')
        .map((line) => line.split('=')[0])
        .filter((name) => name !== 'PWD' && name !== '_' && name !== '')
        .sort(),
    ).toEqual(['GIVEN', 'LANG', 'PATH', 'TZ']);
  });

  it('fails when the first of two is killed although the second is content', async () => {
    const running = await pipeline([sh('dump', 'echo part; kill -9 $$'), sh('zip', 'cat')]);
    await expect(bytesOf(running.output)).rejects.toMatchObject({ code: 'DUMP_FAILED', what: 'dump SIGKILL ' });
    await expect(running.done).rejects.toMatchObject({ code: 'DUMP_FAILED' });
  });

  it.each([
    ['first', [sh('a', 'echo x; exit 3'), sh('b', 'cat'), sh('c', 'cat')], 'a 3 '],
    ['middle', [sh('a', 'yes'), sh('b', 'head -c 10 >/dev/null; exit 4'), sh('c', 'cat')], 'b 4 '],
    ['last', [sh('a', 'yes'), sh('b', 'cat'), sh('c', 'echo words >&2; exit 5')], 'c 5 words'],
  ])('names the %s when it fails, not those who suffer from it', async (_which, stages, what) => {
    await expect(outputOf(stages)).rejects.toMatchObject({ what });
  });

  it.each([
    ['writer', [sh('a', 'trap "" TERM; exec 1>&-; sleep 0.3; kill -9 $$'), sh('b', 'cat; exit 1')], 'a SIGKILL '],
    ['reader', [sh('a', 'yes'), sh('b', 'trap "" TERM; exec 0<&-; sleep 0.3; kill -9 $$')], 'b SIGKILL '],
  ])('names a %s that was killed, though it is seen last', async (_which, stages, what) => {
    await expect(outputOf(stages)).rejects.toMatchObject({ what });
  });

  it('ends a member that ignores the loss of its reader', async () => {
    const stubborn = sh('stubborn', 'trap "" PIPE; while :; do echo x; done 2>/dev/null');
    await expect(outputOf([stubborn, sh('b', 'exit 6')])).rejects.toMatchObject({ what: 'b 6 ' });
  });

  it('never shows failing input as a regular end', async () => {
    const failing = async function* () {
      yield* input(3, 1000);
      await sleep(50);
      throw new RangeError('the input broke');
    };
    const running = await pipeline([sh('a', 'cat; echo saw the end')], { input: failing() });
    let text = '';
    const read = async () => {
      for await (const chunk of running.output) text += Buffer.from(chunk).toString();
    };
    await expect(read()).rejects.toThrow('the input broke');
    expect(text).not.toContain('saw the end');
  });

  it('fails when a member leaves input behind, unless it may', async () => {
    const head = sh('a', 'head -c 10 >/dev/null');
    expect(await codeOf(outputOf([head], { input: input(100, 100_000) }))).toBe('STEP_FAILED');
    expect(await outputOf([{ ...head, mayBeCutShort: true }], { input: input(100, 100_000) })).toBe('');
    const cut = [sh('a', 'yes', { mayBeCutShort: true }), sh('b', 'head -n 1')];
    expect(await outputOf(cut)).toBe('y\n');
  });

  it('ends everything when it is cancelled, also who ignores TERM', async () => {
    const abort = new AbortController();
    const running = await pipeline([sh('a', 'trap "" TERM; echo $$; while :; do sleep 1; done')], {
      signal: abort.signal,
    });
    const iterator = running.output[Symbol.asyncIterator]();
    const pid = Number(Buffer.from((await iterator.next()).value ?? []).toString());
    expect(isAlive(pid)).toBe(true);
    abort.abort();
    await expect(running.done).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(isAlive(pid)).toBe(false);
  });

  it('ends everything when its reader leaves', async () => {
    const running = await pipeline([sh('a', 'echo $$; exec yes')]);
    let pid = 0;
    for await (const chunk of running.output) {
      pid = Number.parseInt(Buffer.from(chunk).toString(), 10);
      break;
    }
    expect(isAlive(pid)).toBe(false);
  });

  it('runs without output to read', async () => {
    await (
      await pipeline([sh('a', 'cat >/dev/null; yes | head -c 1000000')], { input: input(10, 100), discardOutput: true })
    ).done;
  });

  it('says which program is missing', async () => {
    expect(await codeOf(pipeline([{ program: 'no-such-program', args: [], name: 'x' }]))).toBe('TOOL_MISSING');
    expect(await codeOf(pipeline([{ program: '/no/such/program', args: [], name: 'x' }]))).toBe('TOOL_MISSING');
  });

  it('shows the end of what a member said, without secrets', async () => {
    const noisy = sh('noisy', 'seq 1 20000 >&2; echo "password hunter2" >&2; exit 1');
    const failure = outputOf([noisy], { redact: (text) => text.replaceAll('hunter2', '***') });
    await expect(failure).rejects.toMatchObject({
      what: expect.stringMatching(/^noisy 1 [\s\S]{100,5000}password \*\*\*$/),
    });
  });

  it('leaves no child when its process is killed', async () => {
    const script = resolve(import.meta.dirname, '../support/pipeline-probe.ts');
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    for await (const chunk of parent.stdout) {
      said += String(chunk);
      if (said.split('\n').length > 2) break;
    }
    const pids = said.trim().split('\n').map(Number);
    expect(pids).toHaveLength(2);
    expect(pids.map(isAlive)).toEqual([true, true]);
    parent.kill('SIGKILL');
    expect(await Promise.all(pids.map(gone))).toEqual([true, true]);
  });
});
