// Writes 4 MiB into the folder of its argument and prints the code of the error and what is left there.
import { readdir } from 'node:fs/promises';
import { openStore } from '../../steps/stores/index.ts';

const root = process.argv[2] ?? '';
const store = await openStore({
  location: { url: `file://${root}`, region: 'us-east-1', pathStyle: false },
  secrets: {},
  signal: new AbortController().signal,
});
const body = async function* () {
  for (let i = 0; i < 64; i++) yield await Promise.resolve(Buffer.alloc(65_536, i));
};
const code = await store.put('x', body()).then(
  () => 'written',
  (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
);
process.stdout.write(`${code} ${JSON.stringify(await readdir(root))}\n`);
