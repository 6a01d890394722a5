import { canonicalLine } from '../core/manifest/canonical.ts';
import { sha256 } from './names.ts';
import { keyOf } from './kube/store.ts';
import type { Time } from './time.ts';
import type { EnvironmentView } from './views/environment-view.ts';

/** What this process remembers of its own writes. Losing it costs a few writes, never a wrong one. */
export interface Memory {
  /** Milliseconds until the environment may have its next Workflow; 0: now. */
  readonly creationWaitMs: (environment: string) => number;
  /** Takes the turn, or says how long to wait. Whoever took it must `created` afterwards, however it went. */
  readonly takeTurn: (environment: string) => number;
  readonly created: (environment: string) => void;
  /** Since the first time that this was asked. */
  readonly sinceSeenMs: (uid: string) => number;
  readonly sinceStatusMs: (uid: string) => number;
  readonly statusWritten: (uid: string) => void;
  readonly refusal: (uid: string) => string | undefined;
  readonly refused: (uid: string, message: string) => void;
  readonly isConfigMapCurrent: (view: EnvironmentView) => boolean;
  readonly configMapApplied: (view: EnvironmentView) => void;
  readonly forget: (uid: string) => void;
}

/** Ids of backups have a resolution of one second, and the API server's clock is not ours. */
export const creationGapMs = 2000;
const configMapTrustMs = 590_000;

const digests = new WeakMap<EnvironmentView, string>();
/** Asked at every look at every request of the environment, so that it is made once. */
const digestOf = (view: EnvironmentView): string => {
  const { uid, verdict } = view;
  if (!verdict.ok) return '';
  const known = digests.get(view) ?? sha256(canonicalLine({ uid, environment: verdict.environment }));
  digests.set(view, known);
  return known;
};

export const createMemory = (time: Time, gapMs: number): Memory => {
  const started = time.monotonic();
  const creations = new Map<string, number>();
  const inFlight = new Set<string>();
  const seen = new Map<string, number>();
  const statuses = new Map<string, number>();
  const refusals = new Map<string, string>();
  const configMaps = new Map<string, { readonly digest: string; readonly at: number }>();

  /** A process before this one may have created something just before it died. */
  const creationWaitMs = (environment: string): number =>
    inFlight.has(environment) ? gapMs : Math.max(0, (creations.get(environment) ?? started) + gapMs - time.monotonic());

  return {
    creationWaitMs,
    takeTurn: (environment) => {
      const wait = creationWaitMs(environment);
      if (wait === 0) inFlight.add(environment);
      return wait;
    },
    created: (environment) => {
      inFlight.delete(environment);
      creations.set(environment, time.monotonic());
    },
    sinceSeenMs: (uid) => {
      const first = seen.get(uid) ?? time.monotonic();
      seen.set(uid, first);
      return time.monotonic() - first;
    },
    sinceStatusMs: (uid) => time.monotonic() - (statuses.get(uid) ?? Number.NEGATIVE_INFINITY),
    statusWritten: (uid) => {
      statuses.set(uid, time.monotonic());
    },
    refusal: (uid) => refusals.get(uid),
    refused: (uid, message) => {
      refusals.set(uid, message);
    },
    isConfigMapCurrent: (view) => {
      const known = configMaps.get(keyOf(view));
      return known !== undefined && known.digest === digestOf(view) && time.monotonic() - known.at < configMapTrustMs;
    },
    configMapApplied: (view) => {
      configMaps.set(keyOf(view), { digest: digestOf(view), at: time.monotonic() });
    },
    forget: (uid) => {
      seen.delete(uid);
      statuses.delete(uid);
      refusals.delete(uid);
    },
  };
};
