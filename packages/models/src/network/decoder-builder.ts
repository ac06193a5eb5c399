import type { ModelConfig } from "../config/model-config.ts";

/** The name of a weight in the checkpoint and the shape that the network expects. */
export interface WeightRef {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The attention of one layer. */
export interface AttentionOptions {
  readonly layerIndex: number;
  readonly headCount: number;
  readonly kvHeadCount: number;
  readonly headDim: number;
  /** Usually `headDim ** -0.5`. */
  readonly scale: number;
  readonly slidingWindowTokens: number | undefined;
  /** Which features rotate together: neighbours, or the two halves of a head. */
  readonly hasInterleavedRope: boolean;
}

/**
 * The operations that a decoder-only network is made of. An architecture states the network once
 * against it; each executor implements it. `T` is the executor's handle to a value.
 *
 * Shapes: `tokens` is the number of tokens in one forward pass, over all its sequences.
 */
export interface DecoderBuilder<T> {
  /** Looks up rows: → `(tokens, hiddenSize)`. Weight `(vocabSize, hiddenSize)`. */
  embed(weight: WeightRef): T;
  /** Root-mean-square norm over the last axis: `(tokens, n)` → `(tokens, n)`. Weight `(n)`. */
  rmsNorm(x: T, weight: WeightRef, epsilon: number): T;
  /** The same norm over each head: `(tokens, heads · headDim)`. Weight `(headDim)`. */
  headRmsNorm(x: T, weight: WeightRef, epsilon: number): T;
  /** `x · weightᵀ + bias`: `(tokens, in)` → `(tokens, out)`. Weight `(out, in)`, bias `(out)`. */
  linear(x: T, weight: WeightRef, bias?: WeightRef): T;
  /** Rotates q and k by position, appends k and v to the cache, attends causally. → `(tokens, heads · headDim)`. */
  attention(qkv: { readonly q: T; readonly k: T; readonly v: T }, options: AttentionOptions): T;
  /** `silu(gate) ⊙ up`. */
  gatedSilu(gate: T, up: T): T;
  add(a: T, b: T): T;
  /** Ends the network: logits of the requested rows, `(rows, vocabSize)`. Weight `(vocabSize, hiddenSize)`. */
  logits(x: T, weight: WeightRef): void;
}

/** A network stated once, for every executor. */
export interface Architecture {
  readonly name: string;
  build<T>(config: ModelConfig, builder: DecoderBuilder<T>): void;
}
