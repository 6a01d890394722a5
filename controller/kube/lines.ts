import { StringDecoder } from 'node:string_decoder';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { brokenConnection, KubeError } from './errors.ts';

const longestLine = 16 * 1024 * 1024;

/** Hands over each line as it arrives. Resolves at the end of the stream; a cut, or an error of `onLine`, rejects. */
export const readLines = async (stream: Readable, onLine: (line: string) => void): Promise<void> => {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > longestLine) throw new Error('an event is too large');
      lines.filter((line) => line.trim() !== '').forEach(onLine);
      // A flood of events must not keep timers and answers waiting.
      if (lines.length > 0) await setImmediate();
    }
  } catch (error) {
    throw error instanceof KubeError ? error : brokenConnection(error);
  }
  if (rest.trim() !== '') throw brokenConnection(new Error('the stream ended within an event'));
};
