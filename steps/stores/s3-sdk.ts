import type { S3Client } from '@aws-sdk/client-s3';
import type { commands } from './s3-client.ts';
import type { ClientOptions } from './s3-options.ts';

/** A client with the commands that it may be sent. */
export type Sdk = typeof commands & { readonly client: S3Client };

/** The SDK, which takes as long to load as all else of a step: only when something is asked that nobody else can do. */
export interface LateSdk {
  readonly load: () => Promise<Sdk>;
  /** What the SDK has learnt of the service's clock, in milliseconds. */
  readonly clockOffset: () => number;
  readonly close: () => void;
}

export const lateSdk = (options: ClientOptions): LateSdk => {
  let client: S3Client | undefined;
  let loading: Promise<Sdk> | undefined;
  const load = async (): Promise<Sdk> => {
    const { commands, createS3Client } = await import('./s3-client.ts');
    client = createS3Client(options);
    return { ...commands, client };
  };
  return {
    load: () => (loading ??= load()),
    clockOffset: () => client?.config.systemClockOffset ?? 0,
    close: () => client?.destroy(),
  };
};
