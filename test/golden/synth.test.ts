import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { version } from '../../templates/constructs/images.ts';
import { dist, filesBelow, root } from './support/dist.ts';

const run = promisify(execFile);
const made: string[] = [];

const synth = async (options: {
  readonly zone: string;
  readonly cwd: string;
  readonly env?: Record<string, string>;
}) => {
  const folder = await mkdtemp(join(tmpdir(), 'lc2-synth-'));
  made.push(folder);
  const env = { PATH: process.env['PATH'], TZ: options.zone, LC_ALL: 'C', CDK8S_OUTDIR: folder, ...options.env };
  await run(process.execPath, [join(root, 'templates', 'main.ts')], { cwd: options.cwd, env });
  return filesBelow(folder);
};

const back = (text: string): string =>
  text
    .replaceAll('example.com/a:1', `lc2-backup/tool:${version}`)
    .replaceAll(/example\.com\/(b:2|c:3)/g, `lc2-backup/step:${version}`);

afterAll(async () => {
  for (const folder of made) await rm(folder, { recursive: true });
});

describe('synth', () => {
  it('gives dist, byte for byte, in two time zones and from another folder', async () => {
    const committed = [...filesBelow(dist)];
    expect(committed.length).toBeGreaterThan(10);
    expect([...(await synth({ zone: 'Pacific/Kiritimati', cwd: root }))]).toEqual(committed);
    expect([...(await synth({ zone: 'America/Los_Angeles', cwd: tmpdir() }))]).toEqual(committed);
  });

  it('takes image references from the environment, and changes nothing else', async () => {
    const env = {
      LC2_TOOL_IMAGE: 'example.com/a:1',
      LC2_STEP_IMAGE: 'example.com/b:2',
      LC2_CONTROLLER_IMAGE: 'example.com/c:3',
    };
    const others = await synth({ zone: 'UTC', cwd: root, env });
    expect(others.get('controller.yaml')).toContain('image: example.com/c:3');
    expect(others.get('templates/lc2-backup.yaml')).toContain('image: example.com/a:1');
    expect(new Map([...others].map(([file, text]) => [file, back(text)]))).toEqual(filesBelow(dist));
  });
});
