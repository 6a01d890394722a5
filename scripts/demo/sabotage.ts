import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';

export interface Flipped {
  readonly path: string;
  readonly position: number;
  readonly size: number;
  readonly before: string;
  readonly after: string;
}

const hex = (byte: number): string => `0x${byte.toString(16).padStart(2, '0')}`;

/** One bit of the byte in the middle, in place: size and name stay. */
export const flipByte = (path: string): Flipped => {
  const file = openSync(path, 'r+');
  try {
    const { size } = fstatSync(file);
    const position = Math.floor(size / 2);
    const byte = Buffer.alloc(1);
    readSync(file, byte, 0, 1, position);
    const before = byte.readUInt8(0);
    const after = before ^ 1;
    writeSync(file, Buffer.from([after]), 0, 1, position);
    return { path, position, size, before: hex(before), after: hex(after) };
  } finally {
    closeSync(file);
  }
};
