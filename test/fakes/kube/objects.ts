import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

/**
 * Objects of a pretended API server: versions, uniqueness, finalizers, subresources and history behave as the real one's.
 * What is stored is never changed, only replaced: whoever gets an object may keep it and must not write into it.
 */

export interface Meta {
  name: string;
  namespace: string;
  uid: string;
  resourceVersion: string;
  generation: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  finalizers?: string[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: Meta;
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  data?: Record<string, string>;
}

export interface HistoryEntry {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly plural: string;
  readonly object: KubeObject;
  /** What it was before, for watches whose selector it has left. */
  readonly before: KubeObject | undefined;
}

export class StatusError extends Error {
  readonly code: number;
  readonly reason: string;

  constructor(code: number, reason: string, message: string) {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}

export interface ObjectStoreOptions {
  readonly now: () => Date;
  readonly newUid?: (plural: string, namespace: string, name: string) => string;
  /** Throws a StatusError for what the API server's schema would refuse. */
  readonly validate?: (plural: string, object: KubeObject) => void;
}

type Record_ = Record<string, unknown>;
const isRecord = (value: unknown): value is Record_ =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

export const mergePatch = (target: unknown, patch: unknown): unknown => {
  if (!isRecord(patch)) return patch;
  const result: Record_ = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
};

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
}

/** As much of JSON patch as the controller uses: `test`, and `remove` from a list. */
const jsonPatch = (target: KubeObject, operations: readonly Operation[]): KubeObject => {
  const result = structuredClone(target);
  for (const { op, path, value } of operations) {
    const keys = path.split('/').slice(1);
    const last = keys.pop() ?? '';
    const parent = keys.reduce<unknown>((from, key) => (isRecord(from) ? from[key] : undefined), result);
    const found: unknown = Array.isArray(parent) ? parent[Number(last)] : isRecord(parent) ? parent[last] : undefined;
    if (found === undefined || (op === 'test' && found !== value))
      throw new StatusError(422, 'Invalid', `the server rejected our request: ${op} ${path}`);
    if (op === 'remove' && Array.isArray(parent)) parent.splice(Number(last), 1);
  }
  return result;
};

const secondsOf = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z');

const keyOf = (plural: string, namespace: string, name: string): string => `${plural}/${namespace}/${name}`;

export const createObjects = ({ now, validate, newUid = () => randomUUID() }: ObjectStoreOptions) => {
  const objects = new Map<string, KubeObject>();
  const history: HistoryEntry[] = [];
  const listeners = new Set<(entry: HistoryEntry) => void>();
  let version = 100;
  let oldest = 100;

  const record = (
    type: HistoryEntry['type'],
    plural: string,
    parts: { object: KubeObject; before: KubeObject | undefined },
  ): void => {
    const entry = { type, version, plural, ...parts };
    history.push(entry);
    for (const listener of listeners) listener(entry);
  };

  const find = (plural: string, namespace: string, name: string): KubeObject => {
    const found = objects.get(keyOf(plural, namespace, name));
    if (found === undefined) throw new StatusError(404, 'NotFound', `${plural} "${name}" not found`);
    return found;
  };

  const create = (plural: string, namespace: string, body: KubeObject): KubeObject => {
    const key = keyOf(plural, namespace, body.metadata.name);
    if (objects.has(key))
      throw new StatusError(409, 'AlreadyExists', `${plural} "${body.metadata.name}" already exists`);
    const object = { ...body };
    const hasStatus = plural !== 'workflows';
    validate?.(plural, object);
    if (hasStatus) delete object.status;
    version++;
    object.metadata = {
      ...object.metadata,
      namespace,
      uid: newUid(plural, namespace, body.metadata.name),
      resourceVersion: String(version),
      generation: 1,
      creationTimestamp: secondsOf(now()),
    };
    objects.set(key, object);
    record('ADDED', plural, { object, before: undefined });
    return object;
  };

  const removeObject = (plural: string, object: KubeObject): void => {
    version++;
    objects.delete(keyOf(plural, object.metadata.namespace, object.metadata.name));
    const gone = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    record('DELETED', plural, { object: gone, before: object });
  };

  /** Writes `after` over `before`; nothing happens when nothing changed. */
  const write = (plural: string, before: KubeObject, after: KubeObject): KubeObject => {
    if (isDeepStrictEqual(before, after)) return before;
    validate?.(plural, after);
    version++;
    after.metadata.resourceVersion = String(version);
    if (!isDeepStrictEqual(before.spec, after.spec)) after.metadata.generation = before.metadata.generation + 1;
    if (after.metadata.deletionTimestamp !== undefined && (after.metadata.finalizers ?? []).length === 0) {
      removeObject(plural, after);
      return after;
    }
    objects.set(keyOf(plural, before.metadata.namespace, before.metadata.name), after);
    record('MODIFIED', plural, { object: after, before });
    return after;
  };

  const checkVersion = (plural: string, before: KubeObject, body: Record_): void => {
    const wanted = isRecord(body['metadata']) ? body['metadata'] : {};
    const message = `Operation cannot be fulfilled on ${plural} "${before.metadata.name}": the object has been modified`;
    const stale =
      wanted['resourceVersion'] !== undefined && wanted['resourceVersion'] !== before.metadata.resourceVersion;
    const other = wanted['uid'] !== undefined && wanted['uid'] !== before.metadata.uid;
    if (stale || other) throw new StatusError(409, 'Conflict', message);
  };

  const keepServerFields = (before: KubeObject, after: KubeObject): KubeObject => {
    const { uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, name, namespace } = before.metadata;
    after.metadata = { ...after.metadata, uid, resourceVersion, generation, creationTimestamp, name, namespace };
    if (deletionTimestamp !== undefined) after.metadata.deletionTimestamp = deletionTimestamp;
    if (after.metadata.finalizers?.length === 0) delete after.metadata.finalizers;
    return after;
  };

  const merge = (
    plural: string,
    before: KubeObject,
    parts: { body: Record_; subresource: string | undefined },
  ): KubeObject => {
    checkVersion(plural, before, parts.body);
    const merged = keepServerFields(before, mergePatch(before, parts.body) as KubeObject);
    if (plural !== 'workflows') {
      if (parts.subresource === 'status') merged.spec = before.spec ?? {};
      else if (before.status === undefined) delete merged.status;
      else merged.status = before.status;
    }
    return write(plural, before, merged);
  };

  /** One manager is enough here: what it applies replaces what it had applied. */
  const apply = (
    plural: string,
    place: { namespace: string; name: string; subresource: string | undefined },
    body: KubeObject,
  ): KubeObject => {
    const { namespace, name, subresource } = place;
    const before = objects.get(keyOf(plural, namespace, name));
    if (before === undefined) {
      if (subresource !== undefined) throw new StatusError(404, 'NotFound', `${plural} "${name}" not found`);
      return create(plural, namespace, body);
    }
    checkVersion(plural, before, body as unknown as Record_);
    const after = { ...before };
    if (subresource === 'status') after.status = body.status ?? {};
    else {
      after.metadata = { ...after.metadata, ...body.metadata };
      if (body.data !== undefined) after.data = body.data;
      if (body.spec !== undefined) after.spec = body.spec;
    }
    return write(plural, before, keepServerFields(before, after));
  };

  const remove = (plural: string, namespace: string, name: string): void => {
    const object = find(plural, namespace, name);
    if ((object.metadata.finalizers ?? []).length === 0) {
      removeObject(plural, object);
      return;
    }
    if (object.metadata.deletionTimestamp !== undefined) return;
    write(plural, object, {
      ...object,
      metadata: { ...object.metadata, deletionTimestamp: secondsOf(now()) },
    });
  };

  return {
    create,
    get: find,
    tryGet: (plural: string, namespace: string, name: string): KubeObject | undefined =>
      objects.get(keyOf(plural, namespace, name)),
    list: (plural: string, namespace?: string): KubeObject[] =>
      [...objects]
        .filter(([key]) => key.startsWith(namespace === undefined ? `${plural}/` : `${plural}/${namespace}/`))
        .map(([, object]) => object),
    patch: (
      plural: string,
      place: { namespace: string; name: string; subresource: string | undefined },
      patch: { type: 'merge' | 'apply' | 'json'; body: KubeObject },
    ) => {
      if (patch.type === 'apply') return apply(plural, place, patch.body);
      const before = find(plural, place.namespace, place.name);
      const body = patch.body as unknown;
      if (patch.type === 'merge')
        return merge(plural, before, { body: body as Record_, subresource: place.subresource });
      return write(plural, before, keepServerFields(before, jsonPatch(before, body as readonly Operation[])));
    },
    remove,
    /** As a user or another controller would: without faults, without HTTP. */
    edit: (
      plural: string,
      place: { namespace: string; name: string },
      change: (object: KubeObject) => void,
    ): KubeObject => {
      const before = find(plural, place.namespace, place.name);
      const after = structuredClone(before);
      change(after);
      return write(plural, before, after);
    },
    version: () => version,
    historySince: (since: number): readonly HistoryEntry[] | 'gone' =>
      since < oldest ? 'gone' : history.filter((entry) => entry.version > since),
    /** Forgets the past, as etcd's compaction does. */
    compact: () => {
      oldest = ++version;
      history.length = 0;
    },
    listen: (listener: (entry: HistoryEntry) => void): (() => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};

export type Objects = ReturnType<typeof createObjects>;
