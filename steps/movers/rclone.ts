import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Lc2Error } from '../../core/errors.ts';
import type { Mover, MoveOrder, MoveResult } from '../../core/ports/mover.ts';
import type { ObjectInfo } from '../../core/ports/object-store.ts';
import { tryParseUrl } from '../../core/stores/index.ts';
import { spawnPipeline } from '../runtime/children.ts';
import { ordered } from '../runtime/ordered.ts';
import { batchesOf } from './batches.ts';
import type { MoverEnd, MoverOptions } from './mover-options.ts';
import { adopt, areComparable, describe, digestOf, outcomeOf } from './same-object.ts';

const defaultKeys = 1000;
const defaultBytes = 256 * 1024 * 1024;
const checksAtOnce = 16;

/**
 * rclone as a child, in batches of named keys. What it says about success is not believed: every object of a batch is
 * looked for and compared afterwards. It writes files in place, so targets that are folders are left to `stream`.
 */
export const openRcloneMover = (options: MoverOptions): Promise<Mover> => {
  const [from, to] = [options.from, options.to].map(({ location }) => tryParseUrl(location.url)?.store);
  const writesWhole = to === 's3' && (from === 's3' || from === 'file');
  return Promise.resolve({
    name: 'rclone',
    takes: (order) =>
      order.digest === undefined &&
      writesWhole &&
      isPlain(order.from.key) &&
      isPlain(order.to) &&
      prefixOf(order) !== undefined,
    move: (orders) => move(options, orders),
  });
};

/**
 * Keys that rclone neither bends nor skips: no lines, no empty or dot segments, none of the characters that it replaces
 * or uses as replacements.
 */
const isPlain = (key: string): boolean =>
  // oxlint-disable-next-line no-control-regex
  !/[\u0000-\u001f\u007f\u201b\u2400-\u2426\ufffd\uff00-\uffef]/.test(key) &&
  key.isWellFormed() &&
  key.split('/').every((part) => part !== '' && part !== '.' && part !== '..');

/** What the target's key has in front of the source's; undefined: it is another name. */
const prefixOf = ({ from, to }: MoveOrder): string | undefined => {
  if (!to.endsWith(from.key)) return undefined;
  const prefix = to.slice(0, to.length - from.key.length);
  return prefix === '' || prefix.endsWith('/') ? prefix : undefined;
};

async function* move(
  options: MoverOptions,
  orders: AsyncIterable<MoveOrder>,
): AsyncGenerator<MoveResult, void, undefined> {
  const { tuning = {} } = options;
  const batches = batchesOf(orders, {
    most: tuning.batchKeys ?? defaultKeys,
    mostWeight: tuning.batchBytes ?? defaultBytes,
    weigh: ({ from }) => from.size,
    fits: (first, order) => prefixOf(first) === prefixOf(order) && first.createOnly === order.createOnly,
    patience: 1000,
  });
  for await (const batch of batches) yield* moveBatch(options, batch);
}

interface Looked {
  readonly order: MoveOrder;
  /** What stood at the target before. */
  readonly before: ObjectInfo | undefined;
}

async function* moveBatch(
  options: MoverOptions,
  batch: readonly MoveOrder[],
): AsyncGenerator<MoveResult, void, undefined> {
  const looked: Looked[] = [];
  const look = async (order: MoveOrder): Promise<Looked> => ({ order, before: await options.target.head(order.to) });
  for await (const item of ordered(each(batch), { concurrency: checksAtOnce }, look)) looked.push(item);
  const open = looked.filter((item) => !isTaken(item)).map(({ order }) => order);
  if (open.length > 0) await copyBatch(options, open);
  const judge = (item: Looked, signal: AbortSignal): Promise<MoveResult> =>
    isTaken(item) ? adopt(options, item.order, item.before, signal) : check(options, item, signal);
  yield* ordered(each(looked), { concurrency: checksAtOnce }, judge);
}

const isTaken = (item: Looked): item is Looked & { readonly before: ObjectInfo } =>
  item.order.createOnly && item.before !== undefined;

async function* each<T>(items: readonly T[]): AsyncGenerator<T, void, undefined> {
  for (const item of items) yield await Promise.resolve(item);
}

/** The copy is good when the source still is what was listed and the target holds the same bytes. */
const check = async (options: MoverOptions, looked: Looked, signal: AbortSignal): Promise<MoveResult> => {
  const { order } = looked;
  const [source, standing] = await Promise.all([options.source.head(order.from.key), options.target.head(order.to)]);
  if (source === undefined || source.version !== order.from.version) {
    await removeOurs(options, looked, standing);
    return { outcome: source === undefined ? 'vanished' : 'changed', order };
  }
  if (standing === undefined || standing.size !== source.size) throw incomplete(options, order);
  const object = describe(source, standing);
  if (areComparable(source.checksum, standing.checksum)) {
    if (source.checksum?.value !== standing.checksum?.value) throw incomplete(options, order);
    return { outcome: 'copied', order, object, adopted: false };
  }
  let digest: string;
  try {
    digest = await digestOf(options.source, order.from, signal);
  } catch (error) {
    const result = outcomeOf(error, order);
    await removeOurs(options, looked, standing);
    return result;
  }
  if (digest !== (await digestOf(options.target, standing, signal))) throw incomplete(options, order);
  return { outcome: 'copied', order, object: { ...object, digest }, adopted: false };
};

/** What stood there before and was not replaced stays. */
const removeOurs = async (
  { target }: MoverOptions,
  { order, before }: Looked,
  standing: ObjectInfo | undefined,
): Promise<void> => {
  if (standing !== undefined && standing.version !== before?.version) await target.delete([order.to]);
};

