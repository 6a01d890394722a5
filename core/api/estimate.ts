import { z } from 'zod';
import { storeNames } from '../stores/index.ts';
import { plainText } from './common.ts';

/** What a preview reckons with. Prices are the user's own: they differ by contract, region and year. */
export const estimateShape = z
  .strictObject({
    mebibytesPerSecond: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(50)
      .describe('What one step moves when bytes pass through it.'),
    objectsPerSecond: z.int().min(1).max(100_000).default(200).describe('What one step moves when they are small.'),
    currency: plainText(8).min(1).default('USD'),
    prices: z
      .array(
        z.strictObject({
          from: z.enum(storeNames).describe('Kind of the storage that the bytes leave.'),
          perGiB: z.number().min(0).max(1000).describe('Of bytes that leave it.'),
          perThousandRequests: z.number().min(0).max(1000).default(0),
        }),
      )
      .max(storeNames.length)
      .default([])
      .describe('Without one, a preview says bytes and requests, and no cost.')
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['from'] }),
  })
  .describe('How a preview reckons time and cost.');
export type EstimateSpec = z.output<typeof estimateShape>;
