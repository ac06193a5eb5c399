import type { ModelConfig } from "../../config/model-config.ts";
import { parseGenerationDefaults, type GenerationDefaults } from "../../config/parse-generation-defaults.ts";
import { ModelError, quoteValue } from "../../errors.ts";
import type { GgufFamily } from "../../families/family.ts";
import { parseModelConfig } from "../../families/parse-model-config.ts";
import { findStoredFamily } from "./find-stored-family.ts";
import type { GgufMetadata, GgufValue } from "./gguf-metadata.ts";

/** What the config says that is no metadata. */
export interface GgufNetwork {
  readonly path: string;
  readonly metadata: GgufMetadata;
  /** `(rows, columns)` of `token_embd.weight`. */
  readonly embeddingShape: readonly number[] | undefined;
  /** Whether the file has a tensor of this name. */
  readonly hasTensor: (name: string) => boolean;
  /** Numbers of `rope_freqs.weight`. */
  readonly ropeDivisors: readonly number[] | undefined;
  /** Numbers of `rope_factors_short.weight` and `rope_factors_long.weight`. */
  readonly shortRopeFactors: readonly number[] | undefined;
  readonly longRopeFactors: readonly number[] | undefined;
}

/** Fields of a config by their keys behind the name of the architecture. */
const fieldKeys = {
  num_hidden_layers: "block_count",
  max_position_embeddings: "context_length",
  hidden_size: "embedding_length",
  intermediate_size: "feed_forward_length",
  num_attention_heads: "attention.head_count",
  num_key_value_heads: "attention.head_count_kv",
  head_dim: "attention.key_length",
  rms_norm_eps: "attention.layer_norm_rms_epsilon",
  rope_theta: "rope.freq_base",
} as const;

/** Fields of `rope_scaling` that are not always there. */
const scalingKeys = {
  original_max_position_embeddings: "rope.scaling.original_context_length",
  beta_fast: "rope.scaling.yarn_beta_fast",
  beta_slow: "rope.scaling.yarn_beta_slow",
} as const;

/** Settings of yarn that transformers has none of, or has for few families. */
const unknownYarnKeys = ["attn_factor", "yarn_ext_factor", "yarn_attn_factor", "yarn_log_multiplier"].map(
  (key) => `rope.scaling.${key}`,
);

const tokenKeys = {
  bos_token_id: "tokenizer.ggml.bos_token_id",
  eos_token_id: "tokenizer.ggml.eos_token_id",
} as const;

/** The ids of SentencePiece's own tokens, where a file does not name others. @see llama.cpp, `llama-vocab.cpp` */
const sentencePieceIds: Readonly<Record<string, number>> = { bos_token_id: 1, eos_token_id: 2 };
const noTokenIds = { bos_token_id: null, eos_token_id: null };

/** Recommended sampling parameters by their keys. */
const samplingKeys = {
  temperature: "general.sampling.temp",
  top_k: "general.sampling.top_k",
  top_p: "general.sampling.top_p",
  min_p: "general.sampling.min_p",
  repetition_penalty: "general.sampling.penalty_repeat",
} as const;

/** The config of a network, and how its family is stored. */
export interface GgufConfig {
  readonly config: ModelConfig;
  readonly family: GgufFamily;
}

/**
 * Makes the config of a network from the metadata of its file, with every check of `parseModelConfig`.
 *
 * @throws ModelError `INVALID_CONFIG`, `UNSUPPORTED_ARCHITECTURE`, `UNSUPPORTED_ROPE_SCALING`
 */
export function parseGgufConfig(network: GgufNetwork): GgufConfig {
  const { path, metadata, embeddingShape, hasTensor, ropeDivisors } = network;
  const family = findStoredFamily(path, metadata);
  const { gguf } = family;
  const prefix = gguf.architecture;
  const get = (key: string): GgufValue | undefined => metadata.get(`${prefix}.${key}`);
  const ropeKeys = { ...scalingKeys, ...gguf.scalingKeys };
  if (get("rope.scaling.type") === "yarn") assertPlainYarn(path, metadata, gguf);
  const keys = { ...fieldKeys, ...gguf.fieldKeys };
  const fieldNames = new Map<string, string>([
    ...Object.entries(keys).map(([field, key]) => [field, `${prefix}.${key}`] as const),
    ...Object.entries(tokenKeys),
    ["vocab_size", "token_embd.weight"],
    ["rope_scaling.factor", `${prefix}.rope.scaling.factor`],
    ["rope_scaling.rope_type", `${prefix}.rope.scaling.type`],
    ...Object.entries(ropeKeys).map(([field, key]) => [`rope_scaling.${field}`, `${prefix}.${key}`] as const),
    ["partial_rotary_factor", `${prefix}.rope.dimension_count`],
  ]);
  const parsed = parseModelConfig({
    configName: path,
    fieldNames,
    config: {
      architectures: [family.architecture],
      ...present(keys, get),
      ...(metadata.get("tokenizer.ggml.model") === "llama" ? sentencePieceIds : noTokenIds),
      ...present(tokenKeys, (key) => metadata.get(key)),
      vocab_size: embeddingShape?.[0],
      partial_rotary_factor: rotaryFactor(get),
      rope_scaling: longrope(get, network) ?? ropeScaling(get, ropeKeys),
      tie_word_embeddings: !hasTensor("output.weight"),
      attention_bias: hasTensor("blk.0.attn_q.bias"),
      use_qkv_bias: hasTensor("blk.0.attn_q.bias"),
      qk_layernorm: hasTensor("blk.0.attn_q_norm.weight"),
      mlp_bias: hasTensor("blk.0.ffn_gate.bias"),
      ...gguf.fields?.(get, hasTensor),
    },
  });
  const scaled = ropeDivisors === undefined ? parsed : scaleRotaries(parsed, ropeDivisors, path);
  return {
    config: Object.freeze({ ...scaled, ...gguf.resolve?.(scaled), storedDtype: "GGUF" }),
    family: gguf,
  };
}

