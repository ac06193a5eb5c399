import type { TensorInfo } from "@infernode/models";
import { describe, expect, it } from "vitest";
import { chooseAttention } from "../../../../src/executors/cuda/network/attention/choose-attention.ts";
import { chooseProduct } from "../../../../src/executors/cuda/network/products/choose-product.ts";
import {
  type ExpertTiles,
  placesOfRow,
  tileCount,
  tileSize,
} from "../../../../src/executors/cuda/network/products/expert-tiles.ts";
import type { DeviceValue, PassShape, Variant } from "../../../../src/executors/cuda/network/program.ts";
import type { MatrixEncoding, MatrixWeight } from "../../../../src/executors/cuda/network/weight-uses.ts";

const tensor: TensorInfo = { name: "w", dtype: "U8", shape: [1], filePath: "w", startByte: 0, endByte: 1 };
const use = { tensor, as: "stored" } as const;
const valueOf = (width: number, factor = 1): DeviceValue => ({
  id: 0,
  width,
  rows: { of: "tokens", factor },
});

const workspace = { scratch: (width: number) => valueOf(width), narrow: (x: DeviceValue) => x };

/** A pass of one piece. */
const pieceOf = (tokenCount: number): PassShape => ({
  tokenCount,
  logitCount: 1,
  pieceCount: 1,
  longestPieceTokens: tokenCount,
  isAdapted: false,
  longestContextTokens: 100,
  sampledTokenCount: 0,
  isDrawn: false,
  isEdited: false,
  isRanked: false,
});

/** The first kernel, or the kind of another launch. */
const chosen = (variants: readonly Variant[], shape: PassShape): string | undefined => {
  const launch = variants.find(({ fits }) => fits(shape))?.launches[0];
  return launch?.kind === "kernel" ? launch.entry : launch?.kind;
};

interface KernelOptions {
  readonly tiles?: ExpertTiles;
  readonly tokenCounts?: readonly number[];
  readonly usesTensorCores?: boolean;
  readonly columns?: number;
  readonly usesLibrary?: boolean;
  /** [of one piece] */
  readonly longestPieceTokens?: number;
}

