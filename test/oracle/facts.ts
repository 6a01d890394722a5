// What the oracle writes down: plain sorted JSON, so that two captures can be compared and read by people.

export type Value = string | number | boolean | readonly Value[] | { readonly [name: string]: Value };

/** One thing in a database: its kind, its full quoted identity, and what is true of it. */
export interface Fact {
  readonly kind: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, Value>>;
}

export interface DatabaseFacts {
  readonly serverVersion: string;
  readonly facts: readonly Fact[];
}

/** One object of a store. Content type and metadata exist only where the store keeps them. */
export interface ObjectFact {
  readonly key: string;
  readonly size: number;
  readonly sha256: string;
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What `capture` stores in one file. Lists, not records keyed by name: `__proto__` is a legal key and a legal table name. */
export interface Capture {
  readonly format: 1;
  readonly database?: DatabaseFacts;
  readonly objects?: readonly ObjectFact[];
}

/** The order of S3: bytes of UTF-8. JavaScript's own order differs above U+FFFF. */
export function byUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
