import type { Activation, ModelConfig, NormStyle, QueryScaling } from "../config/model-config.ts";

/** The name of a weight in the checkpoint and the shape that the network expects. */
export interface WeightRef {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The weights of a norm of a token's features, or of each group of `n` of them. */
export interface NormWeights {
  /** `(n)`, shared by groups; `(groups, n)`, or one `(n)` for each group, where each has its own. */
  readonly weight: WeightRef | readonly WeightRef[];
  /** `(n)`; none where each group has its own weights. */
  readonly bias?: WeightRef | undefined;
}

/** The attention of one layer. */
export interface AttentionOptions {
  readonly layerIndex: number;
  readonly headCount: number;
  readonly kvHeadCount: number;
  readonly headDim: number;
  /** Usually `headDim ** -0.5`. */
  readonly scale: number;
  /** Multiplies queries by their position. [as they are] */
  readonly queryScaling?: QueryScaling | undefined;
  /** Limits scaled products of queries and keys: `softCap · tanh(x / softCap)`. */
  readonly softCap: number | undefined;
  readonly slidingWindowTokens: number | undefined;
  /** `(headCount)`: a score of each head that takes its share of the softmax and adds nothing. [none] */
  readonly sinks?: WeightRef | undefined;
  /** How queries and keys rotate before they are used; `undefined` where they do not. */
  readonly rotary: AttentionRotary | undefined;
}

/** Some features of each token: of `groupCount` equal groups, `size` of each from `start` on. */
export interface FeatureSlice {
  readonly groupCount: number;
  readonly start: number;
  readonly size: number;
}

/** The least and the largest number that stay as they are; `undefined` where there is none. */
export interface Limits {
  readonly min: number | undefined;
  readonly max: number | undefined;
}

/** The rotation of one layer's queries and keys. */
export interface AttentionRotary {
  /** Index in `ModelConfig.rotaries`. */
  readonly index: number;
  /** How many features of each head rotate, the first ones. */
  readonly dim: number;
  /** Which features rotate together: neighbours, or the two halves of those that rotate. */
  readonly isInterleaved: boolean;
  /** Whether positions rotate in another way once a sequence is longer than the original context. */
  readonly isByLength: boolean;
}

/** How tokens are sent to experts. */
export interface ExpertRouting<T> {
  /** `(tokens, expertCount)` */
  readonly logits: T;
  readonly expertCount: number;
  /** Each token is sent to so many, those with its largest logits. */
  readonly expertsPerToken: number;
  /** Weights are the softmax of the logits: of those of the token's experts, which adds up to 1, or of all. */
  readonly areWeightsNormalized: boolean;
}

/** What follows the product that makes logits. */
export interface LogitOptions {
  /** Added to logits: `(vocabSize)`. */
  readonly bias?: WeightRef | undefined;
  /** Limits logits after that: `softCap · tanh(x / softCap)`. */
  readonly softCap: number | undefined;
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
  /** Looks up rows by the tokens' positions: → `(tokens, hiddenSize)`. Weight `(positions, hiddenSize)`. */
  embedPositions(weight: WeightRef): T;
  /** Norm over the last axis, or over each group of features: `(tokens, groups · n)` → `(tokens, groups · n)`. */
  norm(x: T, weights: NormWeights, style: NormStyle): T;
  /** `x · weightᵀ + bias`: `(tokens, in)` → `(tokens, out)`. Weight `(out, in)`, bias `(out)`. */
  linear(x: T, weight: WeightRef, bias?: WeightRef): T;
  /** Some features of each token: `(tokens, n)` → `(tokens, groupCount · size)`. */
  slice(x: T, part: FeatureSlice): T;
  /** Rotates q and k by position, appends k and v to the cache, attends causally. → `(tokens, heads · headDim)`. */
  attention(qkv: { readonly q: T; readonly k: T; readonly v: T }, options: AttentionOptions): T;
  /**
   * Sends each token to a few experts and adds what they return, weighted: `(tokens, n)` → `(tokens, m)`. `expert`
   * states the network of the expert of an index, once for each, on the tokens that are sent to it; it uses neither
   * attention nor other values than its own.
   */
  experts(x: T, routing: ExpertRouting<T>, expert: (x: T, index: number) => T): T;
  /** Applies a function to each number. */
  activate(x: T, activation: Activation | "sigmoid"): T;
  /** Replaces each number beyond a limit with the limit. */
  clip(x: T, limits: Limits): T;
  /** `a ⊙ b`; a `b` of one feature multiplies all features of its token. */
  multiply(a: T, b: T): T;
  /** `factor · x` */
  scale(x: T, factor: number): T;
  add(a: T, b: T): T;
  /** Ends the network: logits of the requested rows, `(rows, vocabSize)`. Weight `(vocabSize, hiddenSize)`. */
  logits(x: T, weight: WeightRef, options: LogitOptions): void;
}

/** A network stated once, for every executor. */
export interface Architecture {
  readonly name: string;
  build<T>(config: ModelConfig, builder: DecoderBuilder<T>): void;
}
