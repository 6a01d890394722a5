import type { TimeSpan } from '../ports/object-store.ts';

/** Readings of the clocks of storage and of an object store. Only differences of one clock are taken: they need not agree. */
export interface Readings {
  /** By storage's clock: when the run began, which is before every point, and when all points were surely taken. */
  readonly begun: string;
  readonly pointsBy: string;
  /** One after the other: storage, object store, storage. */
  readonly before: string;
  readonly source: string;
  readonly after: string;
}

/** A clock may be read as a second less than it shows, and times of objects too. */
const slack = 2000;

/** The time of the points by the object store's clock: from no later than the first to no earlier than the last. */
export const spanOfPoints = ({ begun, pointsBy, before, source, after }: Readings): TimeSpan => {
  const at = (milliseconds: number): string => new Date(milliseconds).toISOString();
  const now = Date.parse(source);
  return {
    from: at(now - (Date.parse(after) - Date.parse(begun)) - slack),
    until: at(now - (Date.parse(before) - Date.parse(pointsBy)) + slack),
  };
};

/** When a version was current, in milliseconds. */
export interface Currency {
  readonly since: number;
  /** Infinity: it still is. */
  readonly until: number;
}

/** Whether a version was current at any moment of the span: a listing asks it of every version. */
export const wasCurrentIn = (span: TimeSpan): ((version: Currency) => boolean) => {
  const [first, last] = [Date.parse(span.from), Date.parse(span.until)];
  return ({ since, until }) => since <= last && until >= first;
};
