import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type MixtureOfExperts,
  type ModelConfig,
  openCheckpoint,
  openWeightIndex,
  type Rotary,
  type TensorDtype,
  type WeightIndex,
} from "../../src/index.ts";
import { familyOf } from "../../src/families/find-family.ts";
import { arrangeWeights } from "../../src/formats/hf-directory/arrange-weights.ts";
import { decodeElements } from "../../src/weights/decode-elements.ts";
import { convertExperts, gptOssMetadata } from "./convert-gpt-oss.ts";
import { f32, f32s, flag, flags, i32s, text, texts, u32 } from "./gguf-file.ts";
import type { GgufContent, GgufTensorData, MetadataValue } from "./gguf-file.ts";

/** Numbers of types in a GGUF file. */
const typeIds: Readonly<Record<string, number>> = { F32: 0, F16: 1, BF16: 30 };

const layerNames: Readonly<Record<string, string>> = {
  input_layernorm: "attn_norm",
  post_attention_layernorm: "ffn_norm",
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  "self_attn.q_norm": "attn_q_norm",
  "self_attn.k_norm": "attn_k_norm",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
  attention_layernorm: "attn_norm_2",
  "self_attn.qkv_proj": "attn_qkv",
  "mlp.gate_up_proj": "ffn_up",
  "mlp.c_fc": "ffn_up",
  "mlp.c_proj": "ffn_down",
  "mlp.gate": "ffn_gate_inp",
  "mlp.router": "ffn_gate_inp",
  "self_attn.sinks": "attn_sinks",
  "block_sparse_moe.gate": "ffn_gate_inp",
  "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
  "mlp.shared_expert.up_proj": "ffn_up_shexp",
  "mlp.shared_expert.down_proj": "ffn_down_shexp",
  "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
};
/** Of an expert's matrices. */
const expertNames: Readonly<Record<string, string>> = {
  gate_proj: "ffn_gate_exps",
  up_proj: "ffn_up_exps",
  down_proj: "ffn_down_exps",
  w1: "ffn_gate_exps",
  w3: "ffn_up_exps",
  w2: "ffn_down_exps",
};
const postNormNames: Readonly<Record<string, string>> = {
  ...layerNames,
  post_attention_layernorm: "post_attention_norm",
  pre_feedforward_layernorm: "ffn_norm",
  post_feedforward_layernorm: "post_ffw_norm",
};
/** `general.architecture` where it is not the family's name. */
const architectures: Readonly<Record<string, string>> = {
  cohere: "command-r",
  gemma3_text: "gemma3",
  gpt_neox: "gptneox",
  gpt_oss: "gpt-oss",
  ministral3: "mistral3",
  olmo3: "olmo2",
  phi: "phi2",
  qwen2_moe: "qwen2moe",
  qwen3_moe: "qwen3moe",
};
const globalNames: Readonly<Record<string, string>> = {
  "model.embed_tokens": "token_embd",
  "model.embed_positions": "position_embd",
  "model.norm": "output_norm",
  lm_head: "output",
};

/**
 * Converts a checkpoint of the fixtures as llama.cpp's convert_hf_to_gguf.py does: names, metadata, the order of
 * Llama's queries and keys, and Llama 3's rope scaling as a tensor.
 */
