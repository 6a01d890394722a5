// What a case is made of, drawn from its seed before anything runs.
import { type Random, randomFrom } from '../random.ts';
import { type DrawnDatabase, drawDatabase } from './database/database.ts';
import { encodings } from './database/draw.ts';
import { type DrawnLibrary, drawLibrary } from './library.ts';
import type { PlaceKind } from './place.ts';
import { restoreForms, type RestoreForm } from './restores.ts';
import type { World } from './world.ts';

export interface PlanOptions {
  readonly seed: number;
  readonly index: number;
  readonly world: World;
  /** Kinds to draw and nothing else. */
  readonly only: readonly string[];
  /** Restores to make, instead of drawn ones. */
  readonly restores: readonly RestoreForm[];
}

export interface CasePlan {
  readonly index: number;
  readonly random: Random;
  /** Apart, because how often it is asked depends on how long a backup takes. */
  readonly ofWriter: Random;
  readonly databases: readonly (DrawnDatabase & { readonly create: string })[];
  readonly library: DrawnLibrary;
  readonly source: PlaceKind;
  readonly storage: PlaceKind;
  readonly target: PlaceKind;
  /** Few kinds, no writer, one backup: to look at one thing quickly. */
  readonly narrow: boolean;
  /** Which of the two backups are made while the writer works. */
  readonly busy: readonly [boolean, boolean];
  readonly restores: readonly RestoreForm[];
}

const kinds: readonly PlaceKind[] = ['file', 'gateway', 'memory'];
const oddNames = [
  'with space',
  `quo"te'd`,
  'ünï 漢字 😀',
  'semi;colon',
  '100%=v&a=b',
  'back\\slash',
  'postgres://u@h/x',
  'dbname=x',
  '-rf $(id)',
  'UPPER',
];

export const drawPlan = ({ seed, index, world, only, restores }: PlanOptions): CasePlan => {
  const random = randomFrom(seed, index);
  const { roles, available, tablespace } = world;
  const narrow = only.length > 0;
  // Folders and buckets in every role, one after the other: nine cases see all pairs of source and storage.
  const place = (n: number): PlaceKind => kinds[n % kinds.length] ?? 'file';
  const [source, storage, target] = narrow
    ? (['file', 'file', 'file'] as const)
    : ([place(index + seed), place(Math.floor(index / 3) + index), random.pick(kinds)] as const);
  const database = (portable: boolean) => {
    const anyEncoding = only.includes('encodings') || (!narrow && random.chance(0.4));
    const named = roles.every((role) => /^[ -~]*$/u.test(role))
      ? encodings
      : encodings.filter((each) => each !== 'EUC_JP');
    const encoding = anyEncoding ? random.pick(named) : 'UTF8';
    // What the whole server shares has one encoding: names that only UTF8 databases could read are for them.
    const readable = (text: string): boolean => encoding === 'UTF8' || /^[ -~]*$/u.test(text);
    const name = `${random.pick(oddNames.filter(readable))} ${seed}-${index}${portable ? 'p' : ''}`;
    const padded =
      random.chance(0.1) && !narrow ? name.padEnd(63 - (Buffer.byteLength(name) - name.length), 'x') : name;
    const drawn = drawDatabase({
      random,
      name: padded,
      encoding,
      portable,
      roles: roles.filter(readable),
      available,
      tablespace,
      only: only.filter((kind) => kind !== 'encodings'),
    });
    return { ...drawn, create: createSql(padded, { random, encoding, tablespace, narrow }) };
  };
  return {
    index,
    random,
    ofWriter: randomFrom(seed, index + 100_000),
    databases: narrow ? [database(false)] : [database(false), database(true)],
    library: drawLibrary({ random, places: [source, target], objects: narrow ? 3 : random.between(20, 60) }),
    source,
    storage,
    target,
    narrow,
    busy: narrow
      ? [false, false]
      : random.pick([
          [true, false],
          [true, true],
          [false, true],
        ] as const),
    restores: restores.length > 0 ? restores : random.shuffle(restoreForms).slice(0, 4),
  };
};

const createSql = (
  name: string,
  options: { random: Random; encoding: string; tablespace: string; narrow: boolean },
): string => {
  const { random, encoding, tablespace, narrow } = options;
  const plain = `LC_COLLATE 'C' LC_CTYPE 'C'`;
  const locale =
    encoding === 'UTF8'
      ? random.pick([
          plain,
          `LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'`,
          `${plain} LOCALE_PROVIDER icu ICU_LOCALE 'de-u-kn-true'`,
        ])
      : plain;
  const place = !narrow && random.chance(0.2) ? ` TABLESPACE ${tablespace}` : '';
  return `CREATE DATABASE "${name.replaceAll('"', '""')}" TEMPLATE template0 ENCODING '${encoding}' ${locale}${place}`;
};
