import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalLine } from '../../core/manifest/canonical.ts';
import { formatLine, type InventoryLine, isUnchanged, parseLine } from '../../core/manifest/inventory.ts';

const text = fc.string({ unit: 'binary', maxLength: 20 });
const checksum = fc.record({ algorithm: fc.constantFrom('md5' as const, 'etag' as const), value: text });
const line: fc.Arbitrary<InventoryLine> = fc.record(
  {
    key: text.filter((key) => key !== ''),
    size: fc.maxSafeNat(),
    mtime: text,
    version: text,
    at: fc.constantFrom('20250101-000000/objects/s/a', '20250101-000000/objects/s/~ab/cd', 'live'),
    checksum,
    stored: checksum,
    digest: text,
    contentType: text,
    metadata: fc.dictionary(fc.oneof(text, fc.constantFrom('__proto__', 'constructor', '10', '9')), text, {
      maxKeys: 4,
    }),
  },
  { requiredKeys: ['key', 'size', 'mtime', 'version', 'at'] },
);
const plain: InventoryLine = { key: 'k', size: 1, mtime: 't', version: 'v', at: 's/objects/a/k' };

describe('inventory lines', () => {
  it('come back as they were written, one line each', () => {
    fc.assert(
      fc.property(line, (wanted) => {
        const written = formatLine(wanted);
        expect(written.indexOf('\n')).toBe(written.length - 1);
        expect(parseLine(written, 'part')).toEqual(wanted);
        expect(formatLine(parseLine(written, 'part'))).toBe(written);
        expect(written).toBe(`${canonicalLine(JSON.parse(written))}\n`);
      }),
    );
  });

  it.each([
    ['not JSON', '{"key"'],
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '7'],
    ['no key', { key: undefined }],
    ['an empty key', { key: '' }],
    ['a key that is no text', { key: 5 }],
    ['a negative size', { size: -1 }],
    ['a broken size', { size: 1.5 }],
    ['a size beyond what a number holds', { size: 2 ** 60 }],
    ['a size as text', { size: '1' }],
    ['no version', { version: undefined }],
    ['no time', { mtime: 5 }],
    ['no place', { at: undefined }],
    ['a place above the folder', { at: '../other/manifest.json' }],
    ['a place at the root', { at: '/etc/passwd' }],
    ['a place with a dot', { at: 'a/./b' }],
    ['a checksum of another kind', { checksum: { algorithm: 'crc', value: 'x' } }],
    ['a checksum without value', { checksum: { algorithm: 'md5' } }],
    ['a checksum that is text', { checksum: 'abc' }],
    ['a stored checksum that is null', { stored: null }],
    ['a digest that is no text', { digest: 5 }],
    ['a content type that is no text', { contentType: {} }],
    ['metadata that is a list', { metadata: ['a'] }],
    ['metadata that is null', { metadata: null }],
    ['metadata with a number', { metadata: { a: 1 } }],
  ])('with %s are damage, and the part is named', (_, change) => {
    const written = typeof change === 'string' ? change : JSON.stringify({ ...plain, ...change });
    expect(() => parseLine(written, 'inventory/part-00000')).toThrow(
      expect.objectContaining({ code: 'BACKUP_DAMAGED', where: 'inventory/part-00000' }),
    );
  });

  it('with __proto__ pollute nothing', () => {
    const parsed = parseLine(
      '{"__proto__":{"key":"k","size":1},"size":1,"mtime":"","version":"","at":"a","key":"x"}',
      'p',
    );
    expect(parsed.key).toBe('x');
    expect(({} as Record<string, unknown>)['key']).toBeUndefined();
    expect(() => parseLine('{"__proto__":{"key":"k","size":1,"mtime":"","version":"","at":"a"}}', 'p')).toThrow(
      'malformed',
    );
  });
});

describe('an object is unchanged', () => {
  const object = {
    key: 'k',
    size: 1,
    mtime: 'other',
    version: 'v',
    checksum: { algorithm: 'md5', value: 'x' },
  } as const;
  const held: InventoryLine = { ...plain, checksum: object.checksum };

  it('when size, version and checksum are the same', () => {
    expect(isUnchanged(held, object)).toBe(true);
    expect(isUnchanged(plain, { key: 'k', size: 1, mtime: 't', version: 'v' })).toBe(true);
  });

  it.each([
    { size: 2 },
    { version: 'w' },
    { checksum: { algorithm: 'md5', value: 'y' } as const },
    { checksum: { algorithm: 'etag', value: 'x' } as const },
  ])('but not with %j', (change) => {
    expect(isUnchanged(held, { ...object, ...change })).toBe(false);
    expect(isUnchanged(plain, object)).toBe(false);
  });
});
