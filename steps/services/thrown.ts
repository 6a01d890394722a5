/** Takes apart what somebody else threw or answered. */

export const partOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (Reflect.get(value, name) as unknown) : undefined;

export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** The socket's error is somewhere below. */
export const errnoOf = (thrown: unknown): string | undefined => {
  for (let [error, depth] = [thrown, 0]; error !== undefined && depth < 5; depth++) {
    const code = textOf(partOf(error, 'code'));
    if (code !== undefined && /^E[A-Z_]+$/.test(code)) return code;
    error = partOf(error, 'cause') ?? partOf(partOf(error, 'errors'), '0');
  }
  return undefined;
};
