// Stands before a server of objects or an interface of a cloud: holds a request or an answer when the trap wants it, and
// watches that nothing is written twice to S3.
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer as createSecure, request as requestSecure } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Moment, noTrap, type Trap } from './trap.ts';

export interface HttpFront {
  readonly endpoint: string;
  set(trap: Trap): void;
  /** Records and seals that were written over; empty when the product keeps its promise. Starts anew. */
  rewritten(): string[];
  /** Lets go of requests that wait for the next attempt, and waits for all that were held. */
  release(): Promise<void>;
  stop(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

interface Passing {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly method: string;
  readonly path: string;
  readonly body: Buffer;
}

/** What is written once: claims, records of steps, dumps, inventories, seals. */
const writtenOnce = /\/\d{8}-\d{6}\/(run\.json|manifest\.json|steps\/|database\/|inventory\/)/;

/** With a certificate it speaks TLS to both sides. */
export const startHttpFront = async (
  server: string,
  tls?: { readonly cert: string; readonly key: string },
): Promise<HttpFront> => {
  const behind = new URL(server);
  let trap = noTrap;
  /** Writes reach the server one after the other, which makes its conditions as exact as Amazon's. */
  let turn: Promise<unknown> = Promise.resolve();
  const written = new Map<string, number>();
  const waiting = new Map<string, () => void>();
  const moments = new Set<Promise<unknown>>();

  const note = ({ method, path }: Passing, { status }: Answer): void => {
    const [key = '', query = ''] = path.split('?');
    const isWrite =
      (method === 'PUT' && !query.includes('uploadId')) || (method === 'POST' && query.includes('uploadId'));
    if (method === 'DELETE') written.delete(key);
    else if (isWrite && status === 200 && writtenOnce.test(key)) written.set(key, (written.get(key) ?? 0) + 1);
  };
  const deliver = async (passing: Passing): Promise<Answer> => {
    const { method, path } = passing;
    const forwarded = () => forward(behind, passing);
    const isWrite = method === 'PUT' || method === 'POST';
    const sent = isWrite ? turn.then(forwarded, forwarded) : forwarded();
    if (isWrite) turn = sent;
    const answer = await sent;
    note(passing, answer);
    waiting.get(`${method} ${path}`)?.();
    return answer;
  };
  const held = async (passing: Passing, moment: Moment): Promise<void> => {
    const { side } = moment;
    const isRead = passing.method === 'GET';
    if (side === 'mid' && isRead) return answerHalf(passing, await deliver(passing), moment);
    if (side === 'mid') {
      await forwardHalf(behind, passing, () => moment.spring());
      passing.outgoing.destroy();
      return;
    }
    if (side === 'answered' || side === 'told') {
      const answer = await deliver(passing);
      if (side === 'answered' && (await moment.spring())) return void passing.outgoing.destroy();
      respond(passing.outgoing, answer);
      if (side === 'told') await sleep(moment.delay).then(() => moment.spring());
      return;
    }
    const died = await moment.spring();
    if (died && side === 'before') return void passing.outgoing.destroy();
    if (side === 'race') await sleep(moment.delay);
    // Nobody repeats what nobody died of.
    if (died && side === 'late') {
      const repeated = new Promise<void>((resolve) => waiting.set(`${passing.method} ${passing.path}`, resolve));
      await repeated.then(() => deliver(passing));
      return void passing.outgoing.destroy();
    }
    respond(passing.outgoing, await deliver(passing));
  };
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { method = '', url: path = '' } = incoming;
    const body = await readBody(incoming);
    const passing = { incoming, outgoing, method, path, body };
    const agent = incoming.headers['user-agent'] ?? '';
    const moment = trap.meets({ http: { method, path: decode(path), agent, body: beginningOf(body) } });
    if (moment === undefined) return respond(outgoing, await deliver(passing));
    const over = held(passing, moment);
    moments.add(over);
    await over;
  };
  const listen = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  };
  const http = tls ? createSecure(tls, listen) : createServer(listen);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return {
    endpoint: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    set: (next) => {
      trap = next;
    },
    rewritten: () => {
      const twice = [...written].filter(([, times]) => times > 1).map(([key]) => key);
      written.clear();
      return twice;
    },
    release: async () => {
      for (const go of waiting.values()) go();
      waiting.clear();
      await Promise.allSettled(moments);
      moments.clear();
    },
    stop: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
};

/** Where interfaces say what they are asked for, and Google the name of an object. */
const beginningOf = (body: Buffer): string => body.subarray(0, 2000).toString('utf8');

/** Paths as the rules write them; one that cannot be decoded stays as it is. */
const decode = (path: string): string => {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (error instanceof URIError) return path;
    throw error;
  }
};

const readBody = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const open = (behind: URL, { incoming, method, path }: Passing) => {
  const { expect: _expect, connection: _connection, ...headers } = incoming.headers;
  const options = { host: behind.hostname, port: behind.port, method, path, headers, agent: false } as const;
  // The certificate behind is the front's own.
  return behind.protocol === 'https:' ? requestSecure({ ...options, rejectUnauthorized: false }) : request(options);
};

const forward = (behind: URL, passing: Passing): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = open(behind, passing);
    sent.once('response', (response) => {
      readBody(response).then(
        (body) => resolve({ status: response.statusCode ?? 502, headers: response.headers, body }),
        reject,
      );
    });
    sent.once('error', reject).end(passing.body);
  });

/** The server sees the beginning of a body whose sender dies. */
const forwardHalf = async (behind: URL, passing: Passing, die: () => Promise<unknown>): Promise<void> => {
  const sent = open(behind, passing);
  sent.on('error', () => undefined);
  const { body } = passing;
  await new Promise<void>((resolve) => sent.write(body.subarray(0, Math.ceil(body.byteLength / 2)), () => resolve()));
  await die();
  sent.destroy();
};

const keptHeaders = ({ headers, body }: Answer, isHead: boolean) => {
  const { 'transfer-encoding': _encoding, connection: _connection, ...kept } = headers;
  // A HEAD has the length of a body that is not there.
  return isHead ? kept : { ...kept, 'content-length': body.byteLength };
};

const respond = (outgoing: ServerResponse, answer: Answer): void => {
  outgoing.writeHead(answer.status, keptHeaders(answer, outgoing.req.method === 'HEAD'));
  outgoing.end(answer.body);
};

const answerHalf = async ({ outgoing }: Passing, answer: Answer, moment: Moment): Promise<void> => {
  const half = Math.ceil(answer.body.byteLength / 2);
  outgoing.writeHead(answer.status, keptHeaders(answer, false));
  outgoing.write(answer.body.subarray(0, half));
  await moment.spring();
  outgoing.end(answer.body.subarray(half));
};
