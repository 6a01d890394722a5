// The log of a run is evidence: who reads it shall see what each test proved, and by what.
const started = performance.now();

export const say = (test: string, text: string): void => {
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  process.stdout.write(`${seconds} s [${test}] ${text}\n`);
};
