import { z } from 'zod';
import { storeNames, stores, tryParseUrl } from '../stores/index.ts';
import { credentials, httpUrl, plainText, withRules } from './common.ts';

const forms = storeNames.map((name) => stores[name].form).join(', ');

/** One pattern for all; an empty group of one of them is nothing to the API server. */
const pattern = storeNames.map((name) => stores[name].pattern.source.slice(1, -1).replace('()', '')).join('|');

const url = withRules(
  z
    .string()
    .min(8)
    .max(1024)
    .regex(new RegExp(`^(${pattern})$`), `must be one of ${forms}, without spaces or braces`)
    .describe(`${forms}; file: with the local runner only.`),
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
  endpoint: httpUrl
    .optional()
    .describe(
      'Of an S3 service other than Amazon; root of the JSON API of Google Cloud Storage; url of the Azure Blob service, with the account where it stands in the path.',
    ),
  region: plainText(64).default('us-east-1'),
  pathStyle: z.boolean().default(false).describe('Bucket in the path instead of the host name.'),
  credentials: credentials.optional(),
} as const;

export const location = z.strictObject(locationShape);
export type Location = z.output<typeof location>;
