// A library drawn from a seed: keys that folders, listings, XML, URLs and string order get wrong, as far as its places hold them.
import type { Random } from '../random.ts';
import type { DrawnObject, PlaceKind } from './place.ts';

const oddities = Array.from(
  'aBé漢\uffee😀\u{10ffff}\ue000\u200b\u2028\ufeff\u0085\u007f\u0301 +%&<>"\'\\#?*[;`~=:|!-',
).concat(['%2F', '%00', '$(id)', '{{x}}', '..', 'e\u0301', '漢字']);
const segments = [
  '-rf',
  '...',
  '.hidden',
  '__proto__',
  'manifest.json',
  'CON',
  'Case',
  'case',
  '~ab',
  'x.',
  ' lead',
  'trail ',
  '19700101-000000',
];
/** The gateway's listing replaces control characters, but for these; the imitation routes no line feed. */
const controls: Readonly<Record<PlaceKind, (code: number) => boolean>> = {
  file: (code) => code !== 0,
  gateway: (code) => code === 9 || code === 10 || code === 13,
  memory: (code) => code !== 10,
};
/** Bytes of a name. The gateway puts a new object beside the old one first, under a name that is longer, and says of what is too long that
 * it is a directory. */
const longestName: Readonly<Record<PlaceKind, number>> = { file: 255, gateway: 220, memory: 1024 };
/** A folder has neither empty segments nor `.`, nor a file that is a folder, too. */
const isFlat = (kind: PlaceKind): boolean => kind === 'memory';

const bytesOf = (text: string): number => Buffer.byteLength(text);

export interface LibraryOptions {
  readonly random: Random;
  /** Everywhere that its objects go: all must hold every key. */
  readonly places: readonly PlaceKind[];
  readonly objects: number;
}

export interface DrawnLibrary {
  readonly objects: readonly DrawnObject[];
  /** Another object, or another content for one that is there. */
  readonly next: (key?: string) => DrawnObject;
}

export const drawLibrary = ({ random, places, objects }: LibraryOptions): DrawnLibrary => {
  const flat = places.every(isFlat);
  const allowed = Array.from({ length: 32 }, (_, code) => code).filter((code) =>
    places.every((place) => controls[place](code)),
  );
  const control = (): string => String.fromCharCode(random.pick(allowed.length > 0 ? allowed : [97]));
  const segment = (): string => {
    const form = random.int(8);
    if (form === 0) return random.pick(segments);
    if (form === 1) return `c${control()}${control()}x`;
    if (form === 2) return random.pick(['x', '漢', 'é']).repeat(random.pick([1, 20, 60, 80]));
    return Array.from({ length: random.between(1, 5) }, () => random.pick(oddities)).join('');
  };
  const longest = Math.min(...places.map((place) => longestName[place]));
  const taken = new Set<string>();
  const folders = new Set<string>();
  const fits = (key: string): boolean => {
    const parts = key.split('/');
    if (key === '' || bytesOf(key) > 1024 || taken.has(key)) return false;
    if (flat) return key.isWellFormed();
    if (folders.has(key) || parts.some((part) => ['', '.', '..'].includes(part) || bytesOf(part) > longest))
      return false;
    return parts.every((_, n) => n === 0 || !taken.has(parts.slice(0, n).join('/')));
  };
  const longKey = (): string => {
    const start = Array.from({ length: 4 }, () => 'k'.repeat(200)).join('/');
    return `${start}/${random.pick(['y', 'Y'])}`.padEnd(1020, 'z').slice(0, random.pick([1024, 1020, 1000]));
  };
  const draft = (): string => {
    const before = [...taken];
    const form = random.int(flat ? 12 : 9);
    if (form === 0 && before.length > 0)
      return `${random.pick(before)}${random.pick(['.b', '-b', '0', '\u007f', ' '])}`;
    if (form === 1) return longKey();
    if (form === 9 && before.length > 0) return `${random.pick(before)}/${segment()}`;
    if (form === 10)
      return random.pick(['/lead', 'a//b', 'trail/', './x', 'x/../y', '..', '.', '//', 'p', 'p/', 'p/q', 'p//q']);
    if (form === 11) return 'k'.repeat(1024);
    return Array.from({ length: random.pick([1, 1, 2, 2, 3, 6]) }, segment).join('/');
  };
  const key = (): string => {
    for (let tries = 0; tries < 50; tries++) {
      const drawn = draft();
      if (!fits(drawn)) continue;
      taken.add(drawn);
      for (const [at, letter] of Array.from(drawn).entries())
        if (letter === '/') folders.add(Array.from(drawn).slice(0, at).join(''));
      return drawn;
    }
    throw new Error('fifty keys in a row that do not fit');
  };
  let versions = 0;
  /** Metadata alone is nothing that is compared: what is written anew has other bytes. */
  const next = (known?: string): DrawnObject => ({
    key: known ?? key(),
    body: known === undefined ? bodyOf(random) : Buffer.concat([bodyOf(random), Buffer.from(` version ${++versions}`)]),
    ...detailsOf(random),
  });
  const whole = Array.from({ length: objects }, () => next());
  return { objects: [...whole, ...(random.chance(0.6) ? [inParts(next(), random)] : [])], next };
};

const bodyOf = (random: Random): Buffer => {
  const size = random.pick([0, 1, 20, 300, 300, 4096]);
  return random.bytes(size);
};

const detailsOf = (random: Random): Partial<DrawnObject> => ({
  ...(random.chance(0.5) && {
    contentType: random.pick(['text/plain; charset=utf-8', 'application/x-odd; a="b;c"', 'image/png', 'x']),
  }),
  ...(random.chance(0.4) && {
    metadata: Object.fromEntries(
      random
        .shuffle(['note', 'x-y_z.1', 'owner', 'a'])
        .slice(0, random.between(1, 3))
        .map((name) => [name, random.pick(['1', 'a  b', '%20+"x"', '=?utf-8?b?w6k=?='])]),
    ),
  }),
});

/** As clients upload what is large: five mebibytes are the least that a part may have. */
const inParts = (object: DrawnObject, random: Random): DrawnObject => {
  const sizes = [5 * 1024 * 1024, random.pick([1, 70_000, 5 * 1024 * 1024])];
  const tail = random.bytes(1000);
  const body = Buffer.alloc(
    sizes.reduce((sum, size) => sum + size, 0),
    tail,
  );
  return { ...object, body, parts: sizes };
};
