// capture: writes what a database and a library hold to a file. compare: says what differs between two such files.
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { differences } from './compare.ts';
import { captureDatabase } from './database.ts';
import type { Capture } from './facts.ts';
import { captureFiles, captureS3 } from './objects.ts';
import type { Connection } from './psql.ts';
import type { S3Location } from './s3.ts';
import { missingDocuments } from './seed/liferay.ts';

const usage = `usage:
  cli.ts capture --out FILE [--database-url-env NAME] [--files DIR] [--s3 s3://BUCKET/PREFIX --s3-endpoint URL]
  cli.ts compare BEFORE AFTER [--ignore-owners] [--ignore-acl] [--rename-database NAME] [--subscriptions-disabled]
                 [--across-versions] [--ignore-kind KIND]... [--ignore-objects PREFIX]... [--limit N]
  cli.ts missing-documents --database-url-env NAME --files DIR
exit status: 0 equal, 1 different, 2 not done`;

function environmentValue(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`the environment variable ${name} is not set`);
  return value;
}

/** postgresql://user:password@host:port/database?sslmode=…; a socket folder as ?host=/folder */
export function parseDatabaseUrl(text: string): Connection {
  const url = new URL(text);
  const password = decodeURIComponent(url.password);
  const sslmode = url.searchParams.get('sslmode');
  const sslrootcert = url.searchParams.get('sslrootcert');
  return {
    host: url.searchParams.get('host') ?? decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/u, '$1'),
    port: Number(url.searchParams.get('port') ?? (url.port === '' ? '5432' : url.port)),
    user: decodeURIComponent(url.username),
    database: decodeURIComponent(url.pathname.slice(1)),
    ...(password !== '' && { password }),
    environment: {
      ...(sslmode !== null && { PGSSLMODE: sslmode }),
      ...(sslrootcert !== null && { PGSSLROOTCERT: sslrootcert }),
    },
  };
}

function s3Location(text: string, endpoint: string | undefined): S3Location {
  const url = new URL(text);
  if (endpoint === undefined) throw new Error('--s3 needs --s3-endpoint');
  const region = process.env['AWS_REGION'] ?? 'us-east-1';
  const keys = {
    accessKeyId: environmentValue('AWS_ACCESS_KEY_ID'),
    secretAccessKey: environmentValue('AWS_SECRET_ACCESS_KEY'),
  };
  return { endpoint, region, bucket: url.hostname, prefix: decodeURIComponent(url.pathname.slice(1)), ...keys };
}

const options = {
  out: { type: 'string' },
  'database-url-env': { type: 'string' },
  files: { type: 'string' },
  s3: { type: 'string' },
  's3-endpoint': { type: 'string' },
  'ignore-owners': { type: 'boolean', default: false },
  'ignore-acl': { type: 'boolean', default: false },
  'rename-database': { type: 'string' },
  'subscriptions-disabled': { type: 'boolean', default: false },
  'across-versions': { type: 'boolean', default: false },
  'ignore-kind': { type: 'string', multiple: true, default: [] as string[] },
  'ignore-objects': { type: 'string', multiple: true, default: [] as string[] },
  limit: { type: 'string', default: '200' },
} as const;

function parse(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options, allowPositionals: true });
}

type Values = ReturnType<typeof parse>['values'];

async function capture(values: Values): Promise<number> {
  if (values.out === undefined) throw new Error(usage);
  const objects = values.files !== undefined ? await captureFiles(values.files) : undefined;
  const stored = values.s3 !== undefined ? await captureS3(s3Location(values.s3, values['s3-endpoint'])) : undefined;
  const name = values['database-url-env'];
  const database = name !== undefined ? await captureDatabase(parseDatabaseUrl(environmentValue(name))) : undefined;
  const found = objects ?? stored;
  const result: Capture = { format: 1, ...(database && { database }), ...(found && { objects: found }) };
  await writeFile(values.out, `${JSON.stringify(result, undefined, 1)}\n`);
  process.stdout.write(`captured ${database?.facts.length ?? 0} facts and ${found?.length ?? 0} objects\n`);
  return 0;
}

async function load(file: string): Promise<Capture> {
  const content: unknown = JSON.parse(await readFile(file, 'utf8'));
  const recognised = typeof content === 'object' && content !== null && 'format' in content && content.format === 1;
  if (!recognised) throw new Error(`${file} is no capture of this oracle`);
  return content as Capture;
}

async function compare(values: Values, files: readonly string[]): Promise<number> {
  const [before, after] = files;
  if (before === undefined || after === undefined || files.length !== 2) throw new Error(usage);
  const prefixes = values['ignore-objects'];
  const renamed = values['rename-database'];
  const [original, restored] = [await load(before), await load(after)];
  const found = differences(original, restored, {
    ignoreOwners: values['ignore-owners'],
    ignoreAcl: values['ignore-acl'],
    subscriptionsDisabled: values['subscriptions-disabled'],
    acrossVersions: values['across-versions'],
    ignoreKinds: values['ignore-kind'],
    ignoreObject: (key) => prefixes.some((prefix) => key.startsWith(prefix)),
    limit: Number(values.limit),
    ...(renamed !== undefined && { renameDatabase: renamed }),
  });
  const counted = `${original.database?.facts.length ?? 0} facts and ${original.objects?.length ?? 0} objects`;
  process.stdout.write(found.length === 0 ? `equal: ${counted}\n` : `${found.join('\n')}\n`);
  return found.length === 0 ? 0 : 1;
}

async function documents(values: Values): Promise<number> {
  const name = values['database-url-env'];
  if (name === undefined || values.files === undefined) throw new Error(usage);
  const missing = await missingDocuments(parseDatabaseUrl(environmentValue(name)), values.files);
  process.stdout.write(
    missing.length === 0
      ? 'every document version has its bytes\n'
      : `${missing.slice(0, Number(values.limit)).join('\n')}\n`,
  );
  return missing.length === 0 ? 0 : 1;
}

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parse(argv);
  const [command, ...rest] = positionals;
  if (command === 'capture') return capture(values);
  if (command === 'compare') return compare(values, rest);
  if (command === 'missing-documents') return documents(values);
  throw new Error(usage);
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  }
}
