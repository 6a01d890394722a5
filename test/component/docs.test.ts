// What the pages say is true: YAML is valid, commands run, links lead somewhere, names exist.
import { spawn } from 'node:child_process';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import { apiVersion } from '../../core/api/common.ts';
import { backupEnvironmentDocument, kinds } from '../../core/api/index.ts';
import { flows } from '../../core/flow/index.ts';
import { runPsql } from '../oracle/psql.ts';
import { seedLiferay } from '../oracle/seed/liferay.ts';
import { startPostgres, type PostgresServer } from '../support/postgres.ts';

const root = resolve(import.meta.dirname, '../..');
const cli = join(root, 'cli/bin.mjs');

interface Fence {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** `<!-- elsewhere: why -->` or `<!-- with: what -->` on the line before. */
  readonly note: string;
}

const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: root }).sort();
const read = (page: string): string => readFileSync(join(root, page), 'utf8');

const fencesOf = (page: string): Fence[] => {
  const fences: Fence[] = [];
  let open: { line: number; language: string; note: string; lines: string[] } | undefined;
  let previous = '';
  for (const [index, line] of read(page).split('\n').entries()) {
    if (!line.startsWith('```')) {
      open?.lines.push(line);
      previous = line;
    } else if (open) {
      fences.push({ page, line: open.line, language: open.language, note: open.note, text: open.lines.join('\n') });
      open = undefined;
    } else {
      const note = /^<!-- (.+) -->$/.exec(previous)?.[1] ?? '';
      open = { line: index + 1, language: line.slice(3), note, lines: [] };
    }
  }
  if (open) throw new Error(`the fence at line ${open.line} of ${page} is not closed`);
  return fences;
};

const at = ({ page, line }: Fence): string => `${page}:${line}`;
const fences = pages.flatMap(fencesOf);
const isShell = ({ language }: Fence): boolean => language === 'sh' || language === 'console';

/** What a person would type: every line of `sh`, lines after the prompt of `console`. */
const commandsOf = ({ language, text }: Fence): string[] => {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return language === 'sh' ? lines : lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
};

const wordsOf = (command: string): string[] =>
  [...command.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) => word.replaceAll(/['"]/g, ''));

const isElsewhere = ({ note }: Fence): boolean => note.startsWith('elsewhere: ');

const here = fences
  .filter((fence) => isShell(fence) && !isElsewhere(fence))
  .flatMap((fence) => commandsOf(fence).map((command) => ({ fence, command, words: wordsOf(command) })));

const programOf = (words: readonly string[]): string => (words[0] === 'npx' ? words[1] : words[0]) ?? '';

describe('links', () => {
  const slug = (heading: string): string =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-');
  const anchors = (page: string): string[] =>
    [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, text]) => slug(text ?? ''));

  test.each(pages)('of %s lead somewhere', (page) => {
    const broken = [...read(page).matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm)]
      .map(([, inline, defined]) => inline ?? defined ?? '')
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [file = '', anchor = ''] = link.split('#');
        const target = file === '' ? page : relative(root, resolve(root, dirname(page), file));
        return !existsSync(join(root, target)) || (anchor !== '' && !anchors(target).includes(anchor));
      });
    expect(broken).toEqual([]);
  });
});

const requestDocument = (kind: 'BackupRequest' | 'RestoreRequest') =>
  z.strictObject({
    apiVersion: z.literal(apiVersion),
    kind: z.literal(kind),
    metadata: z.strictObject({ name: z.string(), namespace: z.string().optional() }),
    spec: kinds[kind].spec,
  });

const templateReference = z.object({
  workflowTemplateRef: z.object({
    name: z.enum(['lc2-backup', 'lc2-restore', 'lc2-verify']),
    clusterScope: z.literal(true),
  }),
  arguments: z.object({ parameters: z.array(z.object({ name: z.string(), value: z.string() })) }),
});

const assertParameters = (flow: keyof typeof flows, names: readonly string[]): void => {
  const known: string[] = flows[flow].parameters.map(({ name }) => name);
  expect(known).toEqual(expect.arrayContaining([...names]));
};

const assertReference = (spec: unknown): void => {
  const { workflowTemplateRef, arguments: given } = templateReference.parse(spec);
  assertParameters(
    workflowTemplateRef.name,
    given.parameters.map(({ name }) => name),
  );
};

