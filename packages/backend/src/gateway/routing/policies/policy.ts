import type { PrefixDigest } from "../../../text/prefix-digest.ts";

/** A backend that may get a request. */
export interface Candidate {
  readonly id: string;
  /** Its share of the requests beside others; above 0. */
  readonly weight: number;
  /** Requests that it runs or queues, of this gateway and, as far as it says so, of others. */
  readonly load: number;
  /** The share of its KV cache that is free, from 0 to 1; `undefined` where it does not say. */
  readonly freeKvShare: number | undefined;
  /** Beginnings of prompts that it says it has cached; `undefined` where it does not say. */
  readonly cached?: PrefixDigest | undefined;
}

/** What a policy looks at. */
export interface PolicyRequest {
  readonly model: string;
  /** Hashes of the prompt's beginnings, the longest last. */
  readonly prefixes: readonly number[];
  /** What requests of one conversation have in common. */
  readonly conversation: string | undefined;
}

/** Chooses one of the backends that may get a request. */
export interface Policy {
  /** The candidates are in no order, and other ones in each call; `undefined` if there are none. */
  choose<Each extends Candidate>(candidates: readonly Each[], request: PolicyRequest): Each | undefined;
}