export async function convertToGguf(
  directory: string,
  tokenizerDirectory: string = directory,
): Promise<GgufContent> {
  const { config, weights: checked } = await openCheckpoint(directory);
  await checked.close();
  const weights = arrangeWeights(await openWeightIndex(directory), familyOf(config).tensors);
  try {
    const isLlama = ["internlm3", "llama", "mistral", "mixtral"].includes(config.family);
    const isInterleaved =
      isLlama || ["granite", "internlm2", "ministral3", "minicpm", "smollm3"].includes(config.family);
    const isGemma = config.family.startsWith("gemma");
    const architecture = isLlama ? "llama" : (architectures[config.family] ?? config.family);
    const isGptOss = config.family === "gpt_oss";
    const hasPostNorms = isGptOss || weights.tensors.has("model.layers.0.post_feedforward_layernorm.weight");
    // The one of layers without a window; others are known by llama.cpp, or have keys of their own.
    const full = config.layerRotary[config.slidingWindowTokens.indexOf(undefined)];
    const rotary = config.rotaries[full ?? 0];
    const tensors: Record<string, GgufTensorData> = {};
    const stacks: Record<string, Stack> = {};
    const experts = new Map<string, { dtype: TensorDtype; shape: readonly number[]; bytes: Uint8Array }>();
    for (const [name, { dtype }] of weights.tensors) {
      const { shape } = weights.weight(name) ?? { shape: [] };
      if (isGptOss && name.includes(".experts.")) {
        experts.set(name, { dtype, shape, bytes: await weights.read(name) });
        continue;
      }
      const converted = ggufNameOf(name, hasPostNorms ? postNormNames : layerNames);
      const heads = /attn_q\./.test(converted) ? config.headCount : config.kvHeadCount;
      const bytes = orderRows(name, await readMatrix(weights, name), config);
      if (config.family === "internlm2" && name.includes("qkv_proj")) {
        const type = typeIds[dtype] ?? Number.NaN;
        Object.assign(tensors, splitRows(converted, { type, shape, data: bytes }, config));
        continue;
      }
      const [, expert, part = ""] = /\.experts\.(\d+)\.(\w+)\.weight$/.exec(name) ?? [];
      if (expert !== undefined) {
        const stack = name.replace(/^model\.layers\.(\d+)\..*/, `blk.$1.${expertNames[part]}.weight`);
        stacks[stack] ??= { dtype, shape, parts: [] };
        stacks[stack].parts[Number(expert)] = bytes;
        continue;
      }
      const [, layer, projection, head] =
        /layers\.(\d+)\..*\.([qk])_layernorm\.norms\.(\d+)\./.exec(name) ?? [];
      if (head !== undefined) {
        const stack = `blk.${layer}.attn_${projection}_norm.weight`;
        stacks[stack] ??= { dtype, shape, parts: [] };
        stacks[stack].parts[Number(head)] = bytes;
        continue;
      }
      const isRotated = isInterleaved && /attn_[qk]\./.test(converted);
      const data = isRotated ? interleaveRows(bytes, { rows: shape[0] ?? 0, heads }) : bytes;
      // The converter squeezes tensors.
      const stored = shape.filter((size) => size !== 1);
      tensors[converted] =
        isGemma && name.endsWith("norm.weight")
          ? { shape: stored, type: 0, data: addOne(bytes, dtype) }
          : { shape: stored, type: typeIds[dtype] ?? Number.NaN, data };
    }
    Object.assign(tensors, convertExperts(experts));
    for (const [name, { dtype, shape, parts }] of Object.entries(stacks)) {
      tensors[name] = {
        shape: [parts.length, ...shape],
        type: typeIds[dtype] ?? Number.NaN,
        data: Buffer.concat(parts),
      };
    }
    const metadata: Record<string, MetadataValue> = {
      "general.architecture": text(architecture),
      [`${architecture}.block_count`]: u32(config.layerCount),
      [`${architecture}.context_length`]: u32(config.contextTokens),
      [`${architecture}.embedding_length`]: u32(config.hiddenSize),
      [`${architecture}.feed_forward_length`]: u32(config.intermediateSize),
      [`${architecture}.attention.head_count`]: u32(config.headCount),
      [`${architecture}.attention.head_count_kv`]: u32(config.kvHeadCount),
      [`${architecture}.attention.key_length`]: u32(config.headDim),
      [`${architecture}.attention.layer_norm_${config.norm.kind === "rms" ? "rms_" : ""}epsilon`]: f32(
        config.norm.epsilon,
      ),
      ...(rotary !== undefined && {
        [`${architecture}.rope.freq_base`]: f32(rotary.theta),
        [`${architecture}.rope.dimension_count`]: u32(rotary.dim),
      }),
      ...tokenizerMetadata(tokenizerDirectory, config.eosTokenIds[0]),
    };
    if (isGemma) Object.assign(metadata, gemmaMetadata(architecture, config));
    if (config.family === "phi3") {
      const window = config.slidingWindowTokens[0] ?? 0;
      metadata[`${architecture}.attention.sliding_window`] = u32(window);
      delete metadata[`${architecture}.attention.key_length`];
    }
    if (["falcon", "gpt2", "gpt_neox", "phi"].includes(config.family)) {
      delete metadata[`${architecture}.attention.key_length`];
    }
    if (config.family.startsWith("cohere")) {
      metadata[`${architecture}.logit_scale`] = f32(config.scales.logits);
    }
    if (isGptOss) Object.assign(metadata, gptOssMetadata(config));
    if (config.family === "olmo3") Object.assign(metadata, olmo3Metadata(config));
    if (config.family === "cohere2") {
      const window = config.slidingWindowTokens[0] ?? 0;
      metadata["cohere2.attention.sliding_window"] = u32(window);
    }
    if (config.family === "granite") Object.assign(metadata, graniteMetadata(config));
    if (config.family === "minicpm") Object.assign(metadata, minicpmMetadata(config));
    if (config.family === "gpt_neox") {
      metadata["gptneox.use_parallel_residual"] = flag(config.hasParallelBlocks);
    }
    if (config.experts !== undefined) Object.assign(metadata, expertMetadata(architecture, config.experts));
    if (config.family === "phi" && config.kvHeadCount === config.headCount) fuseQkv(tensors, config);
    if (rotary === undefined) return { metadata, tensors };
    const { scaling } = rotary;
    if (scaling.type === "linear") {
      metadata[`${architecture}.rope.scaling.type`] = text("linear");
      metadata[`${architecture}.rope.scaling.factor`] = f32(scaling.factor);
    }
    if (scaling.type === "yarn") {
      metadata[`${architecture}.rope.scaling.type`] = text("yarn");
      metadata[`${architecture}.rope.scaling.factor`] = f32(scaling.factor);
      metadata[`${architecture}.rope.scaling.original_context_length`] = u32(scaling.originalContextTokens);
      metadata[`${architecture}.rope.scaling.yarn_beta_fast`] = f32(scaling.betaFast);
      if (config.family === "ministral3") Object.assign(metadata, ministral3Metadata(config, scaling));
    }
    const addNumbers = (name: string, numbers: Float32Array): void => {
      tensors[name] = { shape: [numbers.length], type: 0, data: new Uint8Array(numbers.buffer) };
    };
    if (scaling.type === "llama3") addNumbers("rope_freqs.weight", llama3Divisors(rotary, scaling));
    if (scaling.type === "longrope") {
      metadata[`${architecture}.rope.scaling.original_context_length`] = u32(scaling.originalContextTokens);
      metadata[`${architecture}.rope.scaling.attn_factor`] = f32(scaling.attentionFactor);
      addNumbers("rope_factors_short.weight", Float32Array.from(scaling.shortFactors));
      addNumbers("rope_factors_long.weight", Float32Array.from(scaling.longFactors));
    }
    return { metadata, tensors };
  } finally {
    await weights.close();
  }
}

