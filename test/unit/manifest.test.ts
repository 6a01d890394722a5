import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical, canonicalLine, type Json } from '../../core/manifest/canonical.ts';
import { parseManifest, sealManifest } from '../../core/manifest/manifest.ts';
import { compareUtf8 } from '../../core/utf8.ts';
import { sha256 } from '../../steps/runtime/bytes.ts';
import { manifestBody, sealed } from './support/samples.ts';
import { codeOf } from './support/streams.ts';

/** Values as JSON.parse gives them: keys of every kind, `__proto__` among them. */
const json = fc.json({ maxDepth: 4 }).map((text): Json => JSON.parse(text));

const shuffled = (value: Json): Json => {
  if (Array.isArray(value)) return (value as readonly Json[]).map(shuffled);
  if (value === null || typeof value !== 'object') return value;
  const copy: Record<string, Json> = {};
  for (const [key, member] of Object.entries(value).toReversed())
    Object.defineProperty(copy, key, { value: shuffled(member ?? null), enumerable: true });
  return copy;
};

describe('canonical JSON', () => {
  it('means the same, has one form, and that form is stable', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonical(value);
        expect(JSON.parse(text)).toEqual(value);
        expect(canonical(shuffled(value))).toBe(text);
        expect(canonical(JSON.parse(text))).toBe(text);
        expect(JSON.parse(canonicalLine(value))).toEqual(value);
        expect(canonicalLine(value)).not.toContain('\n');
      }),
      { numRuns: 500 },
    );
  });

  it('has keys in the order of their UTF-8 bytes, numbers too', () => {
    const keys = ['10', '9', '1', 'b', 'a', '😀', '\uffff', '', 'B', '__proto__'];
    const value = JSON.parse(`{${keys.map((key) => `${JSON.stringify(key)}:1`).join(',')}}`);
    const found = [...canonical(value).matchAll(/^ {2}("(?:[^"\\]|\\.)*"): 1,?$/gm)].map(([, key]) =>
      JSON.parse(key ?? ''),
    );
    expect(found).toEqual(keys.toSorted(compareUtf8));
  });

  it('is what JSON.stringify writes with two spaces and a newline', () => {
    const value = { a: [], b: {}, c: [1, [2, { d: null }]], e: 'x"\n\u2028', f: 1e21, g: false };
    expect(canonical(value)).toBe(`${JSON.stringify(value, undefined, 2)}\n`);
    expect(canonicalLine(value)).toBe(JSON.stringify(value));
  });

  it('leaves out what is undefined', () => {
    expect(canonicalLine({ b: undefined, a: 1 })).toBe('{"a":1}');
    expect(canonical({ b: undefined })).toBe('{}\n');
  });
});

