/** What the controller asks of an API server. Objects come as they are; whoever reads them parses them. */

export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
}

export interface Collection {
  readonly resource: Resource;
  /** Without one: all namespaces. */
  readonly namespace?: string;
}

export interface Target {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
}

export interface ListOptions {
  readonly limit: number;
  readonly selector?: string;
  readonly continue?: string;
  readonly signal: AbortSignal;
}

export interface Page {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  readonly continue?: string;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

export interface WatchOptions {
  readonly resourceVersion: string;
  readonly selector?: string;
  readonly timeoutSeconds: number;
  readonly onEvent: (event: WatchEvent) => void;
  /** The server has accepted the watch. */
  readonly onOpen: () => void;
  readonly signal: AbortSignal;
}

export interface Patch {
  /**
   * `apply` is server-side apply, forced, in our name: fields we no longer name are given up. `json` is a list of
   * operations, and one that cannot be done refuses the whole as invalid.
   */
  readonly type: 'merge' | 'apply' | 'json';
  readonly body: unknown;
  readonly subresource?: 'status';
}

/** Every call rejects with a KubeError. A call whose answer was lost may have happened. */
export interface KubeApi {
  /** Consistent: never older than what was acknowledged before the call. */
  list(collection: Collection, options: ListOptions): Promise<Page>;
  /** Resolves when the server ends the watch in the ordinary way. */
  watch(collection: Collection, options: WatchOptions): Promise<void>;
  get(target: Target, signal: AbortSignal): Promise<unknown>;
  create(collection: Collection, body: unknown, signal: AbortSignal): Promise<unknown>;
  patch(target: Target, patch: Patch, signal: AbortSignal): Promise<unknown>;
}