const cronSpec = z.object({ workflowSpec: z.unknown() });

/** By kind: what a document must be, beside being YAML. */
const checks: Readonly<Record<string, (document: { readonly spec?: unknown }) => void>> = {
  BackupEnvironment: (document) => void backupEnvironmentDocument.strict().parse(document),
  BackupRequest: (document) => void requestDocument('BackupRequest').parse(document),
  RestoreRequest: (document) => void requestDocument('RestoreRequest').parse(document),
  CronWorkflow: ({ spec }) => assertReference(cronSpec.parse(spec).workflowSpec),
  Workflow: ({ spec }) => assertReference(spec),
  Secret: () => undefined,
};

describe('YAML', () => {
  const blocks = fences.filter(({ language }) => language === 'yaml').map((fence) => ({ name: at(fence), fence }));

  test.each(blocks)('of $name is what the product takes', ({ fence }) => {
    for (const document of parseAllDocuments(fence.text, { version: '1.1', uniqueKeys: true, strict: true })) {
      expect(document.errors).toEqual([]);
      const value = z.looseObject({ kind: z.string(), spec: z.unknown().optional() }).parse(document.toJS());
      const check = checks[value.kind];
      expect(Object.keys(checks)).toContain(value.kind);
      check?.(value);
    }
  });
});

const resources = new Set([
  ...Object.values(kinds).flatMap(({ kind, plural, shortNames }) => [kind.toLowerCase(), plural, ...shortNames]),
  'cronworkflow',
  'namespace',
  'secret',
  'deployment',
]);
const afterFlag = (words: readonly string[], flag: string): string[] =>
  words.flatMap((word, index) => (word === flag ? [words[index + 1] ?? ''] : []));

const assertFiles = (words: readonly string[]): void => {
  const missing = afterFlag(words, '-f').filter((file) => file.startsWith('dist/') && !existsSync(join(root, file)));
  expect(missing).toEqual([]);
};

/** Words that are neither a flag nor the value of a short one. */
const positionals = (words: readonly string[]): string[] =>
  words.slice(1).filter((word, index) => !word.startsWith('-') && !/^-[nfop]$/.test(words[index] ?? ''));

const scripts = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(read('package.json'))).scripts;

/** Commands whose effect is not seen here: what they name exists. */
const staticChecks: Readonly<Record<string, (words: readonly string[]) => void>> = {
  kubectl: (words) => {
    assertFiles(words);
    const [verb = '', ...nouns] = positionals(words);
    expect(['apply', 'create', 'delete', 'get', 'patch', 'rollout', 'wait']).toContain(verb);
    const named = (verb === 'rollout' ? nouns[1] : nouns[0])?.split('/')[0]?.split(',') ?? [];
    expect([...resources]).toEqual(expect.arrayContaining(named));
  },
  argo: (words) => {
    const [template = ''] = afterFlag(words, '--from');
    const flow = Object.values(flows).find(({ name }) => template === `clusterworkflowtemplate/${name}`);
    expect(flow?.name).toBe(template.split('/')[1]);
    const given = afterFlag(words, '-p').map((pair) => pair.slice(0, pair.indexOf('=')));
    if (flow) assertParameters(flow.name, given);
  },
  npm: ([, verb = '', script = '']) => {
    const name = verb === 'run' ? script : verb;
    expect(['ci', ...Object.keys(scripts)]).toContain(name);
  },
};

describe('commands', () => {
  test('run here, or say where', () => {
    const unknown = here.filter(({ words }) => {
      const program = programOf(words);
      return program !== 'lc2-backup' && !Object.hasOwn(staticChecks, program);
    });
    expect(unknown.map(({ fence, command }) => `${at(fence)}: ${command}`)).toEqual([]);
  });

  test.each(here.filter(({ words }) => Object.hasOwn(staticChecks, programOf(words))))(
    'name what exists: $command',
    ({ command }) => {
      for (const part of command.split(' && ')) {
        const words = wordsOf(part);
        staticChecks[programOf(words)]?.(words);
      }
    },
  );
});

