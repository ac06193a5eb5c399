/** An adapter and where it is: plain data that is sent with each call, so that a restarted engine finds it again. */
export interface AdapterRef {
  readonly name: string;
  /** Absolute. */
  readonly directory: string;
  /** Counts what was loaded under the name: another version is another adapter. */
  readonly version: number;
}

/** An adapter that stays loaded until it is released. */
export interface AdapterLease {
  /** In the executor's storage. */
  readonly place: number;
  release(): void;
}

/** The adapters of an engine. */
export interface AdapterService {
  /**
   * Holds an adapter for a request, and loads it if it is not.
   * @throws EngineRequestError `ENGINE_UNAVAILABLE` while all memory for adapters is held by requests, `INVALID_REQUEST`
   * for an engine without room for any; ModelError, InferenceError for one that cannot be loaded
   */
  acquire(adapter: AdapterRef): Promise<AdapterLease>;
  /** Frees its memory once no request holds it. */
  retire(adapter: AdapterRef): void;
}
