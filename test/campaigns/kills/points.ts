// How the moments of a flow are written down, and how cases are drawn from them.
import type { Random } from '../random.ts';
import type { Shot } from './hunt.ts';
import type { Side, Spot } from './trap.ts';

/** A row of the table. Rows stand in the order of their worth: small counts take the first ones. */
export interface Row<Setting> {
  readonly stratum: string;
  readonly settings: readonly Setting[];
  /** Draws the spot: `nth`, bytes. */
  readonly spot: (random: Random) => Spot;
  readonly sides: readonly Side[];
  readonly victims: readonly string[];
  /** Longest delay, in milliseconds. */
  readonly delay?: number;
}

export interface Drawn<Setting> {
  readonly stratum: string;
  readonly name: string;
  readonly setting: Setting;
  readonly shot: Shot;
}

/** Who may die at any moment. */
export const anyOf = (step: string): readonly string[] => [step, 'tree', 'runner'];
/** Around a commit point. */
export const around: readonly Side[] = ['before', 'answered', 'race', 'told'];

export const http =
  (method: string, path: RegExp, most = 1): ((random: Random) => Spot) =>
  (random) => ({
    at: 'http',
    method,
    path,
    nth: random.between(1, most),
  });
export const byRclone =
  (method: string, path: RegExp, most: number): ((random: Random) => Spot) =>
  (random) => ({
    at: 'http',
    method,
    path,
    agent: /rclone/,
    nth: random.between(1, most),
  });
export const sql =
  (text: RegExp, most = 1): ((random: Random) => Spot) =>
  (random) => ({ at: 'sql', text, nth: random.between(1, most) });
/** Of the swap: `pg_restore` commits large objects on the way. */
export const swapCommit = (): Spot => ({
  at: 'sql',
  text: /^COMMIT$/,
  previous: /^(COMMENT ON|ALTER) DATABASE/,
  nth: 1,
});
export const copy =
  (direction: 'in' | 'out', most: number): ((random: Random) => Spot) =>
  (random) => ({
    at: 'copy',
    direction,
    bytes: random.between(1, most),
  });
export const begins =
  (role: string): (() => Spot) =>
  () => ({ at: 'process', role });
export const files =
  (when: (names: readonly string[]) => boolean): (() => Spot) =>
  () => ({ at: 'files', when });

/** Rows in turn; within a row every combination once before any comes again. */
export const draw = <Setting>(rows: readonly Row<Setting>[], count: number, random: Random): Drawn<Setting>[] => {
  const decks = rows.map((row) => ({ row, waiting: [] as Combination<Setting>[] }));
  return Array.from({ length: count }, (_, index) => {
    const deck = decks[index % decks.length];
    if (deck === undefined) throw new RangeError('a campaign without rows');
    if (deck.waiting.length === 0) deck.waiting = combinations(deck.row, random);
    const [next] = deck.waiting.splice(0, 1);
    if (next === undefined) throw new RangeError(`${deck.row.stratum} has no combination`);
    return drawnOf(deck.row, next, random);
  });
};

/**
 * One case by its name, which stays when rows come and go: `stratum/side/victim`, and where they are not the first,
 * `/n` of the spot and `/n` of the row's settings, from 0.
 */
export const pick = <Setting>(rows: readonly Row<Setting>[], name: string, random: Random): Drawn<Setting>[] => {
  const [stratum, side, victim = '', nth = '1', place = '0'] = name.split('/');
  const row = rows.find((each) => each.stratum === stratum);
  const setting = row?.settings[Number(place)];
  const found = row?.sides.find((each) => each === side);
  if (row === undefined || setting === undefined || found === undefined || !row.victims.includes(victim)) return [];
  // In the middle of a stream of rows; at the moment itself where time is drawn.
  const fixed: Random = { ...random, between: (_least, most) => (most > 1000 ? Math.floor(most / 2) : Number(nth)) };
  return [drawnOf(row, { setting, side: found, victim }, fixed)];
};

interface Combination<Setting> {
  readonly setting: Setting;
  readonly side: Side;
  readonly victim: string;
}

const combinations = <Setting>({ settings, sides, victims }: Row<Setting>, random: Random): Combination<Setting>[] =>
  random
    .shuffle(
      settings.flatMap((setting) => sides.flatMap((side) => victims.map((victim) => ({ setting, side, victim })))),
    )
    .filter(({ side, victim }) => canBe(side, victim));

/** A repetition needs somebody who repeats; a session of the server ends when its client was told. */
const canBe = (side: Side, victim: string): boolean =>
  !(side === 'late' && ['runner', 'tree'].includes(victim)) && !(side === 'told' && victim === 'backend');

const drawnOf = <Setting>(
  row: Row<Setting>,
  { setting, side, victim }: Combination<Setting>,
  random: Random,
): Drawn<Setting> => {
  const spot = row.spot(random);
  const isTimed = side === 'race' || side === 'told' || spot.at === 'process' || spot.at === 'files';
  const delay = isTimed ? random.between(0, row.delay ?? 50) : 0;
  const where =
    'nth' in spot && spot.nth > 1 ? ` number ${spot.nth}` : spot.at === 'copy' ? ` after ${spot.bytes} bytes` : '';
  const when = isTimed ? `${side} +${delay} ms` : side;
  return {
    stratum: row.stratum,
    name: `${JSON.stringify(setting)}: ${victim} dies ${when}${where}`,
    setting,
    shot: { spot, side, delay, victim },
  };
};