describe('commands of lc2-backup', () => {
  const servers: PostgresServer[] = [];
  let folder = '';

  const lc2Backup = (args: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> =>
    new Promise((done, reject) => {
      const child = spawn(process.execPath, [cli, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      child.once('error', reject);
      child.once('close', (status) => done({ status: status ?? -1, stdout, stderr }));
    });

  const must = async (args: readonly string[]): Promise<string> => {
    const result = await lc2Backup(args);
    expect({ args, ...result }).toMatchObject({ status: 0 });
    return result.stdout;
  };

  const file = ['-f', 'environment.yaml', '-e', 'prd'] as const;
  const previousOutput = z.object({ previous: z.array(z.object({ previous: z.string() })) });
  const kept = async (): Promise<string | undefined> =>
    previousOutput.parse(JSON.parse(await must(['previous', ...file, '--json']))).previous[0]?.previous;

  const environment = (name: string, server: PostgresServer, role?: string) => ({
    apiVersion,
    kind: 'BackupEnvironment',
    metadata: { name },
    spec: {
      projectId: 'retail',
      profile: 'liferay',
      database: {
        server: {
          engine: 'postgresql',
          host: server.host,
          port: server.port,
          tls: { mode: 'disable' },
          ...(role === undefined ? {} : { role }),
        },
        credentials: { secretName: name },
      },
      objectStores: [
        { name: 'documentLibrary', url: `file://${folder}/documents-${name}`, excludeGeneratedFiles: true },
      ],
      storage: { url: `file://${folder}/storage` },
      restore: { allowed: true },
    },
  });
  const secret = (name: string, { superuser, password }: PostgresServer) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    stringData: { username: superuser, password },
  });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lc2-docs-'));
    const [prd, uat] = await Promise.all([startPostgres(), startPostgres()]);
    servers.push(prd, uat);
    for (const each of ['documents-prd', 'documents-uat', 'storage']) mkdirSync(join(folder, each));
    const connect = ({ host, port, superuser, password }: PostgresServer, database: string) => ({
      host,
      port,
      user: superuser,
      password,
      database,
    });
    await runPsql(connect(prd, 'postgres'), 'CREATE DATABASE lportal;');
    await runPsql(connect(uat, 'postgres'), 'CREATE ROLE liferay_uat;');
    await seedLiferay({ connection: connect(prd, 'lportal'), root: join(folder, 'documents-prd'), files: 200 });
    const documents = [
      environment('prd', prd),
      environment('uat', uat, 'liferay_uat'),
      secret('prd', prd),
      secret('uat', uat),
    ];
    writeFileSync(join(folder, 'environment.yaml'), documents.map((document) => stringify(document)).join('---\n'));
    await must(['backup', ...file]);
  });

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  });

  const newestStamp = (): string =>
    readdirSync(join(folder, 'storage/retail/prd'))
      .filter((name) => existsSync(join(folder, 'storage/retail/prd', name, 'manifest.json')))
      .sort()
      .at(-1) ?? '';

  /** Ids, urls and names of kept databases are of the author's run: those of this run take their place. */
  const localized = (words: readonly string[], keptDatabase: string): string[] =>
    words.map((word) =>
      word
        .replace(/^retail-prd-backup-\d{8}-\d{6}$/, `retail-prd-backup-${newestStamp()}`)
        .replace(/^file:\/\/.*\/retail\/prd\/\d{8}-\d{6}$/, `file://${folder}/storage/retail/prd/${newestStamp()}`)
        .replace(/^lportal_before_[0-9a-f]{10}$/, keptDatabase),
    );

  const ours = here.filter(({ words }) => programOf(words) === 'lc2-backup');
  const byPage = [...new Set(ours.map(({ fence }) => fence.page))].map((page) => ({ page }));

  test.each(byPage)('of $page run', async ({ page }) => {
    for (const { fence, words } of ours.filter((each) => each.fence.page === page)) {
      const args = words.slice(words.indexOf('lc2-backup') + 1);
      const swapped = ['restore', ...file, '--backup', 'latest', '--components', 'database', '--confirm', 'prd'];
      if (fence.note === 'with: a kept database' && (await kept()) === undefined) await must(swapped);
      const keptDatabase = args.some((word) => word.startsWith('lportal_before_')) ? ((await kept()) ?? '') : '';
      await must(localized(args, keptDatabase));
    }
  });
});
