import type { WeightIndex } from "@infernode/models";
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
  isEdited: false,
  isRanked: false,
};

/** Kernels of the layers of a model, and of what is around them, for a single token. */
async function kernelsOf(
  name: string,
  fused: readonly Fusion[],
  usesTensorCores: boolean = false,
): Promise<readonly string[]> {
  const { architecture, config, weights: stored } = await openGolden(name);
  const weights = usesTensorCores ? inBfloat16(stored) : stored;
  const pages = { dtype: "f32", pageTokens: 16, tableStride: 4 } as const;
  const builder = new CudaDecoderBuilder({
    weights,
    pages,
    adapterRank: 0,
    fusions: fused,
    usesTensorCores,
    usesProductLibrary: false,
  });
  architecture.build(config, builder);
  const { steps } = builder.program();
  return steps.flatMap(({ variants }) =>
    (variants.find(({ fits }) => fits(shape))?.launches ?? []).flatMap((launch) =>
      launch.kind === "kernel" ? [launch.entry] : [],
    ),
  );
}

/** Matrices as if they were stored in bfloat16; nothing is read. */
const inBfloat16 = ({ weight }: Pick<WeightIndex, "weight">): Pick<WeightIndex, "weight"> => ({
  weight: (name) => {
    const found = weight(name);
    if (found?.encoding !== "dense" || found.shape.length !== 2) return found;
    return { ...found, data: { ...found.data, dtype: "BF16" } };
  },
});

const layer = [
  "product_f32",
  "product_f32",
  "product_f32",
  "rotate_append_f32",
  "attention_decode_f32",
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

test("norms, attention and gates write 16 bits where only products of 16 bits read them", async () => {
  const { config } = await openGolden("llama2");
  const found = await kernelsOf("llama2", fusions, true);
  const product = "gemv_mma_bf16_8";
  // Queries, keys and values are one launch, and so are the gate and what it gates.
  const narrowLayer = [
    product,
    "rotate_append_f32",
    "attention_decode_f32",
    product,
    "add_rms_norm_bf16",
    product,
    "gated_bf16",
    product,
  ];
  const layers = Array.from({ length: config.layerCount }, (_, at) => [
    ...narrowLayer,
    // Rows of the last one are gathered first.
    at === config.layerCount - 1 ? "add_rms_norm_f32" : "add_rms_norm_bf16",
  ]).flat();
  const first = ["feed_tokens", "embed_bf16", "rms_norm", "narrow_bf16"];
  expect(found).toEqual([...first, ...layers, "gather_rows", "narrow_bf16", product]);
});
