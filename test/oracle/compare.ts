// What differs between two captures, one readable line each.
import { byUtf8 } from './facts.ts';
import type { Capture, DatabaseFacts, Fact, ObjectFact, Value } from './facts.ts';

export interface CompareOptions {
  /** The restore ran as another role: owners may differ. */
  readonly ignoreOwners?: boolean;
  /** Privileges and default privileges may differ. */
  readonly ignoreAcl?: boolean;
  /** The target has other tablespaces: where things are kept may differ. */
  readonly ignoreTablespaces?: boolean;
  /** The name that the restored database is expected to have. Without it both must be equal. */
  readonly renameDatabase?: string;
  /** Restores leave subscriptions disabled on purpose: then exactly that is expected. */
  readonly subscriptionsDisabled?: boolean;
  /**
   * The servers have different major versions, so these may differ: versions of extensions, how definitions of views are printed
   * (what a view yields is then not compared), the privilege MAINTAIN (new in 17), identity of partitions' columns (new in 17),
   * multiranges of ranges (new in 14).
   */
  readonly acrossVersions?: boolean;
  /** Kinds that are not compared at all, such as `database setting`. */
  readonly ignoreKinds?: readonly string[];
  /** Keys that are not compared, such as generated files that were left out on purpose. */
  readonly ignoreObject?: (key: string) => boolean;
  /** Lines to return at most; default 200. One more line counts the rest. */
  readonly limit?: number;
}

const width = 160;

function text(value: Value | undefined): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'object' ? JSON.stringify(value) : JSON.stringify(String(value));
}

/** Long values are cut around the place where they part. */
function cut(value: string, at: number): string {
  if (value.length <= width) return value;
  const start = Math.max(0, Math.min(at - 40, value.length - width));
  return `${start > 0 ? '…' : ''}${value.slice(start, start + width)}${start + width < value.length ? '…' : ''}`;
}

function change(before: Value | undefined, after: Value | undefined): string {
  const [left, right] = [text(before), text(after)];
  let at = 0;
  while (at < left.length && left[at] === right[at]) at += 1;
  return `${cut(left, at)} before, ${cut(right, at)} after`;
}

