import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { openAdapter, openCheckpoint } from "../../src/index.ts";
import type { LoraAdapter, ModelErrorCode } from "../../src/index.ts";
import { checkpointDirectory, fixturesDirectory, readJson } from "../support/fixtures.ts";
import { createMemoryFiles } from "../support/memory-files.ts";
import { expectModelError } from "../support/model-error.ts";
import { writeSafetensors, zeros, type TestTensor } from "../support/safetensors.ts";

const directory = join(fixturesDirectory, "adapters", "llama2-all");
const stored = readJson(join(directory, "adapter_config.json"));
const { config, weights } = await openCheckpoint(checkpointDirectory("llama2"));
await weights.close();

const queries = "base_model.model.model.layers.0.self_attn.q_proj";
const pair = (rank: number, module = queries, size = 64): Record<string, TestTensor> => ({
  [`${module}.lora_A.weight`]: zeros("F32", [rank, size]),
  [`${module}.lora_B.weight`]: zeros("F32", [size, rank]),
});

async function open(
  fields: Readonly<Record<string, unknown>> = {},
  tensors: Readonly<Record<string, TestTensor>> | Uint8Array = pair(4),
  maxRank?: number,
): Promise<LoraAdapter> {
  const files = createMemoryFiles({
    "/adapter/adapter_config.json": JSON.stringify({ ...stored, ...fields }),
    "/adapter/adapter_model.safetensors": tensors instanceof Uint8Array ? tensors : writeSafetensors(tensors),
  });
  try {
    return await openAdapter("/adapter", { config, files, ...(maxRank !== undefined && { maxRank }) });
  } catch (error) {
    expect(files.openCount()).toBe(0);
    throw error;
  }
}

