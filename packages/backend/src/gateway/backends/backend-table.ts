import type { PrefixDigest } from "../../text/prefix-digest.ts";
import type { Backend } from "../router.ts";

/** What a backend says of the load of a model. */
export interface ReportedLoad {
  /** Requests that run or wait. */
  readonly requests: number;
  /** The share of the KV cache that is free, from 0 to 1. */
  readonly freeKvShare: number | undefined;
}

/** A model of one backend. */
export interface BackendModel {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly isReady: boolean;
  readonly contextTokens: number | undefined;
  /** `undefined` where the backend does not say. */
  readonly load?: ReportedLoad | undefined;
  /** Beginnings of prompts that it has cached; `undefined` where the backend does not say. */
  readonly prefixes?: PrefixDigest | undefined;
}

/** A backend and what is known of it. */
export interface KnownBackend {
  readonly backend: Backend;
  readonly isHealthy: boolean;
  readonly models: readonly BackendModel[];
  /** Its share of the requests beside others. [1] */
  readonly weight?: number | undefined;
}

/** The backends that are known at present. */
export interface BackendTable {
  list(): readonly KnownBackend[];
  /** Calls back after each change of the list; returns a function that ends that. */
  subscribe?(listener: () => void): () => void;
}

/** A table that keeps itself up to date until it is disposed. */
export interface LiveBackendTable extends BackendTable {
  subscribe(listener: () => void): () => void;
  dispose(): void;
}
