import type { Collection, KubeApi, Patch, Target } from '../../../controller/kube/api.ts';
import { brokenConnection, errorOfStatus } from '../../../controller/kube/errors.ts';
import type { Time } from '../../../controller/time.ts';
import { createObjects, type HistoryEntry, type KubeObject, StatusError } from '../../fakes/kube/objects.ts';
import { validate } from '../../fakes/kube/validate.ts';
import type { CallFault, EventFault } from './plan.ts';
import type { Process } from './process.ts';
import { createWatches, matches } from './watches.ts';

/** One ordinary call, as it went. */
export interface Call {
  readonly index: number;
  readonly at: number;
  readonly by: string;
  readonly verb: 'list' | 'get' | 'create' | 'apply' | 'merge' | 'json';
  readonly plural: string;
  readonly name: string;
  readonly subresource: string | undefined;
  readonly body: unknown;
  answer: string;
  /** The objects are others than before. */
  changed: boolean;
}

export interface Asked {
  readonly at: number;
  readonly by: string;
}

type Done = { readonly value: unknown } | { readonly status: object };

export interface ServerOptions {
  readonly time: Time;
  readonly callFault: (call: Call) => { readonly what: CallFault; readonly ms: number } | undefined;
  readonly eventFault: (index: number) => EventFault | undefined;
  readonly onFault: () => void;
}

export interface Weather {
  down: boolean;
  /** Everything is answered with 429. */
  overloaded: boolean;
  latencyMs: number;
  /** Lists and watches show nothing newer than this version. */
  staleAt: number | undefined;
  /** Argo's kinds are not installed. */
  noArgo: boolean;
  refusesWorkflows: boolean;
}

const clientTimeoutMs = 30_000;
const busyStatus = { code: 429, reason: 'TooManyRequests', message: 'too many requests' };

const statuses: Readonly<Partial<Record<CallFault, object>>> = {
  'error 429': busyStatus,
  'error 500': { code: 500, reason: 'InternalError', message: 'etcdserver: request timed out' },
  'error 504': { code: 504, reason: 'Timeout', message: 'the server was unable to return a response in time' },
};

const uidOf = (plural: string, name: string, turn: number): string => {
  let hash = 2_166_136_261;
  for (const unit of `${plural}/${name}/${turn}`) hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 16_777_619);
  const hex = (hash >>> 0).toString(16).padStart(8, '0');
  return `${hex}-0000-4000-8000-${String(turn).padStart(12, '0')}`;
};