/** Reads the sampling parameters that a file recommends. @throws ModelError `INVALID_CONFIG` */
export function parseGgufDefaults(metadata: GgufMetadata, file: string): GenerationDefaults {
  const fieldNames = new Map(Object.entries(samplingKeys));
  return parseGenerationDefaults(
    present(samplingKeys, (key) => metadata.get(key)),
    { file, fieldNames },
  );
}

type Fields = Readonly<Record<string, GgufValue>>;

/** The fields whose keys have a value. */
function present(
  keys: Readonly<Record<string, string>>,
  get: (key: string) => GgufValue | undefined,
): Fields {
  return Object.fromEntries(
    Object.entries(keys).flatMap(([field, key]) => {
      const value = get(key);
      return value === undefined ? [] : [[field, value] as const];
    }),
  );
}

function rotaryFactor(get: (key: string) => GgufValue | undefined): unknown {
  const rotated = get("rope.dimension_count");
  const headDim =
    get("attention.key_length") ?? Number(get("embedding_length")) / Number(get("attention.head_count"));
  return rotated === undefined || rotated === headDim ? 1 : Number(rotated) / Number(headDim);
}

/** By factors that are tensors; `undefined` where a file has none. */
function longrope(
  get: (key: string) => GgufValue | undefined,
  { shortRopeFactors, longRopeFactors }: GgufNetwork,
): Readonly<Record<string, unknown>> | undefined {
  if (shortRopeFactors === undefined && longRopeFactors === undefined) return undefined;
  return {
    rope_type: "longrope",
    short_factor: shortRopeFactors,
    long_factor: longRopeFactors,
    attention_factor: get("rope.scaling.attn_factor"),
    original_max_position_embeddings: get(scalingKeys.original_max_position_embeddings),
  };
}

/** Older files have `rope.scale_linear` only. */
function ropeScaling(
  get: (key: string) => GgufValue | undefined,
  keys: Readonly<Record<string, string>>,
): Fields | undefined {
  const linear = get("rope.scale_linear");
  const type = get("rope.scaling.type") ?? (linear === undefined ? "none" : "linear");
  if (type === "none") return undefined;
  // llama.cpp's `mscale` is always 1; it counts where there is an `mscale_all_dim`.
  const factors = { factor: get("rope.scaling.factor") ?? linear ?? 1, mscale: 1 };
  return { rope_type: type, ...factors, ...present(keys, get) };
}

function scaleRotaries(config: ModelConfig, divisors: readonly number[], path: string): ModelConfig {
  const arePositive = divisors.every((each) => each > 0 && each < Infinity);
  const rotaries = config.rotaries.map((rotary) => {
    const count = rotary.dim / 2;
    if (arePositive && divisors.length === count) {
      return Object.freeze({ ...rotary, scaling: { type: "by-frequency" as const, divisors } });
    }
    const mismatch = { expected: `${count} positive numbers`, got: `${divisors.length} numbers` };
    throw new ModelError("INVALID_CONFIG", mismatch, { file: path, tensor: "rope_freqs.weight" });
  });
  return { ...config, rotaries };
}

function assertPlainYarn(file: string, metadata: GgufMetadata, gguf: GgufFamily): void {
  const known = Object.values(gguf.scalingKeys ?? {});
  const field = unknownYarnKeys
    .filter((key) => !known.includes(key))
    .map((key) => `${gguf.architecture}.${key}`)
    .find((key) => metadata.has(key));
  if (field === undefined) return;
  const mismatch = { expected: "yarn without it", got: quoteValue(metadata.get(field)) };
  throw new ModelError("UNSUPPORTED_ROPE_SCALING", mismatch, { file, field });
}