describe("chooseProduct", () => {
  const matrixOf = (encoding: MatrixEncoding, hasColumnOrder = false): MatrixWeight => ({
    encoding,
    parts: [use, undefined, undefined, undefined, hasColumnOrder ? use : undefined],
    bias: undefined,
  });
  const kernelsOf = (matrix: MatrixWeight, options: KernelOptions = {}): readonly (string | undefined)[] => {
    const { tiles, tokenCounts = [1, 3, 16, 17], usesTensorCores = true, columns = 64 } = options;
    const { usesLibrary = false, longestPieceTokens } = options;
    const request = {
      outs: [valueOf(96)],
      x: valueOf(columns),
      matrices: [matrix],
      tiles,
      workspace,
      usesTensorCores,
      usesLibrary,
    } as const;
    return tokenCounts.map((count) =>
      chosen(chooseProduct(request), {
        ...pieceOf(count),
        longestPieceTokens: longestPieceTokens ?? count,
      }),
    );
  };
  const dense = { kind: "dense", dtype: "bf16", isTransposed: false } as const;

  const blocks = { kind: "blocks", bits: 4, blockSize: 32 } as const;

  it("multiplies inputs of 16 bits by tensor cores, with weights of 16 bits and in blocks", () => {
    const ofDense = ["gemv_mma_bf16_8", "gemv_mma_bf16_8", "gemv_mma_bf16_16", "gemm_bf16_32"];
    expect(kernelsOf(matrixOf(dense))).toEqual(ofDense);
    const ofBlocks = ["gemv_mma_q4_8", "gemv_mma_q4_8", "gemv_mma_q4_16", "gemm_q4_bf16_32"];
    expect(kernelsOf(matrixOf(blocks))).toEqual(ofBlocks);
  });

  it("multiplies inputs of float32 where they are to stay that, or are not read 16 bytes at once", () => {
    const ofDense = ["gemv_bf16_r1", "gemv_bf16_r4", "gemv_bf16_r8", "product_bf16"];
    expect(kernelsOf(matrixOf(dense), { usesTensorCores: false })).toEqual(ofDense);
    expect(kernelsOf(matrixOf(dense), { columns: 60 })).toEqual(ofDense);
    const ofBlocks = ["gemv_q4_r1", "gemv_q4_r4", "gemv_q4_r8", "product_q4"];
    expect(kernelsOf(matrixOf(blocks), { usesTensorCores: false })).toEqual(ofBlocks);
    expect(kernelsOf(matrixOf({ ...blocks, blockSize: 16 }), { columns: 48 })).toEqual(ofBlocks);
  });

  it("has more than 64 rows of prompts multiplied by a library, with weights of 16 bits", () => {
    const tokenCounts = [16, 64, 65, 500];
    const ofLibrary = ["gemv_mma_bf16_16", "gemm_bf16_64", "product", "product"];
    expect(kernelsOf(matrixOf(dense), { tokenCounts, usesLibrary: true })).toEqual(ofLibrary);
    const half = kernelsOf(matrixOf({ ...dense, dtype: "f16" }), { tokenCounts, usesLibrary: true });
    expect(half).toEqual(["gemv_mma_f16_16", "gemm_f16_64", "product", "product"]);
  });

  it("uses no library for single tokens, blocks, or inputs of float32", () => {
    const own = (matrix: MatrixWeight, options: KernelOptions): void => {
      const tokenCounts = [65, 500];
      const kernels = kernelsOf(matrix, { ...options, tokenCounts });
      expect(kernelsOf(matrix, { ...options, tokenCounts, usesLibrary: true })).toEqual(kernels);
      expect(kernels).not.toContain("product");
    };
    own(matrixOf(dense), { longestPieceTokens: 1 });
    own(matrixOf(blocks), {});
    own(matrixOf(dense), { usesTensorCores: false });
    own(matrixOf(dense), { columns: 60 });
    own(matrixOf({ ...dense, dtype: "f32" }), {});
    own(matrixOf({ ...dense, isTransposed: true }), {});
    own(matrixOf(dense), { tiles });
  });

  // 2 of 8 experts: a token's expert has a quarter of each other token beside it.
  const tiles: ExpertTiles = {
    expertCount: 8,
    chosen: valueOf(1, 2),
    experts: valueOf(1, 2),
    order: valueOf(5, 2),
  };
  const tokenCounts = [1, 2, 5, 6, 14, 61, 62, 253, 254];

  it.each([
    {
      few: "gemv_bf16",
      narrow: "gemv_mma_bf16_8",
      many: "gemm_bf16",
      simple: "product_bf16",
      encoding: dense,
    },
    { few: "gemv_q4", narrow: "gemv_mma_q4_8", many: "gemm_q4_bf16", simple: "product_q4", encoding: blocks },
  ])(
    "brings more rows of an expert together the more there are, by $few, $narrow and $many",
    ({ few, narrow, many, simple, encoding }) => {
      const matrix = matrixOf(encoding);
      const narrowed = kernelsOf(matrix, { tiles, tokenCounts });
      expect(narrowed).toEqual([
        ...Array.from({ length: 6 }, () => narrow),
        `${many}_32`,
        `${many}_32`,
        `${many}_128`,
      ]);
      expect(kernelsOf(matrix, { tiles, tokenCounts, usesTensorCores: false })).toEqual([
        `${few}_r1`,
        `${few}_r2`,
        `${few}_r2`,
        `${few}_r4`,
        `${few}_r8`,
        `${few}_r8`,
        simple,
        simple,
        simple,
      ]);
    },
  );

  it("has room for all tiles of experts", () => {
    for (const expertCount of [1, 3, 8, 60, 128, 257]) {
      for (const perToken of [1, 2, 8]) {
        if (perToken > expertCount) continue;
        const some = { ...tiles, expertCount, chosen: valueOf(1, perToken) };
        for (let tokens = 1; tokens < 20_000; tokens = Math.ceil(tokens * 1.3)) {
          const count = tileCount(some, pieceOf(tokens));
          expect(count).toBeLessThanOrEqual(tokens * perToken);
          expect(count * tileSize(some, pieceOf(tokens))).toBeLessThan(placesOfRow * tokens * perToken);
        }
      }
    }
  });

  it.each([
    ["float32", matrixOf({ ...dense, dtype: "f32" }), "product_f32"],
    ["columns", matrixOf({ ...dense, isTransposed: true }), "product_bf16"],
    ["columns in another order", matrixOf({ kind: "blocks", bits: 8, blockSize: 64 }, true), "product_q8"],
    ["blocks of 24", matrixOf({ kind: "blocks", bits: 4, blockSize: 24 }), "product_q4"],
    ["blocks of 8", matrixOf({ kind: "blocks", bits: 4, blockSize: 8 }), "product_q4"],
  ])("takes the way that always works for %s", (_, matrix, kernel) => {
    expect(new Set(kernelsOf(matrix))).toEqual(new Set([kernel]));
  });
});

describe("chooseAttention", () => {
  const kernelsOf = (
    dtype: "f32" | "bf16" | "i8",
    headDim: number,
    pageTokens = 16,
  ): readonly (string | undefined)[] => {
    const value = valueOf(4 * headDim);
    const variants = chooseAttention({
      outType: "f32",
      out: value,
      q: value,
      options: {
        layerIndex: 0,
        headCount: 4,
        kvHeadCount: 2,
        headDim,
        scale: 1,
        softCap: undefined,
        slidingWindowTokens: undefined,
        rotary: undefined,
      },
      sinks: undefined,
      pages: { dtype, pageTokens, tableStride: 8 },
      workspace,
    });
    return [1, 8, 9].map((count) => chosen(variants, pieceOf(count)));
  };

  it.each([
    ["bf16", 128, ["attention_decode_128", "attention_decode_128", "attention_prefill_128"]],
    ["bf16", 48, ["attention_decode_bf16", "attention_decode_bf16", "attention_bf16"]],
    ["i8", 64, ["attention_decode_64", "attention_decode_64", "attention_prefill_64"]],
    ["i8", 48, ["attention_decode_i8", "attention_decode_i8", "attention_i8"]],
    ["f32", 64, ["attention_decode_f32", "attention_decode_f32", "attention_f32"]],
    ["i8", 24, ["attention_i8", "attention_i8", "attention_i8"]],
    ["bf16", 512, ["attention_bf16", "attention_bf16", "attention_bf16"]],
  ] as const)("of pages of %s and heads of %i", (dtype, headDim, kernels) => {
    expect(kernelsOf(dtype, headDim)).toEqual(kernels);
  });

  it("of pages of other sizes takes the way that always works", () => {
    expect(kernelsOf("bf16", 128, 8)).toEqual(["attention_bf16", "attention_bf16", "attention_bf16"]);
  });
});