/** An API server in this process, on virtual time: the same objects as the one that is spoken to over HTTP. */
export const createServer = ({ time, callFault, eventFault, onFault }: ServerOptions) => {
  const turns = new Map<string, number>();
  const objects = createObjects({
    now: () => time.now(),
    validate,
    newUid: (plural, namespace, name) => {
      const key = `${plural}/${namespace}/${name}`;
      const turn = (turns.get(key) ?? 0) + 1;
      turns.set(key, turn);
      return uidOf(plural, `${namespace}/${name}`, turn);
    },
  });
  const log: HistoryEntry[] = [];
  const calls: Call[] = [];
  /** Everything that was asked, watches too. */
  const asked: Asked[] = [];
  const weather: Weather = {
    down: false,
    overloaded: false,
    latencyMs: 4,
    staleAt: undefined,
    noArgo: false,
    refusesWorkflows: false,
  };
  const watches = createWatches({
    time,
    log,
    weather,
    eventFault,
    onFault,
    isForgotten: (since) => objects.historySince(since) === 'gone',
  });
  objects.listen((entry) => {
    log.push(entry);
    watches.pump();
  });

  const listed = (plural: string, namespace: string | undefined): readonly KubeObject[] => {
    const { staleAt } = weather;
    if (staleAt === undefined) return objects.list(plural, namespace);
    const then = new Map<string, KubeObject>();
    for (const { type, version, object, plural: kind } of log) {
      if (version > staleAt || kind !== plural) continue;
      const key = `${object.metadata.namespace}/${object.metadata.name}`;
      if (type === 'DELETED') then.delete(key);
      else then.set(key, object);
    }
    return [...then.values()].filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
  };

  const refusal = (call: Call): object | undefined => {
    if (weather.overloaded) return busyStatus;
    if (call.plural !== 'workflows') return undefined;
    if (weather.noArgo)
      return { code: 404, reason: 'NotFound', message: 'the server could not find the requested resource' };
    return weather.refusesWorkflows && call.verb === 'create'
      ? { code: 403, reason: 'Forbidden', message: 'admission webhook "policy" denied the request: no' }
      : undefined;
  };

  const statusFor = (call: Call, fault: CallFault | undefined): object | undefined =>
    (fault === undefined ? undefined : statuses[fault]) ?? refusal(call);

  const attempt = (call: Call, perform: () => unknown): Done => {
    const before = objects.version();
    try {
      return { value: perform() };
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      const { code, reason, message } = error;
      return { status: { code, reason, message } };
    } finally {
      call.changed = objects.version() !== before;
    }
  };

  /** Sends one call on its way, there and back. */
  const send = (
    process: Process,
    parts: Pick<Call, 'verb' | 'plural' | 'name' | 'subresource' | 'body'>,
    perform: () => unknown,
  ): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const call: Call = {
        index: calls.length,
        at: time.monotonic(),
        by: process.name,
        ...parts,
        answer: 'no answer',
        changed: false,
      };
      calls.push(call);
      asked.push({ at: call.at, by: process.name });
      const fault = callFault(call);
      const answer = (text: string, settle: () => void, ms = weather.latencyMs): void => {
        call.answer = text;
        time.after(ms, () => {
          process.deliver(settle);
        });
      };
      const refuse = (status: object): void => {
        const error = errorOfStatus(status);
        answer(error.failure, () => {
          reject(error);
        });
      };
      const cut = (text: string, ms?: number): void => {
        answer(
          text,
          () => {
            reject(brokenConnection(new Error(text)));
          },
          ms,
        );
      };
      if (fault?.what === 'crash before') {
        call.answer = 'crashed before';
        process.kill();
        return;
      }
      const arrive = (): void => {
        const status = statusFor(call, fault?.what);
        if (weather.down || fault?.what === 'never arrives') cut('cut before');
        else if (status !== undefined) refuse(status);
        else answerDone(attempt(call, perform));
      };
      const answerDone = (done: Done): void => {
        if (fault?.what === 'crash after') {
          call.answer = 'crashed after';
          process.kill();
        } else if (fault?.what === 'answer lost') cut('done, but the answer was lost');
        else if (fault?.what === 'hangs') cut('done, but no answer came', clientTimeoutMs);
        else if ('status' in done) refuse(done.status);
        else
          answer('ok', () => {
            resolve(done.value);
          });
      };
      time.after(fault?.what === 'slow' ? fault.ms : weather.latencyMs, arrive);
    });

  const list = ({ resource, namespace }: Collection, selector: string | undefined) => {
    const items = listed(resource.plural, namespace).filter((object) => matches(selector, object));
    return { items, resourceVersion: String(weather.staleAt ?? objects.version()) };
  };

  const connect = (process: Process): KubeApi => ({
    list: async (collection, { selector }) => {
      const call = {
        verb: 'list',
        plural: collection.resource.plural,
        name: '',
        subresource: undefined,
        body: undefined,
      } as const;
      return (await send(process, call, () => list(collection, selector))) as ReturnType<typeof list>;
    },
    watch: (collection, options) => {
      asked.push({ at: time.monotonic(), by: process.name });
      return watches.open(process, collection, options);
    },
    get: ({ resource: { plural }, namespace, name }: Target) =>
      send(process, { verb: 'get', plural, name, subresource: undefined, body: undefined }, () =>
        objects.get(plural, namespace, name),
      ),
    create: ({ resource: { plural }, namespace = '' }, body) => {
      const { metadata } = body as KubeObject;
      const call = { verb: 'create', plural, name: metadata.name, subresource: undefined, body } as const;
      return send(process, call, () => objects.create(plural, namespace, body as KubeObject));
    },
    patch: ({ resource: { plural }, namespace, name }, { type, body, subresource }: Patch) =>
      send(process, { verb: type, plural, name, subresource, body }, () =>
        objects.patch(plural, { namespace, name, subresource }, { type, body: body as KubeObject }),
      ),
  });

  return { objects, calls, asked, weather, watches, log, connect };
};

export type Server = ReturnType<typeof createServer>;
