import { StringDecoder } from 'node:string_decoder';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { brokenConnection, KubeError } from './errors.ts';

const longestLine = 16 * 1024 * 1024;
/** So many events may be worth some milliseconds: then timers and answers get their turn. */
const turn = 20;

/** Hands over each line as it arrives. Resolves at the end of the stream; a cut, or an error of `onLine`, rejects. */
export const readLines = async (stream: Readable, onLine: (line: string) => void): Promise<void> => {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > longestLine) throw new Error('an event is too large');
      for (let from = 0; from < lines.length; from += turn) {
        const some = lines.slice(from, from + turn);
        some.filter((line) => line.trim() !== '').forEach(onLine);
        await setImmediate();
      }
    }
  } catch (error) {
    throw error instanceof KubeError ? error : brokenConnection(error);
  }
  if (rest.trim() !== '') throw brokenConnection(new Error('the stream ended within an event'));
};
