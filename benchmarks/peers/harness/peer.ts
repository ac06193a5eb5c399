import type { ModelFiles } from "../models/prepare-model.ts";

/** What a peer is opened with: data that is sent to its process. */
export interface PeerSetup extends Omit<ModelFiles, "shape"> {
  /** Of the weights, where the peer has several. */
  readonly mode: string;
  /** For weights that a peer prepares. */
  readonly cacheDirectory: string;
  readonly threads: number;
  readonly sequenceCount: number;
  readonly contextTokens: number;
}

/** A token and the logarithm of its probability. */
export interface RankedToken {
  readonly tokenId: number;
  readonly logprob: number;
}

/** An engine with a loaded model. One call at a time. */
export interface Peer {
  /** Name, version and settings. */
  readonly description: string;
  /** Bytes of all weights in memory, where the peer knows. */
  readonly weightsBytes?: number;
  /**
   * Generates `tokenCount` greedy tokens after each prompt, all prompts at once, ignoring tokens that end a text.
   * Computes every prompt from its beginning.
   */
  generate(
    promptsTokenIds: readonly (readonly number[])[],
    tokenCount: number,
    onToken: (stream: number, tokenId: number) => void,
  ): Promise<void>;
  /** The most likely tokens after a prompt, most likely first. */
  rank(promptTokenIds: readonly number[], count: number): Promise<readonly RankedToken[]>;
  dispose(): Promise<void>;
}

/** What a module of `peers/` exports. */
export interface PeerModule {
  openPeer(setup: PeerSetup): Promise<Peer>;
}

/** Times of one call of `generate`. */
export interface GenerationTimes {
  /** Until every stream has its first token. */
  readonly firstTokensMs: number;
  /** Of all streams together while all of them decode; absent for one token each. */
  readonly decodeTokensPerSecond?: number;
  readonly tokenIds: readonly (readonly number[])[];
}

/** What the harness asks a peer's process for: one line of JSON each, one answer each. */
export type PeerRequest =
  | { readonly op: "open"; readonly setup: PeerSetup }
  | { readonly op: "generate"; readonly prompts: readonly (readonly number[])[]; readonly tokenCount: number }
  | { readonly op: "rank"; readonly prompt: readonly number[]; readonly count: number }
  | { readonly op: "memory" };

export interface PeerAnswers {
  readonly open: { readonly description: string; readonly weightsBytes?: number };
  readonly generate: GenerationTimes;
  readonly rank: { readonly ranked: readonly RankedToken[] };
  readonly memory: { readonly peakBytes: number };
}
