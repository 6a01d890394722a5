import { z } from 'zod';
import { tryParseUrl } from '../stores/index.ts';
import { credentials, plainText, withRules } from './common.ts';

const url = withRules(
  z
    .string()
    .min(8)
    .max(1024)
    .regex(
      /^(s3:\/\/[a-z0-9][-a-z0-9._]{1,62}(\/[^{}\x00-\x20\x7f]*)?|file:\/\/\/[^{}\x00-\x20\x7f]*)$/,
      'must be s3://bucket/prefix or file:///folder, without spaces or braces',
    )
    .describe('s3://bucket/prefix or file:///folder (local runner only).'),
  [
    {
      rule: "!self.matches('(^|/)[.][.]?(/|$)')",
      message: 'must name a bucket or an absolute folder and hold no . or .. segment',
      check: (value) => tryParseUrl(value) !== undefined,
    },
  ],
);

/** Where objects live: the fields that every object store and the storage share. */
export const locationShape = {
  url,
  endpoint: z
    .string()
    .max(512)
    .regex(/^https?:\/\/[^{}\x00-\x20\x7f]+$/, 'must be an http or https url')
    .optional()
    .describe('Of an S3 service other than Amazon.'),
  region: plainText(64).default('us-east-1'),
  pathStyle: z.boolean().default(false).describe('Bucket in the path instead of the host name.'),
  credentials: credentials.optional(),
} as const;

export const location = z.strictObject(locationShape);
export type Location = z.output<typeof location>;
