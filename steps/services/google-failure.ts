import { errnoOf, partOf, textOf } from './thrown.ts';

/** What a call of Google's client ended with, taken apart. */
export interface Failure {
  /** Undefined where nobody answered. */
  readonly status: number | undefined;
  /** Google's own word, such as operationInProgress; empty where it gave none. */
  readonly reason: string;
  readonly message: string;
  readonly errno: string | undefined;
}

export const failureOf = (thrown: unknown): Failure => {
  const response = partOf(thrown, 'response');
  const status = partOf(response, 'status');
  const said = partOf(partOf(response, 'data'), 'error');
  const first: unknown = Array.isArray(partOf(said, 'errors')) ? partOf(partOf(said, 'errors'), '0') : undefined;
  return {
    status: typeof status === 'number' ? status : undefined,
    reason: textOf(partOf(first, 'reason')) ?? '',
    message: textOf(partOf(said, 'message')) ?? textOf(partOf(thrown, 'message')) ?? String(thrown),
    errno: errnoOf(thrown),
  };
};
