/**
 * Classes whose objects can be read at once: a copy is given the one of its source. The usual one is what a copy gets
 * anyway; an archived object is not copied at all, and a copy that nobody can read at once would be no backup.
 */
const kept = ['STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR', 'REDUCED_REDUNDANCY'] as const;

export const classOf = (name: string | undefined): (typeof kept)[number] | undefined =>
  kept.find((one) => one === name);
