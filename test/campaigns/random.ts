import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** The same seed gives the same values on every machine. */
export interface Random {
  /** From 0 up to, and without, `below`. */
  int(below: number): number;
  /** Both ends included. */
  between(least: number, most: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  shuffle<T>(list: readonly T[]): T[];
  bytes(length: number): Buffer;
}

/** `salt` keeps apart what is drawn for the cases of one campaign. */
export const randomFrom = (seed: number, salt = 0): Random => {
  const generator = xoroshiro128plus(Math.imul(seed, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b));
  // Neighbouring seeds begin alike; they part after a few draws.
  for (let n = 0; n < 8; n++) generator.next();
  const between = (least: number, most: number): number => uniformInt(generator, least, most);
  const int = (below: number): number => between(0, below - 1);
  const pick = <T>(list: readonly T[]): T => {
    if (list.length === 0) throw new RangeError('nothing to pick from');
    return list[int(list.length)] as T;
  };
  const shuffle = <T>(list: readonly T[]): T[] => {
    const left = [...list];
    return list.flatMap(() => left.splice(int(left.length), 1));
  };
  return {
    int,
    between,
    chance: (probability) => between(0, 999_999) < probability * 1_000_000,
    pick,
    shuffle,
    bytes: (length) => Buffer.from(Array.from({ length }, () => int(256))),
  };
};
