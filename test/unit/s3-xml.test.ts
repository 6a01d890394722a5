import { describe, expect, it } from 'vitest';
import { errorOf, etagOfCopy, holdsUploads, listingOf } from '../../steps/stores/s3-xml.ts';

const object = (key: string): string =>
  `<Contents><Key>${key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>` +
  '<ETag>&quot;e&quot;</ETag><Size>7</Size><Owner><ID>x</ID></Owner></Contents>';
const page = (inside: string): string =>
  '<?xml version="1.0"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
  `<Prefix>p&amp;</Prefix>${inside}</ListBucketResult>\n`;

describe('answers of S3 that are read without the SDK', () => {
  it('are lists of uploads, of which only whether there are any is read', () => {
    const uploads = (inside: string): string =>
      `<?xml version="1.0"?><ListMultipartUploadsResult><UploadIdMarker/>${inside}</ListMultipartUploadsResult>\n`;
    expect(holdsUploads(uploads('<IsTruncated>false</IsTruncated>'))).toBe(false);
    expect(holdsUploads(uploads(''))).toBe(false);
    expect(holdsUploads(uploads('<Upload><Key>a</Key><UploadId>b</UploadId></Upload>'))).toBe(true);
    expect(holdsUploads(uploads('<IsTruncated>true</IsTruncated>'))).toBe(true);
    expect(holdsUploads(uploads('').slice(0, -20))).toBeUndefined();
    expect(holdsUploads('<html>busy</html>')).toBeUndefined();
  });

  it('are pages of a listing', () => {
    const objects = `${object('a%2Bb')}${object('&lt;&amp;&#39;&#x20AC;&apos;')}`;
    const rest = '<NextContinuationToken>t&gt;</NextContinuationToken><EncodingType>url</EncodingType>';
    const text = `<IsTruncated>true</IsTruncated>${objects}${rest}`;
    expect(listingOf(page(text))).toEqual({
      IsTruncated: true,
      EncodingType: 'url',
      NextContinuationToken: 't>',
      Contents: ['a%2Bb', "<&'€'"].map((Key) => ({
        Key,
        ETag: '"e"',
        Size: 7,
        LastModified: new Date('2026-01-02T03:04:05Z'),
      })),
    });
    expect(listingOf(page('<IsTruncated>false</IsTruncated>'))).toEqual({ IsTruncated: false, Contents: [] });
  });

  const whole = page(`<IsTruncated>false</IsTruncated>${object('a')}`);
  it.each([
    ['was cut', whole.slice(0, -30)],
    ['does not say whether it is the last', page(object('a'))],
    ['has an object without a key', whole.replace('<Key>a</Key>', '<Key/>')],
    ['has an object without a size', whole.replace('<Size>7</Size>', '')],
    ['has a size that is none', whole.replace('>7<', '>-7<')],
    ['has a time that is none', whole.replace('2026-01', 'soon')],
    ['hides text from a simple look', whole.replace('>a<', '><![CDATA[a]]><')],
    ['is something else', '<html>busy</html>'],
    ['is empty', ''],
  ])('are left to the SDK when the page %s', (_, xml) => {
    expect(listingOf(xml)).toBeUndefined();
  });

  it('are errors, also where they come as a success', () => {
    const xml = '<?xml version="1.0"?>\n<Error><Code>SlowDown</Code><Message>Reduce &quot;it&quot;</Message></Error>';
    expect(errorOf(xml)).toEqual({ code: 'SlowDown', message: 'Reduce "it"' });
    expect(etagOfCopy(xml)).toBeUndefined();
    expect(errorOf(whole)).toBeUndefined();
  });

  it('are copies', () => {
    const xml = '  \n<CopyObjectResult><ETag>&quot;abc&quot;</ETag><LastModified>x</LastModified></CopyObjectResult>';
    expect(etagOfCopy(xml)).toBe('"abc"');
  });
});
