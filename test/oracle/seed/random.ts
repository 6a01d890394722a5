// Numbers that are the same on every machine for the same seed.

export interface Random {
  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number;
  chance(probability: number): boolean;
  hex(digits: number): string;
  bytes(length: number): Buffer;
}

/** A 32-bit xorshift: good enough for test data, and for nothing else. */
export function randomFrom(seed: number): Random {
  let state = (Math.imul(Math.trunc(seed) + 1, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  const between = (from: number, to: number) => from + (next() % (to - from + 1));
  return {
    between,
    chance: (probability) => next() / 0x1_0000_0000 < probability,
    hex: (digits) => Array.from({ length: digits }, () => (next() >>> 28).toString(16)).join(''),
    bytes: (length) => {
      const words = new Uint32Array(Math.ceil(length / 4));
      for (let index = 0; index < words.length; index += 1) words[index] = next();
      return Buffer.from(words.buffer).subarray(0, length);
    },
  };
}
