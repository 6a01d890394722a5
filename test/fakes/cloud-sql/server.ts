// The Admin API of Cloud SQL over HTTP, in Google's words, judged by Google's description in both directions.
import { type GoogleApi, startGoogleApi } from '../google/google-api.ts';
import { type Cloud, createCloud } from './cloud.ts';
import type { FakeInstance } from './instances.ts';
import { answers, permissions } from './methods.ts';

export interface CloudSqlFake extends GoogleApi {
  readonly cloud: Cloud;
}

export interface CloudSqlFakeOptions {
  readonly instances: readonly FakeInstance[];
  /** Root of the JSON API of the buckets. */
  readonly buckets: string;
  readonly port?: number;
}

export async function startCloudSqlFake({ instances, buckets, port = 0 }: CloudSqlFakeOptions): Promise<CloudSqlFake> {
  const cloud = createCloud(instances, buckets);
  const api = await startGoogleApi({
    discovery: 'sqladmin.v1.json',
    weather: cloud.weather,
    permissions,
    answers: Object.fromEntries(Object.entries(answers).map(([id, answer]) => [id, (asked) => answer(cloud, asked)])),
    errorBody: ({ status, reason, message }) => ({
      error: { code: status, message, errors: [{ message, domain: 'global', reason }] },
    }),
    port,
  });
  return {
    ...api,
    cloud,
    stop: async () => {
      await cloud.end();
      await api.stop();
    },
  };
}
