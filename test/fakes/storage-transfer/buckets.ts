// What a transfer does with buckets: by the JSON API, in its own name.
const agent = { 'user-agent': 'storage-transfer-fake' };

export interface StoredObject {
  readonly name: string;
  readonly size: string;
  readonly generation: string;
  readonly crc32c: string;
}

const objectPath = (bucket: string, name: string): string =>
  `/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(name)}`;

export interface Buckets {
  exists(bucket: string): Promise<boolean>;
  list(bucket: string, prefix: string): AsyncIterable<StoredObject>;
  head(bucket: string, name: string): Promise<StoredObject | undefined>;
  read(bucket: string, name: string): Promise<string | undefined>;
  /** `refused`: one of the conditions did not hold. */
  copy(copy: Copy): Promise<'copied' | 'refused' | 'gone'>;
}

export interface Copy {
  readonly from: { readonly bucket: string; readonly name: string; readonly generation: string };
  readonly to: { readonly bucket: string; readonly name: string };
  readonly createOnly: boolean;
}

export const openBuckets = (endpoint: string): Buckets => {
  const ask = (path: string, method = 'GET'): Promise<Response> =>
    fetch(`${endpoint}${path}`, { method, headers: agent });
  const json = async <T>(answer: Response): Promise<T> => {
    const text = await answer.text();
    if (!answer.ok) throw new Error(`the bucket answered ${answer.status}: ${text.slice(0, 200)}`);
    return JSON.parse(text) as T;
  };
  return {
    exists: async (bucket) => {
      const answer = await ask(`/storage/v1/b/${encodeURIComponent(bucket)}`);
      await answer.arrayBuffer();
      return answer.status === 200;
    },
    list: async function* (bucket, prefix) {
      for (let token = ''; ;) {
        const query = new URLSearchParams({ prefix, ...(token === '' ? {} : { pageToken: token }) });
        const page = await json<{ items?: StoredObject[]; nextPageToken?: string }>(
          await ask(`/storage/v1/b/${encodeURIComponent(bucket)}/o?${query.toString()}`),
        );
        yield* page.items ?? [];
        token = page.nextPageToken ?? '';
        if (token === '') return;
      }
    },
    head: async (bucket, name) => {
      const answer = await ask(objectPath(bucket, name));
      if (answer.status !== 404) return json<StoredObject>(answer);
      await answer.arrayBuffer();
      return undefined;
    },
    read: async (bucket, name) => {
      const answer = await ask(`${objectPath(bucket, name)}?alt=media`);
      const text = await answer.text();
      return answer.status === 200 ? text : undefined;
    },
    copy: async ({ from, to, createOnly }) => {
      for (let token = ''; ;) {
        const query = new URLSearchParams({
          ifSourceGenerationMatch: from.generation,
          ...(createOnly && { ifGenerationMatch: '0' }),
          ...(token === '' ? {} : { rewriteToken: token }),
        });
        const path = `${objectPath(from.bucket, from.name)}/rewriteTo${objectPath(to.bucket, to.name).slice('/storage/v1'.length)}`;
        const answer = await ask(`${path}?${query.toString()}`, 'POST');
        if (answer.status === 412 || answer.status === 404) {
          await answer.arrayBuffer();
          return answer.status === 412 ? 'refused' : 'gone';
        }
        const { done, rewriteToken = '' } = await json<{ done?: boolean; rewriteToken?: string }>(answer);
        if (done === true) return 'copied';
        token = rewriteToken;
      }
    },
  };
};
