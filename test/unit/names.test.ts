import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { restoreRequestSpec } from '../../core/api/restore-request.ts';
import { isStorageKey } from '../../core/manifest/inventory.ts';
import { backupIdOf, isStamp, stampOf, timeOfStamp, tryStampOfId } from '../../core/plan/backup-id.ts';
import { escapedKey, isPlainKey, layout } from '../../core/plan/layout.ts';
import { restoreRecordName } from '../../core/plan/requests.ts';
import { derivedName } from '../../core/plan/restore-plan.ts';
import { sha256 } from '../../steps/runtime/bytes.ts';

const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/);
const time = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true });
const databaseName = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom('a', '.', '/', '"', '%', '~', 'é', '漢', '😀', ' '),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    ),
    minLength: 1,
    maxLength: 63,
  })
  .filter((name) => name.isWellFormed() && Buffer.byteLength(name) <= 63);

describe('backup ids', () => {
  it('carry the time in UTC, to the second', () => {
    const at = new Date('2025-11-09T16:30:00.999+02:00');
    expect(stampOf(at)).toBe('20251109-143000');
    expect(backupIdOf({ projectId: 'retail', environment: 'prd', stamp: stampOf(at) })).toBe(
      'retail-prd-backup-20251109-143000',
    );
    expect(timeOfStamp('20251109-143000')).toBe('2025-11-09T14:30:00Z');
  });

  it('are read back by the environment that made them', () => {
    fc.assert(
      fc.property(label, label, time, (projectId, environment, at) => {
        const stamp = stampOf(at);
        expect(isStamp(stamp)).toBe(true);
        expect(stampOf(new Date(timeOfStamp(stamp)))).toBe(stamp);
        const id = backupIdOf({ projectId, environment, stamp });
        expect(tryStampOfId(id, { projectId, name: environment })).toBe(stamp);
        expect(tryStampOfId(`x${id}`, { projectId, name: environment })).toBeUndefined();
        expect(tryStampOfId(`${id}/..`, { projectId, name: environment })).toBeUndefined();
      }),
    );
  });

  it('sort as their times do', () => {
    fc.assert(
      fc.property(time, time, (a, b) => {
        const [x, y] = [stampOf(a), stampOf(b)];
        expect(x < y).toBe(Math.floor(a.getTime() / 1000) < Math.floor(b.getTime() / 1000));
      }),
    );
  });

  it.each([
    'retail-prd-backup-20251109-14300',
    'retail-prd-backup-',
    'retail-prd-backup-latest00-000000',
    'latest',
    '',
  ])('are not %j', (id) => expect(tryStampOfId(id, { projectId: 'retail', name: 'prd' })).toBeUndefined());
});

describe('places in storage', () => {
  it('of dumps stay one file below the run, whatever the database is called', () => {
    fc.assert(
      fc.property(databaseName, fc.uuid(), (database, attempt) => {
        const key = layout.dump('20251109-143000', database, attempt);
        expect(posix.normalize(key)).toBe(key);
        expect(key.split('/')).toHaveLength(3);
        expect(isStorageKey(key)).toBe(true);
        expect(Buffer.byteLength(posix.basename(key))).toBeLessThanOrEqual(255);
        expect(key).toMatch(/^20251109-143000\/database\/[-A-Za-z0-9_%]+\.[-0-9a-f]{36}\.dump\.zst$/);
      }),
    );
  });

  it('of dumps are never those of another database', () => {
    fc.assert(
      fc.property(databaseName, databaseName, (a, b) => {
        expect(layout.dump('s', a, 'x') === layout.dump('s', b, 'x')).toBe(a === b);
      }),
    );
    const long = '漢'.repeat(20);
    expect(layout.dump('s', `${long}一`, 'x')).not.toBe(layout.dump('s', `${long}二`, 'x'));
    expect(layout.dump('s', 'globals', 'x')).not.toBe(layout.globals('s', 'x'));
  });

  it.each([
    ['documents/1/2.pdf', true],
    ['a b/é😀', true],
    ['', false],
    ['/a', false],
    ['a//b', false],
    ['a/', false],
    ['a/./b', false],
    ['a/../b', false],
    ['..', false],
    ['a\nb', false],
    ['a\u007f', false],
    ['a\\b', false],
    ['a\ufffd', false],
    ['~mine', false],
    ['a/~b', true],
    ['x'.repeat(255), true],
    ['x'.repeat(256), false],
    [`${'é'.repeat(127)}/x`, true],
    ['é'.repeat(128), false],
    [`${'x/'.repeat(480)}x`, true],
    [`${'x/'.repeat(510)}x`, false],
  ])('keep the key %j as it is: %s', (key, plain) => {
    expect(isPlainKey(key, 60)).toBe(plain);
  });

  it('of plain keys never leave the folder, and of escaped ones neither', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (key) => {
        const at = isPlainKey(key, 60) ? key : escapedKey(sha256(key));
        expect(posix.join('run/objects/store', at)).toBe(`run/objects/store/${at}`);
        expect(isStorageKey(`run/objects/store/${at}`)).toBe(true);
        expect(at.startsWith('~')).toBe(!isPlainKey(key, 60));
      }),
    );
  });

  it.each(['', '/', '/etc/passwd', 'a/../../b', '..', 'a//b', './a', 'a/.', 'a/'])('are not at %j', (key) => {
    expect(isStorageKey(key)).toBe(false);
  });
});

describe('names of databases that a restore makes', () => {
  const derive = (database: string, word: 'restore' | 'before' = 'restore', restoreId = 'a1b2c3d4e5'): string =>
    derivedName({ database, word, restoreId }, 63, sha256);

  it('fit, are told apart and are always the same', () => {
    fc.assert(
      fc.property(databaseName, databaseName, (a, b) => {
        expect(Buffer.byteLength(derive(a))).toBeLessThanOrEqual(63);
        expect(derive(a).isWellFormed()).toBe(true);
        expect(derive(a)).toBe(derive(a));
        expect(derive(a) === derive(b)).toBe(a === b);
        expect(derive(a)).not.toBe(derive(a, 'before'));
        expect(derive(a)).not.toBe(derive(a, 'restore', 'ffffffffff'));
      }),
    );
  });

  it('say what they are', () => {
    expect(derive('lportal')).toBe('lportal_restore_a1b2c3d4e5');
    expect(derive('lportal', 'before')).toBe('lportal_before_a1b2c3d4e5');
    const [one, two] = [derive(`${'x'.repeat(62)}1`), derive(`${'x'.repeat(62)}2`)];
    expect(one).toMatch(/^x{30,}~[0-9a-f]{8}_restore_a1b2c3d4e5$/);
    expect(one).not.toBe(two);
    expect(Buffer.byteLength(one)).toBe(63);
  });
});

describe('names of restores', () => {
  const spec = restoreRequestSpec.parse({ backup: { latest: true }, into: 'uat', confirm: 'uat' });
  const nameOf = (name: string, change: object = {}): string =>
    restoreRecordName({ name, namespace: 'ns' }, { ...spec, ...change }, sha256);

  it('are the same for the same wish, and for a cancelled one', () => {
    expect(nameOf('monday')).toBe(nameOf('monday', { cancel: true }));
    expect(nameOf('monday')).toMatch(/^monday-[0-9a-f]{16}$/);
    expect(nameOf('x'.repeat(253))).toHaveLength(117);
  });

  it.each([{ into: 'prd' }, { components: ['database'] }, { prefixes: ['a'] }, { databaseMode: 'in-place' }])(
    'differ with %j',
    (change) => expect(nameOf('monday', change)).not.toBe(nameOf('monday')),
  );
});
