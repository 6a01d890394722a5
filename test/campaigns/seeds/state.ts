// What databases and library hold at one moment, by the oracle, and what a restore should make of them.
import { differences, type CompareOptions } from '../../oracle/compare.ts';
import type { Capture, Fact, ObjectFact } from '../../oracle/facts.ts';
import { captureAt } from '../../support/lab.ts';
import type { PostgresServer } from '../../support/postgres.ts';
import type { Place } from './place.ts';
import { writerPrefix, writerSchema } from './writer.ts';

export interface State {
  readonly databases: ReadonlyMap<string, Capture>;
  readonly library: readonly ObjectFact[];
  /** The writer was at work: its corner is judged by its log instead. */
  readonly busy: boolean;
}

export const captureState = async (
  server: PostgresServer,
  names: readonly string[],
  options: { place: Place; busy: boolean },
): Promise<State> => {
  const databases = new Map<string, Capture>();
  for (const name of names) databases.set(name, await captureAt(server, name));
  return { databases, library: await options.place.capture(), busy: options.busy };
};

const isWriters = ({ name, kind }: Fact): boolean => name.includes(writerSchema) || kind === `schema ${writerSchema}`;

export const withoutFacts = (capture: Capture, left: (fact: Fact) => boolean): Capture =>
  capture.database === undefined
    ? capture
    : { ...capture, database: { ...capture.database, facts: capture.database.facts.filter((fact) => !left(fact)) } };

/** Fails with every difference of a database. */
export const assertDatabase = (
  state: State,
  name: string,
  found: Capture,
  options: CompareOptions & { left?: (fact: Fact) => boolean },
): void => {
  const sealed = state.databases.get(name);
  if (!sealed) throw new Error(`nothing was captured of ${name}`);
  const left = (fact: Fact): boolean => (state.busy && isWriters(fact)) || options.left?.(fact) === true;
  const lines = differences(withoutFacts(sealed, left), withoutFacts(found, left), {
    subscriptionsDisabled: true,
    ...options,
  });
  if (lines.length > 0) throw new Error(`database ${name} differs:\n${lines.slice(0, 30).join('\n')}`);
};

export interface ObjectsRestore {
  readonly mode: 'merge' | 'mirror';
  readonly prefixes: readonly string[];
}

/** What a library should hold after a restore: what is chosen as sealed; the rest as before, or gone by mirror. */
export const assertLibrary = (
  state: State,
  before: readonly ObjectFact[],
  found: readonly ObjectFact[],
  { mode, prefixes }: ObjectsRestore,
): void => {
  const chosen = (key: string): boolean => prefixes.length === 0 || prefixes.some((prefix) => key.startsWith(prefix));
  const sealed = state.library.filter(({ key }) => chosen(key));
  const keys = new Set(sealed.map(({ key }) => key));
  const kept = before.filter(({ key }) => !keys.has(key) && !(mode === 'mirror' && chosen(key)));
  const ignoreObject = (key: string): boolean => state.busy && key.startsWith(writerPrefix);
  const lines = differences(
    { format: 1, objects: [...sealed, ...kept] },
    { format: 1, objects: found },
    { ignoreObject },
  );
  if (lines.length > 0) throw new Error(`the library differs:\n${lines.slice(0, 30).join('\n')}`);
};