/** The bytes of a weight, row by row. */
async function readMatrix(weights: WeightIndex, name: string): Promise<Uint8Array> {
  const weight = weights.weight(name);
  const bytes = await weights.read(name);
  if (weight?.encoding !== "dense" || weight.isTransposed !== true) return bytes;
  const [rows = 0, columns = 0] = weight.shape;
  const numberBytes = bytes.length / rows / columns;
  const out = new Uint8Array(bytes.length);
  for (let at = 0; at < rows * columns; at += 1) {
    const from = ((at % columns) * rows + Math.floor(at / columns)) * numberBytes;
    out.set(bytes.subarray(from, from + numberBytes), at * numberBytes);
  }
  return out;
}

/** Falcon's queries of all groups, then all keys, then all values. */
function orderRows(
  name: string,
  bytes: Uint8Array,
  { family, headCount, kvHeadCount, headDim }: ModelConfig,
): Uint8Array {
  if (!["falcon", "gpt_neox", "internlm2"].includes(family) || !name.includes("qkv_proj")) return bytes;
  const headBytes = bytes.length / (headCount + 2 * kvHeadCount);
  const ofGroup = headCount / kvHeadCount + 2;
  const heads = Array.from({ length: headCount + 2 * kvHeadCount }, (_, head) => head);
  const placeOf = (head: number): number => Math.max(0, (head % ofGroup) - ofGroup + 3);
  const ordered = heads.toSorted((one, other) => placeOf(one) - placeOf(other) || one - other);
  if (headBytes % headDim !== 0) throw new Error("expected whole heads");
  return Buffer.concat(ordered.map((head) => bytes.subarray(head * headBytes, (head + 1) * headBytes)));
}

/** Phi's queries, keys and values in one matrix, as in files of older converters. */
function fuseQkv(tensors: Record<string, GgufTensorData>, { layerCount }: ModelConfig): void {
  for (let layer = 0; layer < layerCount; layer += 1) {
    for (const kind of ["weight", "bias"]) {
      const names = ["q", "k", "v"].map((part) => `blk.${layer}.attn_${part}.${kind}`);
      const parts = names.flatMap((name) => tensors[name] ?? []);
      const [first] = parts;
      if (first === undefined) throw new Error("expected queries");
      for (const name of names) delete tensors[name];
      const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
      tensors[`blk.${layer}.attn_qkv.${kind}`] = {
        ...first,
        shape: [rows, ...first.shape.slice(1)],
        data: Buffer.concat(parts.map(({ data }) => data)),
      };
    }
  }
}

