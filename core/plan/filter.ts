import { Lc2Error } from '../errors.ts';

/**
 * Exclude rules: a prefix, or a glob when it holds an unescaped `*` or `?`. `*` stays within a segment, `**` crosses
 * them, `?` is one character that is not `/`, a backslash makes the next character literal. A glob describes the whole key.
 *
 * All rules run as one automaton whose states are made when first met: the time for a key grows with its length only,
 * whatever the rules, so no rule can make a listing slow.
 */
export interface KeyFilter {
  /** Index of a rule that excludes the key, or -1. */
  match(key: string): number;
  readonly rules: readonly string[];
}

type Token = number | 'any' | 'star' | 'globstar';
const slash = 47;

export const compileFilter = (rules: readonly string[]): KeyFilter => {
  const automaton = new Automaton(rules.map(parseRule));
  return { rules, match: (key) => automaton.match(key) };
};

const parseRule = (rule: string, index: number): Token[] => {
  if (rule === '') throw new Lc2Error('INPUT_INVALID', 'an exclude rule is empty', { where: `exclude[${index}]` });
  const tokens: Token[] = [];
  let glob = false;
  for (let i = 0; i < rule.length; i++) {
    const unit = rule.charAt(i);
    if (unit === '\\' && i + 1 < rule.length) tokens.push(rule.charCodeAt(++i));
    else if (unit === '?') tokens.push('any');
    else if (unit === '*' && rule.charAt(i + 1) === '*') {
      i++;
      tokens.push('globstar');
    } else tokens.push(unit === '*' ? 'star' : rule.charCodeAt(i));
    glob ||= unit === '?' || unit === '*';
  }
  return glob ? tokens : [...tokens, 'globstar'];
};

/** Enough for real rule sets; beyond it the automaton starts anew, so memory stays bounded. */
const maxStates = 4096;
const maxOthers = 100_000;

/** What a step leads to: a state (0 and up), nothing known yet, no rule any more, or (below) a rule that is settled. */
const unknown = -1;
const dead = -2;
const settledBy = (rule: number): number => dead - 1 - rule;

// oxlint-disable-next-line no-restricted-syntax -- a class keeps the tables monomorphic and fast
class Automaton {
  private readonly rules: readonly (readonly Token[])[];
  private readonly stride: number;
  /** Positions in the rules, as `rule * stride + position`, by state. */
  private positions: (readonly number[])[] = [];
  private ids = new Map<string, number>();
  /** First rule that excludes a key that ends in the state, or -1. */
  private accepts: number[] = [];
  /** Steps by state and character: 128 for each state, and the others apart. */
  private ascii = new Int32Array(0);
  private others = new Map<number, number>();
  private readonly origin: readonly number[];
  private start: number;

  constructor(rules: readonly (readonly Token[])[]) {
    this.rules = rules;
    this.stride = Math.max(1, ...rules.map((rule) => rule.length + 1));
    this.origin = this.closed(rules.map((_, rule) => rule * this.stride));
    this.start = this.stateOf(this.origin);
  }

  match(key: string): number {
    let state = this.start;
    if (state < 0) return ruleOf(state);
    for (let i = 0; i < key.length; i++) {
      const unit = key.charCodeAt(i);
      let next = unit < 128 ? (this.ascii[state * 128 + unit] ?? unknown) : this.other(state, unit);
      if (next < 0) {
        if (next === unknown) next = this.step(state, unit);
        if (next < 0) return ruleOf(next);
      }
      state = next;
    }
    return this.accepts[state] ?? -1;
  }

  private other(state: number, unit: number): number {
    return this.others.get(state * 65_536 + unit) ?? unknown;
  }

  private step(state: number, unit: number): number {
    const next: number[] = [];
    for (const position of this.positions[state] ?? []) {
      const to = afterUnit(position, this.tokenAt(position), unit);
      if (to !== undefined) next.push(to);
    }
    if (this.positions.length >= maxStates || this.others.size >= maxOthers) {
      this.forget();
      // The state that we come from has no number any more.
      return this.stateOf(this.closed(next));
    }
    const to = this.stateOf(this.closed(next));
    if (unit < 128) this.ascii[state * 128 + unit] = to;
    else this.others.set(state * 65_536 + unit, to);
    return to;
  }

  private tokenAt(position: number): Token | undefined {
    return this.rules[Math.floor(position / this.stride)]?.[position % this.stride];
  }

  /** Stars followed through. */
  private closed(positions: readonly number[]): readonly number[] {
    const closed = new Set<number>();
    const waiting = [...positions];
    for (let position = waiting.pop(); position !== undefined; position = waiting.pop()) {
      if (closed.has(position)) continue;
      closed.add(position);
      const token = this.tokenAt(position);
      if (token === 'star' || token === 'globstar') waiting.push(position + 1);
    }
    return [...closed].sort((a, b) => a - b);
  }

  private stateOf(positions: readonly number[]): number {
    if (positions.length === 0) return dead;
    const settled = this.firstRule(positions, (position) => this.isLastGlobstar(position));
    if (settled >= 0) return settledBy(settled);
    const id = positions.join(' ');
    const known = this.ids.get(id);
    if (known !== undefined) return known;
    const state = this.positions.push(positions) - 1;
    this.ids.set(id, state);
    this.accepts.push(this.firstRule(positions, (position) => this.tokenAt(position) === undefined));
    if (this.ascii.length < (state + 1) * 128) {
      const larger = new Int32Array(Math.max(64 * 128, this.ascii.length * 2)).fill(unknown);
      larger.set(this.ascii);
      this.ascii = larger;
    }
    return state;
  }

  private forget(): void {
    this.positions = [];
    this.ids = new Map();
    this.accepts = [];
    this.ascii.fill(unknown);
    this.others = new Map();
    this.start = this.stateOf(this.origin);
  }

  private isLastGlobstar(position: number): boolean {
    return this.tokenAt(position) === 'globstar' && this.tokenAt(position + 1) === undefined;
  }

  private firstRule(positions: readonly number[], wanted: (position: number) => boolean): number {
    const found = positions.find(wanted);
    return found === undefined ? -1 : Math.floor(found / this.stride);
  }
}

/** Where a position in a rule is after one more unit of the key; undefined when the rule does not go on like that. */
const afterUnit = (position: number, token: Token | undefined, unit: number): number | undefined => {
  if (token === 'globstar' || (token === 'star' && unit !== slash)) return position;
  // A character beyond the basic plane is two units: `?` is done with the second.
  if (token === 'any' && unit >= 0xd800 && unit < 0xdc00) return position;
  return token === unit || (token === 'any' && unit !== slash) ? position + 1 : undefined;
};

/** The rule of a step that leads to no state; -1 for none. */
const ruleOf = (step: number): number => (step === dead ? -1 : dead - 1 - step);
