// Changes that anybody can make to a file without knowing what it is.
import type { Random } from '../random.ts';
import type { Facts } from './facts.ts';
import { canonicalText, type Json } from './seal.ts';
import { newer } from './world.ts';
import type { Place } from './place.ts';

export interface Scene {
  readonly place: Place;
  readonly facts: Facts;
  readonly random: Random;
  /** The file that is changed. */
  readonly key: string;
  /** Writes to it, or behind the storage's back. */
  readonly change: (key: string, bytes: Uint8Array) => Promise<void>;
}

/** False where it makes no sense of this file. */
export type Mutation = (scene: Scene) => Promise<boolean>;

const bytesOf = async ({ place, key }: Scene): Promise<Buffer> => {
  const bytes = await place.read(key);
  if (!bytes) throw new Error(`${key} is not there`);
  return bytes;
};

const onBytes =
  (mutate: (bytes: Buffer, scene: Scene) => Buffer | undefined): Mutation =>
  async (scene) => {
    const bytes = await bytesOf(scene);
    const mutated = mutate(Buffer.from(bytes), scene);
    if (mutated === undefined || bytes.equals(mutated)) return false;
    await scene.change(scene.key, mutated);
    return true;
  };

const flipBit = onBytes((bytes, { random }) => {
  if (bytes.length === 0) return undefined;
  const at = random.pick([0, bytes.length - 1, random.int(bytes.length), random.int(bytes.length)]);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8));
  return bytes;
});

const truncate = onBytes((bytes, { random }) =>
  bytes.length === 0 ? undefined : bytes.subarray(0, random.pick([0, bytes.length - 1, random.int(bytes.length)])),
);

const extend = onBytes((bytes, { random }) =>
  Buffer.concat([bytes, random.pick([Buffer.from('x'), Buffer.from('\n'), Buffer.alloc(100), bytes])]),
);

const zero = onBytes((bytes, { random }) => {
  if (bytes.length === 0) return undefined;
  const from = random.int(bytes.length);
  return bytes.fill(0, from, Math.min(bytes.length, from + 64));
});

const drop: Mutation = async ({ place, key }) => {
  await place.remove(key);
  return true;
};

/** A name beside a file, which nothing of the backup has. */
const beside = (key: string, random: Random): string =>
  random.pick([`${key}.bak`, `${key}~`, key.replace(/([^/]+)$/u, 'x$1'), key.replace(/([^/]+)$/u, 'zz/$1')]);

const rename: Mutation = async (scene) => {
  const { place, key, random } = scene;
  const bytes = await bytesOf(scene);
  await place.remove(key);
  await place.write(beside(key, random), bytes);
  return true;
};

const duplicate: Mutation = async (scene) => {
  await scene.place.write(beside(scene.key, scene.random), await bytesOf(scene));
  return true;
};

const swap: Mutation = async (scene) => {
  const { facts, key, random, change } = scene;
  const kind = facts.kindOf(key);
  const others = kind === undefined ? [] : facts.of(kind).filter((each) => each !== key);
  if (others.length === 0) return false;
  const other = random.pick(others);
  const [mine, theirs] = [await bytesOf(scene), await bytesOf({ ...scene, key: other })];
  await change(key, theirs);
  await change(other, mine);
  return true;
};

/** The file of another backup that has the same place there. */
const replace: Mutation = async (scene) => {
  const { facts, key, random, change } = scene;
  const shape = (name: string): string =>
    name.replace(/^\d{8}-\d{6}\//u, '').replace(/\.[-0-9a-z]+\.(dump|sql|ndjson)\./u, '.*.$1.');
  const others = facts.keys.filter((each) => each !== key && shape(each) === shape(key));
  if (others.length === 0) return false;
  await change(key, await bytesOf({ ...scene, key: random.pick(others) }));
  return true;
};

const places = ['', 'database/', 'inventory/documents/', 'inventory/nobody/', 'objects/documents/', 'objects/media/a/'];
const stranger: Mutation = async ({ place, random }) => {
  const folder = random.pick([
    ...places,
    'objects/nobody/',
    'objects/documents/~ab/',
    'steps/',
    'restores/',
    'steps/x/',
  ]);
  const name = random.pick(['stranger', '~x', 'part-00009.0123456789ab.ndjson.zst', 'dump.json', 'zz']);
  await place.write(`${newer.stamp}/${folder}${name}`, random.bytes(random.int(40)));
  return true;
};

const strangerElsewhere: Mutation = async ({ place, random }) => {
  await place.write(random.pick(['stranger', '20991231-000000/stranger', 'x/y']), random.bytes(5));
  return true;
};

const onJson = (encode: (value: Json, text: string, random: Random) => string | undefined): Mutation =>
  onBytes((bytes, { random }) => {
    const text = bytes.toString('utf8');
    const encoded = encode(JSON.parse(text) as Json, text, random);
    return encoded === undefined ? undefined : Buffer.from(encoded);
  });

const encodeAgain = onJson((value, text, random) =>
  random.pick([
    JSON.stringify(value),
    JSON.stringify(value, undefined, 4),
    canonicalText(value).replaceAll('\n', '\r\n'),
    `\ufeff${text}`,
    text.replace('{', `{${text.slice(text.indexOf('{') + 1, text.indexOf(','))},`),
    text.replace(/"(\w)/u, (_, letter: string) => `"\\u00${letter.charCodeAt(0).toString(16)}`),
  ]),
);

const changeNumber = onJson((_, text, random) => {
  const numbers = [...text.matchAll(/: \d+/gu)];
  if (numbers.length === 0) return undefined;
  const found = random.pick(numbers);
  const value = Number(found[0].slice(2)) + 1;
  return `${text.slice(0, found.index)}: ${value}${text.slice(found.index + found[0].length)}`;
});

export const byteMutations = {
  'flip a bit': flipBit,
  truncate,
  extend,
  'zeros in the middle': zero,
  drop,
  rename,
  duplicate,
  swap,
  'replace by another backup’s': replace,
  'add a stranger': stranger,
} as const satisfies Readonly<Record<string, Mutation>>;

export const textMutations = {
  'encode again': encodeAgain,
  'change a number': changeNumber,
} as const satisfies Readonly<Record<string, Mutation>>;

export const elsewhere = { 'add a stranger elsewhere': strangerElsewhere } as const;
