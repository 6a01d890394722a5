// The demo does what the README says, and leaves nothing but its folder.
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

interface Ended {
  readonly status: number;
  readonly output: string;
}

interface Demo {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<Ended>;
}

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lc2-demo-test-'));
  // The database server runs as another user and has its place in here, too.
  chmodSync(folder, 0o755);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const start = (...args: readonly string[]): Demo => {
  const child = spawn(process.execPath, [join(root, 'scripts/demo.ts'), ...args], {
    cwd: root,
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const ended = new Promise<Ended>((done, reject) => {
    child.once('error', reject);
    child.once('close', (status) => done({ status: status ?? -1, output: text }));
  });
  return { child, output: () => text, ended };
};

const tryRead = (look: () => string): string => {
  try {
    return look();
  } catch (error) {
    // A process may end while it is looked at.
    if (error instanceof Error) return '';
    throw error;
  }
};

/** Processes that were started with our folder among their words, or work in it. */
const processesLeft = (): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .map(
      (pid) =>
        `${tryRead(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))} ${tryRead(() => readlinkSync(`/proc/${pid}/cwd`))}`,
    )
    .filter((text) => text.includes(folder));

/** The skeleton of an output: chapters and the commands in them. */
const chapters = (output: string): string[] =>
  output
    .split('\n')
    .filter((line) => /^\d+\. |^Where everything is$|^ {3}\$ /.test(line))
    .map((line) => line.trim());

const readmeOutputs = (): string[] =>
  [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```console\n(.+?)^```$/gms)].map(
    ([, text]) => text ?? '',
  );

const printedFolder = (output: string): string => /^ {3}folder +(\S+)$/m.exec(output)?.[1] ?? '';

describe('the demo', () => {
  test('restores what it broke, and prints what the README shows', async () => {
    const demo = start();
    expect(await demo.ended).toMatchObject({ status: 0 });
    const output = demo.output();
    const [shown = ''] = readmeOutputs();
    expect(chapters(output)).toEqual(chapters(shown));
    const verdicts = output.split('\n').filter((line) => line.endsWith(': equal'));
    expect(verdicts).toHaveLength(8);
    const files = readdirSync(printedFolder(output));
    expect(files.sort()).toEqual([
      'after.json',
      'before.json',
      'damaged.json',
      'documents',
      'environment.yaml',
      'storage',
    ]);
    expect(readdirSync(folder)).toEqual([printedFolder(output).slice(folder.length + 1)]);
    expect(processesLeft()).toEqual([]);
  });

  test('ends with 70 and the key when one stored byte was flipped', async () => {
    const demo = start('--sabotage');
    expect(await demo.ended).toMatchObject({ status: 70 });
    const output = demo.output();
    const [, shown = ''] = readmeOutputs();
    expect(chapters(output)).toEqual(expect.arrayContaining(chapters(shown)));
    expect(output).toMatch(/^ {3}BACKUP_DAMAGED: .*\(\d{8}-\d{6}\/database\/lportal\.[-0-9a-f]+\.dump\.zst\)/m);
    expect(output).toContain('as it was before the attempt');
    expect(existsSync(printedFolder(output))).toBe(true);
    expect(processesLeft()).toEqual([]);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('leaves nothing when stopped by %s', async (signal) => {
    const demo = start();
    await new Promise<void>((done) => {
      const look = (): void => {
        if (demo.output().includes('2. Back up')) done();
      };
      demo.child.stdout?.on('data', look);
    });
    demo.child.kill(signal);
    expect(await demo.ended).toMatchObject({ status: 143 });
    expect(readdirSync(folder)).toEqual([]);
    expect(processesLeft()).toEqual([]);
  });
});
