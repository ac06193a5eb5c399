/** The families whose checkpoints run. */
export type ModelFamily = "llama" | "mistral" | "qwen2" | "qwen3";

/** Rotary scaling, resolved. Factors multiply the context, as in the checkpoint's `rope_scaling`. */
export type RopeScaling =
  | { readonly type: "none" }
  | { readonly type: "linear"; readonly factor: number }
  | {
      readonly type: "llama3";
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalContextTokens: number;
    };

/** A decoder's shape, resolved once from `config.json`: nothing is optional and nothing is ambiguous. */
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
  /** The longest sequence the checkpoint was made for (`max_position_embeddings`). */
  readonly contextTokens: number;
  /**
   * Per layer, how many tokens back a query sees, itself included: key `k` for query `q` where `q − k` is
   * below it. `undefined` where the layer sees all.
   */
  readonly slidingWindowTokens: readonly (number | undefined)[];
  readonly hasTiedEmbeddings: boolean;
  readonly hasAttentionBias: { readonly qkv: boolean; readonly output: boolean };
  readonly hasMlpBias: boolean;
  readonly hasQkNorm: boolean;
  /**
   * Tokens that end an answer: of `generation_config.json`, else `config.json`; several are usual. A loaded
   * model has the tokenizer's end token among them.
   */
  readonly eosTokenIds: readonly number[];
  readonly bosTokenId: number | undefined;
  /** The file's `dtype` or `torch_dtype`, such as `bfloat16`; `unspecified` where it names none. */
  readonly storedDtype: string;
}
