import type { Backend } from "../router.ts";

/** A model of one backend. */
export interface BackendModel {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly isReady: boolean;
  readonly contextTokens: number | undefined;
}

/** A backend and what is known of it. */
export interface KnownBackend {
  readonly backend: Backend;
  readonly isHealthy: boolean;
  readonly models: readonly BackendModel[];
}

/** The backends that are known at present. */
export interface BackendTable {
  list(): readonly KnownBackend[];
}
