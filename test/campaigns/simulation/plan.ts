/** What is simulated: a life, and what goes wrong in it. Pure data, so that it can be printed, repeated and made smaller. */

export const lifeKinds = ['backup', 'restore', 'preview'] as const;
export type LifeKind = (typeof lifeKinds)[number];

/** What the run itself makes of it. `mute`: killed while it sealed, so that it cannot say whether it had. */
export const outcomes = [
  'good',
  'fails',
  'out of memory',
  'mute, sealed',
  'mute, unsealed',
  'hidden nodes',
  'no result',
  'flood',
] as const;
export type RunOutcome = (typeof outcomes)[number];

export const callFaults = [
  'crash before',
  'crash after',
  'answer lost',
  'never arrives',
  'hangs',
  'slow',
  'error 429',
  'error 500',
  'error 504',
] as const;
export type CallFault = (typeof callFaults)[number];

export const eventFaults = ['freeze', 'drop', 'merge', 'double', 'late'] as const;
export type EventFault = (typeof eventFaults)[number];

/** Of the machinery: whatever happens of these, the end is that of an undisturbed life. */
export const hiddenFaults = [
  'crash',
  'server down',
  'server overloaded',
  'server slow',
  'server stale',
  'cut watches',
  'silence watches',
  'forget history',
  'clock step',
  'second controller',
  'pause',
  'argo down',
  'no CRD',
  'late environment',
] as const;
export type HiddenFault = (typeof hiddenFaults)[number];

/** Deeds of people and of Argo's own housekeeping, which mean something. */
export const deeds = [
  'delete workflow',
  'expire workflow',
  'recreate workflow',
  'cancel',
  'delete request',
  'recreate request',
  'force request away',
  'edit environment',
  'break environment',
  'delete environment',
  'refuse workflows',
] as const;
export type Deed = (typeof deeds)[number];

export type Fault =
  | { readonly on: 'call'; readonly index: number; readonly what: CallFault; readonly ms: number }
  | { readonly on: 'event'; readonly index: number; readonly what: EventFault }
  | { readonly on: 'time'; readonly at: number; readonly what: HiddenFault | Deed; readonly ms: number };

export interface Plan {
  readonly life: LifeKind;
  readonly outcome: RunOutcome;
  /** Requests made at once. */
  readonly requests: number;
  readonly seed: number;
  readonly faults: readonly Fault[];
}

export const isDeed = (what: string): what is Deed => (deeds as readonly string[]).includes(what);
export const hasDeeds = ({ faults }: Plan): boolean => faults.some(({ what }) => isDeed(what));

const faultText = (fault: Fault): string => {
  if (fault.on === 'event') return `${fault.what} event ${fault.index}`;
  if (fault.on === 'call') return `${fault.what} at call ${fault.index} (${fault.ms} ms)`;
  return `${fault.what} at ${fault.at} ms for ${fault.ms} ms`;
};

export const planText = ({ life, outcome, requests, seed, faults }: Plan): string =>
  `${requests} x ${life}, ${outcome}, seed ${seed}: ${faults.map(faultText).join('; ') || 'nothing happens'}`;