/** The matrices of all experts, or the norms of all heads. */
interface Stack {
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly parts: Uint8Array[];
}

/** The width of a Mixtral's experts is that of its MLPs. */
function expertMetadata(architecture: string, experts: MixtureOfExperts): Record<string, MetadataValue> {
  const shared = experts.sharedIntermediateSize;
  return {
    [`${architecture}.expert_count`]: u32(experts.expertCount),
    [`${architecture}.expert_used_count`]: u32(experts.expertsPerToken),
    ...(architecture.endsWith("moe") && {
      [`${architecture}.expert_feed_forward_length`]: u32(experts.intermediateSize),
    }),
    ...(shared !== undefined && { [`${architecture}.expert_shared_feed_forward_length`]: u32(shared) }),
  };
}

/** What the metadata of Gemma 2 and 3 has beside that of Llama. */
function gemmaMetadata(architecture: string, config: ModelConfig): Record<string, MetadataValue> {
  const window = config.slidingWindowTokens.find((tokens) => tokens !== undefined);
  const sliding = config.rotaries[config.layerRotary[config.slidingWindowTokens.indexOf(window)] ?? 0];
  return {
    ...(window !== undefined && { [`${architecture}.attention.sliding_window`]: u32(window) }),
    // Every second layer.
    [`${architecture}.attention.sliding_window_pattern`]: u32(2),
    ...(sliding !== undefined && { [`${architecture}.rope.freq_base_swa`]: f32(sliding.theta) }),
    ...(config.attentionSoftCap !== undefined && {
      [`${architecture}.attn_logit_softcapping`]: f32(config.attentionSoftCap),
    }),
    ...(config.logitSoftCap !== undefined && {
      [`${architecture}.final_logit_softcapping`]: f32(config.logitSoftCap),
    }),
  };
}

/** The factors of Granite; that of logits divides. */
function graniteMetadata({ attentionScale, scales }: ModelConfig): Record<string, MetadataValue> {
  return {
    "granite.attention.scale": f32(attentionScale),
    "granite.embedding_scale": f32(scales.embedding),
    "granite.residual_scale": f32(scales.residual),
    "granite.logit_scale": f32(1 / scales.logits),
  };
}

/** The factors of MiniCPM; that of logits divides. */
function minicpmMetadata({ scales }: ModelConfig): Record<string, MetadataValue> {
  return {
    "minicpm.embedding_scale": f32(scales.embedding),
    "minicpm.residual_scale": f32(scales.residual),
    "minicpm.logit_scale": f32(1 / scales.logits),
  };
}

/** The three parts of a tensor of all queries, keys and values, with queries and keys in Llama's order. */
function splitRows(
  name: string,
  { type, shape, data }: GgufTensorData,
  { headCount, kvHeadCount, headDim }: ModelConfig,
): Record<string, GgufTensorData> {
  const rowBytes = data.length / (shape[0] ?? 0);
  let start = 0;
  const parts: Record<string, GgufTensorData> = {};
  for (const [part, heads] of [
    ["q", headCount],
    ["k", kvHeadCount],
    ["v", kvHeadCount],
  ] as const) {
    const rows = heads * headDim;
    const bytes = data.subarray(start * rowBytes, (start + rows) * rowBytes);
    start += rows;
    parts[name.replace("attn_qkv", `attn_${part}`)] = {
      type,
      shape: [rows, ...shape.slice(1)],
      data: part === "v" ? bytes : interleaveRows(bytes, { rows, heads }),
    };
  }
  return parts;
}

/** The factors of Ministral 3: of queries, and of cosines and sines, where the other one is 1. */
function ministral3Metadata(
  { queryScaling }: ModelConfig,
  { factor, attentionFactor }: { readonly factor: number; readonly attentionFactor: number },
): Record<string, MetadataValue> {
  const growth = 0.1 * Math.log(factor);
  return {
    "mistral3.attention.temperature_scale": f32(queryScaling?.beta ?? 0),
    "mistral3.rope.scaling.yarn_log_multiplier": f32(((1 + growth) / attentionFactor - 1) / growth),
  };
}

/** The windows of OLMo 3. */
function olmo3Metadata({ slidingWindowTokens }: ModelConfig): Record<string, MetadataValue> {
  const window = slidingWindowTokens.find((tokens) => tokens !== undefined) ?? 0;
  return {
    "olmo2.attention.sliding_window": u32(window),
    "olmo2.attention.sliding_window_pattern": flags(slidingWindowTokens.map((each) => each !== undefined)),
  };
}

