// Loaded before a program that is measured: how long its loop stood still, and its largest memory, told when asked.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface LoopFacts {
  readonly stallMs: number;
  readonly peakMiB: number;
}

const resolution = 5;
const histogram = monitorEventLoopDelay({ resolution });
histogram.enable();

const peakMiB = (): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024;

process.on('message', (message) => {
  if (message === 'reset') histogram.reset();
  const facts: LoopFacts = { stallMs: histogram.max / 1e6 - resolution, peakMiB: peakMiB() };
  if (message === 'facts') process.send?.(facts);
});
process.channel?.unref();
