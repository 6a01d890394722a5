// One small damage each, and what the oracle must say about it. They run one after the other on the same database.

export interface Mutation {
  readonly what: string;
  readonly sql: string;
  /** Each of these must stand in one of the lines, and every line must hold one of them. */
  readonly reported: readonly string[];
}
