// One moment of a run, and who dies in it. Fronts ask the trap about everything that passes them, and hold it meanwhile.

/** What is waited for. `nth` counts from 1. */
export type Spot =
  | {
      readonly at: 'http';
      readonly method: string;
      readonly path: RegExp;
      readonly agent?: RegExp;
      readonly body?: RegExp;
      /** Only once such a request has passed: of method, path and body. */
      readonly after?: RegExp;
      readonly nth: number;
    }
  /** A statement; `previous` was the one before it on the same connection. */
  | { readonly at: 'sql'; readonly text: RegExp; readonly previous?: RegExp; readonly nth: number }
  /** So many bytes of a COPY have passed. */
  | { readonly at: 'copy'; readonly direction: 'in' | 'out'; readonly bytes: number }
  /** The files below the run's folder are such. */
  | { readonly at: 'files'; readonly when: (names: readonly string[]) => boolean }
  /** A step or program of the run begins. */
  | { readonly at: 'process'; readonly role: string };

export type Side =
  /** Held, killed, and never sent on: the sender died a moment earlier. */
  | 'before'
  /** Half of the bytes have passed. */
  | 'mid'
  /** Killed while it is on its way: it arrives after the death of its sender, after `delay`. */
  | 'race'
  /** Done, but the answer arrives nowhere. */
  | 'answered'
  /** The answer has arrived, and `delay` has passed. */
  | 'told'
  /** It arrives after the next attempt has done the same. */
  | 'late';

export interface Passing {
  readonly http?: { readonly method: string; readonly path: string; readonly agent: string; readonly body: string };
  readonly sql?: string;
  readonly previous?: string;
  readonly copied?: { readonly direction: 'in' | 'out'; readonly bytes: number };
}

export interface Moment {
  readonly side: Side;
  /** Milliseconds, for the sides that have some. */
  readonly delay: number;
  /** Kills, and resolves when the victims are gone. True: whoever passed just now is one of them. */
  spring(backend?: number): Promise<boolean>;
}

export interface Trap {
  /** The moment, when this is what was waited for. Says so once. */
  meets(passing: Passing): Moment | undefined;
}

/** Never springs. */
export const noTrap: Trap = { meets: () => undefined };

export const createTrap = (spot: Spot, moment: Moment): Trap => {
  let seen = 0;
  let armed = spot.at !== 'http' || spot.after === undefined;
  let sprung = false;
  return {
    meets: (passing) => {
      if (!armed) {
        armed = arms(spot, passing);
        return undefined;
      }
      if (sprung || !isSpot(spot, passing)) return undefined;
      seen++;
      if ('nth' in spot && seen < spot.nth) return undefined;
      sprung = true;
      return moment;
    },
  };
};

const arms = (spot: Spot, { http }: Passing): boolean =>
  spot.at === 'http' && http !== undefined && spot.after?.test(`${http.method} ${http.path} ${http.body}`) === true;

/** Files and processes do not pass by a front. */
const isSpot = (spot: Spot, passing: Passing): boolean => {
  if (spot.at === 'sql') return isStatement(spot, passing);
  if (spot.at === 'copy') return passing.copied?.direction === spot.direction && passing.copied.bytes >= spot.bytes;
  if (spot.at !== 'http' || passing.http === undefined) return false;
  const { method, path, agent, body } = passing.http;
  const isAsked = spot.method === method && spot.path.test(path);
  return isAsked && (spot.agent?.test(agent) ?? true) && (spot.body?.test(body) ?? true);
};

const isStatement = (spot: Spot & { readonly at: 'sql' }, { sql, previous = '' }: Passing): boolean =>
  sql !== undefined && spot.text.test(sql) && (spot.previous?.test(previous) ?? true);
