/** Shares a fixed number of bytes of memory; whoever asks first is served first. */
export interface ByteBudget {
  /** Waits until `bytes` are free (a request for more than all waits for all); the result gives them back. */
  reserve(bytes: number): Promise<() => void>;
}

export const createByteBudget = (limit: number): ByteBudget => {
  let free = limit;
  const waiting: { readonly bytes: number; readonly start: () => void }[] = [];
  const serve = (): void => {
    for (let next = waiting[0]; next !== undefined && next.bytes <= free; next = waiting[0]) {
      waiting.shift();
      free -= next.bytes;
      next.start();
    }
  };
  return {
    reserve: async (wanted) => {
      const bytes = Math.min(wanted, limit);
      await new Promise<void>((start) => {
        waiting.push({ bytes, start });
        serve();
      });
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        free += bytes;
        serve();
      };
    },
  };
};
