import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Condition, reasonOf, setCondition } from '../../core/api/conditions.ts';
import {
  catalogue,
  ensureLc2Error,
  errorLine,
  exitStatus,
  hasCode,
  Lc2Error,
  oneLine,
  printable,
} from '../../core/errors.ts';

describe('the catalogue', () => {
  it.each(Object.entries(catalogue))('%s says what to do', (code, { kind, remedy }) => {
    expect(code).toMatch(/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/);
    expect(Object.keys(exitStatus)).toContain(kind);
    expect(remedy.length).toBeGreaterThan(10);
    expect(remedy).toBe(oneLine(remedy));
    expect(remedy).not.toMatch(/[.;]$/);
    expect(reasonOf(code)).toMatch(/^[A-Z][A-Za-z0-9]{0,99}$/);
  });

  it('has different reasons for different codes', () => {
    expect(new Set(Object.keys(catalogue).map(reasonOf)).size).toBe(Object.keys(catalogue).length);
    expect(reasonOf('DATABASE_LOGIN_FAILED')).toBe('DatabaseLoginFailed');
  });

  it('ends steps with statuses that are nobody else’s', () => {
    expect(exitStatus).toEqual({ bug: 1, terminal: 70, retry: 75, user: 78, cancelled: 143 });
    const statuses = Object.values(exitStatus);
    expect(new Set(statuses).size).toBe(statuses.length);
    // Node ends with 2 to 14 by itself, Argo's executor with 64 and 65, shells and kernels with 126 to 139.
    for (const status of statuses)
      expect([0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 64, 65, 126, 127, 128, 130, 137, 139]).not.toContain(
        status,
      );
  });
});

describe('an error', () => {
  it('is one line of what, where and what to do', () => {
    const error = new Lc2Error('DATABASE_UNREACHABLE', 'cannot connect', { where: 'db:5432' });
    expect(error.message).toBe('cannot connect (db:5432); check host, port, DNS and network policies');
    expect(errorLine(error)).toBe(`DATABASE_UNREACHABLE: ${error.message}`);
    expect(new Lc2Error('STORE_FULL', 'x', { remedy: 'y' }).message).toBe('x; y');
    expect(error).toMatchObject({ kind: 'user', what: 'cannot connect', where: 'db:5432' });
  });

  it('keeps its cause, and hides nothing that was not foreseen', () => {
    const cause = new TypeError('x is not a function');
    expect(ensureLc2Error(cause)).toMatchObject({ code: 'BUG', cause, what: 'TypeError: x is not a function' });
    for (const thrown of [undefined, null, 7, 'text', { a: 1 }]) expect(ensureLc2Error(thrown).code).toBe('BUG');
    const known = new Lc2Error('STORE_FULL', 'x');
    expect(ensureLc2Error(known)).toBe(known);
  });

  it('is told by its code', () => {
    expect(hasCode(new Lc2Error('USAGE', 'x'), 'BUG', 'USAGE')).toBe(true);
    expect(hasCode(new Lc2Error('USAGE', 'x'), 'BUG')).toBe(false);
    expect(hasCode({ code: 'USAGE' }, 'USAGE')).toBe(false);
  });

  it('shows marks that turn the direction of writing escaped', () => {
    expect(new Lc2Error('INPUT_INVALID', 'x', { where: 'invoice\u202efdp.exe', remedy: '\u2066y\u200f' }).message).toBe(
      String.raw`x (invoice\u202efdp.exe); \u2066y\u200f`,
    );
  });

  it('never breaks a line or steers a terminal, whatever names it holds', () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom('\n', '\r', '\u001b', '\u007f', '\u0085', '\u009b', '\u2028', '\u2029', '\u0000', 'a', ' '),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
    });
    fc.assert(
      fc.property(text, (name) => {
        const line = errorLine(new Lc2Error('DATABASE_NOT_FOUND', `no ${name}`, { where: name }));
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
        expect(oneLine(line)).toBe(line);
      }),
    );
    expect(oneLine('a\n\tb\u001b[31mc\u0000')).toBe('a b\\u001b[31mc\\u0000');
  });

  it('can be shown in several lines, and as JSON that means the same, without steering a terminal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const shown = printable(JSON.stringify({ name }, undefined, 2));
        expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
        expect(JSON.parse(shown)).toEqual({ name });
      }),
    );
    expect(printable('one\ntwo\u009b31m\r')).toBe('one\ntwo\\u009b31m\\u000d');
  });
});

describe('conditions', () => {
  const condition = (change: Partial<Condition> = {}): Condition => ({
    type: 'Ready',
    status: 'True',
    reason: 'Valid',
    message: '',
    lastTransitionTime: '2025-01-01T00:00:00Z',
    ...change,
  });
  const later = '2025-01-02T00:00:00Z';

  it('keep the time of their last change of status', () => {
    const list = setCondition([condition()], condition({ reason: 'Running', lastTransitionTime: later }));
    expect(list).toEqual([condition({ reason: 'Running' })]);
    expect(setCondition(list, condition({ status: 'False', lastTransitionTime: later }))[0]?.lastTransitionTime).toBe(
      later,
    );
  });

  it('stand once each, sorted, and the old list is left alone', () => {
    const list = [condition({ type: 'Succeeded' }), condition({ type: 'Accepted' })];
    const next = setCondition(list, condition({ type: 'Progressing' }));
    expect(next.map(({ type }) => type)).toEqual(['Accepted', 'Progressing', 'Succeeded']);
    expect(list).toHaveLength(2);
    expect(setCondition(next, condition({ type: 'Accepted', status: 'False' }))).toHaveLength(3);
  });
});
