import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createReporter } from '../../cli/reporter.ts';
import { createLogger, createRedactor } from '../../steps/runtime/logger.ts';
import { createProgress } from '../../steps/runtime/progress.ts';

describe('redaction', () => {
  const secret = fc.string({
    unit: fc.oneof(
      fc.constantFrom('"', '\\', '/', '%', ' ', '+', 'é', '😀', '\n'),
      fc.string({ minLength: 1, maxLength: 1 }),
    ),
    minLength: 4,
    maxLength: 24,
  });

  it('leaves no secret in a line of the log: plain, in fields, in errors and in urls', () => {
    fc.assert(
      fc.property(
        secret.filter((value) => value.trim().length >= 4),
        (value) => {
          const lines: string[] = [];
          const log = createLogger({
            level: 'info',
            base: {},
            write: (line) => void lines.push(line),
            redact: createRedactor([value]),
          });
          log.info(
            { field: value, deep: { url: `https://user:${encodeURIComponent(value)}@host/` } },
            `before ${value} after`,
          );
          log.error(new Error(value));
          const text = lines.join('');
          // What the stars leave by themselves is no trace of the secret.
          const forms = [value, value.trim(), JSON.stringify(value).slice(1, -1), encodeURIComponent(value)];
          expect(forms.filter((form) => !'***'.includes(form) && text.includes(form))).toEqual([]);
          expect(text).toContain('***');
        },
      ),
      { numRuns: 300 },
    );
  });

  it('takes the longest form first, so nothing of a longer secret stays', () => {
    const redact = createRedactor(['pass', 'password-of-mine']);
    expect(redact('password-of-mine pass')).toBe('*** ***');
  });

  it('also finds a secret without the newline its file ends with', () => {
    const redact = createRedactor(['hunter22\n']);
    expect(redact('user:hunter22@host')).toBe('user:***@host');
  });

  it('leaves what is too short to hide, and survives half characters', () => {
    expect(createRedactor(['abc', ''])('abc')).toBe('abc');
    expect(createRedactor(['\ud800abcd'])('nothing')).toBe('nothing');
  });

  it('leaves valid JSON', () => {
    const lines: string[] = [];
    const log = createLogger({
      level: 'debug',
      base: { step: 'dump' },
      write: (line) => void lines.push(line),
      redact: createRedactor(['se"cret']),
    });
    log.debug({ a: 'se"cret' }, 'x');
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: 'debug', step: 'dump', a: '***', msg: 'x' }),
    ]);
  });
});

describe('progress', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'lc2-progress-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is a share of the flow, never goes back, and is not written all the time', () => {
    const file = join(folder, 'progress');
    let now = 0;
    const progress = createProgress({ file, share: 40, now: () => now });
    const after = (fraction: number, later: number): string => {
      now += later;
      progress.set(fraction);
      return readFileSync(file, 'utf8');
    };
    expect(after(0, 0)).toBe('0/40\n');
    expect(after(0.5, 10)).toBe('0/40\n');
    expect(after(0.5, 1000)).toBe('20/40\n');
    expect(after(0.25, 2000)).toBe('20/40\n');
    expect(after(-1, 2000)).toBe('20/40\n');
    expect(after(Number.NaN, 2000)).toBe('20/40\n');
    expect(after(1, 1)).toBe('40/40\n');
    expect(after(7, 2000)).toBe('40/40\n');
  });

  it('goes nowhere without a file', () => {
    expect(() => createProgress({ file: undefined, share: 1, now: () => 0 }).set(1)).not.toThrow();
  });
});

describe('the reporter', () => {
  const reporterOf = (options: { terminal?: boolean; verbose?: boolean } = {}) => {
    const written: string[] = [];
    let now = 0;
    const reporter = createReporter({
      write: (text) => void written.push(text),
      terminal: false,
      verbose: false,
      now: () => now,
      ...options,
    });
    return { reporter, written, wait: (milliseconds: number) => (now += milliseconds) };
  };

  it('writes plain lines where nobody watches', () => {
    const { reporter, written, wait } = reporterOf();
    reporter.started('dump', 0);
    reporter.progress('dump', 0.5);
    wait(1500);
    reporter.finished('dump');
    reporter.skipped('transfer');
    reporter.retrying('verify', 'STORE_FAILED: x', 10);
    reporter.started('verify', 1);
    reporter.failed('verify', 'x');
    reporter.note('done');
    const text = written.join('');
    expect(text).not.toContain('\u001b');
    expect(text.split('\n').length).toBe(7);
    expect(text).toContain('✓ Dump databases (1.5 s)');
    expect(text).toContain('again in 10 s: STORE_FAILED: x');
    expect(text).toContain('Verify, attempt 2');
  });

  it('moves one line on a terminal', () => {
    const { reporter, written } = reporterOf({ terminal: true });
    reporter.started('dump', 0);
    reporter.started('transfer', 0);
    reporter.progress('dump', 0.256);
    expect(written.at(-1)).toBe('\r\u001b[K  … Dump databases 25% | Transfer objects 0%');
  });

  it('shows the lines of a preview, and the log only when asked', () => {
    const line = JSON.stringify({ preview: true, msg: 'needs 5 bytes' });
    const quiet = reporterOf();
    quiet.reporter.log('preview', line);
    quiet.reporter.log('preview', '{"msg":"other"}');
    quiet.reporter.log('dump', line);
    expect(quiet.written).toEqual(['    needs 5 bytes\n']);
    const loud = reporterOf({ verbose: true });
    loud.reporter.log('dump', 'anything');
    expect(loud.written).toEqual(['anything\n']);
  });
});
