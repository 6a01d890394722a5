import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { differences } from '../../test/oracle/compare.ts';
import { captureDatabase } from '../../test/oracle/database.ts';
import type { Capture, DatabaseFacts, Fact, ObjectFact } from '../../test/oracle/facts.ts';
import { captureFiles } from '../../test/oracle/objects.ts';
import { missingDocuments } from '../../test/oracle/seed/liferay.ts';
import { type Application, isGenerated } from './application.ts';
import { bytes, count, say, verdict } from './screen.ts';

/** The judge. It reads the database by psql and the folder by itself, and shares no code with what made the backup. */
export interface Evidence {
  readonly format: 1;
  readonly database: DatabaseFacts;
  readonly objects: readonly ObjectFact[];
}

export const capture = async (application: Application, folder: string, name: string): Promise<Evidence> => {
  const database = await captureDatabase(application.connection);
  const objects = await captureFiles(application.documents);
  const evidence: Evidence = { format: 1, database, objects };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(evidence, undefined, 1)}\n`);
  return evidence;
};

const everything = Number.MAX_SAFE_INTEGER;

const differing = (before: Capture, after: Capture): readonly string[] =>
  differences(before, after, { ignoreObject: isGenerated, limit: everything });

export const countDifferences = (before: Evidence, after: Evidence): number => differing(before, after).length;

export const databaseDiffers = (before: Evidence, after: Evidence): boolean =>
  differing(part(before, all), part(after, all)).length > 0;

type Selection = (fact: Fact) => Fact | undefined;

const all: Selection = (fact) => fact;

const ofKind =
  (...kinds: readonly string[]): Selection =>
  (fact) =>
    kinds.includes(fact.kind) ? fact : undefined;

/** One attribute of everything that has it, as the owner. */
const attribute =
  (name: string): Selection =>
  (fact) => {
    const value = fact.attributes[name];
    return value === undefined ? undefined : { ...fact, attributes: { [name]: value } };
  };

const privileges: Selection = (fact) => (fact.kind === 'default privileges' ? fact : attribute('acl')(fact));

const part = ({ database }: Evidence, selection: Selection): Capture & { readonly database: DatabaseFacts } => ({
  format: 1,
  database: { ...database, facts: database.facts.map(selection).filter((fact) => fact !== undefined) },
});

const sum = (facts: readonly Fact[], name: string): number =>
  facts.reduce((total, { attributes }) => total + Number(attributes[name] ?? 0), 0);

interface Aspect {
  readonly label: string;
  readonly selection: Selection;
  readonly describe: (facts: readonly Fact[]) => string;
}

const aspects: readonly Aspect[] = [
  {
    label: 'rows',
    selection: ofKind('rows'),
    describe: (facts) => `${count(sum(facts, 'count'))} in ${facts.length} tables`,
  },
  { label: 'sequences', selection: ofKind('sequence value'), describe: ({ length }) => `${length} with their values` },
  {
    label: 'large objects',
    selection: ofKind('large object'),
    describe: (facts) => `${facts.length}, ${bytes(sum(facts, 'size'))}`,
  },
  { label: 'owners', selection: attribute('owner'), describe: ({ length }) => `of ${length} things` },
  { label: 'grants', selection: privileges, describe: ({ length }) => `on ${length} things` },
  { label: 'settings', selection: ofKind('database setting'), describe: ({ length }) => `${length} of the database` },
  {
    label: 'everything',
    selection: all,
    describe: ({ length }) => `${count(length)} facts: columns, constraints, indexes, …`,
  },
];

/** Compares part by part, prints one line for each, and says whether all are equal. */
export const judge = (before: Evidence, after: Evidence): boolean => {
  const found = aspects.map(({ label, selection, describe }) => {
    const [old, restored] = [part(before, selection), part(after, selection)];
    const lines = differing(old, restored);
    verdict(lines.length === 0, label, `${describe(restored.database.facts)}: ${outcome(lines)}`);
    return lines;
  });
  const lines = differing({ format: 1, objects: before.objects }, { format: 1, objects: after.objects });
  const own = after.objects.filter(({ key }) => !isGenerated(key));
  const size = own.reduce((total, object) => total + object.size, 0);
  verdict(
    lines.length === 0,
    'object bytes',
    `${count(own.length)} objects, ${bytes(size)}, sha256 of each: ${outcome(lines)}`,
  );
  const different = [...found.flat(), ...lines];
  for (const line of different.slice(0, 10)) say(`    ${line}`);
  return different.length === 0;
};

const outcome = (lines: readonly string[]): string => (lines.length === 0 ? 'equal' : `${lines.length} different`);

/** What the application relies on: every version of a document in the database has its bytes in the library. */
export const judgeDocuments = async ({ connection, documents }: Application): Promise<boolean> => {
  const missing = await missingDocuments(connection, documents);
  const text = missing.length === 0 ? 'each has its bytes' : `${missing.length} without their bytes`;
  verdict(missing.length === 0, 'document rows', text);
  return missing.length === 0;
};

export const generatedCount = ({ objects }: Evidence): number => objects.filter(({ key }) => isGenerated(key)).length;

/** Objects that are neither what they were before nor what they were at another time. */
export const tornObjects = (now: Evidence, times: readonly Evidence[]): number => {
  const known = new Set(times.flatMap(({ objects }) => objects.map(({ key, sha256 }) => `${sha256} ${key}`)));
  return now.objects.filter(({ key, sha256 }) => !known.has(`${sha256} ${key}`)).length;
};
