import { describe, expect, it } from "vitest";

import { splitFusedWeights } from "../../src/network/split-fused-weights.ts";
import type { StoredWeight } from "../../src/weights/stored-weight.ts";
import { createWeightIndex } from "../../src/weights/weight-index.ts";
import type { WeightIndex } from "../../src/weights/weight-index.ts";
import { createMemoryFiles } from "../support/memory-files.ts";
import { expectModelError } from "../support/model-error.ts";

const path = "/m.safetensors";
const bytes = Uint8Array.from({ length: 64 }, (_, at) => at);
/** 4 rows of 2 numbers, from byte 8 on. */
const data = {
  name: "stored",
  dtype: "F32",
  shape: [4, 2],
  filePath: path,
  startByte: 8,
  endByte: 40,
} as const;
const fused = [
  {
    name: "qk",
    parts: [
      { name: "q", rowCount: 3 },
      { name: "k", rowCount: 1 },
    ],
  },
];

async function open(weight: StoredWeight): Promise<WeightIndex> {
  const file = await createMemoryFiles({ [path]: bytes }).open(path);
  const other = { ...data, name: "other", startByte: 40, endByte: 48, shape: [1, 2] };
  return createWeightIndex(
    new Map<string, StoredWeight>([
      ["qk", weight],
      ["other", { encoding: "dense", shape: [1, 2], data: other }],
    ]),
    new Map([[path, { path, file }]]),
  );
}

describe("splitFusedWeights", () => {
  const dense = { encoding: "dense", shape: [4, 2], data } as const;

  it("makes a matrix of each range of rows, and reads its bytes only", async () => {
    const weights = await open(dense);
    const split = splitFusedWeights(weights, fused);
    expect([...split.tensors.keys()].toSorted()).toEqual(["k", "other", "q"]);
    expect(split.weight("qk")).toBeUndefined();
    expect(split.weight("q")).toMatchObject({
      shape: [3, 2],
      data: { startByte: 8, endByte: 32, shape: [3, 2] },
    });
    expect(split.weight("k")).toMatchObject({ shape: [1, 2], data: { startByte: 32, endByte: 40 } });
    expect(split.weight("other")).toBe(weights.weight("other"));
    expect(await split.read("k")).toEqual(bytes.subarray(32, 40));
    expect(await split.read("k", new Uint8Array(9))).toEqual(bytes.subarray(32, 40));
    expect(await split.readRange("q", { startByte: 4, endByte: 6 })).toEqual(bytes.subarray(12, 14));
    expect(await split.read("other")).toEqual(bytes.subarray(40, 48));
  });

  it("splits blocks of GGUF, whose rows are whole", async () => {
    const packed = { ...dense, encoding: "packed", packing: "Q8_0", shape: [4, 32] } as const;
    const split = splitFusedWeights(await open(packed), fused);
    expect(split.weight("k")).toMatchObject({ packing: "Q8_0", shape: [1, 32], data: { startByte: 32 } });
  });

  describe("of a stack", () => {
    const stack = {
      name: "qk",
      layout: "stack-of-transposed",
      parts: ["one", "two"].map((name) => ({ name, rowCount: 1 })),
    } as const;

    it("makes a matrix of each, with its columns as rows", async () => {
      const three = { ...dense, shape: [2, 4, 1], data: { ...data, shape: [2, 4, 1] } } as const;
      const split = splitFusedWeights(await open(three), [stack]);
      expect(split.weight("two")).toEqual({
        encoding: "dense",
        shape: [1, 4],
        isTransposed: true,
        data: { ...data, name: "two", shape: [4, 1], startByte: 24 },
      });
      expect(await split.read("two")).toEqual(bytes.subarray(24, 40));
    });

    it("makes a vector of each", async () => {
      const two = { ...dense, shape: [2, 4], data: { ...data, shape: [2, 4] } } as const;
      expect(splitFusedWeights(await open(two), [stack]).weight("one")).toEqual({
        encoding: "dense",
        shape: [4],
        data: { ...data, name: "one", shape: [4], endByte: 24 },
      });
    });

    it("takes the scales of blocks apart as well, whose rows are rows", async () => {
      const numbers = { ...data, dtype: "U8", shape: [2, 1, 1, 16] } as const;
      const scales = {
        ...data,
        name: "s",
        dtype: "U8",
        shape: [2, 1, 1],
        startByte: 48,
        endByte: 50,
      } as const;
      const blocks = {
        encoding: "packed",
        packing: "MXFP4",
        shape: [2, 1, 32],
        data: numbers,
        scales,
      } as const;
      expect(splitFusedWeights(await open(blocks), [stack]).weight("two")).toEqual({
        ...blocks,
        shape: [1, 32],
        data: { ...numbers, name: "two", shape: [1, 1, 16], startByte: 24 },
        scales: { ...scales, name: "two.scales", shape: [1, 1], startByte: 49 },
      });
    });
  });

  it("leaves weights as they are where the checkpoint has no such matrix", async () => {
    const weights = await open(dense);
    expect(splitFusedWeights(weights, [{ name: "absent", parts: [] }])).toBe(weights);
  });

  it("refuses another number of rows, and matrices that are not stored row by row", async () => {
    const five = { ...dense, shape: [5, 2] } as const;
    const rows = await expectModelError("TENSOR_SHAPE_MISMATCH", async () =>
      splitFusedWeights(await open(five), fused),
    );
    expect(rows.message).toContain("stored");
    const blocks = { ...dense, encoding: "block-quantized", bits: 8, blockSize: 2, scales: data } as const;
    await expectModelError("UNSUPPORTED_QUANTIZATION", async () =>
      splitFusedWeights(await open(blocks), fused),
    );
  });
});