/** Norms of Gemma: 1 is added, in float32. */
function addOne(bytes: Uint8Array, dtype: TensorDtype): Uint8Array {
  const numbers = decodeElements(bytes, dtype).map((each) => each + 1);
  return new Uint8Array(Float32Array.from(numbers).buffer);
}

function ggufNameOf(name: string, layerNamesOf: Readonly<Record<string, string>>): string {
  const kind = /\.(weight|bias)$/.exec(name)?.[0] ?? "";
  const stem = name.slice(0, name.length - kind.length);
  const [, layer, part = ""] = /^model\.layers\.(\d+)\.(.*)$/.exec(stem) ?? [];
  const converted = layer === undefined ? globalNames[stem] : `blk.${layer}.${layerNamesOf[part]}`;
  // The converter gives those without one an ending.
  return `${converted}${kind === "" ? ".weight" : kind}`;
}

/** `weights.reshape(heads, 2, rows / heads / 2, …).swapaxes(1, 2)`. */
function interleaveRows(
  bytes: Uint8Array,
  { rows, heads }: { readonly rows: number; readonly heads: number },
): Uint8Array {
  const rowBytes = bytes.length / rows;
  const headDim = rows / heads;
  const half = headDim / 2;
  const out = new Uint8Array(bytes.length);
  for (let row = 0; row < rows; row += 1) {
    const inHead = row % headDim;
    const from = row - inHead + (inHead % 2) * half + Math.floor(inHead / 2);
    out.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return out;
}

interface Llama3Scaling {
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly originalContextTokens: number;
}

/** `LlamaModel.generate_extra_tensors` of the converter. */
function llama3Divisors({ dim, theta }: Pick<Rotary, "dim" | "theta">, scaling: Llama3Scaling): Float32Array {
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalContextTokens } = scaling;
  return Float32Array.from({ length: dim / 2 }, (_, index) => {
    const frequency = 1 / theta ** ((2 * index) / dim);
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < originalContextTokens / highFrequencyFactor) return 1;
    if (wavelength > originalContextTokens / lowFrequencyFactor) return factor;
    const smooth =
      (originalContextTokens / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

interface TokenizerFile {
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (readonly [string, string])[];
    readonly byte_fallback?: boolean;
  };
  readonly added_tokens: readonly {
    readonly id: number;
    readonly content: string;
    readonly special: boolean;
  }[];
}

/** The metadata of a tokenizer. Splits of a text are told by what a vocabulary looks like in the fixtures. */
export function tokenizerMetadata(
  directory: string,
  eosTokenId: number | undefined,
  pre = /llama3|llama31/.test(directory) ? "llama-bpe" : "qwen2",
): Record<string, MetadataValue> {
  const { model, added_tokens: added } = JSON.parse(
    readFileSync(join(directory, "tokenizer.json"), "utf8"),
  ) as TokenizerFile;
  const tokens: string[] = [];
  const types: number[] = [];
  for (const [token, id] of Object.entries(model.vocab)) {
    tokens[id] = token;
    types[id] = /^<0x[0-9A-F]{2}>$/.test(token) ? 6 : 1;
  }
  for (const { id, content, special } of added) {
    tokens[id] = content;
    types[id] = special ? 3 : 4;
  }
  const named = (key: string, content: string): Record<string, MetadataValue> =>
    tokens.includes(content) ? { [`tokenizer.ggml.${key}`]: u32(tokens.indexOf(content)) } : {};
  const common = {
    "tokenizer.ggml.tokens": texts(tokens),
    "tokenizer.ggml.token_type": i32s(types),
    ...named("bos_token_id", "<s>"),
    ...named("bos_token_id", "<|begin_of_text|>"),
    ...named("bos_token_id", "<bos>"),
    ...named("unknown_token_id", "<unk>"),
    ...(eosTokenId === undefined ? {} : { "tokenizer.ggml.eos_token_id": u32(eosTokenId) }),
  };
  if (model.byte_fallback !== true) {
    return {
      "tokenizer.ggml.model": text("gpt2"),
      "tokenizer.ggml.pre": text(pre),
      "tokenizer.ggml.merges": texts(model.merges.map((pair) => pair.join(" "))),
      ...common,
    };
  }
  const scores = tokens.map(() => -1e6);
  for (const [rank, pair] of model.merges.entries()) {
    const id = model.vocab[pair.join("")] ?? -1;
    scores[id] = Math.max(scores[id] ?? -1e6, -rank);
  }
  return {
    "tokenizer.ggml.model": text("llama"),
    "tokenizer.ggml.scores": f32s(scores),
    "tokenizer.ggml.add_space_prefix": flag(!tokens.includes("<bos>")),
    ...common,
  };
}
