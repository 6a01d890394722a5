// Loaded before a program that is measured: how long its loop stood still, and its largest memory, told when asked.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface LoopFacts {
  readonly stallMs: number;
  /** Of the longest turn of the loop, what it computed itself: however busy the machine is with others. */
  readonly busyMs: number;
  readonly peakMiB: number;
}

const resolution = 5;
const histogram = monitorEventLoopDelay({ resolution });
histogram.enable();

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};
let before = cpuMs();
let busyMs = 0;
setInterval(() => {
  const now = cpuMs();
  busyMs = Math.max(busyMs, now - before);
  before = now;
}, resolution).unref();

const peakMiB = (): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024;

process.on('message', (message) => {
  if (message === 'reset') {
    histogram.reset();
    before = cpuMs();
    busyMs = 0;
  }
  const facts: LoopFacts = { stallMs: histogram.max / 1e6 - resolution, busyMs, peakMiB: peakMiB() };
  if (message === 'facts') process.send?.(facts);
});
process.channel?.unref();
