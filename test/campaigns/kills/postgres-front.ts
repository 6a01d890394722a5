// Stands before PostgreSQL and reads what passes: holds a statement or a stream of rows when the trap wants it.
import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Moment, noTrap, type Trap } from './trap.ts';

export interface PostgresFront {
  readonly port: number;
  set(trap: Trap): void;
  stop(): Promise<void>;
}

/** One connection of a client, both sides of it. */
interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** Process of the server, once it has said so. */
  backend: number;
  /** The last statement. */
  previous: string;
  /** A statement that was let through and whose end is waited for. */
  awaited: Moment | undefined;
  readonly copied: { in: number; out: number };
}

interface Message {
  readonly type: string;
  readonly bytes: Buffer;
}

export const startPostgresFront = async (server: {
  readonly host: string;
  readonly port: number;
}): Promise<PostgresFront> => {
  let trap = noTrap;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  };
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: server.host, port: server.port, allowHalfOpen: true });
    const link: Link = {
      client,
      server: upstream,
      backend: 0,
      previous: '',
      awaited: undefined,
      copied: { in: 0, out: 0 },
    };
    for (const socket of [client, upstream]) keep(socket);
    void pump(client, upstream, (message) => fromClient(link, message, () => trap), true);
    void pump(upstream, client, (message) => fromServer(link, message, () => trap), false);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  return {
    port,
    set: (next) => {
      trap = next;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
};

/** Whether a message goes on. */
type Inspect = (message: Message) => Promise<boolean> | boolean;

/** Passes one direction on, message by message, until it ends or a message may not go on. */
const pump = async (from: Socket, to: Socket, inspect: Inspect, isClient: boolean): Promise<void> => {
  let rest: Buffer = Buffer.alloc(0);
  let begun = !isClient;
  try {
    for await (const chunk of from) {
      rest = rest.byteLength === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
      const messages: Message[] = [];
      for (let message = cut(rest, begun); message !== undefined; message = cut(rest, begun)) {
        begun = true;
        rest = rest.subarray(message.bytes.byteLength);
        messages.push(message);
      }
      await passOn(to, messages, inspect);
    }
    to.end();
  } catch {
    // One end is gone: so is the other.
    from.destroy();
    to.destroy();
  }
};

const passOn = async (to: Socket, messages: readonly Message[], inspect: Inspect): Promise<void> => {
  const ready: Buffer[] = [];
  for (const message of messages) {
    const verdict = inspect(message);
    // What came before it arrives before it is held.
    if (verdict !== true) await send(to, ready.splice(0));
    if (!(await verdict)) throw new Error('its sender is dead');
    ready.push(message.bytes);
  }
  await send(to, ready);
};

const send = async (to: Socket, messages: readonly Buffer[]): Promise<void> => {
  if (messages.length === 0 || to.destroyed) return;
  if (!to.write(Buffer.concat(messages))) await Promise.race([once(to, 'drain'), once(to, 'close')]);
};

/** The first message of a client has no type. */
const cut = (bytes: Buffer, hasType: boolean): Message | undefined => {
  const head = hasType ? 1 : 0;
  if (bytes.byteLength < head + 4) return undefined;
  const length = head + bytes.readInt32BE(head);
  if (bytes.byteLength < length) return undefined;
  return { type: hasType ? String.fromCharCode(bytes[0] ?? 0) : '', bytes: bytes.subarray(0, length) };
};

const textOf = ({ type, bytes }: Message): string | undefined => {
  if (type === 'Q') return bytes.toString('utf8', 5, bytes.byteLength - 1);
  if (type !== 'P') return undefined;
  const start = bytes.indexOf(0, 5) + 1;
  return bytes.toString('utf8', start, bytes.indexOf(0, start));
};

const copiedBytes = (link: Link, { type, bytes }: Message, direction: 'in' | 'out'): number | undefined => {
  if (type !== 'd') return undefined;
  link.copied[direction] += bytes.byteLength;
  return link.copied[direction];
};

const fromClient = (link: Link, message: Message, trap: () => Trap): Promise<boolean> | boolean => {
  const sql = textOf(message);
  const bytes = copiedBytes(link, message, 'in');
  const { previous } = link;
  if (sql !== undefined) link.previous = sql;
  const moment =
    sql === undefined
      ? bytes === undefined
        ? undefined
        : trap().meets({ copied: { direction: 'in', bytes } })
      : trap().meets({ sql, previous });
  if (moment === undefined) return true;
  if (moment.side === 'answered' || moment.side === 'told') {
    link.awaited = moment;
    return true;
  }
  return holdStatement(link, moment);
};

const holdStatement = async (link: Link, moment: Moment): Promise<boolean> => {
  const isSender = await moment.spring(link.backend);
  if (moment.side === 'before' && isSender) return false;
  if (moment.side === 'race') await sleep(moment.delay);
  return true;
};

const fromServer = (link: Link, message: Message, trap: () => Trap): Promise<boolean> | boolean => {
  if (message.type === 'K') link.backend = message.bytes.readInt32BE(5);
  const bytes = copiedBytes(link, message, 'out');
  const moment = bytes === undefined ? undefined : trap().meets({ copied: { direction: 'out', bytes } });
  if (moment !== undefined) return moment.spring(link.backend).then(() => true);
  if (message.type !== 'C' || link.awaited === undefined) return true;
  const { awaited } = link;
  link.awaited = undefined;
  if (awaited.side === 'answered') return awaited.spring(link.backend).then(() => true);
  void sleep(awaited.delay).then(() => awaited.spring(link.backend));
  return true;
};
