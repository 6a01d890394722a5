// Stands before an HTTP server and does to its answers what networks and overloaded services do.
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Fault =
  /** Answers by itself, with an error of the service or anything else. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Forwards, then cuts the connection after so many bytes of the answer's body. */
  | { readonly kind: 'cut'; readonly after: number }
  /** Forwards the request and ends the connection instead of answering: the work was done, the answer is lost. */
  | { readonly kind: 'lose' }
  /** Rewrites the answer's body. */
  | { readonly kind: 'rewrite'; readonly change: (body: string) => string }
  /** Answers after so many milliseconds; or never, when they are infinite. */
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** Forwards the request, and with it answers, only when this has come. */
  | { readonly kind: 'hold'; readonly until: Promise<void> };

export interface FaultRule {
  readonly matches: (request: Pick<FrontRequest, 'method' | 'url' | 'headers'>) => boolean;
  /** How many matching requests meet the fault. */
  readonly times: number;
  readonly fault: Fault;
}

export interface Front {
  readonly endpoint: string;
  /** Requests that arrived, as `METHOD path`. */
  readonly seen: readonly string[];
  /** Requests, and bytes of bodies that a client sent and received, by the first word of its user agent. */
  readonly bytes: ReadonlyMap<string, Traffic>;
  inject(rule: FaultRule): void;
  reset(): void;
  stop(): Promise<void>;
}

export interface Traffic {
  readonly sent: number;
  readonly received: number;
  readonly requests: number;
}

export interface FrontRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface FrontAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export type Forward = (request: FrontRequest) => Promise<FrontAnswer>;

export interface FrontOptions {
  /** Of answers that faults make up. */
  readonly contentType: string;
  /** Requests that reach the server one after the other, which makes its conditions exact. */
  readonly isInTurn?: (request: FrontRequest) => boolean;
  /** What the front does by itself; else it forwards. */
  readonly handle?: (request: FrontRequest, forward: Forward) => Promise<FrontAnswer>;
}

export async function startFront(server: string, options: FrontOptions): Promise<Front> {
  const behind = new URL(server);
  let rules: { rule: FaultRule; left: number }[] = [];
  let seen: string[] = [];
  let turn: Promise<unknown> = Promise.resolve();
  const bytes = new Map<string, Traffic>();
  const count = ({ headers, body }: FrontRequest, answer: FrontAnswer): void => {
    const client = (headers['user-agent'] ?? '').split(/[ /]/)[0] ?? '';
    const { sent, received, requests } = bytes.get(client) ?? { sent: 0, received: 0, requests: 0 };
    bytes.set(client, {
      sent: sent + body.byteLength,
      received: received + answer.body.byteLength,
      requests: requests + 1,
    });
  };

  const faultFor = (asked: Pick<FrontRequest, 'method' | 'url' | 'headers'>): Fault | undefined => {
    const entry = rules.find(({ rule, left }) => left > 0 && rule.matches(asked));
    if (entry !== undefined) entry.left--;
    return entry?.rule.fault;
  };
  const forward: Forward = (asked) => sendTo(behind, asked);
  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { method = '', url = '', headers } = incoming;
    seen.push(`${method} ${url}`);
    const fault = faultFor({ method, url, headers });
    const asked: FrontRequest = { method, url, headers, body: await readBody(incoming) };
    if (fault?.kind === 'answer') {
      outgoing.writeHead(fault.status, { 'content-type': options.contentType, ...fault.headers }).end(fault.body);
      return;
    }
    if (fault?.kind === 'delay') {
      if (!Number.isFinite(fault.milliseconds)) return;
      await new Promise((resolve) => setTimeout(resolve, fault.milliseconds));
    }
    if (fault?.kind === 'hold') await fault.until;
    const send = () => (options.handle === undefined ? forward(asked) : options.handle(asked, forward));
    const isInTurn = options.isInTurn?.(asked) === true;
    const answer = isInTurn ? turn.then(send, send) : send();
    if (isInTurn) turn = answer;
    count(asked, await answer);
    respond(outgoing, await answer, fault);
  };
  const http = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    get seen() {
      return seen;
    },
    bytes,
    inject: (rule) => void rules.push({ rule, left: rule.times }),
    reset: () => {
      rules = [];
      seen = [];
      bytes.clear();
    },
    stop: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

const readBody = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const sendTo = (behind: URL, asked: FrontRequest): Promise<FrontAnswer> =>
  new Promise((resolve, reject) => {
    const { expect: _expect, connection: _connection, 'transfer-encoding': _encoding, ...headers } = asked.headers;
    const { method, url: path, body } = asked;
    const sent = request(
      {
        host: behind.hostname,
        port: behind.port,
        method,
        path,
        headers: { ...headers, ...(body.byteLength > 0 && { 'content-length': body.byteLength }) },
        agent: false,
      },
      (response) => {
        readBody(response).then(
          (bytes) => resolve({ status: response.statusCode ?? 502, headers: response.headers, body: bytes }),
          reject,
        );
      },
    );
    sent.once('error', reject).end(body);
  });

const respond = (outgoing: ServerResponse, { status, headers, body }: FrontAnswer, fault: Fault | undefined): void => {
  if (fault?.kind === 'lose') {
    outgoing.destroy();
    return;
  }
  const { 'transfer-encoding': _encoding, connection: _connection, ...kept } = headers;
  const bytes = fault?.kind === 'rewrite' ? Buffer.from(fault.change(body.toString('utf8'))) : body;
  // A HEAD has the length of a body that is not there.
  const isHead = outgoing.req.method === 'HEAD';
  outgoing.writeHead(status, isHead ? kept : { ...kept, 'content-length': bytes.byteLength });
  if (isHead) outgoing.end();
  else if (fault?.kind === 'cut')
    outgoing.write(bytes.subarray(0, fault.after), () => setTimeout(() => outgoing.destroy(), 20));
  else outgoing.end(bytes);
};
