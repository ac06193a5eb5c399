import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { parseModelConfig } from "../../src/index.ts";
import type { ModelErrorCode } from "../../src/index.ts";
import { checkpointNames, checkpointDirectory, readJson } from "../support/fixtures.ts";
import { expectModelError } from "../support/model-error.ts";

const llamaConfig = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 320,
  hidden_size: 64,
  intermediate_size: 80,
  num_hidden_layers: 2,
  num_attention_heads: 4,
};
const mistralConfig = { ...llamaConfig, architectures: ["MistralForCausalLM"], num_attention_heads: 8 };
const qwen2 = {
  ...llamaConfig,
  architectures: ["Qwen2ForCausalLM"],
  num_key_value_heads: 2,
  num_hidden_layers: 4,
};
const qwen3 = { ...qwen2, architectures: ["Qwen3ForCausalLM"] };

describe("parseModelConfig", () => {
  it.each(checkpointNames)("reads the config of the checkpoint %s", (name) => {
    const raw = readJson(join(checkpointDirectory(name), "config.json"));
    const config = parseModelConfig({ config: raw });
    expect(config.architecture).toBe((raw["architectures"] as string[])[0]);
    const text = (raw["text_config"] ?? raw) as Record<string, unknown>;
    expect(config.hiddenSize).toBe(text["hidden_size"] ?? text["n_embd"]);
    expect(config.slidingWindowTokens).toHaveLength(config.layerCount);
    expect(Object.isFrozen(config)).toBe(true);
  });

  it("fills in Llama's defaults", () => {
    expect(parseModelConfig({ config: llamaConfig })).toEqual({
      family: "llama",
      architecture: "LlamaForCausalLM",
      vocabSize: 320,
      hiddenSize: 64,
      intermediateSize: 80,
      layerCount: 2,
      headCount: 4,
      kvHeadCount: 4,
      headDim: 16,
      norm: { kind: "rms", epsilon: 1e-6, weightOffset: 0, hasBias: false },
      activation: "silu",
      rotaries: [{ dim: 16, theta: 10_000, scaling: { type: "none" } }],
      layerRotary: [0, 0],
      hasPositionTable: false,
      hasInterleavedRope: false,
      contextTokens: 2048,
      slidingWindowTokens: [undefined, undefined],
      attentionScale: 0.25,
      attentionSoftCap: undefined,
      queryScaling: undefined,
      logitSoftCap: undefined,
      scales: { embedding: 1, residual: 1, logits: 1 },
      hasTiedEmbeddings: false,
      hasHeadBias: false,
      hasAttentionBias: { qkv: false, output: false },
      fusedQkvGroupCount: undefined,
      hasAttentionSinks: false,
      hasMlpBias: false,
      hasParallelBlocks: false,
      hasAttentionNorm: false,
      qkNorm: "none",
      eosTokenIds: [2],
      bosTokenId: 1,
      storedDtype: "unspecified",
    });
  });

  it("fills in each other family's defaults", () => {
    const mistral = parseModelConfig({ config: mistralConfig });
    expect(mistral).toMatchObject({
      kvHeadCount: 8,
      contextTokens: 131_072,
      slidingWindowTokens: [4096, 4096],
    });
    expect(parseModelConfig({ config: { ...mistralConfig, num_key_value_heads: null } }).kvHeadCount).toBe(8);
    expect(parseModelConfig({ config: qwen2 })).toMatchObject({
      headDim: 16,
      contextTokens: 32_768,
      hasAttentionBias: { qkv: true, output: false },
      eosTokenIds: [],
      bosTokenId: undefined,
    });
    expect(parseModelConfig({ config: qwen3 })).toMatchObject({
      headDim: 128,
      qkNorm: "head",
      hasAttentionBias: { qkv: false, output: false },
    });
  });

  it("finds the family by model_type where architectures is absent", () => {
    const { architectures: _, ...rest } = llamaConfig;
    expect(parseModelConfig({ config: rest }).family).toBe("llama");
  });

  it("reads attention_bias only for families that have it", () => {
    const on = { attention_bias: true, mlp_bias: true };
    expect(parseModelConfig({ config: { ...mistralConfig, ...on } })).toMatchObject({
      hasAttentionBias: { qkv: false, output: false },
      hasMlpBias: false,
    });
    expect(parseModelConfig({ config: { ...llamaConfig, ...on } })).toMatchObject({
      hasAttentionBias: { qkv: true, output: true },
      hasMlpBias: true,
    });
    expect(parseModelConfig({ config: { ...qwen3, ...on } })).toMatchObject({
      hasAttentionBias: { qkv: true, output: true },
      hasMlpBias: false,
    });
  });

  it("reads the sliding windows of each family", () => {
    const windows = (config: object): readonly (number | undefined)[] =>
      parseModelConfig({ config }).slidingWindowTokens;
    expect(windows({ ...mistralConfig, sliding_window: null })).toEqual([undefined, undefined]);
    expect(windows({ ...llamaConfig, sliding_window: 16 })).toEqual([undefined, undefined]);
    expect(windows({ ...qwen2, sliding_window: 16, use_sliding_window: false })).toEqual(
      Array(4).fill(undefined),
    );
    const on = { ...qwen2, sliding_window: 16, use_sliding_window: true };
    expect(windows({ ...on, max_window_layers: 3 })).toEqual([undefined, undefined, undefined, 16]);
    expect(windows(on)).toEqual(Array(4).fill(undefined));
    const layerTypes = ["sliding_attention", "full_attention", "full_attention", "sliding_attention"];
    expect(windows({ ...on, max_window_layers: 0, layer_types: layerTypes })).toEqual([
      16,
      undefined,
      undefined,
      16,
    ]);
    const mistralTypes = { sliding_window: 16, layer_types: ["full_attention", "sliding_attention"] };
    expect(windows({ ...mistralConfig, sliding_window: 16 })).toEqual([16, 16]);
    expect(windows({ ...mistralConfig, ...mistralTypes })).toEqual([undefined, 16]);
  });

  it("reads rope settings in the spellings of transformers 4 and 5", () => {
    const rope = (fields: object): unknown => {
      const { rotaries } = parseModelConfig({ config: { ...llamaConfig, ...fields } });
      return rotaries.flatMap(({ theta, scaling }) => [theta, scaling]);
    };
    const llama3 = {
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    };
    const resolved = {
      type: "llama3",
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalContextTokens: 8192,
    };
    expect(rope({ rope_theta: 5e5, rope_scaling: null })).toEqual([5e5, { type: "none" }]);
    expect(rope({ rope_scaling: { type: "linear", factor: 2 } })).toEqual([
      1e4,
      { type: "linear", factor: 2 },
    ]);
    expect(rope({ rope_theta: 5e5, rope_scaling: { rope_type: "llama3", ...llama3 } })).toEqual([
      5e5,
      resolved,
    ]);
    expect(rope({ rope_parameters: { rope_type: "default", rope_theta: 5e5 } })).toEqual([
      5e5,
      { type: "none" },
    ]);
    expect(rope({ rope_parameters: { rope_type: "llama3", rope_theta: 5e5, ...llama3 } })).toEqual([
      5e5,
      resolved,
    ]);
    const { original_max_position_embeddings: _, ...withoutOriginal } = llama3;
    expect(
      rope({ max_position_embeddings: 512, rope_scaling: { rope_type: "llama3", ...withoutOriginal } }),
    ).toEqual([1e4, { ...resolved, originalContextTokens: 512 }]);
  });

  it("reads end-of-sequence tokens from generation_config.json, else from config.json, else uses the family's", () => {
    const eos = (config: object, generationConfig?: object): readonly number[] =>
      parseModelConfig({ config: { ...llamaConfig, ...config }, generationConfig }).eosTokenIds;
    expect(eos({ eos_token_id: 7 }, { eos_token_id: [5, 6, 5] })).toEqual([5, 6]);
    expect(eos({ eos_token_id: 7 }, {})).toEqual([7]);
    expect(eos({})).toEqual([2]);
    expect(eos({ eos_token_id: null })).toEqual([]);
  });

  it("reads the function of the MLP by each of its names", () => {
    const activation = (hiddenAct: string): string =>
      parseModelConfig({ config: { ...llamaConfig, hidden_act: hiddenAct } }).activation;
    expect(["swish", "gelu", "gelu_new", "gelu_pytorch_tanh"].map(activation)).toEqual([
      "silu",
      "gelu",
      "gelu_tanh",
      "gelu_tanh",
    ]);
  });

  it("extends the context by the factor of a rotation that grows with a sequence", () => {
    const originalContextTokens = 2048;
    const rope_scaling = { rope_type: "dynamic", factor: 2.5 };
    const parsed = parseModelConfig({ config: { ...llamaConfig, rope_scaling } });
    expect(parsed.contextTokens).toBe(2.5 * originalContextTokens);
    const scaling = { type: "dynamic", factor: 2.5, originalContextTokens };
    expect(parsed.rotaries.map((rotary) => rotary.scaling)).toEqual([scaling]);
  });

  it("reads the stored dtype under both names", () => {
    expect(parseModelConfig({ config: { ...llamaConfig, torch_dtype: "float16" } }).storedDtype).toBe(
      "float16",
    );
    expect(parseModelConfig({ config: { ...llamaConfig, dtype: "bfloat16" } }).storedDtype).toBe("bfloat16");
  });

  const refused: readonly (readonly [string, object, ModelErrorCode, string])[] = [
    [
      "a family that does not run",
      { architectures: ["BloomForCausalLM"] },
      "UNSUPPORTED_ARCHITECTURE",
      "Qwen3ForCausalLM",
    ],
    [
      "an embedding model of a family",
      { architectures: ["LlamaModel"] },
      "UNSUPPORTED_ARCHITECTURE",
      "LlamaModel",
    ],
    [
      "another rope scaling",
      { rope_scaling: { type: "proportional", factor: 4 } },
      "UNSUPPORTED_ROPE_SCALING",
      'rope_scaling.type": expected one of default, linear, dynamic, llama3, longrope, yarn, got "proportional"',
    ],
    [
      "dynamic scaling of one pair",
      { head_dim: 2, rope_scaling: { type: "dynamic", factor: 4 } },
      "UNSUPPORTED_ROPE_SCALING",
      'rope_scaling.type": expected more than 2 features that rotate, got 2',
    ],
    [
      "yarn without a factor",
      { rope_scaling: { rope_type: "yarn" } },
      "INVALID_CONFIG",
      "rope_scaling.factor",
    ],
    [
      "longrope without factors",
      { rope_parameters: { rope_type: "longrope" } },
      "INVALID_CONFIG",
      "rope_parameters.short_factor",
    ],
    [
      "rotary settings by layer",
      { rope_parameters: { sliding_attention: { rope_type: "default", rope_theta: 1e4 } } },
      "UNSUPPORTED_ROPE_SCALING",
      "sliding_attention",
    ],
    ["a partial rotation", { partial_rotary_factor: 0.5 }, "UNSUPPORTED_ROPE_SCALING", "0.5"],
    [
      "linear rope without a factor",
      { rope_scaling: { type: "linear" } },
      "INVALID_CONFIG",
      "rope_scaling.factor",
    ],
    ["relu", { hidden_act: "relu" }, "UNSUPPORTED_ACTIVATION", "gelu"],
    ["no layers", { num_hidden_layers: 0 }, "INVALID_CONFIG", "num_hidden_layers"],
    ["a fraction of a layer", { num_hidden_layers: 1.5 }, "INVALID_CONFIG", "1.5"],
    ["layers as text", { num_hidden_layers: "2" }, "INVALID_CONFIG", '"2"'],
    ["a missing width", { hidden_size: undefined }, "INVALID_CONFIG", "got nothing"],
    ["a width of 2^40", { hidden_size: 2 ** 40 }, "INVALID_CONFIG", "1048576"],
    ["a negative vocabulary", { vocab_size: -1 }, "INVALID_CONFIG", "vocab_size"],
    ["heads that keys do not divide", { num_key_value_heads: 3 }, "INVALID_CONFIG", "num_key_value_heads"],
    ["a width that heads do not divide", { hidden_size: 66 }, "INVALID_CONFIG", "hidden_size"],
    ["an odd head_dim", { head_dim: 15 }, "INVALID_CONFIG", "15"],
    ["an epsilon of 0", { rms_norm_eps: 0 }, "INVALID_CONFIG", "rms_norm_eps"],
    ["a theta below 0", { rope_theta: -1 }, "INVALID_CONFIG", "rope_theta"],
    ["an end token outside the vocabulary", { eos_token_id: 320 }, "INVALID_CONFIG", "eos_token_id"],
    ["an end token as text", { eos_token_id: ["</s>"] }, "INVALID_CONFIG", "eos_token_id"],
    ["tied embeddings as text", { tie_word_embeddings: "yes" }, "INVALID_CONFIG", "tie_word_embeddings"],
  ];
  it.each(refused)("refuses %s", async (...[, fields, code, mention]) => {
    const error = await expectModelError(code, () =>
      parseModelConfig({ config: { ...llamaConfig, ...fields } }),
    );
    expect(error.message).toContain(mention);
    expect(error.file).toBe("config.json");
  });

  it("refuses what is not an object", async () => {
    for (const config of [null, [], "config", 1]) {
      const error = await expectModelError("INVALID_CONFIG", () => parseModelConfig({ config }));
      expect(error.message).toContain("expected a JSON object");
    }
  });

  it("does not read fields from a prototype", async () => {
    const config = Object.assign(Object.create({ vocab_size: 320 }) as object, {
      ...llamaConfig,
      vocab_size: undefined,
    });
    delete (config as { vocab_size?: unknown }).vocab_size;
    const error = await expectModelError("INVALID_CONFIG", () => parseModelConfig({ config }));
    expect(error.field).toBe("vocab_size");
  });
});
