import { describe, expect, test } from 'vitest';
import { type EstimateSpec, estimateShape } from '../../core/api/estimate.ts';
import { estimateLine, estimateOf, type Movement } from '../../core/plan/estimate.ts';

const gibibyte = 1024 ** 3;
const [s3, gs, other] = [
  { url: 's3://backups', endpoint: undefined, region: 'eu-central-1' },
  { url: 'gs://library', endpoint: undefined, region: 'us-east-1' },
  { url: 's3://library', endpoint: undefined, region: 'us-east-1' },
];
const prices = { prices: [{ from: 's3', perGiB: 0.09, perThousandRequests: 0.4 }] };
const lineOf = (movement: Partial<Movement>, more: Partial<EstimateSpec> | typeof prices = {}): string | undefined => {
  const whole = { from: s3, to: gs, objects: 1000, bytes: 0, copied: false, ...movement };
  const spec = estimateShape.parse(more);
  return estimateLine(whole, estimateOf(whole, spec), spec.currency);
};

describe('the estimate of a preview', () => {
  test.each<[string, Partial<Movement>, Partial<EstimateSpec> | typeof prices, string]>([
    ['nothing', { objects: 0 }, {}, 'about 0 requests, less than a minute'],
    [
      'one request for each that the service copies',
      { to: s3, copied: true },
      {},
      'about 1002 requests, less than a minute',
    ],
    ['two for each that passes here', {}, {}, 'about 2002 requests, less than a minute'],
    ['parts of large ones', { objects: 1, bytes: gibibyte, to: s3 }, {}, 'about 68 requests, less than a minute'],
    [
      'what leaves the cloud',
      { objects: 1, bytes: 100 * gibibyte },
      {},
      'about 6404 requests, 35 min; 100.0 GiB leave s3',
    ],
    [
      'what leaves the region',
      { objects: 1, bytes: 5, to: other },
      {},
      'about 4 requests, less than a minute; 5 B leave s3',
    ],
    [
      'its price',
      { objects: 1, bytes: 100 * gibibyte },
      { ...prices, currency: 'EUR' },
      'about 6404 requests, 35 min; 100.0 GiB leave s3, about 11.56 EUR',
    ],
    [
      'requests alone',
      { to: s3, copied: true, objects: 1_000_000 },
      prices,
      'about 1002000 requests, 84 min, about 400.80 USD',
    ],
    ['no price of another store', { from: gs, to: s3 }, prices, 'about 2002 requests, less than a minute'],
    [
      'a faster line',
      { objects: 1, bytes: 100 * gibibyte, to: s3 },
      { mebibytesPerSecond: 1000 },
      'about 6404 requests, 2 min',
    ],
    ['days of small ones', { objects: 10_000_000, copied: true, to: s3 }, {}, 'about 10020000 requests, 14 h'],
  ])('says %s', (_, movement, spec, expected) => {
    expect(lineOf(movement, spec)).toBe(expected);
  });

  test('says nothing between folders', () => {
    const [from, to] = ['a', 'b'].map((name) => ({ ...s3, url: `file:///${name}` }));
    expect(lineOf({ from: from ?? s3, to: to ?? s3 })).toBeUndefined();
  });
});