describe('the manifest', () => {
  const { manifest, text } = sealed();
  const parse = (bytes: string): unknown => parseManifest(bytes, 's3://x/manifest.json', sha256);
  const resealed = (change: Record<string, Json>): string => {
    const plain = { ...JSON.parse(text), ...change };
    delete plain.digest;
    return canonical({ ...plain, digest: sha256(canonical(plain)) });
  };

  it('comes back as it was sealed', () => {
    expect(parse(text)).toEqual(manifest);
    expect(manifest.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(sealed().text).toBe(text);
  });

  it('is refused when one byte of what is stored is another', () => {
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.nat(bytes.byteLength - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const stored = Buffer.from(bytes);
        stored.writeUInt8((stored[at] ?? 0) ^ change, at);
        expect(() => parse(stored.toString('utf8'))).toThrow(
          expect.objectContaining({ kind: expect.any(String), where: 's3://x/manifest.json' }),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('is refused when any byte has one flipped bit, is missing or is doubled', () => {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.byteLength; at += 7) {
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8((flipped[at] ?? 0) ^ (1 << (at % 8)), at);
      const without = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
      const doubled = Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)]);
      for (const stored of [flipped, without, doubled])
        expect(() => parse(stored.toString('utf8'))).toThrow('manifest');
    }
  });

  it('is refused when cut anywhere', () => {
    for (let end = 0; end < text.length; end += 11) expect(() => parse(text.slice(0, end))).toThrow('not JSON');
  });

  it('is refused when it means the same in another form', async () => {
    expect(await codeOf(() => parse(JSON.stringify(manifest)))).toBe('MANIFEST_INVALID');
    expect(await codeOf(() => parse(`${text}\n`))).toBe('MANIFEST_INVALID');
    expect(await codeOf(() => parse(`\ufeff${text}`))).toBe('MANIFEST_INVALID');
  });

  it.each([
    ['[]', 'MANIFEST_INVALID'],
    ['null', 'MANIFEST_INVALID'],
    ['7', 'MANIFEST_INVALID'],
    ['{}', 'MANIFEST_VERSION'],
    ['{"version":2}', 'MANIFEST_VERSION'],
    ['{"version":"3.0"}', 'MANIFEST_VERSION'],
    ['{"version":"1.9"}', 'MANIFEST_VERSION'],
    ['{"version":"2.0x"}', 'MANIFEST_VERSION'],
    ['{"version":"2.0"}', 'MANIFEST_INVALID'],
    ['{"__proto__":{"version":"2.0"}}', 'MANIFEST_VERSION'],
  ])('is refused when it is %s', async (stored, code) => {
    expect(await codeOf(() => parse(stored))).toBe(code);
  });

  it('of a later minor version is read, with its new fields under the digest', () => {
    expect(parse(resealed({ version: '2.7', invented: { later: [1] } }))).toMatchObject({
      version: '2.7',
      backupId: manifest.backupId,
    });
    const forged = resealed({ invented: 1 }).replace('"invented": 1', '"invented": 2');
    expect(() => parse(forged)).toThrow('digest');
  });

  it('of an unknown major version is refused even when well sealed', async () => {
    expect(await codeOf(() => parse(resealed({ version: '3.0' })))).toBe('MANIFEST_VERSION');
  });

  it('that is well sealed and malformed is refused', async () => {
    for (const change of [
      { backupId: '' },
      { timestamp: 'yesterday' },
      { objectStores: {} },
      { sizes: { database: -1 } },
      { digestless: 1, leftovers: [''] },
    ])
      expect(await codeOf(() => parse(resealed(change as Record<string, Json>)))).toBe('MANIFEST_INVALID');
  });

  const body = manifestBody();
  const [store] = body.objectStores;
  const [part] = store?.inventory ?? [];
  const withStore = (change: object): object => ({ objectStores: [{ ...store, ...change }] });
  const withDump = (change: object): object => ({
    database: { ...body.database, dumps: body.database?.dumps.map((dump) => ({ ...dump, ...change })) },
  });
  it.each([
    ['id', { backupId: 'retail-prd-backup-20251109-143001' }],
    ['time', { timestamp: '2025-11-09T14:30:01Z' }],
    ['environment', { environment: 'uat' }],
    ['components', { components: ['database'] }],
    ['components, twice', { components: ['database', 'documentLibrary', 'database'] }],
    ['size of the dumps', { sizes: { ...body.sizes, database: 19 } }],
    ['size of the objects', { sizes: { ...body.sizes, objects: 19 } }],
    ['copied bytes', { sizes: { ...body.sizes, copied: 19 } }],
    ['verification', { verification: { ...body.verification, database: 'none' } }],
    ['names of databases', withDump({ database: 'lportal' })],
    ['place of a dump', withDump({ key: '../../etc/passwd' })],
    [
      'place of the globals',
      { database: { ...body.database, globals: { key: 'owner.json', digest: 'a'.repeat(64), size: 1 } } },
    ],
    ['count of a store', withStore({ objectCount: 2 })],
    ['bytes of a store', withStore({ bytes: 21 })],
    ['name of a store', withStore({ name: '../x' })],
    [
      'place of an inventory',
      withStore({ inventory: [{ ...part, key: '20251109-143000/inventory/other/part-00000.x.ndjson.zst' }] }),
    ],
    ['inventories, twice', withStore({ inventory: [part, part], objectCount: 2, bytes: 40 })],
    ['first and last of an inventory', withStore({ inventory: [{ ...part, first: 'b' }] })],
    ['references', withStore({ references: ['../x'] })],
    ['place of a leftover', { leftovers: ['20251108-143000/database/x'] }],
    ['files, twice', { leftovers: [part?.key] }],
  ])('that is well sealed and contradicts itself is refused: %s', async (_, change) => {
    expect(await codeOf(() => parse(resealed(change as Record<string, Json>)))).toBe('MANIFEST_INVALID');
  });

  it('is not sealed from what is malformed', () => {
    expect(() => sealManifest({ ...manifestBody(), timestamp: 'yesterday' }, sha256)).toThrow('timestamp');
  });
});
