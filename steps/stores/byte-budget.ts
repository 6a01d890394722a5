export interface Reservation {
  readonly buffer: Buffer;
  /** Gives the memory back; the buffer will be written by others from then on. May be called twice. */
  readonly release: () => void;
}

/** Shares a fixed number of bytes of memory; whoever asks first is served first. */
export interface ByteBudget {
  /** Waits until `bytes` are free; a request for more than there are waits for all. */
  reserve(bytes: number): Promise<Reservation>;
}

/** Buffers from this size on are used again: waiting for the collector would multiply what a long upload takes. */
const worthKeeping = 1024 * 1024;

export const createByteBudget = (limit: number): ByteBudget => {
  let free = limit;
  let kept: Buffer[] = [];
  const waiting: { readonly bytes: number; readonly start: () => void }[] = [];
  const serve = (): void => {
    for (let next = waiting[0]; next !== undefined && next.bytes <= free; next = waiting[0]) {
      waiting.shift();
      free -= next.bytes;
      next.start();
    }
  };
  const take = (size: number): Buffer => {
    // One size at a time is kept: parts of an upload are alike.
    if (size >= worthKeeping && kept[0]?.byteLength !== size) kept = [];
    return (size >= worthKeeping ? kept.pop() : undefined) ?? Buffer.allocUnsafe(size);
  };
  const keep = (buffer: Buffer): void => {
    const isAlike = kept[0] === undefined || kept[0].byteLength === buffer.byteLength;
    if (buffer.byteLength >= worthKeeping && isAlike) kept.push(buffer);
  };
  return {
    reserve: async (wanted) => {
      const bytes = Math.min(wanted, limit);
      await new Promise<void>((start) => {
        waiting.push({ bytes, start });
        serve();
      });
      const buffer = take(wanted);
      let isHeld = true;
      const release = (): void => {
        if (!isHeld) return;
        isHeld = false;
        free += bytes;
        keep(buffer);
        serve();
      };
      return { buffer, release };
    },
  };
};
