import { type Condition, type ConditionType, setCondition } from '../core/api/conditions.ts';
import type { RequestStatus } from '../core/api/request-status.ts';
import { oneLine } from '../core/errors.ts';
import { canonicalLine, type Json } from '../core/manifest/canonical.ts';
import { utf8Length, cutUtf8 } from '../core/utf8.ts';

/** Small pure pieces of which statuses are made. */

const messageBytes = 2000;

export const cutMessage = (text: string): string => {
  const line = oneLine(text);
  return utf8Length(line) <= messageBytes ? line : `${cutUtf8(line, messageBytes)}…`;
};

export interface Saying {
  readonly type: ConditionType;
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
}

export const withConditions = (
  list: readonly Condition[] | undefined,
  sayings: readonly Saying[],
  at: { readonly now: Date; readonly generation: number },
): Condition[] =>
  sayings.reduce<Condition[]>(
    (conditions, { type, status, reason, message }) =>
      setCondition(conditions, {
        type,
        status,
        reason,
        message: cutMessage(message),
        observedGeneration: at.generation,
        lastTransitionTime: at.now.toISOString(),
      }),
    [...(list ?? [])],
  );

export const conditionOf = (list: readonly Condition[] | undefined, type: ConditionType): Condition | undefined =>
  list?.find((condition) => condition.type === type);

export const sameStatus = (a: object, b: object): boolean => canonicalLine(a as Json) === canonicalLine(b as Json);

const essence = ({ progress: _progress, components: _components, message: _message, ...rest }: RequestStatus): object =>
  rest;

/** Whether only numbers moved: such news can wait, so that a long run does not write all the time. */
export const isMinor = (before: RequestStatus, after: RequestStatus): boolean =>
  sameStatus(essence(before), essence(after));
