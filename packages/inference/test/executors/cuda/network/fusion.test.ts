import { expect, test } from "vitest";
import { CudaDecoderBuilder } from "../../../../src/executors/cuda/network/cuda-decoder-builder.ts";
import { fusions } from "../../../../src/executors/cuda/network/fusion/fusions.ts";
import type { Fusion } from "../../../../src/executors/cuda/network/network-operation.ts";
import type { PassShape } from "../../../../src/executors/cuda/network/program.ts";
import { openGolden } from "../../support/golden.ts";

const shape: PassShape = {
  tokenCount: 1,
  logitCount: 1,
  pieceCount: 1,
  longestPieceTokens: 1,
  isAdapted: false,
  longestContextTokens: 32,
  sampledTokenCount: 0,
  isDrawn: false,
};

/** Kernels of the layers of a model, and of what is around them, for a single token. */
async function kernelsOf(name: string, fused: readonly Fusion[]): Promise<readonly string[]> {
  const { architecture, config, weights } = await openGolden(name);
  const pages = { dtype: "f32", pageTokens: 16, tableStride: 4 } as const;
  const builder = new CudaDecoderBuilder({
    weights,
    pages,
    adapterRank: 0,
    fusions: fused,
    usesTensorCores: false,
  });
  architecture.build(config, builder);
  const { steps } = builder.program();
  return steps.flatMap(({ variants }) =>
    (variants.find(({ fits }) => fits(shape))?.launches ?? []).map(({ entry }) => entry),
  );
}

const layer = [
  "product_f32",
  "product_f32",
  "product_f32",
  "rotate_append_f32",
  "attention_decode_any",
  "product_f32",
  "add_rms_norm_f32",
  "product_f32",
  "product_f32",
  "gated_f32",
  "product_f32",
  "add_rms_norm_f32",
];

test("a layer of Llama is 12 launches, of 15 that it was", async () => {
  const { config } = await openGolden("llama2");
  const found = await kernelsOf("llama2", fusions);
  const layers = Array.from({ length: config.layerCount }, () => layer).flat();
  expect(found).toEqual(["feed_tokens", "embed_f32", "rms_norm", ...layers, "gather_rows", "product_f32"]);
  const apart = await kernelsOf("llama2", []);
  expect(apart.length - found.length).toBe(3 * config.layerCount);
});

test("norms of heads are a part of their rotation", async () => {
  const { config } = await openGolden("qwen3");
  const found = await kernelsOf("qwen3", fusions);
  const apart = await kernelsOf("qwen3", []);
  expect(found.filter((entry) => entry === "norm_rotate_append_f32")).toHaveLength(config.layerCount);
  expect(apart.length - found.length).toBe(5 * config.layerCount);
});