describe("openAdapter", () => {
  it("finds every projection of an adapter of all of them", async () => {
    const adapter = await openAdapter(directory, { config });
    expect(adapter.rank).toBe(4);
    expect(adapter.targets).toHaveLength(7 * config.layerCount);
    expect(adapter.targets.map(({ weightName }) => weightName)).toContain(
      "model.layers.1.mlp.down_proj.weight",
    );
    await adapter.close();
  });

  it("transposes and scales what is added, by the patterns of modules", async () => {
    const name = join(fixturesDirectory, "adapters", "llama2-patterns");
    const adapter = await openAdapter(name, { config });
    const rankOf = (module: string): number | undefined =>
      adapter.targets.find(({ weightName }) => weightName === `model.layers.${module}.weight`)?.rank;
    expect([rankOf("0.self_attn.q_proj"), rankOf("1.self_attn.v_proj"), rankOf("1.mlp.down_proj")]).toEqual([
      3, 6, 1,
    ]);
    await adapter.close();
    const one = new Uint8Array(Float32Array.of(...Array.from({ length: 128 }, (_, at) => at)).buffer);
    const up = { dtype: "F32", shape: [64, 2], data: one };
    const scaled = await open(
      { r: 2, lora_alpha: 3, use_rslora: true },
      { ...pair(2), [`${queries}.lora_B.weight`]: up },
    );
    const [target = { weightName: "", rank: 0 }] = scaled.targets;
    const change = await scaled.read(target);
    expect(change.up[0]).toBe(0);
    expect(change.up[1]).toBeCloseTo((2 * 3) / Math.sqrt(2), 5);
    expect(change.up[64]).toBeCloseTo(3 / Math.sqrt(2), 5);
    await scaled.close();
  });

  const variants: readonly (readonly [string, Readonly<Record<string, unknown>>, string])[] = [
    ["another method", { peft_type: "LOHA" }, "peft_type"],
    ["DoRA", { use_dora: true }, "use_dora"],
    ["whole modules", { modules_to_save: ["lm_head"] }, "modules_to_save"],
    ["biases", { bias: "lora_only" }, "bias"],
    ["a bias of its own", { lora_bias: true }, "lora_bias"],
    ["trained embeddings", { trainable_token_indices: [1, 2] }, "trainable_token_indices"],
    ["repeated layers", { layer_replication: [[0, 2]] }, "layer_replication"],
    ["parameters", { target_parameters: ["mlp.experts.down_proj"] }, "target_parameters"],
    ["activated LoRA", { alora_invocation_tokens: [1] }, "alora_invocation_tokens"],
    ["a changed base", { init_lora_weights: "pissa_niter_4" }, "init_lora_weights"],
    ["an expression", { alpha_pattern: { "(a+)+$": 2 } }, "alpha_pattern"],
  ];
  it.each(variants)("refuses %s by name", async (_title, fields, field) => {
    const error = await expectModelError("UNSUPPORTED_ADAPTER", () => open(fields));
    expect(error.field).toBe(field);
    expect(error.message).toContain(`"${field}"`);
  });

  const invalid: readonly (readonly [ModelErrorCode, string, Readonly<Record<string, unknown>>])[] = [
    ["INVALID_CONFIG", "no rank", { r: undefined }],
    ["INVALID_CONFIG", "a rank of 0", { r: 0 }],
    ["INVALID_CONFIG", "a text for a number", { lora_alpha: "8" }],
    ["INVALID_CONFIG", "a rank in a pattern that is none", { rank_pattern: { q_proj: -1 } }],
    ["TENSOR_SHAPE_MISMATCH", "another rank than the tensors'", { r: 5 }],
    ["TENSOR_SHAPE_MISMATCH", "another rank by a pattern", { rank_pattern: { q_proj: 2 } }],
  ];
  it.each(invalid)("%s for %s", async (code, _title, fields) => {
    await expectModelError(code, () => open(fields));
  });

  const prefix = "base_model.model.";
  const tensors: readonly (readonly [ModelErrorCode, string, Readonly<Record<string, TestTensor>>])[] = [
    ["UNSUPPORTED_ADAPTER", "a head", pair(4, `${prefix}lm_head`)],
    ["UNSUPPORTED_ADAPTER", "a layer that there is not", pair(4, `${prefix}model.layers.9.self_attn.q_proj`)],
    ["UNSUPPORTED_ADAPTER", "another module", pair(4, `${prefix}model.layers.0.self_attn.qkv_proj`)],
    [
      "UNSUPPORTED_ADAPTER",
      "an embedding",
      { [`${prefix}model.embed_tokens.lora_embedding_A`]: zeros("F32", [4, 8]) },
    ],
    [
      "UNSUPPORTED_ADAPTER",
      "a vector of DoRA",
      { ...pair(4), [`${queries}.lora_magnitude_vector`]: zeros("F32", [64]) },
    ],
    ["TENSOR_MISSING", "one half", { [`${queries}.lora_A.weight`]: zeros("F32", [4, 64]) }],
    [
      "TENSOR_DUPLICATED",
      "two of one",
      { ...pair(4), [`${queries}.lora_A.default.weight`]: zeros("F32", [4, 64]) },
    ],
    ["TENSOR_SHAPE_MISMATCH", "another base", pair(4, queries, 32)],
    [
      "UNSUPPORTED_DTYPE",
      "whole numbers",
      { ...pair(4), [`${queries}.lora_A.weight`]: zeros("I64", [4, 64]) },
    ],
  ];
  it.each(tensors)("%s for %s", async (code, _title, changed) => {
    await expectModelError(code, () => open({}, changed));
  });

  it("refuses a larger rank than there is memory for", async () => {
    const error = await expectModelError("UNSUPPORTED_ADAPTER", () => open({ r: 9 }, pair(9), 8));
    expect(error.message).toContain("a rank of at most 8, got 9");
  });

  it("reads no more than the header of a file that is cut off", async () => {
    const file = writeSafetensors(pair(4));
    await expectModelError("SAFETENSORS_TRUNCATED", () => open({}, file.subarray(0, file.length - 4)));
  });

  it.each([
    ["FILE_MISSING", "nothing", {}],
    ["FILE_MISSING", "a base model", { "/adapter/config.json": "{}" }],
    [
      "UNSUPPORTED_FORMAT",
      "pickles",
      { "/adapter/adapter_config.json": JSON.stringify(stored), "/adapter/adapter_model.bin": "" },
    ],
    ["UNSUPPORTED_FORMAT", "GGUF", { "/adapter/adapter.gguf": "" }],
    ["INVALID_JSON", "no JSON", { "/adapter/adapter_config.json": "{" }],
  ] as const)("%s for a directory with %s", async (code, _title, contents) => {
    const files = createMemoryFiles(contents);
    await expectModelError(code, () => openAdapter("/adapter", { config, files }));
  });
});