function same(a: Value | undefined, b: Value | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Map keys cannot collide: NUL is in no name and, in a key, the whole key is used. */
function byIdentity(facts: readonly Fact[]): Map<string, Fact> {
  const found = new Map<string, Fact>();
  for (const fact of facts) {
    const identity = `${fact.kind}\0${fact.name}`;
    if (found.has(identity)) throw new Error(`the capture names ${fact.kind} ${fact.name} twice`);
    found.set(identity, fact);
  }
  return found;
}

const versionDependent = new Set([
  'extension version',
  'view definition',
  'materialized view definition',
  'range range',
  'column identity',
]);

/** Owners hold every privilege of their version: grants to others then list one more of them. */
function comparable(value: Value | undefined, options: CompareOptions): Value | undefined {
  if (options.acrossVersions !== true || !Array.isArray(value)) return value;
  return value.filter((line) => !/ MAINTAIN( with grant option)? by /u.test(String(line)));
}

function ignoredAttribute(kind: string, name: string, options: CompareOptions): boolean {
  if (name === 'owner') return options.ignoreOwners === true;
  if (name === 'acl') return options.ignoreAcl === true;
  if (name === 'tablespace') return options.ignoreTablespaces === true;
  return options.acrossVersions === true && versionDependent.has(`${kind} ${name}`);
}

function ignoredKinds(options: CompareOptions): ReadonlySet<string> {
  const privileges = options.ignoreAcl === true ? ['default privileges', 'built-in privileges'] : [];
  return new Set([...privileges, ...(options.ignoreKinds ?? [])]);
}

/** What the original should look like once it was restored under these options. */
function expected(fact: Fact, options: CompareOptions): Fact {
  if (fact.kind === 'database' && options.renameDatabase !== undefined) {
    return { ...fact, attributes: { ...fact.attributes, name: options.renameDatabase } };
  }
  if (fact.kind === 'subscription' && options.subscriptionsDisabled === true) {
    return { ...fact, attributes: { ...fact.attributes, enabled: false } };
  }
  return fact;
}

function* attributeDifferences(before: Fact, after: Fact, options: CompareOptions): Generator<string> {
  const names = new Set([...Object.keys(before.attributes), ...Object.keys(after.attributes)]);
  for (const name of [...names].sort(byUtf8)) {
    const [left, right] = [before.attributes[name], after.attributes[name]];
    if (ignoredAttribute(before.kind, name, options) || same(comparable(left, options), comparable(right, options)))
      continue;
    yield `${before.kind} ${before.name}: ${name} was ${change(left, right)}`;
  }
}

function* databaseDifferences(before: DatabaseFacts, after: DatabaseFacts, options: CompareOptions): Generator<string> {
  const ignored = ignoredKinds(options);
  const [old, restored] = [byIdentity(before.facts), byIdentity(after.facts)];
  for (const [identity, fact] of old) {
    if (ignored.has(fact.kind)) continue;
    const counterpart = restored.get(identity);
    if (counterpart === undefined) yield `${fact.kind} ${fact.name}: missing`;
    else yield* attributeDifferences(expected(fact, options), counterpart, options);
  }
  for (const [identity, fact] of restored) {
    if (!ignored.has(fact.kind) && !old.has(identity)) yield `${fact.kind} ${fact.name}: not in the original`;
  }
}

function* objectDifference(before: ObjectFact, after: ObjectFact): Generator<string> {
  const name = `object ${JSON.stringify(before.key)}`;
  if (before.size !== after.size) yield `${name}: size was ${change(before.size, after.size)}`;
  if (before.sha256 !== after.sha256) yield `${name}: content (sha256) was ${change(before.sha256, after.sha256)}`;
  // A store of files keeps neither content type nor metadata: where one side has none, there is nothing to compare.
  if (before.contentType !== undefined && after.contentType !== undefined && before.contentType !== after.contentType) {
    yield `${name}: content type was ${change(before.contentType, after.contentType)}`;
  }
  if (before.metadata !== undefined && after.metadata !== undefined && !same(before.metadata, after.metadata)) {
    yield `${name}: metadata was ${change(before.metadata, after.metadata)}`;
  }
}

function* objectDifferences(
  before: readonly ObjectFact[],
  after: readonly ObjectFact[],
  options: CompareOptions,
): Generator<string> {
  const ignored = options.ignoreObject ?? (() => false);
  const old = new Map(before.map((object) => [object.key, object]));
  const restored = new Map(after.map((object) => [object.key, object]));
  for (const [key, object] of old) {
    if (ignored(key)) continue;
    const counterpart = restored.get(key);
    if (counterpart === undefined) yield `object ${JSON.stringify(key)}: missing`;
    else yield* objectDifference(object, counterpart);
  }
  for (const key of restored.keys()) {
    if (!old.has(key) && !ignored(key)) yield `object ${JSON.stringify(key)}: not in the original`;
  }
}

function* all(before: Capture, after: Capture, options: CompareOptions): Generator<string> {
  if (before.database && after.database) yield* databaseDifferences(before.database, after.database, options);
  else if (before.database || after.database) yield `database: captured only ${before.database ? 'before' : 'after'}`;
  if (before.objects && after.objects) yield* objectDifferences(before.objects, after.objects, options);
  else if (before.objects || after.objects) yield `objects: captured only ${before.objects ? 'before' : 'after'}`;
}

/** Empty means equal. Bounded: after `limit` lines one more says how many were left out. */
export function differences(before: Capture, after: Capture, options: CompareOptions = {}): string[] {
  const limit = options.limit ?? 200;
  const lines: string[] = [];
  let more = 0;
  for (const line of all(before, after, options)) {
    if (lines.length < limit) lines.push(line);
    else more += 1;
  }
  return more === 0 ? lines : [...lines, `… and ${more} more differences`];
}
