// Stands before a server of this machine, at an address that pods reach: can hold a request at a chosen place for as long
// as a test wants, and makes conditional writes one after the other, because the S3 server behind it does not.
import { createServer, type IncomingMessage, request as send, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';

export interface FrontRequest {
  readonly method: string;
  /** Decoded, without the query: /bucket/key */
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingMessage['headers'];
}

export interface Gate {
  /** Resolves when a request is held here. */
  readonly reached: Promise<FrontRequest>;
  /** Lets everything through, what waits and what comes. May be called twice. */
  open(): void;
}

export interface HoldOptions {
  /** `request`: nothing of it has been seen by the server. `body`: the answer's first bytes were passed on. */
  readonly at?: 'request' | 'body';
}

export interface GateFront {
  readonly endpoint: string;
  hold(matches: (request: FrontRequest) => boolean, options?: HoldOptions): Gate;
  stop(): Promise<void>;
}

interface Hold {
  readonly matches: (request: FrontRequest) => boolean;
  readonly at: 'request' | 'body';
  readonly opened: Promise<void>;
  readonly arrive: (request: FrontRequest) => void;
}

const firstBytes = 4096;

const unanswered = new Map<IncomingMessage, number>();

/** Of all fronts: whoever waits in vain may read here for what. */
export const unansweredRequests = (): readonly string[] =>
  [...unanswered].map(
    ([{ method, url }, since]) => `${method} ${url} waits for ${Math.round((performance.now() - since) / 1000)} s`,
  );

export const startGateFront = async (address: string, behind: string): Promise<GateFront> => {
  const holds = new Set<Hold>();
  const turns = new Map<string, Promise<void>>();
  const upstream = new URL(behind);

  const heldAt = (asked: FrontRequest, at: Hold['at']): Hold | undefined =>
    [...holds].find((hold) => hold.at === at && hold.matches(asked));

  const forward = async (request: IncomingMessage, response: ServerResponse, asked: FrontRequest): Promise<void> => {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const out = send(
        {
          host: upstream.hostname,
          port: upstream.port,
          method: request.method,
          path: request.url,
          headers: request.headers,
        },
        resolve,
      );
      out.once('error', reject);
      // Whoever sent half a body and went away shall look the same to the server.
      request.once('aborted', () => out.destroy());
      request.pipe(out);
    });
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    await pipeline(stalled(answer, heldAt(asked, 'body'), asked), response);
  };

  /** One writer of a key at a time, where it asked to be the first. */
  const inTurn = async (path: string, work: () => Promise<void>): Promise<void> => {
    const before = turns.get(path) ?? Promise.resolve();
    const mine = before.then(work);
    const settled = mine.catch(() => undefined);
    turns.set(path, settled);
    try {
      await mine;
    } finally {
      if (turns.get(path) === settled) turns.delete(path);
    }
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path = '', query = ''] = (request.url ?? '').split('?');
    const asked: FrontRequest = {
      method: request.method ?? '',
      path: decodeURIComponent(path),
      query,
      headers: request.headers,
    };
    const hold = heldAt(asked, 'request');
    if (hold !== undefined) {
      hold.arrive(asked);
      await hold.opened;
    }
    const work = async (): Promise<void> => {
      // The body of a client that went away meanwhile never ends.
      if (!request.destroyed && !response.destroyed) await forward(request, response, asked);
    };
    await (request.headers['if-none-match'] === undefined ? work() : inTurn(path, work));
  };

  const server = createServer(
    { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 60_000 },
    (request, response) => {
      unanswered.set(request, performance.now());
      response.once('close', () => unanswered.delete(request));
      // A client that was killed is what these tests are about.
      serve(request, response).catch(() => response.destroy());
    },
  );
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, address, resolve));
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return {
    endpoint: `http://${address}:${port}`,
    hold: (matches, { at = 'request' } = {}) => {
      const [reached, opened] = [Promise.withResolvers<FrontRequest>(), Promise.withResolvers<void>()];
      const hold: Hold = { matches, at, opened: opened.promise, arrive: reached.resolve };
      holds.add(hold);
      const open = (): void => {
        holds.delete(hold);
        opened.resolve();
      };
      return { reached: reached.promise, open };
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

async function* stalled(body: Readable, hold: Hold | undefined, asked: FrontRequest): AsyncGenerator<Buffer> {
  if (hold === undefined) {
    for await (const chunk of body) yield Buffer.from(chunk as Buffer);
    return;
  }
  let passed = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk as Buffer);
    if (passed < firstBytes && passed + bytes.byteLength >= firstBytes) {
      yield bytes.subarray(0, firstBytes - passed);
      hold.arrive(asked);
      await hold.opened;
      yield bytes.subarray(firstBytes - passed);
    } else yield bytes;
    passed += bytes.byteLength;
  }
}
