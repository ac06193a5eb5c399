/** RoPE scaling, resolved. Factors multiply the context, as in `rope_scaling`. */
export type RopeScaling =
  | { readonly type: "none" }
  | { readonly type: "linear"; readonly factor: number }
  /** By the length of a sequence that is longer than the original context: its base grows. */
  | { readonly type: "dynamic"; readonly factor: number; readonly originalContextTokens: number }
  /** Each of the `dim / 2` frequencies is divided by a number of its own. */
  | { readonly type: "by-frequency"; readonly divisors: readonly number[] }
  | {
      readonly type: "llama3";
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalContextTokens: number;
    }
  | {
      readonly type: "yarn";
      readonly factor: number;
      /** Turns within the original context from which on a frequency is kept, and up to which it is divided. */
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Whether the pairs between are counted from and to whole numbers. */
      readonly isTruncated: boolean;
      readonly originalContextTokens: number;
      /** Multiplied with cosines and sines. */
      readonly attentionFactor: number;
    }
  /** By the length of the whole sequence: all of its positions are scaled in one way or the other. */
  | {
      readonly type: "longrope";
      /** One for each of the `dim / 2` frequencies, which are divided by it: up to the original context. */
      readonly shortFactors: readonly number[];
      /** The same for a sequence that is longer. */
      readonly longFactors: readonly number[];
      readonly originalContextTokens: number;
      /** Multiplied with cosines and sines. */
      readonly attentionFactor: number;
    };

/** How queries and keys rotate by position; layers share it. */
export interface Rotary {
  /** How many features of a head rotate, the first ones; even. */
  readonly dim: number;
  readonly theta: number;
  readonly scaling: RopeScaling;
}

/** Queries of later positions are larger: by `1 + beta · ln(1 + ⌊position / originalContextTokens⌋)`. */
export interface QueryScaling {
  readonly beta: number;
  readonly originalContextTokens: number;
}

/** How a network normalizes. */
export interface NormStyle {
  /** `rms` divides by the root mean square; `layer` subtracts the mean before. */
  readonly kind: "rms" | "layer";
  readonly epsilon: number;
  /** Added to the stored weight: 1 where it says how far it is from 1. */
  readonly weightOffset: 0 | 1;
  /** Whether each norm has a bias, beside its weight. Not those of queries and keys. */
  readonly hasBias: boolean;
}

/**
 * The function in an MLP; `gelu_tanh` is the approximation of `gelu` by the hyperbolic tangent, `quick_gelu` that by the
 * logistic function: `x · sigmoid(1.702 x)`.
 */
export type Activation = "silu" | "gelu" | "gelu_tanh" | "quick_gelu";

/** Layers whose MLP is several, of which each token takes a few. */
export interface MixtureOfExperts {
  readonly expertCount: number;
  readonly expertsPerToken: number;
  /** Width of each of them; other layers' MLPs have `ModelConfig.intermediateSize`. */
  readonly intermediateSize: number;
  /** Whether the weights of a token's experts add up to 1, or are probabilities among all experts. */
  readonly areWeightsNormalized: boolean;
  /** Width of an MLP that every token takes beside them, through a gate; `undefined` where there is none. */
  readonly sharedIntermediateSize: number | undefined;
  /** Whether each layer has experts. */
  readonly layers: readonly boolean[];
  /** Rows of gate and up take turns in one matrix, as gpt-oss stores them; else they are two matrices. */
  readonly hasInterleavedGateUp: boolean;
  /** Limits the gate from above and up on both sides, before they are multiplied; `undefined` where nothing does. */
  readonly swigluLimit: number | undefined;
}

/**
 * The norms of queries and keys. `projection`: of all heads of a token at once. The others are of each head: `head` with
 * weights that heads share, `stacked` and `listed` with weights of its own, in one tensor or in one tensor each.
 */
export type QkNorm = "none" | "projection" | "head" | "stacked" | "listed";

/** The config of a decoder, resolved once: nothing is optional or ambiguous. */
export interface ModelConfig {
  /** A name of `families/registry.ts`. */
  readonly family: string;
  /** The class of the whole model, such as `LlamaForCausalLM`: `architectures[0]` of the file. */
  readonly architecture: string;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layerCount: number;
  readonly headCount: number;
  readonly kvHeadCount: number;
  readonly headDim: number;
  readonly norm: NormStyle;
  readonly activation: Activation;
  /** Those that layers use. */
  readonly rotaries: readonly Rotary[];
  /** Per layer, an index in `rotaries`; `undefined` where positions are not used. */
  readonly layerRotary: readonly (number | undefined)[];
  /** Whether the embedding of a token's position, of a table with a row for each, is added to that of the token. */
  readonly hasPositionTable: boolean;
  /** Neighbours rotate together, `2i` with `2i + 1`, as GGUF stores Llama; else `i` with `i + dim / 2`. */
  readonly hasInterleavedRope: boolean;
  /** The longest sequence that the model was trained for (`max_position_embeddings`). */
  readonly contextTokens: number;
  /**
   * Per layer, how many tokens a query attends to, itself included: key `k` for query `q` where `q − k` is
   * below it. `undefined` for full attention.
   */
  readonly slidingWindowTokens: readonly (number | undefined)[];
  /** Multiplied with the products of queries and keys; usually `headDim ** -0.5`. */
  readonly attentionScale: number;
  /** What queries are multiplied with by their position; `undefined` where they are not. */
  readonly queryScaling: QueryScaling | undefined;
  /** Limits those products: `cap · tanh(x / cap)`. */
  readonly attentionSoftCap: number | undefined;
  /** Limits logits in the same way. */
  readonly logitSoftCap: number | undefined;
  /** Multiplied with embeddings, with what a layer adds to its input, and with logits; usually 1. */
  readonly scales: { readonly embedding: number; readonly residual: number; readonly logits: number };
  readonly hasTiedEmbeddings: boolean;
  /** Whether the output head has a bias. */
  readonly hasHeadBias: boolean;
  readonly hasAttentionBias: { readonly qkv: boolean; readonly output: boolean };
  /**
   * Where one product makes queries, keys and values: in how many groups they are, each with its queries, then its keys,
   * then its values. `undefined` where they are three products.
   */
  readonly fusedQkvGroupCount: number | undefined;
  /** Whether each head attends to nothing as well, with a learned score. */
  readonly hasAttentionSinks: boolean;
  readonly hasMlpBias: boolean;
  /** Whether a layer's MLP takes the layer's input, as its attention does, or what attention made of it. */
  readonly hasParallelBlocks: boolean;
  /** Whether such an attention has a norm of its own, and does not take the MLP's. */
  readonly hasAttentionNorm: boolean;
  readonly qkNorm: QkNorm;
  /** `undefined` where every layer has one MLP. */
  readonly experts: MixtureOfExperts | undefined;
  /**
   * End-of-sequence tokens: of `generation_config.json`, else of `config.json`; often several. Those of a loaded
   * model include the tokenizer's.
   */
  readonly eosTokenIds: readonly number[];
  readonly bosTokenId: number | undefined;
  /** The file's `dtype` or `torch_dtype`, such as `bfloat16`; `unspecified` where it names none. */
  readonly storedDtype: string;
}
