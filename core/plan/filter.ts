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

interface State {
  /** Positions in the rules, as `rule * stride + position`. */
  readonly positions: readonly number[];
  /** First rule that excludes a key that ends here, or -1. */
  readonly accepts: number;
  /** Whatever follows, this rule excludes the key; or -1. */
  readonly settled: number;
  readonly ascii: (State | undefined)[];
  readonly others: Map<number, State>;
}

/** Enough for real rule sets; beyond it the cache starts anew, so memory stays bounded. */
const maxStates = 4096;

// oxlint-disable-next-line no-restricted-syntax -- a class keeps the cache monomorphic and fast
class Automaton {
  private readonly rules: readonly (readonly Token[])[];
  private readonly stride: number;
  private states = new Map<string, State>();
  private start: State;

  constructor(rules: readonly (readonly Token[])[]) {
    this.rules = rules;
    this.stride = Math.max(1, ...rules.map((rule) => rule.length + 1));
    this.start = this.stateOf(rules.map((_, rule) => rule * this.stride));
  }

  match(key: string): number {
    let state = this.start;
    for (let i = 0; i < key.length; i++) {
      if (state.settled >= 0) return state.settled;
      if (state.positions.length === 0) return -1;
      const unit = key.charCodeAt(i);
      state = (unit < 128 ? state.ascii[unit] : state.others.get(unit)) ?? this.step(state, unit);
    }
    return state.settled >= 0 ? state.settled : state.accepts;
  }

  private step(state: State, unit: number): State {
    const next: number[] = [];
    for (const position of state.positions) {
      const token = this.tokenAt(position);
      if (token === 'globstar' || (token === 'star' && unit !== slash)) next.push(position);
      // A character beyond the basic plane is two units: `?` is done with the second.
      else if (token === 'any' && unit >= 0xd800 && unit < 0xdc00) next.push(position);
      else if (token === unit || (token === 'any' && unit !== slash)) next.push(position + 1);
    }
    const to = this.stateOf(next);
    if (unit < 128) state.ascii[unit] = to;
    else state.others.set(unit, to);
    return to;
  }

  private tokenAt(position: number): Token | undefined {
    return this.rules[Math.floor(position / this.stride)]?.[position % this.stride];
  }

  /** The state of a set of positions, stars followed through. */
  private stateOf(positions: readonly number[]): State {
    const closed = new Set<number>();
    const waiting = [...positions];
    for (let position = waiting.pop(); position !== undefined; position = waiting.pop()) {
      if (closed.has(position)) continue;
      closed.add(position);
      const token = this.tokenAt(position);
      if (token === 'star' || token === 'globstar') waiting.push(position + 1);
    }
    const sorted = [...closed].sort((a, b) => a - b);
    const id = sorted.join(' ');
    const known = this.states.get(id);
    if (known) return known;
    if (this.states.size >= maxStates) this.forget();
    const state: State = {
      positions: sorted,
      accepts: this.firstRule(sorted, (position) => this.tokenAt(position) === undefined),
      settled: this.firstRule(sorted, (position) => this.isLastGlobstar(position)),
      ascii: Array.from({ length: 128 }, () => undefined),
      others: new Map(),
    };
    this.states.set(id, state);
    return state;
  }

  /** The states in use stay alive by reference; only the way to find them again is dropped. */
  private forget(): void {
    this.states = new Map();
    if (this.start !== undefined)
      this.start = { ...this.start, ascii: Array.from({ length: 128 }, () => undefined), others: new Map() };
  }

  private isLastGlobstar(position: number): boolean {
    return this.tokenAt(position) === 'globstar' && this.tokenAt(position + 1) === undefined;
  }

  private firstRule(positions: readonly number[], wanted: (position: number) => boolean): number {
    const found = positions.find(wanted);
    return found === undefined ? -1 : Math.floor(found / this.stride);
  }
}
