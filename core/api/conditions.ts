import { z } from 'zod';

/** Conditions of all kinds, with the semantics of Kubernetes: the transition time moves only with the status. */

export const conditionTypes = ['Accepted', 'Progressing', 'Succeeded', 'Ready'] as const;
export type ConditionType = (typeof conditionTypes)[number];

export const conditionSchema = z.strictObject({
  type: z.enum(conditionTypes),
  status: z.enum(['True', 'False', 'Unknown']),
  /** A code of the error catalogue in CamelCase, or one of `reasons`. */
  reason: z.string().min(1).max(100),
  message: z.string().max(2048),
  observedGeneration: z.int().optional(),
  lastTransitionTime: z.iso.datetime({ offset: true }),
});
export type Condition = z.output<typeof conditionSchema>;

/** `DATABASE_LOGIN_FAILED` as the CamelCase that Kubernetes wants of reasons. */
export const reasonOf = (code: string): string =>
  code
    .toLowerCase()
    .split('_')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('');

/** The list with one condition set, sorted by type; unchanged status keeps its transition time. */
export const setCondition = (list: readonly Condition[], condition: Condition): Condition[] => {
  const before = list.find((each) => each.type === condition.type);
  const kept =
    before?.status === condition.status ? { ...condition, lastTransitionTime: before.lastTransitionTime } : condition;
  return [...list.filter((each) => each.type !== condition.type), kept].sort((a, b) => (a.type < b.type ? -1 : 1));
};
