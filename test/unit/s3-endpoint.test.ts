import { describe, expect, it } from 'vitest';
import { plainEndpoint, ruledEndpoint } from '../../steps/stores/s3-endpoint.ts';
import { lateSdk } from '../../steps/stores/s3-sdk.ts';

const endpoints = [
  'http://127.0.0.1:9000',
  'http://[::1]:9000/',
  'http://store:80',
  'https://Store.Example.com',
  'https://store.example.com:8443/below/',
  'https://store.example.com/a%20b',
  'https://s3.amazonaws.com',
  'https://s3.eu-west-1.amazonaws.com',
];
const buckets = ['bucket', 'a.b-c', 'under_score', 'bucket-', '1.2.3.4', 'x--y--x-s3', 'x--op-s3', 'x--xa-s3'];
const regions = [
  'us-east-1',
  'eu-test-1',
  'auto',
  'aws-global',
  'fips-us-east-1',
  'us-east-1-fips',
  'not a region',
  'a-',
];
const secrets = { accessKeyId: 'id', secretAccessKey: 'secret' };

const optionsOf = (endpoint: string | undefined, region: string, pathStyle = true) => ({
  location: { url: 's3://bucket', region, pathStyle, ...(endpoint !== undefined && { endpoint }) },
  secrets,
});

describe('endpoints of S3 without the SDK', () => {
  it('are those of the SDK’s rules', async () => {
    let plain = 0;
    for (const options of endpoints.flatMap((endpoint) => regions.map((region) => optionsOf(endpoint, region)))) {
      const sdk = lateSdk(options);
      for (const bucket of buckets) {
        const ours = plainEndpoint(options.location, bucket);
        if (ours === undefined) continue;
        const theirs = await ruledEndpoint(sdk, bucket);
        expect({ ...ours, url: ours.url.href }).toEqual({ ...theirs, url: theirs?.url.href });
        plain++;
      }
      sdk.close();
    }
    expect(plain).toBe(endpoints.length * 5 * 3);
  });

  it('are left to the rules where these have a say', () => {
    const { location } = optionsOf('http://store:9000', 'us-east-1');
    expect(plainEndpoint(location, 'bucket')?.url.href).toBe('http://store:9000/bucket');
    expect(plainEndpoint({ ...location, pathStyle: false }, 'bucket')).toBeUndefined();
    expect(plainEndpoint(optionsOf(undefined, 'us-east-1').location, 'bucket')).toBeUndefined();
    for (const endpoint of ['http://store?a=b', 'http://store#a', 'http://u:p@store', 'http://store:x'])
      expect(plainEndpoint(optionsOf(endpoint, 'us-east-1').location, 'bucket')).toBeUndefined();
  });
});
