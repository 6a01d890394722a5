import { hash } from 'node:crypto';

/** Signature Version 4 of Amazon, for requests of S3 whose body is at hand. */

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface Unsigned {
  readonly method: string;
  readonly host: string;
  /** As it is sent, percent-encoded. */
  readonly path: string;
  /** As it is sent, percent-encoded and sorted by name. */
  readonly query: string;
  /** Lower-case names. All of them are signed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

export type Sign = (request: Unsigned, keys: Keys, at: Date) => Record<string, string>;

const hashOf = (data: string | Uint8Array): string => hash('sha256', data);

const nothing = hashOf('');

interface Key {
  /** A block of the key, and room for a text. */
  readonly inner: Buffer;
  /** A block of the key, and room for a digest. */
  readonly outer: Buffer;
}

const blockBytes = 64;
const digestBytes = 32;
/** More than any text that is signed. */
const textBytes = 256;

const keyOf = (secret: Buffer): Key => {
  const inner = Buffer.alloc(blockBytes + textBytes);
  const outer = Buffer.alloc(blockBytes + digestBytes);
  const block = Buffer.alloc(blockBytes);
  block.set(secret.byteLength > blockBytes ? hash('sha256', secret, 'buffer') : secret);
  inner.set(block.map((byte) => byte ^ 0x36));
  outer.set(block.map((byte) => byte ^ 0x5c));
  return { inner, outer };
};

/** HMAC by its definition: Node's own takes five times as long to begin with a key as to hash these few bytes. */
const hmac = ({ inner, outer }: Key, text: string): Buffer => {
  const end = blockBytes + inner.write(text, blockBytes);
  outer.set(hash('sha256', inner.subarray(0, end), 'buffer'), blockBytes);
  return hash('sha256', outer, 'buffer');
};

/** Percent-encoded as the signature wants it: all but the unreserved characters. */
export const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

export const encodePath = (key: string): string => encode(key).replaceAll('%2F', '/');

/** As signed: without what transport may change. */
const plain = (value: string): string => (/^\s|\s\s|\s$/.test(value) ? value.trim().replaceAll(/\s+/g, ' ') : value);

/** The request's headers with those that make it ours. The key of a day is made once. */
export const createSigner = (region: string): Sign => {
  let made: { readonly of: string; readonly key: Key } | undefined;
  const keyFor = (secret: string, day: string): Key => {
    const of = `${day} ${secret}`;
    if (made?.of !== of) {
      const first = keyOf(Buffer.from(`AWS4${secret}`));
      made = { of, key: [day, region, 's3', 'aws4_request'].reduce((key, part) => keyOf(hmac(key, part)), first) };
    }
    return made.key;
  };
  return (request, { accessKeyId, secretAccessKey, sessionToken }, at) => {
    const time = at.toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const day = time.slice(0, 8);
    const bodyHash = request.body === undefined ? nothing : hashOf(request.body);
    const headers: Record<string, string> = {
      ...request.headers,
      'x-amz-content-sha256': bodyHash,
      'x-amz-date': time,
      ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
    };
    const names = [...Object.keys(headers), 'host'].sort();
    let lines = '';
    for (const name of names) lines += `${name}:${name === 'host' ? request.host : plain(headers[name] ?? '')}\n`;
    const list = names.join(';');
    const canonical = [request.method, request.path, request.query, lines, list, bodyHash].join('\n');
    const scope = `${day}/${region}/s3/aws4_request`;
    const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hashOf(canonical)}`;
    const signature = hmac(keyFor(secretAccessKey, day), text).toString('hex');
    headers['authorization'] =
      `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${list}, Signature=${signature}`;
    return headers;
  };
};
