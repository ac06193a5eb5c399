/** The families that are supported. A new one is a name here, its rules in `family-rules.ts`, and its network in `network/decoders`. */
export type ModelFamily = "llama" | "mistral" | "qwen2" | "qwen3";

/** RoPE scaling, resolved. Factors multiply the context, as in `rope_scaling`. */
export type RopeScaling =
  | { readonly type: "none" }
  | { readonly type: "linear"; readonly factor: number }
  /** Each of the `headDim / 2` frequencies is divided by a number of its own. */
  | { readonly type: "by-frequency"; readonly divisors: readonly number[] }
  | {
      readonly type: "llama3";
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalContextTokens: number;
    };

/** The config of a decoder, resolved once: nothing is optional or ambiguous. */
export interface ModelConfig {
  readonly family: ModelFamily;
  /** `architectures[0]` of the file, such as `LlamaForCausalLM`. */
  readonly architecture: string;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layerCount: number;
  readonly headCount: number;
  readonly kvHeadCount: number;
  readonly headDim: number;
  readonly rmsNormEpsilon: number;
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling;
  /** Neighbours rotate together, `2i` with `2i + 1`, as GGUF stores Llama; else `i` with `i + headDim / 2`. */
  readonly hasInterleavedRope: boolean;
  /** The longest sequence that the model was trained for (`max_position_embeddings`). */
  readonly contextTokens: number;
  /**
   * Per layer, how many tokens a query attends to, itself included: key `k` for query `q` where `q − k` is
   * below it. `undefined` for full attention.
   */
  readonly slidingWindowTokens: readonly (number | undefined)[];
  readonly hasTiedEmbeddings: boolean;
  readonly hasAttentionBias: { readonly qkv: boolean; readonly output: boolean };
  readonly hasMlpBias: boolean;
  readonly hasQkNorm: boolean;
  /**
   * End-of-sequence tokens: of `generation_config.json`, else of `config.json`; often several. Those of a loaded
   * model include the tokenizer's.
   */
  readonly eosTokenIds: readonly number[];
  readonly bosTokenId: number | undefined;
  /** The file's `dtype` or `torch_dtype`, such as `bfloat16`; `unspecified` where it names none. */
  readonly storedDtype: string;
}
