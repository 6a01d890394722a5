// Stands before an S3 server and does to its answers what networks and overloaded services do.
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Fault =
  /** Answers by itself, with an S3 error or anything else. */
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
  | { readonly kind: 'delay'; readonly milliseconds: number };

export interface FaultRule {
  readonly matches: (request: { readonly method: string; readonly url: string }) => boolean;
  /** How many matching requests meet the fault. */
  readonly times: number;
  readonly fault: Fault;
}

export interface S3Front {
  readonly endpoint: string;
  /** Requests that arrived, as `METHOD path`. */
  readonly seen: readonly string[];
  inject(rule: FaultRule): void;
  reset(): void;
  stop(): Promise<void>;
}

export const s3Error = (code: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>injected</Message><RequestId>1</RequestId></Error>`;

/** `serialize`: writes reach the server one after the other, which makes its conditions as exact as Amazon's. */
export async function startS3Front(server: string, options: { readonly serialize?: boolean } = {}): Promise<S3Front> {
  const behind = new URL(server);
  let rules: { rule: FaultRule; left: number }[] = [];
  let seen: string[] = [];
  let turn: Promise<unknown> = Promise.resolve();

  const faultFor = (method: string, url: string): Fault | undefined => {
    const entry = rules.find(({ rule, left }) => left > 0 && rule.matches({ method, url }));
    if (entry !== undefined) entry.left--;
    return entry?.rule.fault;
  };
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { method = '', url = '' } = incoming;
    seen.push(`${method} ${url}`);
    const fault = faultFor(method, url);
    const body = await readBody(incoming);
    if (fault?.kind === 'answer') {
      outgoing.writeHead(fault.status, { 'content-type': 'application/xml', ...fault.headers }).end(fault.body);
      return;
    }
    if (fault?.kind === 'delay') {
      if (!Number.isFinite(fault.milliseconds)) return;
      await new Promise((resolve) => setTimeout(resolve, fault.milliseconds));
    }
    const send = () => forward(behind, incoming, body);
    const isWrite = options.serialize === true && (method === 'PUT' || method === 'POST');
    const answer = isWrite ? turn.then(send, send) : send();
    if (isWrite) turn = answer;
    respond(outgoing, await answer, fault);
  };
  const http = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    get seen() {
      return seen;
    },
    inject: (rule) => void rules.push({ rule, left: rule.times }),
    reset: () => {
      rules = [];
      seen = [];
    },
    stop: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

const readBody = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const forward = (behind: URL, incoming: IncomingMessage, body: Buffer): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { expect: _expect, connection: _connection, ...headers } = incoming.headers;
    const { method, url: path } = incoming;
    const sent = request(
      { host: behind.hostname, port: behind.port, method, path, headers, agent: false },
      (response) => {
        readBody(response).then(
          (bytes) => resolve({ status: response.statusCode ?? 502, headers: response.headers, body: bytes }),
          reject,
        );
      },
    );
    sent.once('error', reject).end(body);
  });

const respond = (outgoing: ServerResponse, { status, headers, body }: Answer, fault: Fault | undefined): void => {
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
