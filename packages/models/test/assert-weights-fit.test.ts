import { describe, expect, it } from "vitest";

import {
  architectureFor,
  assertWeightsFit,
  collectWeightRefs,
  openWeightIndex,
  parseModelConfig,
} from "../src/index.ts";
import type { DecoderBuilder, ModelConfig, WeightIndex } from "../src/index.ts";
import { createMemoryFiles } from "./support/memory-files.ts";
import { expectModelError } from "./support/model-error.ts";
import { writeSafetensors, zeros } from "./support/safetensors.ts";
import type { TestTensor } from "./support/safetensors.ts";

const raw = {
  architectures: ["LlamaForCausalLM"],
  vocab_size: 12,
  hidden_size: 8,
  intermediate_size: 6,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
};
const tinyConfig = parseModelConfig({ config: raw });

async function indexFor(
  config: ModelConfig,
  changes: Readonly<Record<string, TestTensor | undefined>>,
): Promise<WeightIndex> {
  const tensors: Record<string, TestTensor> = {};
  for (const { name, shape } of collectWeightRefs(architectureFor(config), config).values()) {
    tensors[name] = zeros("F32", shape);
  }
  for (const [name, tensor] of Object.entries(changes)) {
    if (tensor === undefined) {
      delete tensors[name];
    } else {
      tensors[name] = tensor;
    }
  }
  return openWeightIndex("/m", {
    files: createMemoryFiles({ "/m/model.safetensors": writeSafetensors(tensors) }),
  });
}

describe("assertWeightsFit", () => {
  it("accepts matching weights of every supported dtype, and lists unused tensors", async () => {
    const index = await indexFor(tinyConfig, {
      "model.norm.weight": zeros("BF16", [8]),
      "lm_head.weight": zeros("F16", [12, 8]),
      "model.layers.0.self_attn.rotary_emb.inv_freq": zeros("F32", [2]),
    });
    expect(assertWeightsFit(tinyConfig, index)).toEqual({
      unusedTensors: ["model.layers.0.self_attn.rotary_emb.inv_freq"],
    });
  });

  it("does not use a stored output head that is tied", async () => {
    const tied = parseModelConfig({ config: { ...raw, tie_word_embeddings: true } });
    const index = await indexFor(tied, { "lm_head.weight": zeros("F32", [12, 8]) });
    expect(assertWeightsFit(tied, index).unusedTensors).toEqual(["lm_head.weight"]);
  });

  it("names a tensor that is missing", async () => {
    const index = await indexFor(tinyConfig, { "model.layers.1.mlp.up_proj.weight": undefined });
    const error = await expectModelError("TENSOR_MISSING", () => assertWeightsFit(tinyConfig, index));
    expect(error.tensor).toBe("model.layers.1.mlp.up_proj.weight");
  });

  it("counts missing tensors beyond the first three", async () => {
    const deeper = parseModelConfig({ config: { ...raw, num_hidden_layers: 3 } });
    const error = await expectModelError("TENSOR_MISSING", async () =>
      assertWeightsFit(deeper, await indexFor(tinyConfig, {})),
    );
    expect(error.message).toContain("and 6 more");
  });

  it("names a shape that the config contradicts, and both shapes", async () => {
    const index = await indexFor(tinyConfig, {
      "model.layers.0.self_attn.k_proj.weight": zeros("F32", [8, 8]),
    });
    const error = await expectModelError("TENSOR_SHAPE_MISMATCH", () => assertWeightsFit(tinyConfig, index));
    expect(error.message).toContain("expected (4, 8), by the config, got (8, 8)");
    expect(error.tensor).toBe("model.layers.0.self_attn.k_proj.weight");
  });

  it("does not take a transposed or reshaped tensor", async () => {
    for (const shape of [[8, 6], [48], [6, 8, 1]]) {
      const index = await indexFor(tinyConfig, {
        "model.layers.0.mlp.gate_proj.weight": zeros("F32", shape),
      });
      const error = await expectModelError("TENSOR_SHAPE_MISMATCH", () =>
        assertWeightsFit(tinyConfig, index),
      );
      expect(error.message).toContain(`got (${shape.join(", ")})`);
    }
  });

  it("refuses block-quantized weights, and checks their shape first", async () => {
    const dense = await indexFor(tinyConfig, {});
    const name = "model.layers.0.self_attn.q_proj.weight";
    const data = dense.tensors.get(name)!;
    const scales = dense.tensors.get("model.norm.weight")!;
    const inBlocks = (shape: readonly number[]): WeightIndex => ({
      ...dense,
      weight: (ref) =>
        ref === name
          ? { encoding: "block-quantized", shape, bits: 4, blockSize: 4, data, scales }
          : dense.weight(ref),
    });
    const error = await expectModelError("UNSUPPORTED_QUANTIZATION", () =>
      assertWeightsFit(tinyConfig, inBlocks([8, 8])),
    );
    expect(error.message).toContain("4-bit blocks of 4");
    expect(error.tensor).toBe(name);
    await expectModelError("TENSOR_SHAPE_MISMATCH", () => assertWeightsFit(tinyConfig, inBlocks([8, 4])));
  });

  it("refuses integers as weights", async () => {
    const index = await indexFor(tinyConfig, { "model.norm.weight": zeros("I64", [8]) });
    const error = await expectModelError("UNSUPPORTED_DTYPE", () => assertWeightsFit(tinyConfig, index));
    expect(error.message).toContain("I64");
  });
});

describe("collectWeightRefs", () => {
  it("lists each tensor once, the embedding first", () => {
    const tied = parseModelConfig({ config: { ...raw, tie_word_embeddings: true } });
    const names = [...collectWeightRefs(architectureFor(tied), tied).keys()];
    expect(names[0]).toBe("model.embed_tokens.weight");
    expect(names).toHaveLength(1 + 2 * 9 + 1);
  });

  it("refuses a network that contradicts itself", async () => {
    const wrong = {
      name: "wrong",
      build: <T>(config: ModelConfig, builder: DecoderBuilder<T>): void => {
        const x = builder.embed({ name: "e", shape: [config.vocabSize, 8] });
        builder.logits(
          builder.linear(x, { name: "w", shape: [4, 9] }),
          { name: "o", shape: [12, 4] },
          { softCap: undefined },
        );
      },
    };
    const error = await expectModelError("TENSOR_SHAPE_MISMATCH", () => collectWeightRefs(wrong, tinyConfig));
    expect(error.message).toBe('tensor "w": expected 9 features, got 8');
  });
});