const incomplete = ({ target }: MoverOptions, order: MoveOrder): Lc2Error =>
  new Lc2Error('COPY_INCOMPLETE', 'rclone did not copy an object, or not its bytes', {
    where: `${target.url}/${order.to}`,
  });

const copyBatch = async (options: MoverOptions, batch: readonly MoveOrder[]): Promise<void> => {
  const [first] = batch;
  if (first === undefined) return;
  const folder = await mkdtemp(join(tmpdir(), 'lc2-rclone-'));
  try {
    const authority = await writeAuthority(folder, options);
    const args = ['copy', rootOf('src', options.from, ''), rootOf('dst', options.to, prefixOf(first) ?? '')];
    const flags = [
      '--files-from-raw',
      '-',
      '--no-traverse',
      '--config',
      join(folder, 'none.conf'),
      '--transfers',
      '16',
      '--checkers',
      '16',
    ];
    const conduct = [
      // Narrows the gap between our look at the target and its writing; what it left out shows in the check.
      first.createOnly ? '--ignore-existing' : '--ignore-times',
      '--retries',
      '1',
      '--low-level-retries',
      '3',
      '--s3-upload-cutoff',
      '5G',
      '--metadata',
      '--log-level',
      'ERROR',
    ];
    const pipeline = await spawnPipeline({
      stages: [
        {
          program: 'rclone',
          name: 'rclone',
          args: [...args, ...flags, ...conduct, ...authority],
          env: environmentOf(options, folder),
        },
      ],
      signal: options.signal,
      input: lines(batch),
      discardOutput: true,
      redact: (text) => withoutSecrets(text, options),
      // Single objects that failed show when the batch is checked; without any the reason is here.
      onFailure: (_stage, exit, tail) =>
        new Lc2Error('COPY_INCOMPLETE', `rclone ended with ${exit.code ?? exit.signal ?? '?'}: ${tail.slice(-500)}`, {
          where: options.target.url,
        }),
    });
    await pipeline.done.catch(async (error: unknown) => {
      if (!(await isExplained(options, batch, error))) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** rclone fails over an object that changed or vanished; that is an outcome of that object when all others are there. */
const isExplained = async (options: MoverOptions, batch: readonly MoveOrder[], error: unknown): Promise<boolean> => {
  if (!(error instanceof Lc2Error) || error.code !== 'COPY_INCOMPLETE') return false;
  let moved = 0;
  for (const { from } of batch) {
    const now = await options.source.head(from.key);
    if (now?.version !== from.version) moved++;
  }
  return moved > 0;
};

async function* lines(batch: readonly MoveOrder[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const { from } of batch) yield await Promise.resolve(Buffer.from(`${from.key}\n`));
}

const rootOf = (remote: string, { location, subfolder }: MoverEnd, below: string): string => {
  const parsed = tryParseUrl(location.url);
  const path = [parsed?.bucket ?? '', parsed?.prefix ?? '', subfolder ?? '', below.replace(/\/$/, '')]
    .filter((part) => part !== '')
    .join('/');
  return `${remote}:${path}`;
};

/** rclone is configured by its environment alone: nothing is on the command line that a process list would show. */
const environmentOf = (options: MoverOptions, home: string): Record<string, string> => ({
  HOME: home,
  ...remote('SRC', options.from),
  ...remote('DST', options.to),
});

const chainVariables = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_ROLE_ARN',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
];

const remote = (name: string, { location, secrets }: MoverEnd): Record<string, string> => {
  if (tryParseUrl(location.url)?.store !== 's3') return { [`RCLONE_CONFIG_${name}_TYPE`]: 'local' };
  const { accessKeyId, secretAccessKey, sessionToken } = secrets;
  const settings: Record<string, string | undefined> = {
    TYPE: 's3',
    PROVIDER: location.endpoint === undefined ? 'AWS' : 'Other',
    REGION: location.region,
    ENDPOINT: location.endpoint,
    FORCE_PATH_STYLE: String(location.pathStyle),
    NO_CHECK_BUCKET: 'true',
    ENV_AUTH: String(accessKeyId === undefined),
    ACCESS_KEY_ID: accessKeyId?.trim(),
    SECRET_ACCESS_KEY: secretAccessKey?.trim(),
    SESSION_TOKEN: sessionToken?.trim(),
  };
  const chain = accessKeyId === undefined ? chainVariables : [];
  const inherited = chain.map((variable) => [variable, process.env[variable]] as const);
  const own = Object.entries(settings).map(([key, value]) => [`RCLONE_CONFIG_${name}_${key}`, value] as const);
  return Object.fromEntries(
    [...inherited, ...own].flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
};

/** One list of authorities serves both ends. */
const writeAuthority = async (folder: string, { from, to }: MoverOptions): Promise<string[]> => {
  const authorities = new Set(
    [from.secrets['ca.crt'], to.secrets['ca.crt']].filter((ca) => ca !== undefined && ca.trim() !== ''),
  );
  if (authorities.size === 0) return [];
  const path = join(folder, 'ca.crt');
  await writeFile(path, [...authorities].join('\n'), { mode: 0o600 });
  return ['--ca-cert', path];
};

const withoutSecrets = (text: string, { from, to }: MoverOptions): string => {
  let clean = text;
  for (const [name, value] of [...Object.entries(from.secrets), ...Object.entries(to.secrets)]) {
    if (name !== 'ca.crt' && value.trim().length >= 4) clean = clean.replaceAll(value.trim(), '***');
  }
  return clean;
};
