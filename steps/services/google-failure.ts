/** What a call of Google's client ended with, taken apart. */
export interface Failure {
  /** Undefined where nobody answered. */
  readonly status: number | undefined;
  /** Google's own word, such as operationInProgress; empty where it gave none. */
  readonly reason: string;
  readonly message: string;
  readonly errno: string | undefined;
}

const partOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (Reflect.get(value, name) as unknown) : undefined;

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

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

/** The socket's error is somewhere below. */
const errnoOf = (thrown: unknown): string | undefined => {
  for (let [error, depth] = [thrown, 0]; error !== undefined && depth < 5; depth++) {
    const code = textOf(partOf(error, 'code'));
    if (code !== undefined && /^E[A-Z_]+$/.test(code)) return code;
    error = partOf(error, 'cause') ?? partOf(partOf(error, 'errors'), '0');
  }
  return undefined;
};
