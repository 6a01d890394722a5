import { type Front, startFront } from './http-front.ts';

export type S3Front = Front;

export const s3Error = (code: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>injected</Message><RequestId>1</RequestId></Error>`;

/** `serialize`: writes reach the server one after the other, which makes its conditions as exact as Amazon's. */
export const startS3Front = (server: string, options: { readonly serialize?: boolean } = {}): Promise<S3Front> =>
  startFront(server, {
    contentType: 'application/xml',
    isInTurn: ({ method }) => options.serialize === true && (method === 'PUT' || method === 'POST'),
  });
