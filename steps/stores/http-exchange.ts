import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';

/** One request over undici's connections, at what its own calls cost without what they offer. */

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** A short body whole, or as much of it as came before `failure`; a long one as it comes. */
  readonly body: Buffer | Readable;
  readonly failure?: Error;
}

export interface HttpRequest extends Dispatcher.DispatchOptions {
  readonly signal: AbortSignal;
  /** Bytes above which a body comes as a stream; so does one of unknown length, unless this is infinite. */
  readonly streamAbove: number;
}

export const exchange = (pool: Dispatcher, { signal, streamAbove, ...options }: HttpRequest): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let start: Pick<HttpAnswer, 'status' | 'headers'> | undefined;
    let stream: Readable | undefined;
    let forget: () => void = () => undefined;
    const finish = (failure?: Error): void => {
      forget();
      if (stream !== undefined) {
        if (failure === undefined) stream.push(null);
        else stream.destroy(failure);
      } else if (start !== undefined) {
        const body = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
        resolve({ ...start, body, ...(failure && { failure }) });
      } else reject(failure ?? new Error('no answer'));
    };
    pool.dispatch(options, {
      onRequestStart: (controller) => {
        const onAbort = (): void => controller.abort(new Error('cancelled'));
        if (signal.aborted) return onAbort();
        signal.addEventListener('abort', onAbort, { once: true });
        forget = () => signal.removeEventListener('abort', onAbort);
      },
      onResponseStart: (controller, status, headers) => {
        if (status < 200) return;
        start = { status, headers };
        const length = Number(headers['content-length'] ?? Number.POSITIVE_INFINITY);
        if (length <= streamAbove) return;
        let isEnded = false;
        const body = new Readable({
          read: () => controller.resume(),
          destroy: (error, done) => {
            if (!isEnded && !body.readableEnded) controller.abort(error ?? new Error('nobody reads on'));
            isEnded = true;
            done(error);
          },
        });
        stream = body;
        resolve({ ...start, body });
      },
      onResponseData: (controller, chunk) => {
        if (stream === undefined) chunks.push(chunk);
        else if (!stream.push(chunk)) controller.pause();
      },
      onResponseEnd: () => finish(),
      onResponseError: (_controller, failure) => finish(failure),
    });
  });
